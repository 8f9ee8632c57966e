package tensor

import (
	"sync"

	"weft/internal/kernel"
	"weft/internal/par"
)

// blocks are the block sizes, in numbers. They steer speed only: no bit depends on
// them, which a test shows by changing them.
var blocks = struct {
	k       int // longest k of one pass over c
	a       int // A panels that a thread keeps in its second-level cache
	shared  int // largest block of A that all threads read whole
	packedK int // like k and shared, when B comes packed
	packedA int
	b       int // B panels that all threads share in the last-level cache
	serial  int // products below this many FLOPs (20 µs) stay on the caller
}{k: 768, a: 64 << 10, shared: 256 << 10, packedK: 1024, packedA: 2048 << 10, b: 1024 << 10, serial: 2 << 20}

// packGroup is how many panels are packed together where they lie side by side in
// memory: it makes the pieces that are read longer.
const packGroup = 4

// product is one running multiplication c = a·b, or one that rests in the pool
// with its buffers. c is row-major.
//
// It goes one of two ways. By columns (few rows): a is packed whole and shared,
// and each task takes some columns of c, packing their panel of b just before use.
// By rows: panels of b are packed and shared, and each task takes some rows of c,
// packing its own panels of a.
type product struct {
	c, a, b Mat
	add     bool
	kc      int // k of one pass

	k0, k1   int // the pass
	j0, j1   int // byRows: the block of columns, as panels
	perTask  int // panels per task
	leftover int // byRows: the first leftover tasks take one panel more

	aPanels, bPanels []float32 // shared

	// The methods below as values, made once: a fresh closure would be an
	// allocation per product.
	packATask, columnsTask, rowsTask func(worker, i int)
	packBTask                        func(lo, hi int)
}

var products = sync.Pool{New: func() any {
	m := new(product)
	m.packATask, m.packBTask, m.columnsTask, m.rowsTask = m.packA, m.packB, m.columns, m.rows
	return m
}}

// multiply computes c = a·b (+ c).
func multiply(p *par.Pool, c, a, b Mat, add bool) {
	rows, cols, k := c.Rows, c.Cols, a.Cols
	switch {
	case rows == 0 || cols == 0:
		return
	case k == 0:
		if !add {
			zero(c)
		}
		return
	}
	if 2*float64(rows)*float64(cols)*float64(k) < float64(blocks.serial) {
		p = nil
	}
	m := products.Get().(*product)
	m.c, m.a, m.b, m.add = c, a, b, add
	m.kc = split(k, blocks.k, 16)
	if rows <= kernel.TileRows {
		m.kc = split(k, 2*blocks.k, 16)
	}
	if rows*m.kc <= blocks.shared && (p.Threads() == 1 || panels(cols, kernel.TileCols) >= 2*p.Threads() || cols >= rows) {
		m.byColumns(p)
	} else {
		m.byRows(p)
	}
	m.c, m.a, m.b = Mat{}, Mat{}, Mat{}
	products.Put(m)
}

// panels is how many panels of that width cover n.
func panels(n, width int) int { return (n + width - 1) / width }

// split cuts n into the fewest equal parts of at most most and returns their
// size, rounded up to a multiple of grain.
func split(n, most, grain int) int {
	return panels(panels(n, panels(n, most)), grain) * grain
}

// byColumns shares a, one pass at a time, and lets tasks own columns of c.
func (m *product) byColumns(p *par.Pool) {
	n := panels(m.c.Cols, kernel.TileCols)
	m.perTask = max(1, n/(8*p.Threads()))
	if n >= 2*packGroup*p.Threads() {
		m.perTask = panels(m.perTask, packGroup) * packGroup
	}
	for m.k0 = 0; m.k0 < m.a.Cols; m.k0 = m.k1 {
		m.k1 = min(m.k0+m.kc, m.a.Cols)
		m.shareA(p)
		p.Run(panels(n, m.perTask), m.columnsTask)
	}
}

// shareA packs the current pass of a. One contiguous row is its own panel.
func (m *product) shareA(p *par.Pool) {
	rows, kc := m.a.Rows, m.k1-m.k0
	if rows == 1 && m.a.CS == 1 {
		return
	}
	m.aPanels = grown(m.aPanels, rows*kc)
	if rows*kc < 32<<10 {
		p = nil // done before the others have heard of it
	}
	p.Run(panels(rows, packGroup*kernel.TileRows), m.packATask)
}

// packA packs a group of panels of a.
func (m *product) packA(_, i int) {
	const step = packGroup * kernel.TileRows
	r0 := i * step
	packRows(m.aPanels[r0*(m.k1-m.k0):], m.a, r0, min(r0+step, m.a.Rows), m.k0, m.k1)
}

// panelA is the panel of rows [r0,r1).
func (m *product) panelA(r0, r1 int) []float32 {
	if m.a.Rows == 1 && m.a.CS == 1 {
		return m.a.Data[m.k0:m.k1]
	}
	return m.aPanels[r0*(m.k1-m.k0) : r1*(m.k1-m.k0)]
}

// columns computes the columns of one task. Panels that lie side by side in
// memory are packed a group at a time.
func (m *product) columns(_, i int) {
	n := panels(m.c.Cols, kernel.TileCols)
	first, last := i*m.perTask, min((i+1)*m.perTask, n)
	group := 1
	if m.b.CS == 1 {
		group = packGroup
	}
	size := (m.k1 - m.k0) * kernel.TileCols
	s := getScratch(group * size)
	defer putScratch(s)
	for lo := first; lo < last; lo += group {
		hi := min(lo+group, last)
		packColumns(s.data, m.b, lo, hi, m.k0, m.k1)
		for j := lo; j < hi; j++ {
			m.column(s.data[(j-lo)*size:(j-lo+1)*size], j)
		}
	}
}

// column adds the pass to all rows of one panel of columns.
func (m *product) column(b []float32, j int) {
	for r0 := 0; r0 < m.a.Rows; r0 += kernel.TileRows {
		r1 := min(r0+kernel.TileRows, m.a.Rows)
		m.tile(m.panelA(r0, r1), b, r0, r1, j)
	}
}

// tile adds the pass to rows [r0,r1) of panel j. The first pass starts from zero
// unless the product adds to c; later ones continue the chains.
func (m *product) tile(a, b []float32, r0, r1, j int) {
	j0 := j * kernel.TileCols
	kernel.Tile(m.c.Data[r0*m.c.RS+j0:], m.c.RS, a, b, r1-r0, min(kernel.TileCols, m.c.Cols-j0), m.k1-m.k0, m.add || m.k0 > 0)
}

// byRows goes through blocks of b that fit the shared cache and lets tasks own
// rows of c.
func (m *product) byRows(p *par.Pool) {
	n := panels(m.c.Cols, kernel.TileCols)
	step := split(n, max(1, blocks.b/(m.kc*kernel.TileCols)), 1)
	tasks := m.planRows(p.Threads())
	for m.j0 = 0; m.j0 < n; m.j0 = m.j1 {
		m.j1 = min(m.j0+step, n)
		for m.k0 = 0; m.k0 < m.a.Cols; m.k0 = m.k1 {
			m.k1 = min(m.k0+m.kc, m.a.Cols)
			m.shareB(p)
			p.Run(tasks, m.rowsTask)
		}
	}
}

// planRows deals the panels of rows to tasks: each small enough for its block of a
// to stay in cache, and their number a multiple of the threads, so that all
// finish together.
func (m *product) planRows(threads int) (tasks int) {
	n := panels(m.a.Rows, kernel.TileRows)
	most := max(1, blocks.a/(m.kc*kernel.TileRows))
	tasks = max(panels(n, most), min(4*threads, panels(n, 4)))
	tasks = min(n, panels(tasks, threads)*threads)
	m.perTask, m.leftover = n/tasks, n%tasks
	return tasks
}

// shareB packs the current block of b.
func (m *product) shareB(p *par.Pool) {
	m.bPanels = grown(m.bPanels, (m.j1-m.j0)*kernel.TileCols*(m.k1-m.k0))
	p.Range(m.j1-m.j0, packGroup, m.packBTask)
}

func (m *product) packB(lo, hi int) {
	packColumns(m.bPanels[lo*kernel.TileCols*(m.k1-m.k0):], m.b, m.j0+lo, m.j0+hi, m.k0, m.k1)
}

// rows computes the rows of one task over the current block of b.
func (m *product) rows(_, i int) {
	first := i*m.perTask + min(i, m.leftover)
	last := first + m.perTask
	if i < m.leftover {
		last++
	}
	r0, r1 := first*kernel.TileRows, min(last*kernel.TileRows, m.a.Rows)
	kc := m.k1 - m.k0
	s := getScratch((r1 - r0) * kc)
	defer putScratch(s)
	packRows(s.data, m.a, r0, r1, m.k0, m.k1)
	for j := m.j0; j < m.j1; j++ {
		b := m.sharedB(j)
		for r := r0; r < r1; r += kernel.TileRows {
			end := min(r+kernel.TileRows, r1)
			m.tile(s.data[(r-r0)*kc:(end-r0)*kc], b, r, end, j)
		}
	}
}

// sharedB is panel j of the current block of b.
func (m *product) sharedB(j int) []float32 {
	size := (m.k1 - m.k0) * kernel.TileCols
	return m.bPanels[(j-m.j0)*size : (j-m.j0+1)*size]
}
