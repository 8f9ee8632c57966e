package tensor

import (
	"fmt"
	"math"
	"sync"
	"unsafe"

	"weft/internal/lanes"
	"weft/internal/par"
	"weft/internal/quant"
)

// Quantised is a matrix of a quantised type in the order in which products read it:
// strips of 16 rows, as many bits per weight as the file has. Products with it round
// the other side to 8 bits, a scale for every 32 numbers, and add up integers. It is
// immutable and safe for concurrent use.
type Quantised struct {
	Rows, Cols int
	form       *lanes.Form
	strip      int // bytes
	data       []byte
}

// CanQuantised says whether matrices of this type, with rows of cols numbers, can be a Quantised.
func CanQuantised(t DType, cols int) bool {
	f := lanes.FormOf(quant.Type(t))
	return f != nil && cols > 0 && cols%f.Len == 0
}

// PackQuantised arranges a stored matrix for which CanQuantised holds, in parallel.
func PackQuantised(p *par.Pool, s *Stored) *Quantised { return (*Arena)(nil).PackQuantised(p, s) }

// PackQuantised is the function of this name, into the arena.
func (a *Arena) PackQuantised(p *par.Pool, s *Stored) *Quantised {
	f := lanes.FormOf(quant.Type(s.DType()))
	q := &Quantised{Rows: s.Rows, Cols: s.Cols, form: f, strip: f.StripBytes(s.Cols)}
	strips := panels(q.Rows, lanes.Rows)
	q.data = a.bytes(strips * q.strip)
	p.Range(strips, max(1, (64<<10)/q.strip), func(lo, hi int) {
		var rows [lanes.Rows][]byte
		for i := lo; i < hi; i++ {
			n := min(lanes.Rows, q.Rows-i*lanes.Rows)
			for r := range n {
				rows[r] = s.RowBytes(i*lanes.Rows + r)
			}
			f.Pack(q.stripAt(i), rows[:n], q.Cols)
		}
	})
	return q
}

// DType is the type that the matrix came from.
func (q *Quantised) DType() DType { return DType(q.form.Type) }

// Bytes is how much memory it takes, all of which a product reads.
func (q *Quantised) Bytes() int { return len(q.data) }

func (q *Quantised) strips() int          { return panels(q.Rows, lanes.Rows) }
func (q *Quantised) stripAt(i int) []byte { return q.data[i*q.strip : (i+1)*q.strip] }

// Product is one of several products that read the same activations: C = x·Bᵀ, or
// C += x·Bᵀ when Add is set. B is N×K, C M×N.
type Product struct {
	C   Mat
	B   *Quantised
	Add bool
}

// GemmQuantised computes products of x (M×K) with quantised matrices. The rows of x are
// rounded once for all of them. The bits of each output depend on its row of x and its
// row of B alone: see package lanes for the operations.
//
// It panics when the shapes do not fit.
func GemmQuantised(p *par.Pool, x Mat, list ...Product) {
	x.check("x")
	for _, l := range list {
		checkShapes(l.C, x, l.B.Cols, l.B.Rows)
		if x.CS != 1 || l.C.CS != 1 {
			panic("tensor: GemmQuantised of a transposed matrix")
		}
	}
	if x.Rows == 0 || len(list) == 0 {
		return
	}
	g := gemmsQ.Get().(*gemmQ)
	g.x, g.list = x, append(g.list[:0], list...)
	g.run(p)
	g.x = Mat{}
	clear(g.list)
	gemmsQ.Put(g)
}

// gemmQ is one running GemmQuantised, or one that rests in the pool with its buffers.
type gemmQ struct {
	x       Mat
	list    []Product
	rounded []rounded // one for all, or one for each worker
	own     bool
	perTask int // strips

	quantiseTask func(worker, i int) // methods as values: a fresh closure would be an allocation
	dotTask      func(worker, i int)
	tileTask     func(worker, i int)
}

// rounded is x as panels.
type rounded struct {
	acts   []int32 // the panels, one after the other
	panels []lanes.Panel
	rests  []lanes.Rest // of the panels; some more, for their memory
	first  []int        // the first row of x in each panel, and the number of rows
	ready  bool
}

var gemmsQ = sync.Pool{New: func() any {
	g := new(gemmQ)
	g.quantiseTask, g.dotTask, g.tileTask = g.quantise, g.dots, g.tiles
	return g
}}

const (
	serialBytes = 24 << 10  // of weights: a product this small stays on the caller
	ownNumbers  = 16 << 10  // of x that every worker rounds for itself: sooner done than fetched from another's cache
	dotPanels   = 2         // panels of few rows of x for which reading a strip anew is faster than unpacking it
	fewRows     = 4         // of x: tasks are many strips
	dotBytes    = 1 << 20   // of which so much stays in a cache until their rest is added; less would stop reading ahead too often
	taskStrips  = 4         // else so many at most, which stay in its cache
	taskBytes   = 384 << 10 // and no more of strips as they are
	tileBlocks  = 64        // blocks of a row that a task unpacks at once
)

func (g *gemmQ) run(p *par.Pool) {
	m, width := g.x.Rows, lanes.DotCols()
	unpack := width < lanes.MaxCols && m > dotPanels*width
	if unpack {
		width = lanes.MaxCols
	}
	strips, bytes := 0, 0
	for _, l := range g.list {
		strips += l.B.strips()
		bytes += l.B.Bytes()
	}
	if bytes*m <= serialBytes {
		p = nil
	}
	own := !unpack && m*g.x.Cols <= ownNumbers
	g.layOut(width, own, p.Threads())
	if !own {
		p.Run(len(g.rounded[0].panels), g.quantiseTask)
	}
	task := g.dotTask
	switch {
	case unpack:
		task = g.tileTask
		g.share(p.Threads(), taskStrips)
	case m > fewRows:
		g.share(p.Threads(), min(taskStrips, taskBytes*strips/max(1, bytes)))
	default:
		g.perTask = max(1, strips/(4*p.Threads()))
	}
	p.RunNear(g.tasks(), task) // a thread reads its weights in a line
}

// share chooses how many strips a task takes: so many, or fewer where the threads then
// end together.
func (g *gemmQ) share(threads, most int) {
	best, longest := 1, math.MaxInt
	for g.perTask = most; g.perTask > 0; g.perTask-- {
		if n := panels(g.tasks(), threads) * g.perTask; n < longest {
			best, longest = g.perTask, n
		}
	}
	g.perTask = best
}

// layOut makes room for panels of that width, of each worker's own or for all.
func (g *gemmQ) layOut(width int, own bool, threads int) {
	if !own {
		threads = 1
	}
	for len(g.rounded) < threads {
		g.rounded = append(g.rounded, rounded{})
	}
	for i := range threads {
		g.rounded[i].layOut(g.x.Rows, g.x.Cols, width)
		g.rounded[i].ready = !own
	}
	g.own = own
}

// layOut makes panels of that width, and one of the rest.
func (r *rounded) layOut(m, k, width int) {
	if size := lanes.PanelLen(k, m); cap(r.acts) < size {
		r.acts = make([]int32, size)
	}
	r.panels, r.first = r.panels[:0], append(r.first[:0], 0)
	for lo := 0; lo < m; lo += width {
		hi := min(lo+width, m)
		r.first = append(r.first, hi)
		r.panels = append(r.panels, lanes.PanelOf(r.acts[lanes.PanelLen(k, lo):lanes.PanelLen(k, hi)], k, hi-lo))
	}
	for len(r.rests) < len(r.panels) {
		r.rests = append(r.rests, lanes.Rest{})
	}
}

func (g *gemmQ) quantise(_, i int) { g.rounded[0].fill(g.x, i) }

// fill rounds the rows of panel i.
func (r *rounded) fill(x Mat, i int) {
	panel, first := r.panels[i], r.first[i]
	for c := range panel.Cols {
		panel.Quantise(c, x.Row(first+c))
	}
	r.rests[i].Of(panel, func(c int) []float32 { return x.Row(first + c) })
}

// roundedBy is x as a worker finds it.
func (g *gemmQ) roundedBy(worker int) *rounded {
	if !g.own {
		return &g.rounded[0]
	}
	r := &g.rounded[worker]
	for i := 0; !r.ready && i < len(r.panels); i++ {
		r.fill(g.x, i)
	}
	r.ready = true
	return r
}

// tasks is how many groups of perTask strips there are; no group has strips of two matrices.
func (g *gemmQ) tasks() (n int) {
	for _, l := range g.list {
		n += panels(l.B.strips(), g.perTask)
	}
	return n
}

// task is the i-th group: strips lo to hi of a product.
func (g *gemmQ) task(i int) (l *Product, lo, hi int) {
	for j := range g.list {
		l = &g.list[j]
		n := panels(l.B.strips(), g.perTask)
		if i < n {
			return l, i * g.perTask, min((i+1)*g.perTask, l.B.strips())
		}
		i -= n
	}
	panic(fmt.Sprintf("tensor: task %d too many", i))
}

// out is the part of C that strips lo to hi make for the rows of x from `first` on.
func (l *Product) out(lo, hi, first int) (c []float32, rows int) {
	return l.C.Data[first*l.C.RS+lo*lanes.Rows:], min(hi*lanes.Rows, l.B.Rows) - lo*lanes.Rows
}

func (g *gemmQ) dots(worker, i int) {
	l, lo, hi := g.task(i)
	x := g.roundedBy(worker)
	step := hi - lo
	if g.x.Rows <= fewRows {
		step = max(1, dotBytes/l.B.strip)
	}
	for s := lo; s < hi; s += step {
		end := min(s+step, hi)
		for j, panel := range x.panels {
			c, rows := l.out(s, end, x.first[j])
			strips := l.B.data[s*l.B.strip : end*l.B.strip]
			l.B.form.Dot(c, l.C.RS, strips, panel, rows, l.Add)
			l.B.form.AddRest(c, l.C.RS, strips, &x.rests[j], rows)
		}
	}
}

func (g *gemmQ) tiles(_, i int) {
	l, lo, hi := g.task(i)
	b, x := l.B, &g.rounded[0]
	kind, blocks := b.form.Kind(), b.Cols/lanes.BlockLen
	step := min(blocks, tileBlocks)
	size := step * kind.BlockBytes()
	s := getScratch((hi - lo) * size / 4)
	defer putScratch(s)
	w := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s.data))), 4*len(s.data))
	for from := 0; from < blocks; from += step {
		n := min(step, blocks-from)
		for j := lo; j < hi; j++ {
			b.form.Unpack(w[(j-lo)*n*kind.BlockBytes():], b.stripAt(j), from, n)
		}
		for i, panel := range x.panels {
			c, rows := l.out(lo, hi, x.first[i])
			kind.Tile(c, l.C.RS, w, panel, from, n, rows, l.Add || from > 0)
			switch {
			case n == blocks:
				kind.AddRest(c, l.C.RS, w, n, &x.rests[i], rows)
			case from+n == blocks:
				b.form.AddRest(c, l.C.RS, b.data[lo*b.strip:hi*b.strip], &x.rests[i], rows)
			}
		}
	}
}
