package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tile256 is a tile of AVX2: 16 rows, as two vectors. Of a block it takes part after
// part. The weights of a part stay in registers while all columns pass, and each number
// of the panel that is read serves both vectors. Outputs are in memory meanwhile, and so
// are the sums that a block's parts have in common.
type tile256 struct {
	kind
	bits int // of a weight; 0: by AVX-VNNI, which takes all

	w, core, beside reg.Register // the block in all sections; core: the part
	p, b, at        reg.Register // column by column: core and beside, outputs
	outputs         reg.Register
	stride          reg.Register // between dwords of a block, in bytes
	three, five     reg.Register // times three, and five
	pairs, left     reg.Register // of columns
}

// The memory: for each column 16 numbers of every kind.
const (
	columnBytes = 64
	sumsAt      = maxCols * columnBytes // sums, or those of low nibbles
	highAt      = 2 * sumsAt            // sums of high nibbles
	halfAt      = highAt                // or those of first halves, with their scale
	localBytes  = 3 * sumsAt
)

func tiles256(k kind, bits int) {
	t := &tile256{kind: k, bits: bits}
	name, what := fmt.Sprint("tile256", k.Name, bits), fmt.Sprintf("for weights of %d bits", bits)
	if t.vnni() {
		name, what = "tileVNNI"+k.Name, "by AVX-VNNI"
	}
	TEXT(name, 0, "func(c *float32, ldc int, w *byte, core *int32, "+k.besideParam()+"blocks int, cols int, add bool)")
	Doc(fmt.Sprintf("%s is Kind.Tile %s, 16 rows and 1 to 12 columns over blocks (> 0) blocks.", name, what))
	Pragma("noescape")
	blocks := Load(Param("blocks"), GP64())
	t.start()
	Label("block")
	for p := range t.parts() {
		t.part(p)
	}
	ADDQ(U32(t.BlockBytes()), t.w)
	LEAQ(Mem{Base: t.core, Index: t.stride, Scale: 2}, t.core)
	switch t.extra() {
	case 1:
		ADDQ(t.stride, t.beside)
	case 4:
		LEAQ(Mem{Base: t.beside, Index: t.stride, Scale: 4}, t.beside)
	}
	DECQ(blocks)
	JNZ(LabelRef("block"))
	t.store()
	VZEROUPPER()
	RET()
}

func (t *tile256) vnni() bool { return t.bits == 0 }

// parts is how many parts a block has: of 8 bits there are two registers for each plane.
func (t *tile256) parts() int {
	if t.bits == 8 {
		return 4
	}
	return 2
}

// per is how many groups a part has.
func (t *tile256) per() int { return groups / t.parts() }

// sub is the sub-block that a part belongs to; begins and ends say where in it.
func (t *tile256) sub(p int) int     { return p * t.Subs / t.parts() }
func (t *tile256) begins(p int) bool { return p == 0 || t.sub(p-1) < t.sub(p) }
func (t *tile256) ends(p int) bool   { return p == t.parts()-1 || t.sub(p) < t.sub(p+1) }

// start sets all general registers, and the outputs to zero or to c.
func (t *tile256) start() {
	t.w, t.core = Load(Param("w"), GP64()), Load(Param("core"), GP64())
	if t.extra() > 0 {
		t.beside, t.b = Load(Param("beside"), GP64()), GP64()
	}
	t.stride, t.pairs, t.three, t.five = Load(Param("cols"), GP64()), GP64(), GP64(), GP64()
	MOVQ(t.stride, t.pairs)
	SHRQ(Imm(1), t.pairs)
	SHLQ(Imm(2), t.stride)
	LEAQ(Mem{Base: t.stride, Index: t.stride, Scale: 2}, t.three)
	LEAQ(Mem{Base: t.stride, Index: t.stride, Scale: 4}, t.five)
	t.p, t.at, t.left, t.outputs = GP64(), GP64(), GP64(), GP64()
	LEAQ(AllocLocal(localBytes+columnBytes), t.outputs)
	ADDQ(Imm(columnBytes-1), t.outputs)
	ANDQ(I8(-columnBytes), t.outputs)

	x := ymm[0]
	VXORPS(x, x, x)
	add := Load(Param("add"), GP8())
	t.columnsOfC("zero", func(reg.Register) {
		for r := range 2 {
			VMOVUPS(x, t.kept(0, r, 0))
		}
	})
	TESTB(add, add)
	JZ(LabelRef("block"))
	t.columnsOfC("load", func(c reg.Register) {
		for r := range 2 {
			VMOVUPS(vector(c, r, 0), x)
			VMOVUPS(x, t.kept(0, r, 0))
		}
	})
}

func (t *tile256) store() {
	t.columnsOfC("store", func(c reg.Register) {
		for r := range 2 {
			VMOVUPS(t.kept(0, r, 0), ymm[r])
			VMOVUPS(ymm[r], vector(c, r, 0))
		}
	})
}

// vector is the vector for rows 8r to 8r+7.
func vector(base reg.Register, r, at int) Mem { return Mem{Base: base, Disp: at + 32*r} }

// kept is such a vector of column n in memory.
func (t *tile256) kept(n, r, at int) Mem { return vector(t.at, r, at+n*columnBytes) }

// columnsOfC loops over the columns of c.
func (t *tile256) columnsOfC(name string, do func(c reg.Register)) {
	c, ld := Load(Param("c"), GP64()), Load(Param("ldc"), GP64())
	Load(Param("cols"), t.left)
	MOVQ(t.outputs, t.at)
	Label(name)
	do(c)
	LEAQ(Mem{Base: c, Index: ld, Scale: 4}, c)
	ADDQ(Imm(columnBytes), t.at)
	DECQ(t.left)
	JNZ(LabelRef(name))
}

// columns emits column for each column of part p, two in a turn.
func (t *tile256) columns(p int, column func(n int)) {
	MOVQ(t.core, t.p)
	MOVQ(t.outputs, t.at)
	if t.extra() > 0 {
		MOVQ(t.beside, t.b)
	}
	turn, odd, done := fmt.Sprint("turn", p), fmt.Sprint("odd", p), fmt.Sprint("done", p)
	MOVQ(t.pairs, t.left)
	TESTQ(t.left, t.left)
	JZ(LabelRef(odd))
	Label(turn)
	column(0)
	column(1)
	ADDQ(Imm(8), t.p)
	if t.extra() > 0 {
		ADDQ(Imm(8), t.b)
	}
	ADDQ(U32(2*columnBytes), t.at)
	DECQ(t.left)
	JNZ(LabelRef(turn))
	Label(odd)
	TESTQ(U32(4), t.stride)
	JZ(LabelRef(done))
	column(0)
	Label(done)
}

// dword is column n's dword i after a pointer.
func (t *tile256) dword(from reg.Register, i, n int) Mem {
	m := Mem{Base: from, Disp: 4 * n, Index: t.stride, Scale: uint8(i)}
	switch i {
	case 0:
		m.Index, m.Scale = nil, 0
	case 3:
		m.Index, m.Scale = t.three, 1
	case 5:
		m.Index, m.Scale = t.five, 1
	}
	return m
}

var constants = map[uint32]Mem{}

// constant is a dword in each lane.
func constant(value uint32) Mem {
	m, ok := constants[value]
	if !ok {
		m = GLOBL(fmt.Sprintf("lanes%08x", value), RODATA|NOPTR)
		for i := range 8 {
			DATA(4*i, U32(value))
		}
		constants[value] = m
	}
	return m
}
