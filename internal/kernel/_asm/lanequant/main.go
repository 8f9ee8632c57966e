// Command lanequant writes the assembly that rounds activations to 8 bits into a
// column of a panel (package lanes). Four blocks at a time lie in the lanes of an xmm
// register, where their scales are made (main.go), and then two, with their sums
// (column.go); codes.go has what differs between instruction sets.
//
// internal/lanes/panel.go holds the go:generate line.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64,!purego")
	quantise(avx512)
	quantise(avx2)
	Generate()
}

// blockBytes is the size of a block of numbers.
const blockBytes = 128

// quantise generates the function of an instruction set.
func quantise(set *isa) {
	TEXT("quantise"+set.name, NOSPLIT, "func(core *int32, sums *int32, halves *int32, cols int, x *float32, fours int)")
	Doc("quantise" + set.name + " rounds 4·fours (> 0) blocks of x to a column of a panel of cols columns.")
	Pragma("noescape")
	inverses := AllocLocal(16)
	set.constants()
	c, x := load(), Load(Param("x"), GP64())

	inverse, d := scales(set.largest(x))
	VMOVUPS(inverse, inverses)
	Label("four")
	Comment("The scales of the next four blocks, so that they are there in time; in the end, the same again")
	next := GP64()
	LEAQ(Mem{Base: x, Disp: 4 * blockBytes}, next)
	CMPQ(c.fours, Imm(1))
	CMOVQEQ(x, next)
	inverse, following := scales(set.largest(next))
	for pair := range 2 {
		c.point()
		c.sums(d, set.codes(c, x, inverses, pair), pair)
	}
	VMOVUPS(inverse, inverses)
	VMOVUPS(following, d)
	MOVQ(next, x)
	DECQ(c.fours)
	JNZ(LabelRef("four"))
	VZEROUPPER()
	RET()
}

// scales turns the largest magnitudes of four blocks, as bits, into 127/largest and
// largest/127, the latter rounded to 11 bits. A block that is all but zero gets
// zeros, one with a number that is not finite a NaN.
func scales(largest reg.VecVirtual) (inverse, d reg.VecVirtual) {
	inverse, d = XMM(), XMM()
	t, small, wild := XMM(), XMM(), XMM()
	VMOVUPS(fours(math.Float32bits(127)), t)
	VDIVPS(largest, t, inverse)
	VDIVPS(t, largest, d)
	Comment("To the nearest, ties to even, of the upper 11 bits")
	VPSRLD(Imm(13), d, t)
	VPAND(fours(1), t, t)
	VPADDD(fours(0xfff), d, d)
	VPADDD(t, d, d)
	VPAND(fours(^uint32(0x1fff)), d, d)
	Comment("Out of range")
	VMOVDQU(fours(leastDivisor()), small)
	VPCMPGTD(largest, small, small)
	VPCMPGTD(fours(math.Float32bits(math.MaxFloat32)), largest, wild)
	VPANDN(d, small, d)
	VPOR(wild, d, d)
	VPOR(wild, small, small)
	VPANDN(inverse, small, inverse)
	return inverse, d
}

// leastDivisor is the least float32, as bits, that 127 can be divided by.
func leastDivisor() uint32 {
	x := math.Float32bits(127/float32(math.MaxFloat32)) - 16
	for math.IsInf(float64(float32(127)/math.Float32frombits(x)), 0) {
		x++
	}
	return x
}

var constants = map[uint32]Mem{}

// fours is a constant in four lanes.
func fours(value uint32) Mem {
	m, ok := constants[value]
	if !ok {
		m = GLOBL(name(value), RODATA|NOPTR)
		for i := range 4 {
			DATA(4*i, U32(value))
		}
		constants[value] = m
	}
	return m
}
