package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// constant is a number in every lane of a register.
func constant[R reg.Register](value uint32, to R) R {
	r := GP32()
	MOVL(U32(value), r)
	VPBROADCASTD(r, to)
	return to
}

func quantise512() {
	TEXT("quantise512", NOSPLIT, "func(core *int32, sums *int32, halves *int32, cols int, x *float32, blocks int)")
	Doc("quantise512 rounds blocks (> 0) blocks of x to a column of a panel of cols columns.")
	Pragma("noescape")
	c, x := load(), Load(Param("x"), GP64())
	abs := constant(math.MaxInt32, ZMM())
	full := constant(math.Float32bits(127), XMM())
	half, odd, clear := constant(0xfff, XMM()), constant(1, XMM()), constant(^uint32(0x1fff), XMM())
	flip, bias := constant(0x80808080, YMM()), constant(16*128, XMM())
	zero := YMM()
	VPXOR(zero, zero, zero)

	Label("block")
	lo, hi, magnitude, other := ZMM(), ZMM(), ZMM(), ZMM()
	VMOVUPS(Mem{Base: x}, lo)
	VMOVUPS(Mem{Base: x, Disp: 64}, hi)
	Comment("The largest magnitude: of floats without sign, the order is that of their bits")
	VPANDD(lo, abs, magnitude)
	VPANDD(hi, abs, other)
	VPMAXUD(other, magnitude, magnitude)
	VEXTRACTI64X4(Imm(1), magnitude, other.AsY())
	VPMAXUD(other.AsY(), magnitude.AsY(), magnitude.AsY())
	top, t := magnitude.AsX(), other.AsX()
	VEXTRACTI128(Imm(1), magnitude.AsY(), t)
	for _, order := range []uint64{0x4e, 0xb1} {
		VPMAXUD(t, top, top)
		VPSHUFD(Imm(order), top, t)
	}
	VPMAXUD(t, top, top)

	Comment("127/largest, and largest/127 rounded to 11 bits")
	inverse, d := XMM(), XMM()
	VDIVSS(top, full, inverse)
	VDIVSS(full, top, d)
	VPSRLD(Imm(13), d, t)
	VPAND(odd, t, t)
	VPADDD(half, d, d)
	VPADDD(t, d, d)
	VPAND(clear, d, d)
	bits := GP32()
	VMOVD(top, bits)
	SUBL(U32(least), bits)
	CMPL(bits, U32(most-least))
	JHI(LabelRef("special"))

	Label("round")
	times := ZMM()
	VBROADCASTSS(inverse, times)
	VMULPS(times, lo, lo)
	VMULPS(times, hi, hi)
	VCVTPS2DQ(lo, lo)
	VCVTPS2DQ(hi, hi)
	codes := YMM()
	upper := XMM()
	VPMOVDB(lo, codes.AsX())
	VPMOVDB(hi, upper)

	Comment("Sums of the halves and of both, in lanes 0, 1 and 2")
	VINSERTI128(Imm(1), upper, codes, codes)
	eights, sums, floats := YMM(), XMM(), XMM()
	VPXOR(flip, codes, eights)
	VPSADBW(zero, eights, eights)
	VEXTRACTI128(Imm(1), eights, t)
	VSHUFPS(Imm(0x88), t, eights.AsX(), sums) // of 8 codes each
	VPHADDD(sums, sums, sums)
	VPSUBD(bias, sums, sums)
	VPHADDD(sums, sums, t)
	VPUNPCKLQDQ(t, sums, sums)
	VCVTDQ2PS(sums, floats)
	wide := XMM()
	VBROADCASTSS(d, wide)
	VMULPS(wide, floats, floats)
	VPSLLD(Imm(7), sums, sums)
	VPSUBD(sums, zero.AsX(), sums)

	for i, quarter := range []reg.VecVirtual{codes.AsX().(reg.VecVirtual), upper} {
		VMOVD(quarter, c.at(c.core[i], 0))
		for j := 1; j < 4; j++ {
			VPEXTRD(Imm(uint64(j)), quarter, c.at(c.core[i], j))
		}
	}
	VMOVSS(d, c.at(c.core[2], 0))
	VPEXTRD(Imm(2), sums, c.at(c.core[2], 1))
	VEXTRACTPS(Imm(2), floats, c.at(c.sums, 0))
	VMOVD(sums, c.at(c.halves, 0))
	VPEXTRD(Imm(1), sums, c.at(c.halves, 1))
	VMOVSS(floats, c.at(c.halves, 2))
	VEXTRACTPS(Imm(1), floats, c.at(c.halves, 3))
	ADDQ(U32(128), x)
	c.next()
	DECQ(c.blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()

	Label("special")
	Comment("Codes are 0 then; a number that is not finite, times 0, is converted to 1<<31")
	VPXOR(inverse, inverse, inverse)
	VPXOR(d, d, d)
	VMOVD(top, bits)
	CMPL(bits, U32(most))
	JLS(LabelRef("round"))
	constant(math.Float32bits(float32(math.NaN())), d)
	JMP(LabelRef("round"))
}
