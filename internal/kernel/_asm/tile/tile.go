// Package tile generates the register-blocked kernels that all matrix products are
// made of: tile.go the tile, kind.go what differs between the types of its operands.
package tile

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Wide generates the tiles for AVX-512: 1 to 12 rows of 32 columns.
func Wide(kind Kind) {
	for rows := 1; rows <= AVX512.Most; rows++ {
		tile(AVX512, kind, rows, 2)
	}
}

// Narrow generates those for AVX2: up to 3 rows of 32 columns, up to 6 of 16.
func Narrow(kind Kind) {
	for rows := 1; rows <= 3; rows++ {
		tile(AVX2, kind, rows, 4)
	}
	for rows := 4; rows <= AVX2.Most; rows++ {
		tile(AVX2, kind, rows, 2)
	}
}

// tile generates c[rows × vecs·lanes] = Σ_k a[k]⊗b[k], the whole of c in
// registers. a is k-major with a fixed number of rows per k (AVX-512: exactly the
// tile's; AVX2: astride bytes), b is k-major with 32 columns per k. Each element
// is one chain of FMAs over ascending k that starts from c (add) or 0. Columns
// beyond cols are neither read from c nor written.
func tile(v ISA, kind Kind, rows, vecs int) {
	t := &tiler{ISA: v, Kind: kind, rows: rows, vecs: vecs}
	name := fmt.Sprintf("tile%s%sx%d", kind.prefix(), v.Name, rows)
	sig := "func(c *float32, ldc int, a *float32, b *float32, k int, cols int, add bool)"
	if v.Lanes == 8 {
		sig = "func(c *float32, ldc int, a *float32, astride int, b *float32, k int, cols int, add bool)"
	}
	TEXT(name, NOSPLIT, sig)
	Doc(fmt.Sprintf("%s is the %d×%d tile%s. ldc is in numbers; k > 0, 0 < cols <= %d.", name, rows, vecs*v.Lanes, kind.doc(), vecs*v.Lanes))
	Pragma("noescape")
	t.load()
	t.start()
	t.enter()
	t.loop()
	t.leave()
	t.store()
	VZEROUPPER()
	RET()
}

type tiler struct {
	ISA
	Kind
	rows, vecs int

	c       []reg.Register // pointers to rows 0, 4, 8
	ld, ld3 reg.Register   // row stride of c in bytes, and three times it
	a, b, k reg.Register
	as, as3 reg.Register // AVX2: stride of a in bytes
	mode    Mem          // the caller's MXCSR, while the tile has its own
}

// acc names the accumulators; the registers after them are free for operands.
func (t *tiler) acc(r, v int) reg.VecPhysical { return t.Vec[r*t.vecs+v] }

// free is the i-th operand register, counted around.
func (t *tiler) free(i int) reg.VecPhysical {
	first := t.rows * t.vecs
	return t.Vec[first+i%(len(t.Vec)-first)]
}

func (t *tiler) load() {
	c := Load(Param("c"), GP64())
	t.ld = Load(Param("ldc"), GP64())
	SHLQ(Imm(2), t.ld)
	t.ld3 = GP64()
	LEAQ(Mem{Base: t.ld, Index: t.ld, Scale: 2}, t.ld3)
	t.c = []reg.Register{c}
	for r := 4; r < t.rows; r += 4 {
		p := GP64()
		LEAQ(Mem{Base: t.c[len(t.c)-1], Index: t.ld, Scale: 4}, p)
		t.c = append(t.c, p)
	}
	t.a = Load(Param("a"), GP64())
	if t.Lanes == 8 {
		t.as = Load(Param("astride"), GP64())
		SHLQ(Imm(2), t.as)
		t.as3 = GP64()
		LEAQ(Mem{Base: t.as, Index: t.as, Scale: 2}, t.as3)
	}
	t.b = Load(Param("b"), GP64())
	t.k = Load(Param("k"), GP64())
}

// at is vector v of row r of c.
func (t *tiler) at(r, v int) Mem {
	m := Mem{Base: t.c[r/4], Disp: v * t.Lanes * 4}
	switch r % 4 {
	case 1:
		m.Index, m.Scale = t.ld, 1
	case 2:
		m.Index, m.Scale = t.ld, 2
	case 3:
		m.Index, m.Scale = t.ld3, 1
	}
	return m
}

// start sets the accumulators: zero, or c.
func (t *tiler) start() {
	add := Load(Param("add"), GP8())
	Comment("Accumulators")
	TESTB(add, add)
	JNZ(LabelRef("old"))
	for r := range t.rows {
		for v := range t.vecs {
			t.zero(t.acc(r, v))
		}
	}
	for r := range t.rows { // c will be written: ask for it while computing
		PREFETCHT0(t.at(r, 0))
		PREFETCHT0(t.at(r, t.vecs-1))
	}
	JMP(LabelRef("begin"))
	Label("old")
	if t.rows == t.Most {
		t.prefetchBelow()
	}
	t.eachColumns("load", func(r, v int) {
		VMOVUPS(t.at(r, v), t.acc(r, v))
	}, func(r, v int, mask reg.Register) {
		if t.Lanes == 16 {
			VMOVUPS_Z(t.at(r, v), mask, t.acc(r, v))
		} else {
			VMASKMOVPS(t.at(r, v), mask, t.acc(r, v))
		}
	})
	Label("begin")
}

// prefetchBelow asks for the tile of c twelve rows below, which mostly comes next:
// the chains of a tile that adds cannot start before its old c has arrived.
func (t *tiler) prefetchBelow() {
	below, last := &tiler{ISA: t.ISA, ld: t.ld, ld3: t.ld3}, t.c[0]
	for r := 4; r < 12+t.rows; r += 4 {
		p := GP64()
		LEAQ(Mem{Base: last, Index: t.ld, Scale: 4}, p)
		if last = p; r >= 12 {
			below.c = append(below.c, p)
		}
	}
	for r := range t.rows {
		for at := 0; at < t.vecs; at += 16 / t.Lanes {
			PREFETCHT0(below.at(r, at))
		}
	}
}

func (t *tiler) store() {
	Comment("Results")
	t.eachColumns("store", func(r, v int) {
		VMOVUPS(t.acc(r, v), t.at(r, v))
	}, func(r, v int, mask reg.Register) {
		if t.Lanes == 16 {
			VMOVUPS(t.acc(r, v), mask, t.at(r, v))
		} else {
			VMASKMOVPS(t.acc(r, v), mask, t.at(r, v))
		}
	})
}

// eachColumns emits full for a tile with all its columns and part for one with
// fewer, and the branch between them.
func (t *tiler) eachColumns(what string, full func(r, v int), part func(r, v int, mask reg.Register)) {
	cols := Load(Param("cols"), GP64())
	CMPQ(cols, U8(t.vecs*t.Lanes))
	JNE(LabelRef(what + "part"))
	for r := range t.rows {
		for v := range t.vecs {
			full(r, v)
		}
	}
	JMP(LabelRef(what + "done"))
	Label(what + "part")
	for v := range t.vecs {
		mask := t.mask(cols, v)
		for r := range t.rows {
			part(r, v, mask)
		}
	}
	Label(what + "done")
}

// mask makes the mask of those columns of vector v that are below cols. AVX2
// keeps it in a register of the inner loop, which is not running now.
func (t *tiler) mask(cols reg.Register, v int) reg.Register {
	if t.Lanes == 16 {
		ones, k := GP64(), K()
		MOVQ(I64(-1), ones)
		BZHIQ(cols, ones, ones)
		if v > 0 {
			SHRQ(U8(v*t.Lanes), ones)
		}
		KMOVW(ones.As32(), k)
		return k
	}
	count, mask := t.free(0), t.free(1)
	VMOVD(cols.(reg.GPVirtual).As32(), count.AsX())
	VPBROADCASTD(count.AsX(), count)
	VPCMPGTD(iota32().Offset(v*t.Lanes*4), count, mask)
	return mask
}

// iota32 is the constant 0, 1, ... 31 as int32.
func iota32() Mem { return Words("columns", 32, func(i int) uint32 { return uint32(i) }) }

func (t *tiler) zero(r reg.Register) {
	if t.Lanes == 16 {
		VPXORD(r, r, r)
	} else {
		VXORPS(r, r, r)
	}
}

// loop runs over k, four at a time and then one at a time.
func (t *tiler) loop() {
	const unroll = 4
	Comment("k in fours")
	fours := GP64()
	MOVQ(t.k, fours)
	SHRQ(Imm(2), fours)
	JZ(LabelRef("rest"))
	Label("four")
	for i := range unroll {
		t.step(i)
	}
	t.advance(unroll)
	DECQ(fours)
	JNZ(LabelRef("four"))
	Label("rest")
	ANDQ(Imm(3), t.k)
	JZ(LabelRef("end"))
	Label("one")
	t.step(0)
	t.advance(1)
	DECQ(t.k)
	JNZ(LabelRef("one"))
	Label("end")
}

// step is one k, the i-th after the pointers.
func (t *tiler) step(i int) {
	for _, part := range t.parts() {
		t.multiply(i, part)
	}
}

// multiply adds one product to every element. The shorter side of the tile stays
// in registers, the other passes through what is left.
func (t *tiler) multiply(i int, part part) {
	if t.rows < t.vecs {
		for r := range t.rows {
			t.loadA(t.from(i, r), part, t.free(r))
		}
		for v := range t.vecs {
			x := t.Vec[len(t.Vec)-1-v%(len(t.Vec)-t.rows*(t.vecs+1))]
			t.loadB(t.col(i, v), part, x)
			for r := range t.rows {
				t.fma(x, t.free(r), t.acc(r, v))
			}
		}
		return
	}
	for v := range t.vecs {
		t.loadB(t.col(i, v), part, t.free(v))
	}
	left := len(t.Vec) - (t.rows+1)*t.vecs
	for r := range t.rows {
		x := t.free(t.vecs + (i*t.rows+r)%left)
		t.loadA(t.from(i, r), part, x)
		for v := range t.vecs {
			t.fma(t.free(v), x, t.acc(r, v))
		}
	}
}

// col is vector v of b's row, i steps after the pointer.
func (t *tiler) col(i, v int) Mem {
	return Mem{Base: t.b, Disp: (i*32 + v*t.Lanes) * t.columnBytes()}
}

// from is a's element for row r, i steps after the pointer.
func (t *tiler) from(i, r int) Mem {
	if t.Lanes == 16 {
		return Mem{Base: t.a, Disp: (i*t.rows + r) * 4}
	}
	m := Mem{Base: t.a, Disp: r * 4}
	switch i {
	case 1, 2:
		m.Index, m.Scale = t.as, uint8(i)
	case 3:
		m.Index, m.Scale = t.as3, 1
	}
	return m
}

func (t *tiler) advance(steps int) {
	ADDQ(U32(steps*32*t.columnBytes()), t.b)
	switch {
	case t.Lanes == 16:
		ADDQ(U32(steps*t.rows*4), t.a)
	case steps == 1:
		ADDQ(t.as, t.a)
	default:
		LEAQ(Mem{Base: t.a, Index: t.as, Scale: uint8(steps)}, t.a)
	}
}
