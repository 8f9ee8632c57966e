package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// peakChains is how many independent FMAs one round of the peak loop holds: more
// than latency times units on any CPU so far.
const peakChains = 12

// peak generates the loop that measures how fast the FMA units can go: register
// operands only, nothing to wait for.
func peak(v isa) {
	TEXT("peak"+v.name, NOSPLIT, "func(rounds int)")
	Doc("peak" + v.name + " runs rounds (> 0) times 12 independent vector FMAs.")
	Pragma("noescape")
	n := Load(Param("rounds"), GP64())
	for _, r := range v.vec[:peakChains+2] {
		VXORPS(r.AsY(), r.AsY(), r.AsY())
	}
	x, y := v.vec[peakChains], v.vec[peakChains+1]
	Label("round")
	for _, acc := range v.vec[:peakChains] {
		VFMADD231PS(x, y, acc)
	}
	DECQ(n)
	JNZ(LabelRef("round"))
	VZEROUPPER()
	RET()
}
