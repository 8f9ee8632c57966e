package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The registers: an output and a sum of products for each column, and the rest.
func acc(n int) reg.VecPhysical     { return zmm[n] }
func dot(n int) reg.VecPhysical     { return zmm[maxCols+n] }
func weight(g int) reg.VecPhysical  { return zmm[24+g%3] }
func product(n int) reg.VecPhysical { return zmm[27+n%3] }

var scale, minimum = zmm[30], zmm[31]

// tiles512 generates the function of a kind: a piece of code for each number of
// columns, all of whose outputs stay in registers.
func tiles512(k kind) {
	name := "tile512" + k.Name
	TEXT(name, NOSPLIT, "func(c *float32, ldc int, w *byte, size int, at *int32, core *int32, "+k.besideParam()+"blocks int, strips int, rows int, cols int, add bool)")
	Doc(name + " is Kind.Tile of strips (> 0) strips, size bytes each, of 1 to 16 rows each, and 1 to 12 columns over blocks (> 0) blocks, those of the strip whose numbers are at `at`. It needs AVX512_VNNI.")
	Pragma("noescape")
	ones, mask := GP64(), K()
	MOVQ(I64(-1), ones)
	BZHIQ(Load(Param("rows"), GP64()), ones, ones)
	KMOVW(ones.As32(), mask)
	choose(maxCols, func(cols int) { tile512(k, cols, mask) })
}

func tile512(k kind, cols int, mask reg.Register) {
	p := load(cols, k)
	strips, strip, block := Load(Param("strips"), GP64()), fmt.Sprint("strip", cols), fmt.Sprint("block", cols)
	at, first := GP64(), GP64()
	MOVQ(p.w, first)
	Label(strip)
	Load(Param("at"), at)
	for n := range cols {
		VPXORD(acc(n), acc(n), acc(n))
	}
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JZ(LabelRef(block))
	for n := range cols {
		VMOVUPS_Z(p.column(n), mask, acc(n))
	}
	Label(block)
	MOVLQZX(Mem{Base: at}, p.w)
	ADDQ(U8(4), at)
	IMUL3Q(U32(k.BlockBytes()), p.w, p.w)
	ADDQ(first, p.w)
	for h := range k.Subs {
		k.products(p, cols, h)
		k.scale(p, cols, h)
	}
	ADDQ(U32((groups+2)*4*cols), p.core)
	if k.extra() > 0 {
		ADDQ(U32(k.extra()*4*cols), p.beside)
	}
	DECQ(p.blocks)
	JNZ(LabelRef(block))
	for n := range cols {
		VMOVUPS(acc(n), mask, p.column(n))
	}
	p.nextStrip(k)
	ADDQ(Load(Param("size"), GP64()), first)
	DECQ(strips)
	JNZ(LabelRef(strip))
	VZEROUPPER()
	RET()
}

// products makes the integer sums of part h of a block. Bytes that are 128 too
// large start from -128·Σ codes.
func (k kind) products(p pointers, cols, h int) {
	dwords := func(base reg.Register, i, n int) Mem { return Mem{Base: base, Disp: (i*cols + n) * 4} }
	for n := range cols {
		switch {
		case k.Mins:
			VPXORD(dot(n), dot(n), dot(n))
		case k.Subs == 1:
			VPBROADCASTD(dwords(p.core, groups+1, n), dot(n))
		default:
			VPBROADCASTD(dwords(p.beside, h, n), dot(n))
		}
	}
	for g := h * groups / k.Subs; g < (h+1)*groups/k.Subs; g++ {
		VMOVDQU32(Mem{Base: p.w, Disp: g * plane}, weight(g))
		for n := range cols {
			VPDPBUSD_BCST(dwords(p.core, g, n), weight(g), dot(n))
		}
	}
}

// scale adds the sums of part h to the outputs.
func (k kind) scale(p pointers, cols, h int) {
	VMOVUPS(Mem{Base: p.w, Disp: k.Vector(h)}, scale)
	if k.Mins {
		VMOVUPS(Mem{Base: p.w, Disp: k.Vector(k.Subs + h)}, minimum)
	}
	for n := range cols {
		VCVTDQ2PS(dot(n), dot(n))
		VMULPS_BCST(Mem{Base: p.core, Disp: (groups*cols + n) * 4}, scale, product(n))
		VFMADD231PS(product(n), dot(n), acc(n))
		if k.Mins {
			at := n // in sums
			if k.Subs == 2 {
				at = (2+h)*cols + n // in halves
			}
			VFMADD231PS_BCST(Mem{Base: p.beside, Disp: at * 4}, minimum, acc(n))
		}
	}
}

// nextStrip moves on to 16 rows more, with the panel from its beginning.
func (p pointers) nextStrip(k kind) {
	for _, c := range p.c {
		ADDQ(U32(4*rowsOf512), c)
	}
	Load(Param("core"), p.core)
	if k.extra() > 0 {
		Load(Param("beside"), p.beside)
	}
	Load(Param("blocks"), p.blocks)
}

const rowsOf512 = 16
