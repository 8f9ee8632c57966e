package main

import (
	"fmt"

	"weft/internal/kernel/_asm/neon"
)

// dotNEON generates the product of a strip and a panel of that many columns: by
// SDOT, or by long multiplications where the processor has no dot products. c has 16
// rows of every column, which the products are added to.
func dotNEON(w *neon.Writer, f form, cols int, sdot bool) {
	d := &dotterNEON{readerNEON: readerNEON{w, f}, cols: cols, sdot: sdot}
	name := fmt.Sprintf("dotNEON%sx%d", f.name, cols)
	if sdot {
		name = fmt.Sprintf("dotSDOT%sx%d", f.name, cols)
	}
	const params = "c *float32, strip *byte, units int, core *int32, aux *int32"
	w.Function(name, fmt.Sprintf("adds products of units (> 0) of a %s strip and %d columns to c.", f.name, cols), params, 0)
	w.LoadAll(params)
	d.begin(f.level)
	d.loop(d.block)
	w.F("RET")
}

// dotterNEON has sums of products in V0 to V7, a column's quads one after the other;
// without SDOT the sums of a quad are words and dwords in V0 to V15. V20 to V23 have 4
// groups of activations. Outputs stay in memory. V8 and up, or V16 without SDOT, have the
// sums of first halves with their scale.
type dotterNEON struct {
	readerNEON
	cols int
	sdot bool
}

const vActivations = 20

// several is how many quads are computed at a time.
func (d *dotterNEON) several() int {
	if d.sdot {
		return 2
	}
	return 1
}

// sum is the register of a sum of products.
func (d *dotterNEON) sum(n, q int) int { return n*d.several() + q }

// half is the register of a first half's sum.
func (d *dotterNEON) half(n, q int) int { return 24 - 8*d.several() + d.sum(n, q) }

// Numbers of the panel: number i of column n in this block's part of core and of aux.
func (d *dotterNEON) coreAt(i, n int) string { return fmt.Sprintf("%d(%s)", 4*(i*d.cols+n), rCore) }
func (d *dotterNEON) auxAt(i, n int) string  { return fmt.Sprintf("%d(%s)", 4*(i*d.cols+n), rAux) }

func (d *dotterNEON) zeroSum(h, n int) string {
	if d.sub == 32 {
		return d.coreAt(9, n)
	}
	return d.auxAt(h, n)
}

func (d *dotterNEON) minSum(h, n int) string {
	if d.sub == 32 {
		return d.auxAt(0, n)
	}
	return d.auxAt(2+h, n)
}

// block emits one block of 32.
func (d *dotterNEON) block() {
	d.quads(d.several(), func() {
		for h := range d.subs() {
			if d.sdot {
				d.dots(h)
			} else {
				d.products(h)
			}
			for q := range d.several() {
				d.scales(q, h)
				for n := range d.cols {
					d.accumulate(n, q, h)
				}
			}
		}
	})
	d.F("ADD $%d, %s", 10*4*d.cols, rCore)
	if bytes := d.auxDwords() * 4 * d.cols; bytes > 0 {
		d.F("ADD $%d, %s", bytes, rAux)
	}
}

// accumulate adds a sum of products, and the minimum, to an output.
func (d *dotterNEON) accumulate(n, q, h int) {
	const number, acc = vHigh, vActivations
	sum, out := d.sum(n, q), fmt.Sprintf("%d(%s)", 64*n+16*q, rQuadOut)
	d.SCVTF(sum, sum)
	if d.subs() == 2 && h == 0 {
		d.FMUL(d.half(n, q), sum, vScale)
		if !d.mins {
			return
		}
	}
	d.F("FMOVQ %s, F%d", out, acc)
	switch {
	case d.subs() == 1:
		d.F("FMOVS %s, F%d", d.coreAt(8, n), number)
		d.FMULElement(vTemp, vScale, number, 0)
		d.FMLA(acc, sum, vTemp)
	case h == 1:
		d.F("FMOVS %s, F%d", d.coreAt(8, n), number)
		d.FMLA(d.half(n, q), sum, vScale)
		d.FMLAElement(acc, d.half(n, q), number, 0)
	}
	if d.mins {
		d.F("FMOVS %s, F%d", d.minSum(h, n), number)
		d.FMLAElement(acc, vMinimum, number, 0)
	}
	d.F("FMOVQ F%d, %s", acc, out)
}

// zero puts what makes codes of numbers into v: 0, or -zero·Σq.
func (d *dotterNEON) zero(h, n, v int) {
	if d.mins || d.signed() {
		d.F("VEOR V%d.B16, V%d.B16, V%d.B16", v, v, v)
		return
	}
	d.F("FMOVS %s, F%d", d.zeroSum(h, n), v)
	d.SSHR(v, v, d.shift())
	d.F("VDUP V%d.S[0], V%d.S4", v, v)
}

// activations reads 4 groups of all columns.
func (d *dotterNEON) activations(g int) {
	for i := range d.cols {
		d.F("FMOVQ %d(%s), F%d", 4*g*d.cols+16*i, rCore, vActivations+i)
	}
}

// activation is where column n's part of group g is: a register and its dword.
func (d *dotterNEON) activation(g, n int) (v, i int) {
	at := g%4*d.cols + n
	return vActivations + at/4, at % 4
}

// dots computes the sums of two quads.
func (d *dotterNEON) dots(h int) {
	for n := range d.cols {
		for q := range 2 {
			if q == 0 {
				d.zero(h, n, d.sum(n, 0))
			} else {
				d.F("VORR V%d.B16, V%d.B16, V%d.B16", d.sum(n, 0), d.sum(n, 0), d.sum(n, 1))
			}
		}
	}
	per := 8 / d.subs()
	for g := h * per; g < (h+1)*per; g++ {
		if g%4 == 0 {
			d.activations(g)
		}
		for q := range 2 {
			d.codes(g, q, vCodes+q, vHigh+q)
			for n := range d.cols {
				v, i := d.activation(g, n)
				d.SDOT(d.sum(n, q), vCodes+q, v, i)
			}
		}
	}
}

// codes is group with signed numbers.
func (d *dotterNEON) codes(g, quad, c, high int) {
	d.group(g, quad, c, high)
	if d.low == 8 {
		d.F("VEOR V%d.B16, V%d.B16, V%d.B16", vLow, c, c)
	}
}

// products computes the sums of one quad: words, and when these are full dwords, of
// the even and odd rows' bytes.
func (d *dotterNEON) products(h int) {
	const activation = vTemp
	words, dwords := func(n, i int) int { return 2*n + i }, func(n, i int) int { return 8 + 2*n + i }
	per := 8 / d.subs()
	together := min(per, 2*d.together())
	for i := range per {
		g := h*per + i
		if g%4 == 0 {
			d.activations(g)
		}
		d.codes(g, 0, vCodes, vHigh)
		for n := range d.cols {
			v, at := d.activation(g, n)
			d.F("VDUP V%d.S[%d], V%d.S4", v, at, activation)
			for half := range 2 {
				if i%together == 0 {
					d.SMULL(half == 1, words(n, half), vCodes, activation)
				} else {
					d.SMLAL(half == 1, words(n, half), vCodes, activation)
				}
				switch {
				case (i+1)%together > 0:
				case i < together:
					d.SADDLP(dwords(n, half), words(n, half))
				default:
					d.SADALP(dwords(n, half), words(n, half))
				}
			}
		}
	}
	for n := range d.cols {
		d.ADDP(dwords(n, 0), dwords(n, 0), dwords(n, 1))
		d.zero(h, n, vTemp)
		d.F("VADD V%d.S4, V%d.S4, V%d.S4", vTemp, dwords(n, 0), d.sum(n, 0))
	}
}
