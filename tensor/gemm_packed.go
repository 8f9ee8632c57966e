package tensor

import (
	"sync"

	"weft/internal/kernel"
	"weft/internal/par"
)

// GemmPacked is Gemm with a packed b, faster when b is used often or a has few rows.
// c must be row-major.
//
// The bits are those of Gemm on the same numbers, unless b is BF16 and was not packed
// as exact. Then the numbers of a are rounded to BF16 first, half to even, and each
// element is one chain over ascending pairs of k, in which the higher k of a pair comes
// first; numbers below the normal range count as zero. This is what the CPU's
// instruction for it computes, and the bits are the same without one. Here as there they
// depend on nothing but a row of a and a column of b.
func GemmPacked(p *par.Pool, c, a Mat, b *Packed, add bool) {
	checkShapes(c, a, b.K, b.N)
	if c.CS != 1 {
		panic("tensor: GemmPacked into a transposed matrix")
	}
	switch {
	case c.Rows == 0 || c.Cols == 0:
		return
	case b.K == 0:
		if !add {
			zero(c)
		}
		return
	}
	if 2*float64(c.Rows)*float64(c.Cols)*float64(b.K) < float64(blocks.serial) {
		p = nil
	}
	m := packedProducts.Get().(*packedProduct)
	m.c, m.a, m.b, m.add = c, a, b, add
	m.run(p)
	m.c, m.a, m.b, m.row = Mat{}, Mat{}, nil, nil
	packedProducts.Put(m)
}

// packedProduct is one running product with a packed matrix, or one that rests in
// the pool with its buffers.
//
// It goes through blocks of rows of c. Those of a are packed and shared, over all of
// k; then each task takes panels of b and goes through them once, part by part, each
// part against all rows: b comes from memory once per block, a from the caches.
type packedProduct struct {
	c, a Mat
	b    *Packed
	add  bool

	r0, r1   int // the block of rows
	kc       int // steps of one part
	perTask  int // panels per task
	rowParts int // parts that the rows of a block are cut into, when there are few panels

	aPanels []float32
	row     []float32 // the panel of a single row that needs no packing

	// Methods as values, made once: a fresh closure would be an allocation.
	packTask, panelsTask func(worker, i int)
}

var packedProducts = sync.Pool{New: func() any {
	m := new(packedProduct)
	m.packTask, m.panelsTask = m.packA, m.panels
	return m
}}

func (m *packedProduct) run(p *par.Pool) {
	rows, steps := m.c.Rows, m.b.steps()
	block := split(rows, max(1, blocks.packedA/steps), kernel.TileRows)
	m.kc = split(steps, blocks.packedK, 16)
	if rows <= kernel.TileRows && !m.widens(rows) { // no part is used twice
		m.kc = split(steps, min(4*blocks.packedK, kernel.TileK), 16)
	}
	m.plan(p.Threads(), min(rows, block))
	for m.r0 = 0; m.r0 < rows; m.r0 = m.r1 {
		m.r1 = min(m.r0+block, rows)
		m.shareA(p)
		p.Run(panels(m.b.panels(), m.perTask)*m.rowParts, m.panelsTask)
	}
}

// plan cuts the work into tasks: of several panels if there are many, of parts of
// the rows if there are few.
func (m *packedProduct) plan(threads, rows int) {
	n := m.b.panels()
	m.perTask = max(1, n/(8*threads))
	m.rowParts = max(1, min(panels(4*threads, n), panels(rows, 4*kernel.TileRows)))
	if threads == 1 {
		m.rowParts = 1
	}
}

// shareA packs the block of a. One contiguous row is its own panel.
func (m *packedProduct) shareA(p *par.Pool) {
	rows, steps := m.r1-m.r0, m.b.steps()
	if m.row = nil; m.a.Rows == 1 && m.a.CS == 1 && !m.b.pairs {
		m.row = m.a.Data[:steps]
		return
	}
	m.aPanels = grown(m.aPanels, rows*steps)
	if rows*m.b.K < 32<<10 {
		p = nil // done before the others have heard of it
	}
	p.Run(panels(rows, kernel.TileRows), m.packTask)
}

// packA packs panel i of the block.
func (m *packedProduct) packA(_, i int) {
	r0 := m.r0 + i*kernel.TileRows
	r1 := min(r0+kernel.TileRows, m.r1)
	panel := m.panelA(r0, r1)
	if !m.b.pairs {
		packRows(panel, m.a, r0, r1, 0, m.b.K)
		return
	}
	if r1-r0 == 1 {
		m.round(panel, r0)
		return
	}
	steps := m.b.steps()
	stride := steps + 16 // a power of two would put all rows into the same cache sets
	s := getScratch((r1 - r0) * stride)
	defer putScratch(s)
	for r := r0; r < r1; r++ {
		m.round(s.data[(r-r0)*stride:][:steps], r)
	}
	kernel.PackA(panel, s.data, stride, 1, r1-r0, steps)
}

// round writes row r of a as words of two bfloat16.
func (m *packedProduct) round(dst []float32, r int) {
	if m.a.CS == 1 {
		kernel.RoundBF16(dst, m.a.Row(r))
		return
	}
	s := getScratch(m.b.K)
	defer putScratch(s)
	row := s.data[:m.b.K]
	for k := range row {
		row[k] = m.a.At(r, k)
	}
	kernel.RoundBF16(dst, row)
}

// panelA is the panel of rows [r0,r1) over all of k.
func (m *packedProduct) panelA(r0, r1 int) []float32 {
	if m.row != nil {
		return m.row
	}
	return m.aPanels[(r0-m.r0)*m.b.steps() : (r1-m.r0)*m.b.steps()]
}

// panels computes the panels of one task, or of one part of their rows.
func (m *packedProduct) panels(_, i int) {
	group, part := i/m.rowParts, i%m.rowParts
	n := panels(m.r1-m.r0, kernel.TileRows)
	r0 := m.r0 + n*part/m.rowParts*kernel.TileRows
	r1 := min(m.r0+n*(part+1)/m.rowParts*kernel.TileRows, m.r1)
	for j := group * m.perTask; j < min((group+1)*m.perTask, m.b.panels()); j++ {
		m.panel(j, r0, r1)
	}
}

// fusedRows is up to how many rows 16-bit numbers are widened in every tile rather than
// once for all of them.
const fusedRows = 6

func (m *packedProduct) widens(rows int) bool {
	return m.b.dtype != F32 && !m.b.pairs && rows > fusedRows
}

// panel computes rows [r0,r1) of panel j.
func (m *packedProduct) panel(j, r0, r1 int) {
	steps, widen := m.b.steps(), m.widens(r1-r0)
	var wide []float32
	if widen {
		s := getScratch(min(m.kc, steps) * kernel.TileCols)
		defer putScratch(s)
		wide = s.data
	}
	for k0 := 0; k0 < steps; k0 += m.kc {
		k1 := min(k0+m.kc, steps)
		b := m.b.panel(j, k0, k1)
		if widen {
			b = m.widen(wide[:2*len(b)], b)
		}
		for r := r0; r < r1; r += kernel.TileRows {
			m.tile(b, j, r, min(r+kernel.TileRows, r1), k0, k1)
		}
	}
}

func (m *packedProduct) widen(dst, b []float32) []float32 {
	if m.b.dtype == F16 {
		kernel.WidenF16(dst, b)
	} else {
		kernel.WidenBF16(dst, b)
	}
	return dst
}

// tile adds steps [k0,k1) to rows [r0,r1) of panel j, which b is that part of. The
// first part starts from zero unless the product adds to c; later ones continue the
// chains.
func (m *packedProduct) tile(b []float32, j, r0, r1, k0, k1 int) {
	rows, j0 := r1-r0, j*kernel.TileCols
	a := m.panelA(r0, r1)[k0*rows : k1*rows]
	c, cols, add := m.c.Data[r0*m.c.RS+j0:], min(kernel.TileCols, m.c.Cols-j0), m.add || k0 > 0
	switch wide := len(b) == (k1-k0)*kernel.TileCols; {
	case m.b.pairs:
		kernel.TileBF16(c, m.c.RS, a, b, rows, cols, k1-k0, add)
	case wide:
		kernel.Tile(c, m.c.RS, a, b, rows, cols, k1-k0, add)
	case m.b.dtype == F16:
		kernel.TileF16(c, m.c.RS, a, b, rows, cols, k1-k0, add)
	default:
		kernel.TileWide16(c, m.c.RS, a, b, rows, cols, k1-k0, add)
	}
}
