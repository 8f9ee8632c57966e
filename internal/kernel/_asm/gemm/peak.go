package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"weft/internal/kernel/_asm/evex"
)

// peakChains is how many independent chains one round of a peak loop holds: more
// than latency times units on any CPU so far.
const peakChains = 12

// peak generates a loop that measures how fast an arithmetic unit can go: register
// operands only, nothing to wait for. step is one link of a chain.
func peak(v isa, name, what string, step func(x, y, acc reg.VecPhysical)) {
	TEXT(name, NOSPLIT, "func(rounds int)")
	Doc(name + " runs rounds (> 0) times 12 independent vector " + what + ".")
	Pragma("noescape")
	n := Load(Param("rounds"), GP64())
	for _, r := range v.Vec[:peakChains+2] {
		VXORPS(r.AsY(), r.AsY(), r.AsY())
	}
	x, y := v.Vec[peakChains], v.Vec[peakChains+1]
	Label("round")
	for _, acc := range v.Vec[:peakChains] {
		step(x, y, acc)
	}
	DECQ(n)
	JNZ(LabelRef("round"))
	VZEROUPPER()
	RET()
}

func peaks() {
	for _, v := range []isa{avx512, avx2} {
		peak(v, "peak"+v.Name, "FMAs", func(x, y, acc reg.VecPhysical) { VFMADD231PS(x, y, acc) })
	}
	peak(avx512, "peakBF16x512", "VDPBF16PS", evex.VDPBF16PS)
	peak(avx512, "peakInt8x512", "VPDPBUSD", func(x, y, acc reg.VecPhysical) { VPDPBUSD(x, y, acc) })
	peak(avx2, "peakInt8x256", "VPMADDUBSW, VPMADDWD and VPADDD", func(x, y, acc reg.VecPhysical) {
		t := avx2.Vec[peakChains+2]
		VPMADDUBSW(x, y, t)
		VPMADDWD(y, t, t)
		VPADDD(t, acc, acc)
	})
}

// read generates a loop that loads whole cache lines, four per turn and then one.
func read(v isa) {
	TEXT("read"+v.Name, NOSPLIT, "func(x *float32, lines int)")
	Doc("read" + v.Name + " loads that many (> 0) cache lines of 64 bytes.")
	Pragma("noescape")
	x, n, fours := Load(Param("x"), GP64()), Load(Param("lines"), GP64()), GP64()
	load := func(lines int) {
		for at := 0; at < lines*64; at += v.Lanes * 4 {
			VMOVUPS(Mem{Base: x, Disp: at}, v.Vec[at/(v.Lanes*4)])
		}
		ADDQ(U32(lines*64), x)
	}
	MOVQ(n, fours)
	SHRQ(Imm(2), fours)
	JZ(LabelRef("rest"))
	Label("four")
	load(4)
	DECQ(fours)
	JNZ(LabelRef("four"))
	Label("rest")
	ANDQ(Imm(3), n)
	JZ(LabelRef("end"))
	Label("one")
	load(1)
	DECQ(n)
	JNZ(LabelRef("one"))
	Label("end")
	VZEROUPPER()
	RET()
}
