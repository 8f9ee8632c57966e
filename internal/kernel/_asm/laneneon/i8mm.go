package main

import "fmt"

// mostPairs is how many pairs of columns a tile by USMMLA has at most.
const mostPairs = 3

// matrix is a tile of 8 rows and some pairs of columns, whose products are by USMMLA: it
// multiplies 2 rows of 8 bytes by 2 columns of 8 codes. Sums, outputs and all that they meet
// are such blocks of 2×2: row 0's two columns, then row 1's.
type matrix struct {
	*writer
	kind
	pairs int
}

// The registers: 4 blocks of outputs for every pair of columns, as many of sums, 4 of
// weights or what rows have, and 4 more.
func (m matrix) output(pair, i int) int { return 4*pair + i }
func (m matrix) sum(pair, i int) int    { return 4*(mostPairs+pair) + i }

const (
	vRows  = 8 * mostPairs
	vSpare = vRows + 4
)

// tilesI8MM generates tiles of 8 rows and 1 to 6 columns.
func (w *writer) tilesI8MM(k kind) {
	m := matrix{writer: w, kind: k}
	beside := ""
	if k.Mins || k.Subs == 2 {
		beside = "beside *int32, "
	}
	params := "c *float32, ldc int, w *byte, core *int32, " + beside + "blocks int, stride int, cols int, add bool"
	frame := 0 // the first parts' sums, with their scale, where there are two
	if k.Subs == 2 {
		frame = 16 * 4 * mostPairs
	}
	w.Function("tileI8MM"+k.Name, fmt.Sprintf("is Kind.Tile of 8 rows and 1 to %d columns of a panel of stride columns over blocks (> 0) blocks. It needs FEAT_I8MM.", 2*mostPairs), params, frame)
	w.Load(params, "c "+rC, "ldc "+rLdc, "w "+rW, "core "+rCore, "blocks "+rBlocks, "stride "+rStride)
	if beside != "" {
		w.Load(params, "beside "+rBeside)
	}
	w.F("LSL $2, %s", rLdc)
	w.F("LSL $2, %s", rStride)
	w.Load(params, "cols R10")
	for n := 2 * mostPairs; n > 1; n-- {
		w.F("CMP $%d, R10", n)
		w.F("BEQ columns%d", n)
	}
	for n := 1; n <= 2*mostPairs; n++ {
		w.Label(fmt.Sprint("columns", n))
		m.emit(params, n)
	}
}

func (m matrix) emit(params string, cols int) {
	m.pairs = (cols + 1) / 2
	for v := range 4 * m.pairs {
		m.zero(v)
	}
	block := fmt.Sprint("block", cols)
	m.LoadByte(params, "add", "R10")
	m.F("CBZ R10, %s", block)
	m.outputs(cols, true)
	m.Label(block)
	m.F("ADD %s<<3, %s, %s", rStride, rCore, rScales)
	m.F("MOVD %s, %s", rCore, rAt)
	for h := range m.Subs {
		m.start(h, cols)
		for g := h * groups / m.Subs; g < (h+1)*groups/m.Subs; g += 2 {
			m.products(g)
		}
		m.scale(h, cols)
	}
	m.F("ADD %s<<1, %s, %s", rStride, rScales, rCore)
	m.F("ADD $%d, %s", m.BlockBytes(), rW)
	switch {
	case m.Subs == 2:
		m.F("ADD %s<<2, %s", rStride, rBeside)
	case m.Mins:
		m.F("ADD %s, %s", rStride, rBeside)
	}
	m.F("SUB $1, %s", rBlocks)
	m.F("CBNZ %s, %s", rBlocks, block)
	m.outputs(cols, false)
	m.F("RET")
}

func (m matrix) zero(v int) { m.F("VEOR V%d.B16, V%d.B16, V%d.B16", v, v, v) }

// outputs loads c as blocks, or stores them.
func (m matrix) outputs(cols int, load bool) {
	m.F("MOVD %s, %s", rC, rAt)
	for pair := range m.pairs {
		alone := 2*pair+1 == cols
		m.F("ADD %s, %s, R11", rLdc, rAt)
		for q := range 2 {
			lo, hi := m.output(pair, 2*q), m.output(pair, 2*q+1)
			if load {
				m.F("FMOVQ %d(%s), F%d", 16*q, rAt, vSpare)
				if alone {
					m.zero(vSpare + 1)
				} else {
					m.F("FMOVQ %d(R11), F%d", 16*q, vSpare+1)
				}
				m.zip(lo, hi, vSpare, vSpare+1)
				continue
			}
			m.F("VUZP1 V%d.S4, V%d.S4, V%d.S4", hi, lo, vSpare)
			m.F("FMOVQ F%d, %d(%s)", vSpare, 16*q, rAt)
			if !alone {
				m.F("VUZP2 V%d.S4, V%d.S4, V%d.S4", hi, lo, vSpare)
				m.F("FMOVQ F%d, %d(R11)", vSpare, 16*q)
			}
		}
		m.F("ADD %s<<1, %s", rLdc, rAt)
	}
}

// zip interleaves the dwords of a and b.
func (m matrix) zip(lo, hi, a, b int) {
	m.F("VZIP1 V%d.S4, V%d.S4, V%d.S4", b, a, lo)
	m.F("VZIP2 V%d.S4, V%d.S4, V%d.S4", b, a, hi)
}

// pair loads a pair of columns' numbers, twice.
func (m matrix) pair(pair, cols int, from string, v int) {
	if 2*pair+1 == cols { // there may be nothing behind it
		m.F("FMOVS %d(%s), F%d", 8*pair, from, v)
	} else {
		m.F("FMOVD %d(%s), F%d", 8*pair, from, v)
	}
	m.F("VDUP V%d.D[0], V%d.D2", v, v)
}

// start is what the sums of part h start from: 0, or where bytes are 128 more than values
// -128 times the sum of the other side's codes.
func (m matrix) start(h, cols int) {
	sums := rBeside
	switch {
	case m.Mins:
	case m.Subs == 1:
		sums = rSums
		m.F("ADD %s, %s, %s", rStride, rScales, sums)
	case h == 1:
		sums = rSums
		m.F("ADD %s, %s, %s", rStride, rBeside, sums)
	}
	for pair := range m.pairs {
		if m.Mins {
			m.zero(m.sum(pair, 0))
		} else {
			m.pair(pair, cols, sums, m.sum(pair, 0))
		}
		for i := 1; i < 4; i++ {
			v := m.sum(pair, 0)
			m.F("VORR V%d.B16, V%d.B16, V%d.B16", v, v, m.sum(pair, i))
		}
	}
}

// products adds those of planes g and g+1.
func (m matrix) products(g int) {
	for q := range 2 {
		for i := range 2 {
			m.F("FMOVQ %d(%s), F%d", (g+i)*plane+16*q, rW, vSpare+i)
		}
		m.zip(vRows+2*q, vRows+2*q+1, vSpare, vSpare+1)
	}
	m.F("ADD %s, %s, R11", rStride, rAt)
	for pair := 0; pair < m.pairs; pair += 2 {
		load := "FMOVQ" // codes of columns that are not there, too: they are in the panel
		if pair+1 == m.pairs {
			load = "FMOVD" // which may be the last
		}
		m.F("%s %d(%s), F%d", load, 8*pair, rAt, vSpare)
		m.F("%s %d(R11), F%d", load, 8*pair, vSpare+1)
		m.F("VZIP1 V%d.S4, V%d.S4, V%d.S4", vSpare+1, vSpare, vSpare+2)
		if pair+1 < m.pairs {
			m.F("VZIP2 V%d.S4, V%d.S4, V%d.S4", vSpare+1, vSpare, vSpare+3)
		}
		for p := pair; p < min(pair+2, m.pairs); p++ {
			for i := range 4 {
				m.USMMLA(m.sum(p, i), vRows+i, vSpare+2+p-pair)
			}
		}
	}
	m.F("ADD %s, R11, %s", rStride, rAt)
}

// scale adds the sums of part h to the outputs.
func (m matrix) scale(h, cols int) {
	m.rows(m.Vector(h))
	for pair := range m.pairs {
		m.pair(pair, cols, rScales, vSpare)
		for i := range 4 {
			sum, t := m.sum(pair, i), vSpare+1+i%2
			half := fmt.Sprintf("%d(RSP)", 16*(1+4*pair+i))
			m.SCVTF(sum, sum)
			switch {
			case m.Subs == 1:
				m.FMUL(t, vRows+i, vSpare)
				m.FMLA(m.output(pair, i), sum, t)
			case h == 0:
				m.FMUL(t, vRows+i, sum)
				m.F("FMOVQ F%d, %s", t, half)
			default:
				m.F("FMOVQ %s, F%d", half, t)
				m.FMLA(t, sum, vRows+i)
				m.FMLA(m.output(pair, i), t, vSpare)
			}
		}
	}
	if !m.Mins {
		return
	}
	sums := rBeside
	if m.Subs == 2 { // after 2 of integers
		sums = rSums
		m.F("ADD %s<<1, %s, %s", rStride, rBeside, sums)
		if h == 1 {
			m.F("ADD %s, %s", rStride, sums)
		}
	}
	m.rows(m.Vector(m.Subs + h))
	for pair := range m.pairs {
		m.pair(pair, cols, sums, vSpare)
		for i := range 4 {
			m.FMLA(m.output(pair, i), vRows+i, vSpare)
		}
	}
}

// rows loads what 8 rows have, each number twice.
func (m matrix) rows(at int) {
	for q := range 2 {
		m.F("FMOVQ %d(%s), F%d", at+16*q, rW, vSpare)
		m.zip(vRows+2*q, vRows+2*q+1, vSpare, vSpare)
	}
}
