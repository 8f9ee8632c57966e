package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"weft/internal/kernel/_asm/tile"
)

// columns is the width of a panel.
const columns = 32

// ahead is how many bytes of a panel are asked for before they are needed: the
// processor's own prefetching begins anew with every page of 4096. Of codes it is
// less, since no more than 8192 bytes of them lie together.
const ahead, aheadCodes = 8192, 4096

// store is how a panel holds its numbers.
type store struct {
	name, goType string
	bytes, ahead int
	load         func(from Mem, to reg.VecPhysical) // one vector of float32
}

var stores = []store{
	{"F32", "float32", 4, ahead, func(from Mem, to reg.VecPhysical) { VMOVUPS(from, to) }},
	{"F16", "uint16", 2, ahead, func(from Mem, to reg.VecPhysical) { VCVTPH2PS(from, to) }},
	{"BF16", "uint16", 2, ahead, func(from Mem, to reg.VecPhysical) {
		VPMOVZXWD(from, to)
		VPSLLD(Imm(16), to, to) // the upper half of a float32
	}},
	{"I8", "int8", 1, aheadCodes, func(from Mem, to reg.VecPhysical) {
		VPMOVSXBD(from, to)
		VCVTDQ2PS(to, to)
	}},
}

// panel generates c[rows × 32] = Σ_k a[row][k]·b[k][column], or adds to c, for 1
// to most rows: the function looks at rows once and goes to code of its own for
// each. All of c stays in registers; a is row-major. Each element is one chain of
// FMAs over ascending k that starts from c (add) or 0.
func panel(set tile.ISA, s store) {
	name := fmt.Sprintf("panel%s%s", set.Name, s.name)
	TEXT(name, NOSPLIT, fmt.Sprintf("func(c *float32, ldc int, a *float32, lda int, b *%s, rows int, k int, add bool)", s.goType))
	Doc(fmt.Sprintf("%s is c = a·b or c += a·b for 1 to %d rows and 32 columns. ldc and lda are in numbers; k > 0.", name, set.Most))
	Pragma("noescape")
	eachRows(set.Most, func(n int) { (&tiler{ISA: set, store: s, rows: n, vecs: columns / set.Lanes}).emit() })
}

// eachRows emits code of its own for 1 to most rows, and the way to it.
func eachRows(most int, emit func(n int)) {
	rows := Load(Param("rows"), GP64())
	for n := 1; n < most; n++ {
		CMPQ(rows, U8(n))
		JEQ(LabelRef(fmt.Sprintf("rows%d", n)))
	}
	for n := most; n > 0; n-- {
		Label(fmt.Sprintf("rows%d", n))
		emit(n)
	}
}

// tiler writes the code for one number of rows.
type tiler struct {
	tile.ISA
	store
	rows, vecs int

	a       []reg.Register // pointers to rows 0, 4, 8
	as, as3 reg.Register   // stride of a in bytes, and three times it
	b       reg.Register
}

// acc names the accumulators; the registers after them are free for operands.
func (t *tiler) acc(r, v int) reg.VecPhysical { return t.Vec[r*t.vecs+v] }

// free is the i-th operand register, counted around.
func (t *tiler) free(i int) reg.VecPhysical {
	first := t.rows * t.vecs
	return t.Vec[first+i%(len(t.Vec)-first)]
}

func (t *tiler) label(s string) string { return fmt.Sprintf("%s%d", s, t.rows) }

func (t *tiler) emit() {
	t.start()
	t.a, t.as, t.as3 = t.matrix("a", "lda", 4)
	t.b = Load(Param("b"), GP64())
	t.loop()
	t.eachOfC(func(at Mem, acc reg.VecPhysical) { VMOVUPS(acc, at) })
	VZEROUPPER()
	RET()
}

// matrix loads what addresses the rows of a parameter; its numbers have 2 or 4 bytes.
func (t *tiler) matrix(name, stride string, bytes uint64) (base []reg.Register, s, s3 reg.Register) {
	base = []reg.Register{Load(Param(name), GP64())}
	if t.rows == 1 {
		return base, nil, nil
	}
	s = Load(Param(stride), GP64())
	SHLQ(Imm(bytes/2), s)
	if t.rows > 3 {
		s3 = GP64()
		LEAQ(Mem{Base: s, Index: s, Scale: 2}, s3)
	}
	for r := 4; r < t.rows; r += 4 {
		p := GP64()
		LEAQ(Mem{Base: base[len(base)-1], Index: s, Scale: 4}, p)
		base = append(base, p)
	}
	return base, s, s3
}

func at(base []reg.Register, s, s3 reg.Register, r int) Mem {
	m := Mem{Base: base[r/4]}
	switch r % 4 {
	case 1:
		m.Index, m.Scale = s, 1
	case 2:
		m.Index, m.Scale = s, 2
	case 3:
		m.Index, m.Scale = s3, 1
	}
	return m
}

func (t *tiler) eachOfC(f func(at Mem, acc reg.VecPhysical)) {
	base, s, s3 := t.matrix("c", "ldc", 4)
	for r := range t.rows {
		for v := range t.vecs {
			f(at(base, s, s3, r).Offset(v*t.Lanes*4), t.acc(r, v))
		}
	}
}

// start sets the accumulators: zero, or c.
func (t *tiler) start() {
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JNZ(LabelRef(t.label("old")))
	for r := range t.rows {
		for v := range t.vecs {
			t.zero(t.acc(r, v))
		}
	}
	JMP(LabelRef(t.label("begin")))
	Label(t.label("old"))
	t.eachOfC(func(at Mem, acc reg.VecPhysical) { VMOVUPS(at, acc) })
	Label(t.label("begin"))
}

func (t *tiler) zero(x reg.VecPhysical) {
	if t.Lanes == 16 {
		VPXORD(x, x, x)
	} else {
		VXORPS(x, x, x)
	}
}

// loop runs over k, four at a time and then one at a time.
func (t *tiler) loop() {
	const unroll = 4
	k, fours := Load(Param("k"), GP64()), GP64()
	MOVQ(k, fours)
	SHRQ(Imm(2), fours)
	JZ(LabelRef(t.label("rest")))
	Label(t.label("four"))
	for i := range unroll {
		t.step(i)
	}
	t.advance(unroll)
	DECQ(fours)
	JNZ(LabelRef(t.label("four")))
	Label(t.label("rest"))
	ANDQ(Imm(3), k)
	JZ(LabelRef(t.label("end")))
	Label(t.label("one"))
	t.step(0)
	t.advance(1)
	DECQ(k)
	JNZ(LabelRef(t.label("one")))
	Label(t.label("end"))
}

// step is one k, the i-th after the pointers. The shorter side of the tile stays
// in registers, the other passes through what is left.
func (t *tiler) step(i int) {
	col := func(v int) Mem { return Mem{Base: t.b, Disp: (i*columns + v*t.Lanes) * t.bytes} }
	row := func(r int) Mem { return at(t.a, t.as, t.as3, r).Offset(i * 4) }
	for line := 0; line < columns*t.bytes; line += 64 {
		if at := i*columns*t.bytes + line; at%64 == 0 {
			PREFETCHT1(Mem{Base: t.b, Disp: at + t.ahead})
		}
	}
	if t.rows < t.vecs {
		for r := range t.rows {
			VBROADCASTSS(row(r), t.free(r))
		}
		left := len(t.Vec) - t.rows*(t.vecs+1)
		for v := range t.vecs {
			x := t.free(t.rows + v%left)
			t.load(col(v), x)
			for r := range t.rows {
				VFMADD231PS(x, t.free(r), t.acc(r, v))
			}
		}
		return
	}
	for v := range t.vecs {
		t.load(col(v), t.free(v))
	}
	left := len(t.Vec) - (t.rows+1)*t.vecs
	for r := range t.rows {
		x := t.free(t.vecs + (i*t.rows+r)%left)
		VBROADCASTSS(row(r), x)
		for v := range t.vecs {
			VFMADD231PS(t.free(v), x, t.acc(r, v))
		}
	}
}

func (t *tiler) advance(steps int) {
	ADDQ(U32(steps*columns*t.bytes), t.b)
	for _, p := range t.a {
		ADDQ(U32(steps*4), p)
	}
}
