package model

import (
	"math"

	"weft/internal/kernel"
	"weft/kvcache"
)

// tile is some queries of one sequence, with the query heads of one KV head: row
// i is query head i%group of query i/group.
type tile struct {
	run      *attnRun
	cache    *kvcache.Cache
	seq, kv  int
	query    int // the first, counted in the pass
	pos      int // its position
	group    int
	rows     int
	from, to int  // positions that any row sees; from is rounded down to a panel
	whole    bool // someone may have changed what does not see into what does
	parts    int  // panels of the values

	q, scores, z []float32 // scores are probabilities later; column j is position from+j
	dim, ls, lz  int       // their strides
	queries      kvcache.Queries
}

// work is what one worker needs for products.
type work struct {
	wide    []float32 // a panel, widened
	weights kvcache.Weights
}

// load sets the tile to queries lo to hi of a unit, and takes their vectors.
func (t *tile) load(r *attnRun, unit, lo, hi int) {
	c := &r.m.Config
	t.run, t.group, t.dim = r, c.Heads/c.KVHeads, c.HeadDim
	t.seq, t.kv, t.whole = unit/c.KVHeads, unit%c.KVHeads, false
	t.cache = r.caches[t.seq]
	t.query, t.pos, t.rows = lo, r.p.start(t.seq)+lo, (hi-lo)*t.group
	t.from, t.to = r.sees(t.pos)/kvcache.Columns*kvcache.Columns, t.pos+hi-lo
	t.parts = ceil(r.value, kvcache.Columns)
	t.lz = t.parts * kvcache.Columns
	t.q, t.z = grown(t.q, t.rows*t.dim), grown(t.z, t.rows*t.lz)
	t.grow()
	first, width := t.seq*r.p.seqLen, t.group*t.dim // the group's heads lie side by side
	for i := lo; i < hi; i++ {
		copy(t.q[(i-lo)*width:], row(r.s.q, first+i)[t.kv*width:][:width])
	}
	t.queries.Set(t.cache.Shape().Type, t.q[:t.rows*t.dim], t.dim)
}

// grow makes room for the scores of positions from to to. Rows end with room to
// round up what a row sees, and begin at different distances from a page's
// beginning, so that they do not take each other's place in the cache.
func (t *tile) grow() {
	t.ls = ceil(t.to-t.from, kvcache.Columns)*kvcache.Columns + softmaxStep
	t.scores = grown(t.scores, t.rows*t.ls)
}

// grown returns x if it holds n numbers, else a new slice with room to spare: a
// sequence grows by one position at a time.
func grown(x []float32, n int) []float32 {
	if len(x) >= n {
		return x
	}
	return make([]float32, n+n/2)
}

// at is the position of row i.
func (t *tile) at(i int) int { return t.pos + i/t.group }

// seen is the positions that any of rows lo to hi sees.
func (t *tile) seen(lo, hi int) (first, end int) {
	if t.whole {
		return t.from, t.to
	}
	return t.run.sees(t.at(lo)), t.at(hi-1) + 1
}

// sees is the first position that the query at pos sees.
func (r *attnRun) sees(pos int) int { return firstSeen(pos, r.window) }

// firstSeen is the first position that a query at pos sees in a window; 0: no window.
func firstSeen(pos, window int) int {
	if window == 0 {
		return 0
	}
	return max(0, pos+1-window)
}

// widenRows is how many rows of products make it worth to widen a panel before.
const widenRows = 2 * kvcache.MaxRows

// widens says whether a panel is to be widened for the tile's products, and makes
// room for rows of it.
func (w *work) widens(t *tile, rows int) bool {
	if t.rows <= widenRows {
		return false
	}
	w.wide = grown(w.wide, rows*kvcache.Columns)
	return true
}

// score computes q·k for the panels that hold positions lo to hi; lo begins one.
func (t *tile) score(w *work, lo, hi int) {
	for pos := lo; pos < hi; pos += kvcache.Columns {
		keys := t.cache.Keys(t.run.layer, t.kv, pos)
		if w.widens(t, t.dim) {
			keys = keys.WidenedKeys(w.wide, t.dim)
		}
		for i := 0; i < t.rows; i += kvcache.MaxRows {
			n := min(kvcache.MaxRows, t.rows-i)
			if first, end := t.seen(i, i+n); first < pos+kvcache.Columns && pos < end {
				keys.ScoresInto(t.scores[i*t.ls+pos-t.from:], t.ls, &t.queries, i, n)
			}
		}
	}
}

// softmax turns row i of scores into probabilities. Places that its query does not
// see get 0.
func (t *tile) softmax(i int) {
	r, pos := t.scores[i*t.ls:][:t.ls], t.at(i)
	lo, hi := t.run.sees(pos)-t.from, pos+1-t.from
	t.run.m.softmax(r[lo:], hi-lo, t.run.w, t.kv*t.group+i%t.group)
	clear(r[:lo])
	clear(r[hi:])
}

// softmaxStep is the number that softmax rounds lengths up to, so that the kernels
// have no ends to treat: one cache line.
const softmaxStep = 16

// softmax turns the first n of raw scores, which a query sees, into probabilities.
// Up to softmaxStep-1 numbers behind them are overwritten.
func (m *Model) softmax(scores []float32, n int, w *Layer, head int) {
	m.weigh(scores, n, m.cap(scores[:n]), w, head)
}

// weigh is softmax of scores that have had their soft cap, times factor.
func (m *Model) weigh(scores []float32, n int, factor float32, w *Layer, head int) {
	scores = scores[:ceil(n, softmaxStep)*softmaxStep]
	for i := range scores[n:] {
		scores[n+i] = float32(math.Inf(-1))
	}
	largest, sum := kernel.Softmax(scores, factor)
	if m.Config.Sinks { // one more score, whose share goes nowhere
		kernel.Scale(scores, float32(1/(1+math.Exp(float64(w.AttnSinks[head])-float64(largest))/float64(sum))))
	}
}

// fetch computes z = Σ p·v for one panel of the values, for all rows.
func (t *tile) fetch(w *work, part int) {
	for pos := t.from; pos < t.to; {
		values, n := t.cache.Values(t.run.layer, t.kv, part, pos)
		n = min(n, t.to-pos)
		if w.widens(t, n) {
			values = values.WidenedValues(w.wide, n)
		}
		for i := 0; i < t.rows; i += kvcache.MaxRows {
			rows := min(kvcache.MaxRows, t.rows-i)
			first, end := t.seen(i, i+rows)
			if lo, hi := max(first, pos), min(end, pos+n); lo < hi {
				values.From(lo-pos).MixInto(&w.weights, t.z[i*t.lz+part*kvcache.Columns:], t.lz, t.scores[i*t.ls+lo-t.from:], t.ls, rows, hi-lo, lo > first)
			}
		}
		pos += n
	}
}

// store writes what was fetched to where it belongs.
func (t *tile) store() {
	s, dim := &t.run.s, t.run.value
	to := s.z.Data[(t.seq*t.run.p.seqLen+t.query)*s.z.RS+t.kv*t.group*dim:]
	for i := 0; i < t.rows; i += t.group {
		for g := range t.group {
			copy(to[i/t.group*s.z.RS+g*dim:][:dim], t.z[(i+g)*t.lz:])
		}
	}
}

func (m *Model) attnScale() float32 {
	if m.Config.AttnScale > 0 {
		return m.Config.AttnScale
	}
	return float32(1 / math.Sqrt(float64(m.Config.HeadDim)))
}

// cap applies the soft cap, if any, to raw scores and returns what to multiply
// them with.
func (m *Model) cap(scores []float32) (factor float32) {
	factor = m.attnScale()
	if limit := m.Config.AttnSoftCap; limit > 0 {
		kernel.SoftCap(scores, factor, limit)
		return 1
	}
	return factor
}
