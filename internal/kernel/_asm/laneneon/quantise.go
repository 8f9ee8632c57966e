package main

import "math"

// quantise generates the rounding of a column, block by block.
func (w *writer) quantise() {
	const params = "core *int32, sums *int32, halves *int32, cols int, x *float32, blocks int"
	w.Function("quantiseNEON", "rounds blocks (> 0) blocks of x to a column of a panel of cols columns.", params, 0)
	w.Load(params, "core R0", "sums R1", "halves R2", "cols R3", "x R4", "blocks R5")
	w.F("LSL $2, R3")
	w.F("MOVD $0x%x, R9 // the magnitudes that 127 can be divided by: from here", leastDivisor())
	w.F("MOVD $0x%x, R10 // so far", math.Float32bits(math.MaxFloat32)-leastDivisor())
	w.F("MOVD $0x7fffffff, R6")
	w.F("VDUP R6, V31.S4")
	w.F("FMOVS $127.0, F30")
	w.Label("block")
	w.F("VLD1.P 64(R4), [V0.S4, V1.S4, V2.S4, V3.S4]")
	w.F("VLD1.P 64(R4), [V4.S4, V5.S4, V6.S4, V7.S4]")
	w.scale()
	w.Label("round")
	w.codes()
	w.store()
	w.F("SUB $1, R5")
	w.F("CBNZ R5, block")
	w.F("RET")

	w.Label("special") // codes of 0; what is not finite, times 0, is converted to that, too
	w.F("FMOVS ZR, F17")
	w.F("MOVD ZR, R7")
	w.F("CMP R9, R6")
	w.F("BLO round")
	w.F("MOVD $0x%x, R7", math.Float32bits(float32(math.NaN())))
	w.F("B round")
}

// scale makes 127/largest in F17 and, in R7, the bits of largest/127 rounded to 11:
// without its sign, a number is ordered by its bits.
func (w *writer) scale() {
	for i := range 8 {
		w.F("VAND V31.B16, V%d.B16, V%d.B16", i, 8+i)
	}
	for n := 4; n > 0; n /= 2 {
		for i := range n {
			w.UMAX(8+i, 8+i, 8+i+n)
		}
	}
	w.UMAXV(16, 8)
	w.F("FDIVS F16, F30, F17")
	w.F("FDIVS F30, F16, F18")
	w.F("FMOVS F16, R6")
	w.F("FMOVS F18, R7")
	w.F("UBFX $13, R7, $1, R8")
	w.F("ADD $0xfff, R7")
	w.F("ADD R8, R7")
	w.F("AND $0xffffe000, R7")
	w.F("SUB R9, R6, R8")
	w.F("CMP R10, R8")
	w.F("BHI special")
}

// codes rounds to V0 and V4, and sums each to F8 and F9, as integers.
func (w *writer) codes() {
	for i := range 8 {
		w.FMULElement(i, i, 17, 0)
		w.FCVTNS(i, i)
	}
	for i := 0; i < 8; i += 2 {
		w.XTNWords(false, i, i)
		w.XTNWords(true, i, i+1)
	}
	for i := 0; i < 8; i += 4 {
		w.XTNBytes(false, i, i)
		w.XTNBytes(true, i, i+2)
		sum := 8 + i/4
		w.SADDLPBytes(sum, i)
		w.SADDLP(sum, sum)
		w.ADDV(sum, sum)
	}
}

// store puts a block into its places.
func (w *writer) store() {
	next := func(register string) {
		w.F("MOVW %s, (R0)", register)
		w.F("ADD R3, R0")
	}
	for g := range 8 {
		w.F("VMOV V%d.S[%d], R11", g/4*4, g%4)
		next("R11")
	}
	next("R7")
	w.F("FMOVS R7, F18")
	w.F("FMOVS F8, R11")
	w.F("FMOVS F9, R12")
	w.F("ADDW R11, R12, R13")
	for _, r := range []int{13, 11, 12} {
		w.F("SCVTFWS R%d, F%d", r, r)
		w.F("FMULS F18, F%d, F%d", r, r)
		w.F("NEGW R%d<<7, R%d", r, r)
	}
	next("R13")
	w.F("FMOVS F13, (R1)")
	w.F("ADD R3, R1")
	for _, dword := range []string{"MOVW R11", "MOVW R12", "FMOVS F11", "FMOVS F12"} {
		w.F("%s, (R2)", dword)
		w.F("ADD R3, R2")
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
