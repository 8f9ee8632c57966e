package model

import (
	"math"

	"weft/internal/kernel"
	"weft/kvcache"
)

// tile is some queries of one sequence, with the query heads of one KV head: row
// i is query head i%group of query i/group.
type tile struct {
	run        *attnRun
	cache      *kvcache.Cache
	unit       int // which KV head of which sequence
	query      int // the first, counted in the pass
	pos        int // its position
	rows       int
	from, to   int  // positions that any row sees; from is rounded down to a panel
	whole      bool // someone may have changed what does not see into what does
	parts      int  // panels of the values
	q          []float32
	scores     []float32 // then probabilities; column j is position from+j
	z          []float32
	lq, ls, lz int // their strides
}

// spread is added to row strides, so that rows do not start the same distance
// from a page's beginning: 16 numbers, one cache line.
const spread = 16

// load sets the tile to queries lo to hi of a unit, and takes their vectors.
func (t *tile) load(r *attnRun, unit, lo, hi int) {
	c, group := r.m.Config, r.group()
	seq := unit / c.KVHeads
	t.run, t.cache, t.unit, t.whole = r, r.caches[seq], unit, false
	t.query, t.pos, t.rows = lo, r.p.start(seq)+lo, (hi-lo)*group
	t.from, t.to = r.sees(t.pos)/kvcache.Columns*kvcache.Columns, t.pos+hi-lo
	t.parts = ceil(c.VHead(), kvcache.Columns)
	t.lq, t.lz = c.HeadDim+spread, t.parts*kvcache.Columns+spread
	t.q, t.z = grown(t.q, t.rows*t.lq), grown(t.z, t.rows*t.lz)
	t.grow()
	for i := range t.rows {
		head := t.head(i)
		copy(t.q[i*t.lq:], row(r.s.q, t.row(i))[head*c.HeadDim:(head+1)*c.HeadDim])
	}
}

// grow makes room for the scores of positions from to to.
func (t *tile) grow() {
	t.ls = ceil(t.to-t.from, kvcache.Columns)*kvcache.Columns + spread
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

// head is the query head of row i, row its row in the matrices of the pass, at its
// position.
func (t *tile) head(i int) int {
	kv, group := t.unit%t.run.m.Config.KVHeads, t.run.group()
	return kv*group + i%group
}

func (t *tile) row(i int) int {
	return t.unit/t.run.m.Config.KVHeads*t.run.p.seqLen + t.query + i/t.run.group()
}

func (t *tile) at(i int) int { return t.pos + i/t.run.group() }

// seen is the positions that any of rows lo to hi sees.
func (t *tile) seen(lo, hi int) (first, end int) {
	if t.whole {
		return t.from, t.to
	}
	return t.run.sees(t.at(lo)), t.at(hi-1) + 1
}

// sees is the first position that the query at pos sees.
func (r *attnRun) sees(pos int) int {
	if r.window == 0 {
		return 0
	}
	return max(0, pos+1-r.window)
}

// score computes q·k for the panels that hold positions lo to hi; lo begins one.
func (t *tile) score(lo, hi int) {
	kv, dim := t.unit%t.run.m.Config.KVHeads, t.run.m.Config.HeadDim
	for pos := lo; pos < hi; pos += kvcache.Columns {
		keys := t.cache.Keys(t.run.layer, kv, pos)
		for i := 0; i < t.rows; i += kvcache.MaxRows {
			n := min(kvcache.MaxRows, t.rows-i)
			if first, end := t.seen(i, i+n); end <= pos || first >= pos+kvcache.Columns {
				continue
			}
			keys.MultiplyInto(t.scores[i*t.ls+pos-t.from:], t.ls, t.q[i*t.lq:], t.lq, n, dim, false)
		}
	}
}

// softmax turns row i of scores into probabilities. Places that its query does not
// see get 0.
func (t *tile) softmax(i int) {
	r := t.scores[i*t.ls:][:t.ls]
	lo, hi := t.run.sees(t.at(i))-t.from, t.at(i)+1-t.from
	t.run.m.softmax(r[lo:hi], t.run.w, t.head(i))
	clear(r[:lo])
	clear(r[hi:])
}

// softmax turns raw scores of positions that a query sees into probabilities.
func (m *Model) softmax(scores []float32, w *Layer, head int) {
	largest, sum := kernel.Softmax(scores, m.cap(scores))
	if m.Config.Sinks { // one more score, whose share goes nowhere
		kernel.Scale(scores, float32(1/(1+math.Exp(float64(w.AttnSinks[head])-float64(largest))/float64(sum))))
	}
}

// fetch computes z = Σ p·v for one panel of the values, for all rows.
func (t *tile) fetch(part int) {
	c := t.run.m.Config
	kv, at := t.unit%c.KVHeads, part*kvcache.Columns
	for pos := t.from; pos < t.to; {
		values, n := t.cache.Values(t.run.layer, kv, part, pos)
		for i := 0; i < t.rows; i += kvcache.MaxRows {
			rows := min(kvcache.MaxRows, t.rows-i)
			first, end := t.seen(i, i+rows)
			lo, hi := max(first, pos), min(end, pos+n)
			if lo < hi {
				values.From(lo-pos).MultiplyInto(t.z[i*t.lz+at:], t.lz, t.scores[i*t.ls+lo-t.from:], t.ls, rows, hi-lo, lo > first)
			}
		}
		pos += n
	}
	dim := c.VHead()
	for i := range t.rows {
		to := row(t.run.s.z, t.row(i))[t.head(i)*dim:][:dim]
		copy(to[at:], t.z[i*t.lz+at:][:kvcache.Columns])
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
