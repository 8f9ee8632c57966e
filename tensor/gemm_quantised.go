package tensor

import (
	"fmt"
	"math"
	"sync"
	"unsafe"

	"weft/internal/lanes"
	"weft/internal/par"
)

// Product is one of several products that run together: C = A·Bᵀ, or C += A·Bᵀ when Add
// is set. A is M×K, B N×K, C M×N.
type Product struct {
	A, C Mat
	B    *Quantised
	Add  bool
}

// GemmQuantised computes products with quantised matrices, all in one parallel region.
// The rows of A are rounded; neighbours in the list that have the same A share that. The
// bits of each output depend on its row of A and its row of B alone: see package lanes
// for the operations.
//
// It panics when the shapes do not fit.
func GemmQuantised(p *par.Pool, list ...Product) {
	for _, l := range list {
		checkShapes(l.C, l.A, l.B.Cols, l.B.Rows)
		if l.A.CS != 1 || l.C.CS != 1 {
			panic("tensor: GemmQuantised of a transposed matrix")
		}
	}
	if len(list) == 0 {
		return
	}
	g := gemmsQ.Get().(*gemmQ)
	g.list = append(g.list[:0], list...)
	g.run(p)
	clear(g.list)
	clear(g.cuts)
	gemmsQ.Put(g)
}

// gemmQ is one running GemmQuantised, or one that rests in the pool with its buffers.
type gemmQ struct {
	list    []Product
	jobs    []job // of each product
	cuts    []cut
	rounded []rounded // one for all, or one for each worker
	own     bool
	perTask [ways]int // strips

	quantiseTask, productTask func(worker, i int) // methods as values: a fresh closure would be an allocation
}

// job is how a product is computed, and its panels of A.
type job struct{ way, from, to int }

// The ways to compute a product.
const (
	dotFew  = iota // strips as they are, a long way with the few rows of A
	dotMany        // strips as they are, some of them with all rows
	unpack
	ways
)

var gemmsQ = sync.Pool{New: func() any {
	g := new(gemmQ)
	g.quantiseTask, g.productTask = g.quantise, g.product
	return g
}}

const (
	serialBytes = 24 << 10  // of weights: products this small stay on the caller
	ownNumbers  = 16 << 10  // of A that every worker rounds for itself: sooner done than fetched from another's cache
	fewRows     = 4         // of A: tasks are many strips
	dotBytes    = 1 << 20   // of which so much stays in a cache until their rest is added; less would stop reading ahead too often
	taskStrips  = 4         // else so many at most, which stay in its cache
	taskBytes   = 384 << 10 // and no more of strips as they are
	tileBlocks  = 64        // blocks of a row that a task unpacks at once
)

func (g *gemmQ) run(p *par.Pool) {
	work, numbers := g.plan()
	if work <= serialBytes {
		p = nil
	}
	g.layOut(numbers <= ownNumbers, p.Threads())
	if !g.own {
		p.Run(len(g.cuts), g.quantiseTask)
	}
	g.share(p.Threads())
	n := 0
	for i := range g.jobs {
		n += g.tasks(i)
	}
	p.RunNear(n, g.productTask) // a thread reads its weights in a line
}

// plan chooses the way of each product and cuts its A, unless the one before has the
// same. It returns how many bytes are read of the weights, once for each row, and how many
// numbers are rounded; many if any are to be unpacked for.
func (g *gemmQ) plan() (work, numbers int) {
	g.jobs, g.cuts = g.jobs[:0], g.cuts[:0]
	for i, l := range g.list {
		m, width := l.A.Rows, lanes.DotCols()
		j := job{way: dotMany}
		switch {
		case l.B.form.Unpacks(m):
			j.way, width = unpack, lanes.MaxCols
			numbers += ownNumbers
		case m <= fewRows:
			j.way = dotFew
		}
		if work += m * l.B.Bytes(); i > 0 && sameMat(l.A, g.list[i-1].A) {
			last := g.jobs[i-1]
			j.from, j.to = last.from, last.to
		} else {
			numbers += m * l.A.Cols
			j.from = len(g.cuts)
			for lo := 0; lo < m; lo += width {
				g.cuts = append(g.cuts, cut{l.A, lo, min(width, m-lo)})
			}
			j.to = len(g.cuts)
		}
		g.jobs = append(g.jobs, j)
	}
	return work, numbers
}

// sameMat says whether two matrices are the same place in memory.
func sameMat(a, b Mat) bool {
	return a.Rows == b.Rows && a.Cols == b.Cols && a.RS == b.RS && a.CS == b.CS && unsafe.SliceData(a.Data) == unsafe.SliceData(b.Data)
}

// share chooses how many strips a task takes. Where A has more than few rows, it is so many,
// or fewer where the threads then end together.
func (g *gemmQ) share(threads int) {
	for way := range ways {
		strips, bytes := 0, 0
		for i, l := range g.list {
			if g.jobs[i].way == way {
				strips += l.B.strips()
				bytes += l.B.Bytes()
			}
		}
		most := taskStrips
		switch way {
		case dotFew:
			g.perTask[way] = max(1, strips/(4*threads))
			continue
		case dotMany:
			most = min(most, taskBytes*strips/max(1, bytes))
		}
		g.perTask[way] = g.together(way, threads, most)
	}
}

// together is the number of strips, up to most, with which the threads end soonest.
func (g *gemmQ) together(way, threads, most int) int {
	best, longest := 1, math.MaxInt
	for per := most; per > 0; per-- {
		tasks := 0
		for i, l := range g.list {
			if g.jobs[i].way == way {
				tasks += panels(l.B.strips(), per)
			}
		}
		if n := panels(tasks, threads) * per; n < longest {
			best, longest = per, n
		}
	}
	return best
}

// tasks is how many groups of perTask strips product i has.
func (g *gemmQ) tasks(i int) int {
	return panels(g.list[i].B.strips(), g.perTask[g.jobs[i].way])
}

// product computes task t: some strips of one product.
func (g *gemmQ) product(worker, t int) {
	for i := range g.list {
		n := g.tasks(i)
		if t >= n {
			t -= n
			continue
		}
		l, j := &g.list[i], g.jobs[i]
		per := g.perTask[j.way]
		lo, hi := t*per, min((t+1)*per, l.B.strips())
		if j.way == unpack {
			g.tiles(l, j, lo, hi)
		} else {
			g.dots(l, j, lo, hi, g.roundedBy(worker, j))
		}
		return
	}
	panic(fmt.Sprintf("tensor: task %d too many", t))
}

// out is the part of C that strips lo to hi make for the rows of A from `first` on.
func (l *Product) out(lo, hi, first int) (c []float32, rows int) {
	return l.C.Data[first*l.C.RS+lo*lanes.Rows:], min(hi*lanes.Rows, l.B.Rows) - lo*lanes.Rows
}

func (g *gemmQ) dots(l *Product, j job, lo, hi int, x *rounded) {
	step := hi - lo
	if j.way == dotFew {
		step = max(1, dotBytes/l.B.strip)
	}
	for s := lo; s < hi; s += step {
		end := min(s+step, hi)
		strips := l.B.data[s*l.B.strip : end*l.B.strip]
		for i := j.from; i < j.to; i++ {
			c, rows := l.out(s, end, g.cuts[i].first)
			l.B.form.Dot(c, l.C.RS, strips, x.panels[i], rows, l.Add)
			l.B.form.AddRest(c, l.C.RS, strips, &x.rests[i], rows)
		}
	}
}

func (g *gemmQ) tiles(l *Product, j job, lo, hi int) {
	b, x := l.B, &g.rounded[0]
	kind, blocks := b.form.Kind(), b.Cols/lanes.BlockLen
	step := min(blocks, tileBlocks)
	size := step * kind.BlockBytes()
	s := getScratch((hi - lo) * size / 4)
	defer putScratch(s)
	w := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s.data))), 4*len(s.data))
	for from := 0; from < blocks; from += step {
		n := min(step, blocks-from)
		for i := lo; i < hi; i++ {
			b.form.Unpack(w[(i-lo)*n*kind.BlockBytes():], b.stripAt(i), from, n)
		}
		for i := j.from; i < j.to; i++ {
			panel, rest := x.panels[i], &x.rests[i]
			c, rows := l.out(lo, hi, g.cuts[i].first)
			strips := b.data[lo*b.strip : hi*b.strip]
			whole := panel.Cols == lanes.MaxCols || lanes.DotCols() < panel.Cols
			if whole {
				kind.Tile(c, l.C.RS, w, panel, from, n, rows, l.Add || from > 0)
			}
			if from+n < blocks {
				continue
			}
			if !whole { // the last one, which needs no unpacking
				b.form.Dot(c, l.C.RS, strips, panel, rows, l.Add)
			}
			if n == blocks && lanes.DotCols() < lanes.MaxCols {
				kind.AddRest(c, l.C.RS, w, n, rest, rows)
			} else {
				b.form.AddRest(c, l.C.RS, strips, rest, rows)
			}
		}
	}
}
