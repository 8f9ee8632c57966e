package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"weft/internal/kernel/_asm/tile"
)

// narrow generates the rounding of float32 to float16, to the nearest, ties to
// even, a vector at a time; what is beyond the largest float16 becomes that.
func narrow(set tile.ISA) {
	name := "narrow" + set.Name + "F16"
	TEXT(name, NOSPLIT, "func(dst *uint16, src *float32, n int)")
	Doc(name + " rounds n numbers to float16; n > 0 is a multiple of 16.")
	Pragma("noescape")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	largest, least := set.Vec[14], set.Vec[15]
	broadcast(65504, largest)
	broadcast(-65504, least)
	Label("sixteen")
	for i := 0; i < 16; i += set.Lanes {
		x := set.Vec[i/set.Lanes]
		VMOVUPS(Mem{Base: src, Disp: 4 * i}, x)
		VMINPS(x, largest, x) // this way round, NaN stays
		VMAXPS(x, least, x)
		VCVTPS2PH(Imm(0), x, Mem{Base: dst, Disp: 2 * i})
	}
	ADDQ(Imm(64), src)
	ADDQ(Imm(32), dst)
	SUBQ(Imm(16), n)
	JNZ(LabelRef("sixteen"))
	VZEROUPPER()
	RET()
}

// broadcast fills a register with a number.
func broadcast(f float32, to reg.VecPhysical) {
	bits, x := GP32(), to.AsX()
	MOVL(U32(math.Float32bits(f)), bits)
	VMOVD(bits, x)
	VBROADCASTSS(x, to)
}

// widen generates the way back, which is exact.
func widen(set tile.ISA, s store) {
	name := "widen" + set.Name + s.name
	TEXT(name, NOSPLIT, "func(dst *float32, src *"+s.goType+", n int)")
	Doc(fmt.Sprintf("%s widens n %d-bit numbers; n > 0 is a multiple of 16.", name, 8*s.bytes))
	Pragma("noescape")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	Label("sixteen")
	for i := 0; i < 16; i += set.Lanes {
		x := set.Vec[i/set.Lanes]
		s.load(Mem{Base: src, Disp: s.bytes * i}, x)
		VMOVUPS(x, Mem{Base: dst, Disp: 4 * i})
	}
	ADDQ(U8(16*s.bytes), src)
	ADDQ(Imm(64), dst)
	SUBQ(Imm(16), n)
	JNZ(LabelRef("sixteen"))
	VZEROUPPER()
	RET()
}
