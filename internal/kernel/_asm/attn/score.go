package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"weft/internal/kernel/_asm/tile"
)

// block is how many codes share a scale.
const block = 32

// score generates the product of rows of 16-bit integers with a panel of 8-bit
// codes, two of which lie together in each column, for 1 to most rows. Each
// element sums a block of codes exactly, in int32, and goes on in float32:
// c = fma(sum, the block's scale of the column, c), and at last times the row's.
func score(set tile.ISA) {
	if set.Name == avx2.Name {
		set.Most = 2 // the panel's four vectors need registers too
	}
	name := "score" + set.Name + "Q8"
	TEXT(name, NOSPLIT, "func(c *float32, ldc int, a *int16, lda int, scale *float32, b *int8, scales *uint16, rows int, pairs int)")
	Doc(fmt.Sprintf("%s is c = scale·(a·b) for 1 to %d rows and 32 columns. ldc and lda are in numbers; pairs > 0.", name, set.Most))
	Pragma("noescape")
	eachRows(set.Most, func(n int) { (&scorer{tiler: tiler{ISA: set, rows: n, vecs: columns / set.Lanes}}).emit() })
}

// scorer writes the code for one number of rows. The accumulators hold int32.
type scorer struct {
	tiler
	scales reg.Register // of the next block
}

func (s *scorer) emit() {
	s.eachOfC(func(at Mem, acc reg.VecPhysical) {
		s.zero(acc)
		VMOVUPS(acc, at)
	})
	s.a, s.as, s.as3 = s.matrix("a", "lda", 2)
	s.b, s.scales = Load(Param("b"), GP64()), Load(Param("scales"), GP64())
	pairs, n, most := Load(Param("pairs"), GP64()), GP64(), GP64()
	MOVQ(U32(block/2), most)
	Label(s.label("block"))
	MOVQ(pairs, n)
	CMPQ(n, most)
	CMOVQGT(most, n)
	SUBQ(n, pairs)
	Label(s.label("pair"))
	s.step()
	DECQ(n)
	JNZ(LabelRef(s.label("pair")))
	s.endBlock()
	TESTQ(pairs, pairs)
	JNZ(LabelRef(s.label("block")))
	s.end()
	VZEROUPPER()
	RET()
}

// step is two k.
func (s *scorer) step() {
	PREFETCHT1(Mem{Base: s.b, Disp: aheadCodes})
	for v := range s.vecs {
		VPMOVSXBW(Mem{Base: s.b, Disp: v * s.Lanes * 2}, s.free(v))
	}
	for r := range s.rows {
		x, product := s.free(s.vecs), s.free(s.vecs+1)
		VPBROADCASTD(at(s.a, s.as, s.as3, r), x)
		for v := range s.vecs {
			VPMADDWD(s.free(v), x, product)
			VPADDD(product, s.acc(r, v), s.acc(r, v))
		}
	}
	ADDQ(U32(columns*2), s.b)
	for _, p := range s.a {
		ADDQ(U32(4), p)
	}
}

// endBlock adds what a block's codes sum up to, and begins anew.
func (s *scorer) endBlock() {
	for v := range s.vecs {
		VCVTPH2PS(Mem{Base: s.scales, Disp: v * s.Lanes * 2}, s.free(v))
	}
	ADDQ(U32(columns*2), s.scales)
	i := 0
	s.eachOfC(func(at Mem, acc reg.VecPhysical) {
		VCVTDQ2PS(acc, acc)
		VFMADD213PS(at, s.free(i%s.vecs), acc)
		VMOVUPS(acc, at)
		s.zero(acc)
		i++
	})
}

// end multiplies with the rows' scales.
func (s *scorer) end() {
	scale, i := Load(Param("scale"), GP64()), 0
	s.eachOfC(func(at Mem, acc reg.VecPhysical) {
		if i%s.vecs == 0 {
			VBROADCASTSS(Mem{Base: scale, Disp: 4 * (i / s.vecs)}, s.free(0))
		}
		VMULPS(at, s.free(0), acc)
		VMOVUPS(acc, at)
		i++
	})
}
