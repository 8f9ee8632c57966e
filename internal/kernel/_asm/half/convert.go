package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"

	"weft/internal/kernel/_asm/evex"
	"weft/internal/kernel/_asm/tile"
)

const (
	roundSig = "func(dst *float32, src *float32, n int)"
	roundDoc = " rounds n numbers to bfloat16, two in a word of dst; n > 0, a multiple of 32."
	splitSig = "func(panel *float32, pairs int)"
	splitDoc = " turns rows of 32 words into two rows each: the 32 lower halves, the 32 upper ones. pairs (> 0) counts rows."
)

// roundAVX512 leaves the work to the instruction.
func roundAVX512() {
	TEXT("roundBF16x512", NOSPLIT, roundSig)
	Doc("roundBF16x512" + roundDoc)
	Pragma("noescape")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	z := tile.AVX512.Vec
	Label("round")
	VMOVUPS(Mem{Base: src}, z[0])
	VMOVUPS(Mem{Base: src, Disp: 64}, z[1])
	evex.VCVTNE2PS2BF16(z[0], z[1], z[2])
	VMOVUPS(z[2], Mem{Base: dst})
	ADDQ(U32(128), src)
	ADDQ(U32(64), dst)
	SUBQ(Imm(32), n)
	JNZ(LabelRef("round"))
	VZEROUPPER()
	RET()
}

// roundAVX2 rounds as integers, half to even. Multiplying by one first makes
// subnormals zero and NaN quiet; a NaN is only cut off, since a carry could make it
// anything.
func roundAVX2() {
	TEXT("roundBF16x256", NOSPLIT, roundSig)
	Doc("roundBF16x256" + roundDoc)
	Pragma("noescape")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	y := tile.AVX2.Vec
	one, half, bit := y[13], y[14], y[15]
	VBROADCASTSS(tile.Words("one", 1, func(int) uint32 { return 0x3F800000 }), one)
	VPBROADCASTD(tile.Words("half", 1, func(int) uint32 { return 0x7FFF }), half)
	VPBROADCASTD(tile.Words("bit", 1, func(int) uint32 { return 1 }), bit)
	mode := tile.Flush()
	Label("round")
	for i := range 4 {
		x, nan, carry := y[i], y[4], y[5]
		VMULPS(Mem{Base: src, Disp: i * 32}, one, x)
		VCMPPS(Imm(3), x, x, nan) // unordered
		VPSRLD(Imm(16), x, carry)
		VPAND(bit, carry, carry)
		VPADDD(half, carry, carry)
		VPANDN(carry, nan, carry)
		VPADDD(carry, x, x)
		VPSRLD(Imm(16), x, x)
	}
	for i := range 2 {
		VPACKUSDW(y[2*i+1], y[2*i], y[4])
		VPERMQ(Imm(0xD8), y[4], y[4])
		VMOVUPS(y[4], Mem{Base: dst, Disp: i * 32})
	}
	ADDQ(U32(128), src)
	ADDQ(U32(64), dst)
	SUBQ(Imm(32), n)
	JNZ(LabelRef("round"))
	LDMXCSR(mode)
	VZEROUPPER()
	RET()
}

func splitAVX512() {
	TEXT("split512", NOSPLIT, splitSig)
	Doc("split512" + splitDoc)
	Pragma("noescape")
	panel, n := Load(Param("panel"), GP64()), Load(Param("pairs"), GP64())
	z := tile.AVX512.Vec
	lower, upper := z[30], z[31] // indices of 16-bit halves, two in a word
	VMOVUPS(tile.Words("lower", 16, func(i int) uint32 { return uint32(4*i | (4*i+2)<<16) }), lower)
	VMOVUPS(tile.Words("upper", 16, func(i int) uint32 { return uint32(4*i + 1 | (4*i+3)<<16) }), upper)
	Label("row")
	VMOVUPS(Mem{Base: panel}, z[0])
	VMOVUPS(Mem{Base: panel, Disp: 64}, z[1])
	VMOVAPS(z[0], z[2])
	VPERMT2W(z[1], lower, z[0])
	VPERMT2W(z[1], upper, z[2])
	VMOVUPS(z[0], Mem{Base: panel})
	VMOVUPS(z[2], Mem{Base: panel, Disp: 64})
	ADDQ(U32(128), panel)
	DECQ(n)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

func splitAVX2() {
	TEXT("split256", NOSPLIT, splitSig)
	Doc("split256" + splitDoc)
	Pragma("noescape")
	panel, n := Load(Param("panel"), GP64()), Load(Param("pairs"), GP64())
	y := tile.AVX2.Vec
	mask := y[15]
	VPBROADCASTD(tile.Words("low16", 1, func(int) uint32 { return 0xFFFF }), mask)
	Label("row")
	for i := range 4 {
		VMOVUPS(Mem{Base: panel, Disp: i * 32}, y[i])
		VPAND(mask, y[i], y[4+i])
		VPSRLD(Imm(16), y[i], y[i])
	}
	for i := range 2 {
		for at, half := range [][]int{{4 + 2*i, 5 + 2*i}, {2 * i, 2*i + 1}} {
			to := y[half[0]]
			VPACKUSDW(y[half[1]], y[half[0]], to)
			VPERMQ(Imm(0xD8), to, to)
			VMOVUPS(to, Mem{Base: panel, Disp: at*64 + i*32})
		}
	}
	ADDQ(U32(128), panel)
	DECQ(n)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
