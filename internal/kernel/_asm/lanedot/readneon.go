package main

import (
	"fmt"

	"weft/internal/kernel/_asm/neon"
)

// General registers. The first five are parameters.
const (
	rOut   = "R0"
	rUnit  = "R1" // points at the unit
	rUnits = "R2"
	rCore  = "R3" // the panel's sections
	rAux   = "R4"
	rCodes = "R5" // units of 8 blocks: points at the block's codes
	rSmall = "R6" // and at its scales
	rLeft  = "R7" // blocks
	rTemp  = "R8"

	// In a block, what of it belongs to the quads at hand.
	rPlanes    = "R9"
	rHead      = "R10"
	rScales    = "R11"
	rQuadOut   = "R12"
	rQuadsLeft = "R13"
)

// Vector registers; a vector has a quad, 4 rows.
const (
	vCodes = 24 // and 25: of two quads
	vHigh  = 26 // and 27: their high planes
	vTemp  = 28
	vLow   = 29 // mask of the low bits; of 8 bits, the sign
	vUpper = 30 // mask of high bits
	vTable = 31 // levels
)

// When the codes are done with, their registers are free.
const (
	vScale   = vCodes
	vMinimum = vCodes + 1
)

// readerNEON reads strips, quad by quad; quads are counted from those at hand.
type readerNEON struct {
	*neon.Writer
	form
}

// begin loads the constants that a form needs; table has its levels.
func (r *readerNEON) begin(table string) {
	if low := map[int]int{8: 0x80, 4: 0x0F, 2: 0x03}[r.low]; low > 0 {
		r.F("VMOVI $%d, V%d.B16", low, vLow)
	}
	if r.high > 0 {
		r.F("VMOVI $%d, V%d.B16", (1<<r.high-1)<<r.low, vUpper)
	}
	if r.level != "" {
		r.F("MOVD $%s<>(SB), %s", table, rTemp)
		r.F("FMOVQ (%s), F%d", rTemp, vTable)
	}
}

// levelsNEON defines the tables: levels, and levels + 128.
func levelsNEON(w *neon.Writer) {
	for _, name := range []string{"iq4", "mxfp4"} {
		var plain, raised []byte
		for _, v := range levels[name] {
			plain, raised = append(plain, byte(v)), append(raised, byte(v+128))
		}
		w.Data(name, plain)
		w.Data(name+"_raised", raised)
	}
}

// loop emits body for every block of the units (> 0).
func (r *readerNEON) loop(body func()) {
	r.Label("unit")
	if r.blocks == 1 {
		body()
		r.F("ADD $%d, %s", r.bytes(), rUnit)
	} else {
		r.F("ADD $%d, %s, %s", r.sAt(), rUnit, rSmall)
		r.F("ADD $%d, %s, %s", r.codesAt(), rUnit, rCodes)
		r.F("MOVD $%d, %s", r.blocks, rLeft)
		r.blocksOfUnit(body)
	}
	r.F("SUBS $1, %s", rUnits)
	r.F("BNE unit")
}

// blocksOfUnit emits body for rLeft blocks of a unit of 8, and goes to the next unit.
func (r *readerNEON) blocksOfUnit(body func()) {
	r.Label("block")
	body()
	r.F("ADD $%d, %s", r.subs()*rows, rSmall)
	r.F("ADD $%d, %s", r.blockBytes(), rCodes)
	r.F("SUBS $1, %s", rLeft)
	r.F("BNE block")
	r.F("MOVD %s, %s", rCodes, rUnit)
}

// quads emits body for all quads of a block, several at a time.
func (r *readerNEON) quads(several int, body func()) {
	codes := rCodes
	if r.blocks == 1 {
		codes = rUnit
	}
	moves := []struct {
		from, to string
		step     int
	}{{codes, rPlanes, 16}, {rUnit, rHead, r.dBytes() / 4}, {rSmall, rScales, 4}, {rOut, rQuadOut, 16}}
	for _, m := range moves {
		r.F("MOVD %s, %s", m.from, m.to)
	}
	r.F("MOVD $%d, %s", 4/several, rQuadsLeft)
	r.Label("quads")
	body()
	for _, m := range moves {
		r.F("ADD $%d, %s", several*m.step, m.to)
	}
	r.F("SUBS $1, %s", rQuadsLeft)
	r.F("BNE quads")
}

// plane addresses a quad of a plane.
func (r *readerNEON) plane(i, quad int) string {
	return fmt.Sprintf("%d(%s)", r.planeAt(i)+16*quad, rPlanes)
}

// group puts the codes or levels of group g into register c; the high plane, when it
// is a new one, into high.
func (r *readerNEON) group(g, quad, c, high int) {
	switch r.low {
	case 8:
		r.F("FMOVQ %s, F%d", r.plane(g, quad), c)
	case 4:
		r.F("FMOVQ %s, F%d", r.plane(g%4, quad), c)
		if g < 4 {
			r.and(vLow, c)
		} else {
			r.F("VUSHR $4, V%d.B16, V%d.B16", c, c)
		}
	case 2:
		r.F("FMOVQ %s, F%d", r.plane(g/4, quad), c)
		r.shiftBytes(2*(g%4), c, c)
		if g%4 < 3 {
			r.and(vLow, c)
		}
	}
	if r.high > 0 {
		r.addHigh(g, quad, c, high)
	}
	if r.level != "" {
		r.F("VTBL V%d.B16, [V%d.B16], V%d.B16", c, vTable, c)
	}
}

// addHigh adds the high bits of group g to codes.
func (r *readerNEON) addHigh(g, quad, c, high int) {
	plane, at := 0, g
	if r.high == 2 {
		plane, at = g/4, 2*(g%4)
	}
	if g%4 == 0 {
		r.F("FMOVQ %s, F%d", r.plane(r.low+plane, quad), high)
	}
	r.shiftBytes(at-r.low, high, vTemp)
	r.and(vUpper, vTemp)
	r.F("VORR V%d.B16, V%d.B16, V%d.B16", vTemp, c, c)
}

func (r *readerNEON) and(mask, v int) {
	r.F("VAND V%d.B16, V%d.B16, V%d.B16", mask, v, v)
}

// shiftBytes moves the bits of bytes right, or left where by is negative.
func (r *readerNEON) shiftBytes(by, from, to int) {
	switch {
	case by > 0:
		r.F("VUSHR $%d, V%d.B16, V%d.B16", by, from, to)
	case by < 0:
		r.F("VSHL $%d, V%d.B16, V%d.B16", -by, from, to)
	case from != to:
		r.F("VORR V%d.B16, V%d.B16, V%d.B16", from, from, to)
	}
}

// scales puts the scale of half h of the block into vScale and what is added into
// vMinimum. It uses vHigh and vTemp.
func (r *readerNEON) scales(quad, h int) {
	if r.level == "mxfp4" {
		r.halfPower(quad)
		return
	}
	r.halves(8*quad, vScale)
	if r.mins {
		r.halves(r.dBytes()+8*quad, vMinimum)
	}
	if r.blocks == 1 {
		return
	}
	at := rows*h + 4*quad
	r.F("FMOVS %d(%s), F%d", at, rScales, vTemp)
	if !r.mins {
		r.SXTL(vTemp, vTemp)
		r.times(vScale)
		return
	}
	r.FNEG(vMinimum, vMinimum)
	if r.tAt() > 0 {
		r.F("FMOVS %d(%s), F%d", at+r.tAt(), rScales, vHigh)
	} else {
		r.shiftBytes(4, vTemp, vHigh)
		r.F("VSHL $4, V%d.B16, V%d.B16", vTemp, vTemp)
		r.F("VUSHR $4, V%d.B16, V%d.B16", vTemp, vTemp)
	}
	r.UXTL(vTemp, vTemp)
	r.times(vScale)
	r.UXTL(vTemp, vHigh)
	r.times(vMinimum)
}

// halves reads 4 halves of the unit.
func (r *readerNEON) halves(at, v int) {
	r.F("FMOVD %d(%s), F%d", at, rHead, v)
	r.FCVTL(v, v)
}

// times multiplies by the integers in vTemp.
func (r *readerNEON) times(v int) {
	r.SCVTF(vTemp, vTemp)
	r.FMUL(v, v, vTemp)
}

// halfPower makes MXFP4's scale, 2^(e-128): e-1 is the exponent of a float32, but the
// two smallest are subnormal.
func (r *readerNEON) halfPower(quad int) {
	dwords := func(d, v int) {
		r.F("MOVD $%d, %s", d, rTemp)
		r.F("VDUP %s, V%d.S4", rTemp, v)
	}
	const e, small = vTemp, vHigh
	r.F("FMOVS %d(%s), F%d", 4*quad, rHead, e)
	r.UXTL(e, e)
	dwords(1, vScale)
	r.F("VSUB V%d.S4, V%d.S4, V%d.S4", vScale, e, vScale)
	r.F("VSHL $23, V%d.S4, V%d.S4", vScale, vScale)
	dwords(2, small)
	r.CMHI(small, small, e)
	dwords(0x00200000, vMinimum)
	r.USHL(vMinimum, vMinimum, e)
	r.F("VBIT V%d.B16, V%d.B16, V%d.B16", small, vMinimum, vScale)
}
