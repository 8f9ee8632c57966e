package main

import "math"

// quantise generates the rounding of a column, block by block.
func (w *writer) quantise() {
	const params = "core *int32, sums *int32, halves *int32, cols int, x *float32, blocks int"
	w.function("quantiseNEON", "rounds blocks (> 0) blocks of x to a column of a panel of cols columns.", params)
	w.load(params, "core R0", "sums R1", "halves R2", "cols R3", "x R4", "blocks R5")
	w.f("LSL $2, R3")
	w.f("MOVD $0x%x, R9 // the magnitudes that 127 can be divided by: from here", leastDivisor())
	w.f("MOVD $0x%x, R10 // so far", math.Float32bits(math.MaxFloat32)-leastDivisor())
	w.f("MOVD $0x7fffffff, R6")
	w.f("VDUP R6, V31.S4")
	w.f("FMOVS $127.0, F30")
	w.label("block")
	w.f("VLD1.P 64(R4), [V0.S4, V1.S4, V2.S4, V3.S4]")
	w.f("VLD1.P 64(R4), [V4.S4, V5.S4, V6.S4, V7.S4]")
	w.scale()
	w.label("round")
	w.codes()
	w.store()
	w.f("SUB $1, R5")
	w.f("CBNZ R5, block")
	w.f("RET")

	w.label("special") // codes of 0; what is not finite, times 0, is converted to that, too
	w.f("FMOVS ZR, F17")
	w.f("MOVD ZR, R7")
	w.f("CMP R9, R6")
	w.f("BLO round")
	w.f("MOVD $0x%x, R7", math.Float32bits(float32(math.NaN())))
	w.f("B round")
}

// scale makes 127/largest in F17 and, in R7, the bits of largest/127 rounded to 11:
// without its sign, a number is ordered by its bits.
func (w *writer) scale() {
	for i := range 8 {
		w.f("VAND V31.B16, V%d.B16, V%d.B16", i, 8+i)
	}
	for n := 4; n > 0; n /= 2 {
		for i := range n {
			w.umax(8+i, 8+i, 8+i+n)
		}
	}
	w.umaxv(16, 8)
	w.f("FDIVS F16, F30, F17")
	w.f("FDIVS F30, F16, F18")
	w.f("FMOVS F16, R6")
	w.f("FMOVS F18, R7")
	w.f("UBFX $13, R7, $1, R8")
	w.f("ADD $0xfff, R7")
	w.f("ADD R8, R7")
	w.f("AND $0xffffe000, R7")
	w.f("SUB R9, R6, R8")
	w.f("CMP R10, R8")
	w.f("BHI special")
}

// codes rounds to V0 and V4, and sums each to F8 and F9, as integers.
func (w *writer) codes() {
	for i := range 8 {
		w.fmulElement(i, i, 17, 0)
		w.fcvtns(i, i)
	}
	for i := 0; i < 8; i += 2 {
		w.xtnWords(false, i, i)
		w.xtnWords(true, i, i+1)
	}
	for i := 0; i < 8; i += 4 {
		w.xtnBytes(false, i, i)
		w.xtnBytes(true, i, i+2)
		sum := 8 + i/4
		w.saddlpBytes(sum, i)
		w.saddlp(sum, sum)
		w.addv(sum, sum)
	}
}

// store puts a block into its places.
func (w *writer) store() {
	next := func(register string) {
		w.f("MOVW %s, (R0)", register)
		w.f("ADD R3, R0")
	}
	for g := range 8 {
		w.f("VMOV V%d.S[%d], R11", g/4*4, g%4)
		next("R11")
	}
	next("R7")
	w.f("FMOVS R7, F18")
	w.f("FMOVS F8, R11")
	w.f("FMOVS F9, R12")
	w.f("ADDW R11, R12, R13")
	for _, r := range []int{13, 11, 12} {
		w.f("SCVTFWS R%d, F%d", r, r)
		w.f("FMULS F18, F%d, F%d", r, r)
		w.f("NEGW R%d<<7, R%d", r, r)
	}
	next("R13")
	w.f("FMOVS F13, (R1)")
	w.f("ADD R3, R1")
	for _, dword := range []string{"MOVW R11", "MOVW R12", "FMOVS F11", "FMOVS F12"} {
		w.f("%s, (R2)", dword)
		w.f("ADD R3, R2")
	}
}

// leastDivisor is the least float32, as bits, that 127 can be divided by without an
// infinite result.
func leastDivisor() uint32 {
	x := math.Float32bits(127/float32(math.MaxFloat32)) - 16
	for math.IsInf(float64(float32(127)/math.Float32frombits(x)), 0) {
		x++
	}
	return x
}
