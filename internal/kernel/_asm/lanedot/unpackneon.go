package main

import "weft/internal/kernel/_asm/neon"

func unpackNEON(w *neon.Writer, f form) {
	const params = "dst *byte, strip *byte, units int"
	w.Function("unpackNEON"+f.name, "unpacks units (> 0) of a "+f.name+" strip.", params)
	w.LoadAll(params)
	r := readerNEON{w, f}
	r.begin(f.level + "_raised")
	const raise = 20
	if f.raise() > 0 {
		w.F("VMOVI $%d, V%d.B16", f.raise(), raise)
	}
	r.loop(func() {
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
