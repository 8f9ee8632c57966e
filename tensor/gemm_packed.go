package tensor

import (
	"sync"

	"weft/internal/kernel"
	"weft/internal/par"
)

// PackedProduct is one of several products: C = A·B, or C += A·B when Add is set. C is
// row-major.
type PackedProduct struct {
	A, C Mat
	B    *Packed
	Add  bool
}

// GemmPacked is Gemm with packed matrices, faster when they are used often or A has
// few rows. Neighbours in the list that have the same A run together, and what is to be
// done to A is done once for them.
//
// The bits are those of Gemm on the same numbers, unless B is BF16 and was not packed
// as exact. Then the numbers of A are rounded to BF16 first, half to even, and each
// element is one chain over ascending pairs of k, in which the higher k of a pair comes
// first; numbers below the normal range count as zero. This is what the CPU's
// instruction for it computes, and the bits are the same without one. Here as there they
// depend on nothing but a row of A and a column of B.
//
// It panics when the shapes do not fit.
func GemmPacked(p *par.Pool, list ...PackedProduct) {
	for _, l := range list {
		checkShapes(l.C, l.A, l.B.K, l.B.N)
		if l.C.CS != 1 {
			panic("tensor: GemmPacked into a transposed matrix")
		}
	}
	m := packedProducts.Get().(*packedProduct)
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].B.pairs == list[0].B.pairs && sameMat(list[n].A, list[0].A) {
			n++
		}
		if m.a = list[0].A; m.a.Rows > 0 {
			m.run(p, list[:n])
		}
		list = list[n:]
	}
	m.a, m.row = Mat{}, nil
	packedProducts.Put(m)
}

// packedProduct is a running list of products of one A with matrices of one arrangement,
// or one that rests in the pool with its buffers.
//
// It goes through blocks of rows. Those of a are packed and shared, over all of k; then
// each task takes panels of B and goes through them once, part by part, each part
// against all rows: B comes from memory once per block, a from the caches.
type packedProduct struct {
	a     Mat
	list  []PackedProduct
	steps int // of a panel

	r0, r1   int // the block of rows
	panels   int // of all products
	perTask  int // panels of a large task
	large    int // how many tasks are large; the others are single panels
	rowParts int // parts that the rows of a block are cut into, when there are few panels

	aPanels []float32
	row     []float32 // the panel of a single row that needs no packing

	// Methods as values, made once: a fresh closure would be an allocation.
	packTask, panelsTask func(worker, i int)
}

var packedProducts = sync.Pool{New: func() any {
	m := new(packedProduct)
	m.packTask, m.panelsTask = m.packA, m.task
	return m
}}

func (m *packedProduct) run(p *par.Pool, list []PackedProduct) {
	m.list, m.panels, m.steps = append(m.list[:0], list...), 0, list[0].B.steps()
	defer clear(m.list)
	cols := 0
	for _, l := range list {
		m.panels += l.B.panels()
		cols += l.C.Cols
		if l.B.K == 0 && !l.Add {
			zero(l.C)
		}
	}
	if m.panels == 0 {
		return
	}
	rows := m.a.Rows
	if 2*float64(rows)*float64(cols)*float64(m.a.Cols) < float64(blocks.serial) {
		p = nil
	}
	block := min(rows, split(rows, max(1, blocks.packedA/m.steps), kernel.TileRows))
	m.plan(p.Threads(), block)
	for m.r0 = 0; m.r0 < rows; m.r0 = m.r1 {
		m.r1 = min(m.r0+block, rows)
		m.shareA(p)
		p.Run((m.large+m.panels-m.large*m.perTask)*m.rowParts, m.panelsTask)
	}
}

// plan cuts the work into tasks: of several panels, which memory likes, until three
// quarters are done, then of one, so that the threads finish together; and of parts of
// the rows when there are few panels.
func (m *packedProduct) plan(threads, rows int) {
	m.perTask, m.rowParts = max(1, m.panels/(8*threads)), 1
	m.large = 3 * m.panels / 4 / m.perTask
	if threads > 1 {
		m.rowParts = max(1, min(panels(4*threads, m.panels), panels(rows, 4*kernel.TileRows)))
	}
}

// shareA packs the block of a. One contiguous row is its own panel.
func (m *packedProduct) shareA(p *par.Pool) {
	rows, pairs := m.r1-m.r0, m.list[0].B.pairs
	if m.row = nil; m.a.Rows == 1 && m.a.CS == 1 && !pairs {
		m.row = m.a.Data[:m.steps]
		return
	}
	m.aPanels = grown(m.aPanels, rows*m.steps)
	if rows*m.a.Cols < 32<<10 {
		p = nil // done before the others have heard of it
	}
	p.Run(panels(rows, kernel.TileRows), m.packTask)
}

// packA packs panel i of the block.
func (m *packedProduct) packA(_, i int) {
	r0 := m.r0 + i*kernel.TileRows
	r1 := min(r0+kernel.TileRows, m.r1)
	panel := m.panelA(r0, r1)
	if !m.list[0].B.pairs {
		packRows(panel, m.a, r0, r1, 0, m.steps)
		return
	}
	if r1-r0 == 1 {
		m.round(panel, r0)
		return
	}
	stride := m.steps + 16 // a power of two would put all rows into the same cache sets
	s := getScratch((r1 - r0) * stride)
	defer putScratch(s)
	for r := r0; r < r1; r++ {
		m.round(s.data[(r-r0)*stride:][:m.steps], r)
	}
	kernel.PackA(panel, s.data, stride, 1, r1-r0, m.steps)
}

// round writes row r of a as words of two bfloat16.
func (m *packedProduct) round(dst []float32, r int) {
	if m.a.CS == 1 {
		kernel.RoundBF16(dst, m.a.Row(r))
		return
	}
	s := getScratch(m.a.Cols)
	defer putScratch(s)
	row := s.data[:m.a.Cols]
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
	return m.aPanels[(r0-m.r0)*m.steps : (r1-m.r0)*m.steps]
}

// task computes some panels, or one part of their rows.
func (m *packedProduct) task(_, i int) {
	group, part := i/m.rowParts, i%m.rowParts
	n := panels(m.r1-m.r0, kernel.TileRows)
	r0 := m.r0 + n*part/m.rowParts*kernel.TileRows
	r1 := min(m.r0+n*(part+1)/m.rowParts*kernel.TileRows, m.r1)
	first, last := group*m.perTask, (group+1)*m.perTask
	if group >= m.large {
		first = m.large*m.perTask + group - m.large
		last = first + 1
	}
	for l := range m.list {
		n := m.list[l].B.panels()
		for j := max(first, 0); j < min(last, n); j++ {
			m.panel(&m.list[l], j, r0, r1)
		}
		first, last = first-n, last-n
	}
}

// fusedRows is up to how many rows 16-bit numbers are widened in every tile rather than
// once for all of them.
const fusedRows = 6

// panel computes rows [r0,r1) of panel j of a product.
func (m *packedProduct) panel(l *PackedProduct, j, r0, r1 int) {
	widen, most := false, blocks.packedK
	switch {
	case l.B.dtype != F32 && !l.B.pairs && r1-r0 > fusedRows:
		widen = true
	case r1-r0 <= kernel.TileRows: // no part is used twice
		most = min(4*most, kernel.TileK)
	}
	kc := split(m.steps, most, 16)
	var wide []float32
	if widen {
		s := getScratch(kc * kernel.TileCols)
		defer putScratch(s)
		wide = s.data
	}
	for k0 := 0; k0 < m.steps; k0 += kc {
		k1 := min(k0+kc, m.steps)
		b := l.B.panel(j, k0, k1)
		if widen {
			b = l.B.widen(wide[:2*len(b)], b)
		}
		for r := r0; r < r1; r += kernel.TileRows {
			m.tile(l, b, j, r, min(r+kernel.TileRows, r1), k0, k1)
		}
	}
}

// tile adds steps [k0,k1) to rows [r0,r1) of panel j, which b is that part of. The
// first part starts from zero unless the product adds to c; later ones continue the
// chains.
func (m *packedProduct) tile(l *PackedProduct, b []float32, j, r0, r1, k0, k1 int) {
	rows, k, j0, ldc := r1-r0, k1-k0, j*kernel.TileCols, l.C.RS
	a := m.panelA(r0, r1)[k0*rows : k1*rows]
	c, cols, add := l.C.Data[r0*ldc+j0:], min(kernel.TileCols, l.C.Cols-j0), l.Add || k0 > 0
	switch wide := len(b) == k*kernel.TileCols; {
	case l.B.pairs:
		kernel.TileBF16(c, ldc, a, b, rows, cols, k, add)
	case wide:
		kernel.Tile(c, ldc, a, b, rows, cols, k, add)
	case l.B.dtype == F16:
		kernel.TileF16(c, ldc, a, b, rows, cols, k, add)
	default:
		kernel.TileWide16(c, ldc, a, b, rows, cols, k, add)
	}
}
