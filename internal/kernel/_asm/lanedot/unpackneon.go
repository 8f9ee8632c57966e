package main

import "weft/internal/kernel/_asm/neon"

func unpackNEON(w *neon.Writer, f form) {
	const params = "dst *byte, strip *byte, first int, blocks int"
	w.Function("unpackNEON"+f.name, "unpacks blocks (> 0) of a "+f.name+" strip, from one of its first unit on.", params, 0)
	w.LoadAll(params)
	r := readerNEON{w, f}
	r.begin(f.level + "_raised")
	const raise = 20
	if f.raise() > 0 {
		w.F("VMOVI $%d, V%d.B16", f.raise(), raise)
	}
	r.span(func() {
		r.quads(1, func() {
			for g := range 8 {
				r.group(g, 0, vCodes, vHigh)
				if f.raise() > 0 {
					w.F("VADD V%d.B16, V%d.B16, V%d.B16", raise, vCodes, vCodes)
				}
				w.F("FMOVQ F%d, %d(%s)", vCodes, 64*g, rQuadOut)
			}
			for h := range f.subs() {
				r.scales(0, h)
				w.F("FMOVQ F%d, %d(%s)", vScale, f.vector(0, h), rQuadOut)
				if f.mins {
					w.F("FMOVQ F%d, %d(%s)", vMinimum, f.vector(1, h), rQuadOut)
				}
			}
		})
		w.F("ADD $%d, %s", f.unpackedBytes(), rOut)
	})
	w.F("RET")
}

// span emits body for every block that is asked for.
func (r *readerNEON) span(body func()) {
	const rFirst, rBlocks = rUnits, rCore
	r.Label("unit")
	if r.blocks == 1 {
		body()
		r.F("ADD $%d, %s", r.bytes(), rUnit)
		r.F("SUBS $1, %s", rBlocks)
		r.F("BNE unit")
		return
	}
	for _, m := range []struct {
		to       string
		at, step int
	}{{rSmall, r.sAt(), r.subs() * rows}, {rCodes, r.codesAt(), r.blockBytes()}} {
		r.F("MOVD $%d, %s", m.step, rTemp)
		r.F("MADD %s, %s, %s, %s", rTemp, rUnit, rFirst, m.to)
		r.F("ADD $%d, %s", m.at, m.to)
	}
	r.F("MOVD $%d, %s", r.blocks, rLeft)
	r.F("SUB %s, %s", rFirst, rLeft)
	r.F("CMP %s, %s", rBlocks, rLeft)
	r.F("CSEL GT, %s, %s, %s", rBlocks, rLeft, rLeft)
	r.F("SUB %s, %s", rLeft, rBlocks)
	r.blocksOfUnit(body)
	r.F("MOVD $0, %s", rFirst)
	r.F("CBNZ %s, unit", rBlocks)
}
