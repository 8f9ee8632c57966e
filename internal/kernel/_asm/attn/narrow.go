package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// narrow generates the rounding of float32 to float16, to the nearest, ties to
// even, a vector at a time.
func narrow(set isa) {
	name := "narrow" + set.name + "F16"
	TEXT(name, NOSPLIT, "func(dst *uint16, src *float32, n int)")
	Doc(name + " rounds n numbers to float16; n > 0 is a multiple of 16.")
	Pragma("noescape")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	Label("sixteen")
	for i := 0; i < 16; i += set.lanes {
		x := set.vec[i/set.lanes]
		VMOVUPS(Mem{Base: src, Disp: 4 * i}, x)
		VCVTPS2PH(Imm(0), x, Mem{Base: dst, Disp: 2 * i})
	}
	ADDQ(Imm(64), src)
	ADDQ(Imm(32), dst)
	SUBQ(Imm(16), n)
	JNZ(LabelRef("sixteen"))
	VZEROUPPER()
	RET()
}
