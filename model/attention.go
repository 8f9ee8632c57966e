package model

import (
	"weft/internal/kernel"
	"weft/kvcache"
	"weft/tensor"
)

// project makes queries, keys and values of s.norm1.
func (m *Model) project(a *Activations, s layerActs, w *Layer, p *pass) error {
	if m.Config.Latent.KV > 0 {
		m.projectLatent(a, s, w)
		return nil
	}
	m.linears(s.norm1, out{s.rawQ, &w.AttnQ}, out{s.rawK, &w.AttnK}, out{s.v, &w.AttnV})
	m.normQK(s, w)
	return nil
}

// attention: for every query, z = Σ softmax(q·k/√HeadDim)·v over the positions
// that it sees: those up to its own, or the last Window of them. Query head h
// reads key/value head h / (Heads/KVHeads). Each row's result depends on that
// row's query and its keys and values alone.
func (m *Model) attention(a *Activations, s layerActs, w *Layer, p *pass) error {
	r := a.attn
	r.begin(m, a, s, w, p)
	switch {
	case p.watched("attn.hook_attn_scores") || p.watched("attn.hook_pattern"):
		if err := r.watched(); err != nil {
			return err
		}
	case r.long():
		r.inSteps()
	default:
		r.inTiles()
	}
	return p.fire("attn.hook_z", s.z.Data, m.Config.Heads, m.Config.VHead())
}

// attnRun is attention of one layer on its way, and the memory that it works in.
// The work is cut into tiles: some queries of one sequence, with all query heads
// that share one key/value head, so that what is read of the cache serves them
// all. How it is cut changes no bit.
type attnRun struct {
	m      *Model
	s      layerActs
	w      *Layer
	p      *pass
	caches []*kvcache.Cache // per sequence
	layer  int              // in the caches
	window int              // of the layer; 0: none
	value  int              // numbers of a head's value
	most   int              // positions that the queries of a sequence may see

	queries   int // of a tile
	perSeq    int // tiles of one KV head of a sequence
	ranges    int // inSteps: parts of the keys
	tiles     []tile
	works     []work           // by worker
	own       []*kvcache.Cache // of one layer, for passes without caches
	tileTask  func(worker, i int)
	writeTask func(worker, i int)
	steps     [3]func(worker, i int)
}

func newAttnRun() *attnRun {
	r := &attnRun{}
	// Made once: a fresh closure would be an allocation per layer and token.
	r.tileTask, r.writeTask, r.steps = r.tile, r.writeRows, [3]func(int, int){r.scoreRange, r.softmaxRow, r.fetchPart}
	return r
}

// begin sets the layer, and how its work is cut.
func (r *attnRun) begin(m *Model, a *Activations, s layerActs, w *Layer, p *pass) {
	r.m, r.s, r.w, r.p = m, s, w, p
	r.window, r.value = m.Config.Block(p.layer).Window, m.Config.VHead()
	r.caches, r.layer = p.caches, p.layer
	if len(p.caches) == 0 {
		r.caches, r.layer = r.ownCaches(a.seqLen), 0
	}
	r.most = p.longest()
	if r.window > 0 {
		r.most = min(r.most, r.window+p.seqLen)
	}
	for len(r.works) < m.Pool.Threads() {
		r.works = append(r.works, work{})
	}
	r.queries = r.cut(r.most)
	r.perSeq = ceil(p.seqLen, r.queries)
}

// ownCaches is memory of one layer for the keys and values of sequences that
// nobody wants to go on with.
func (r *attnRun) ownCaches(capacity int) []*kvcache.Cache {
	shape := r.m.Config.layerShape(r.m.KV)
	if r.p.exact {
		shape.Type = kvcache.F32
	}
	for i := range r.p.seqs {
		if i == len(r.own) {
			r.own = append(r.own, nil)
		}
		if c := r.own[i]; c == nil || !c.Shape().Equal(shape) || c.Cap() < r.p.seqLen {
			r.own[i] = kvcache.New(shape, max(capacity, r.p.seqLen))
		}
		r.own[i].Reserve(r.p.seqLen)
	}
	return r.own
}

// cut is how many queries a tile has when they see up to that many positions: so
// many that what is read of the cache serves many rows, so few that their scores
// stay in the second-level cache and every thread gets some.
func (r *attnRun) cut(positions int) int {
	const scores, least, most = 128 << 10, 2 * kvcache.MaxRows, 16 * kvcache.MaxRows
	group, t := r.m.Config.Heads/r.m.Config.KVHeads, r.p.seqLen
	step := kvcache.MaxRows / gcd(kvcache.MaxRows, group) // queries whose rows are whole products
	if group >= least {
		step = 1
	}
	queries := max(1, max(least, min(most, scores/positions))/group/step) * step
	for queries*group > least && queries > step && r.p.seqs*r.m.Config.KVHeads*ceil(t, queries) < 4*r.m.Pool.Threads() {
		queries = max(step, queries/2/step*step)
	}
	return min(queries, t)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// ceil is n/d rounded up.
func ceil(n, d int) int { return (n + d - 1) / d }

// serialAttention is how many multiplications and additions are not worth
// handing to another worker.
const serialAttention = 256 << 10

// inTiles computes whole tiles, the longest first.
func (r *attnRun) inTiles() {
	c, p, pool := &r.m.Config, r.p, r.m.Pool
	units := p.seqs * c.KVHeads
	if p.seqs*p.seqLen*r.most*c.Heads*(c.HeadDim+r.value) < serialAttention {
		pool = nil
	}
	if r.perSeq > 1 {
		pool.Run(units*ceil(p.seqLen, writeRows), r.writeTask)
	}
	r.growTiles(r.m.Pool.Threads())
	pool.Run(units*r.perSeq, r.tileTask)
}

// writeRows is how many positions one task stores.
const writeRows = 64

// writeRows stores some positions of a KV head of a sequence.
func (r *attnRun) writeRows(_, i int) {
	parts := ceil(r.p.seqLen, writeRows)
	unit, lo := i/parts, i%parts*writeRows
	r.write(unit, lo, min(lo+writeRows, r.p.seqLen))
}

// write stores keys and values lo to hi of this pass. Unit i is KV head
// i%KVHeads of sequence i/KVHeads.
func (r *attnRun) write(unit, lo, hi int) {
	c := &r.m.Config
	seq, kv := unit/c.KVHeads, unit%c.KVHeads
	r0, d, dv := seq*r.p.seqLen, c.HeadDim, r.value
	r.caches[seq].Write(r.layer, kv, r.p.start(seq)+lo,
		block(r.s.k, r0+lo, r0+hi, kv*d, kv*d+d), block(r.s.v, r0+lo, r0+hi, kv*dv, kv*dv+dv))
}

func (r *attnRun) tile(worker, i int) {
	unit, at := i/r.perSeq, (r.perSeq-1-i%r.perSeq)*r.queries
	if r.perSeq == 1 {
		r.write(unit, 0, r.p.seqLen)
	}
	t, w := &r.tiles[worker], &r.works[worker]
	t.load(r, unit, at, min(at+r.queries, r.p.seqLen))
	t.score(w, t.from, t.to)
	for i := range t.rows {
		t.softmax(i)
	}
	for part := range t.parts {
		t.fetch(w, part)
	}
	t.store()
}

func (r *attnRun) growTiles(n int) {
	for len(r.tiles) < n {
		r.tiles = append(r.tiles, tile{})
	}
}

// stepRange is how many positions of the keys one task of inSteps reads.
const stepRange = 512

// long says whether one token for each sequence sees so much that the work on one
// KV head is worth dividing.
func (r *attnRun) long() bool {
	p, threads := r.p, r.m.Pool.Threads()
	return p.seqLen == 1 && threads > 1 && r.most > 2*stepRange && p.seqs*r.m.Config.KVHeads < 8*threads
}

// inSteps computes a tile for each KV head of each sequence, all at once: first
// all scores, then all probabilities, then what they fetch.
func (r *attnRun) inSteps() {
	units := r.p.seqs * r.m.Config.KVHeads
	r.growTiles(units)
	longest := 0
	for i := range units {
		r.tiles[i].load(r, i, 0, 1)
		longest = max(longest, r.tiles[i].to-r.tiles[i].from)
	}
	r.ranges = ceil(longest, stepRange)
	t := &r.tiles[0]
	for i, n := range [3]int{r.ranges, t.rows, t.parts} {
		r.m.Pool.Run(units*n, r.steps[i])
	}
	for i := range units {
		r.tiles[i].store()
	}
}

// scoreRange computes some positions' scores; the last range begins with the new
// position, which is not stored yet.
func (r *attnRun) scoreRange(worker, i int) {
	t := &r.tiles[i/r.ranges]
	lo := t.from + i%r.ranges*stepRange
	hi := min(lo+stepRange, t.to)
	if lo < t.to && hi == t.to {
		r.write(i/r.ranges, 0, 1)
	}
	t.score(&r.works[worker], lo, hi)
}

func (r *attnRun) softmaxRow(_, i int) {
	t := &r.tiles[i/r.tiles[0].rows]
	t.softmax(i % t.rows)
}

func (r *attnRun) fetchPart(worker, i int) {
	t := &r.tiles[i/r.tiles[0].parts]
	t.fetch(&r.works[worker], i%t.parts)
}

// attentionBack: dq, dk, dv from dz. A worker owns a key/value head of a
// sequence and goes through its query heads and their tiles in order, making
// each tile's pattern again rather than having kept it.
func (m *Model) attentionBack(dq, dk, dv, dz tensor.Mat, a *Activations, s layerActs, p *pass) {
	c, d, t := m.Config, m.Config.HeadDim, p.seqLen
	group, limit := c.Heads/c.KVHeads, c.AttnSoftCap
	window := c.Block(p.layer).Window
	a.growScratch(t, limit > 0)
	m.Pool.Run(p.seqs*c.KVHeads, func(worker, i int) {
		seq, kv := i/c.KVHeads, i%c.KVHeads
		rowsOf := func(x tensor.Mat, head int) tensor.Mat { return block(x, seq*t, (seq+1)*t, head*d, head*d+d) }
		dki, dvi := rowsOf(dk, kv), rowsOf(dv, kv)
		for r := range t {
			clear(row(dki, r))
			clear(row(dvi, r))
		}
		for head := kv * group; head < (kv+1)*group; head++ {
			qh, kh, vh := rowsOf(s.q, head), rowsOf(s.k, kv), rowsOf(s.v, kv)
			dqi, dzi := rowsOf(dq, head), rowsOf(dz, head)
			for lo := 0; lo < t; lo += attnRows {
				hi, from := min(lo+attnRows, t), firstSeen(lo, window)
				n, wide := hi-from, hi-from+softmaxStep
				scratch := &a.scratch[worker]
				pattern := tensor.Of(scratch.p, hi-lo, wide).Columns(0, n)
				dp := tensor.Of(scratch.dp[:(hi-lo)*n], hi-lo, n)
				q, k, v, dzt := rows(qh, lo, hi), rows(kh, from, hi), rows(vh, from, hi), rows(dzi, lo, hi)
				tensor.Gemm(nil, pattern, q, k.T(), false)
				for r := range pattern.Rows {
					line, first, end := pattern.Data[r*wide:][:wide], firstSeen(lo+r, window)-from, lo+r+1-from
					factor := m.cap(line[first:end])
					if limit > 0 {
						copy(scratch.capped[r*n:][first:end], line[first:end])
					}
					m.weigh(line[first:], end-first, factor, nil, head)
					clear(line[:first])
					clear(line[end:])
				}
				tensor.Gemm(nil, dp, dzt, v.T(), false)
				tensor.Gemm(nil, rows(dvi, from, hi), pattern.T(), dzt, true)
				for r := range dp.Rows {
					line, first, end := row(dp, r), firstSeen(lo+r, window)-from, lo+r+1-from
					seen := line[first:end]
					kernel.SoftmaxBack(seen, row(pattern, r)[first:end], seen, m.attnScale())
					if limit > 0 {
						kernel.SoftCapBack(seen, scratch.capped[r*n:][first:end], limit)
					}
					clear(line[:first])
					clear(line[end:])
				}
				tensor.Gemm(nil, rows(dqi, lo, hi), dp, k, false)
				tensor.Gemm(nil, rows(dki, from, hi), dp.T(), q, true)
			}
		}
	})
}

// attnRows is how many queries one tile of the backward pass has.
const attnRows = 64

// growScratch makes room for tiles of attnRows × positions in every worker.
func (a *Activations) growScratch(positions int, capped bool) {
	need := attnRows * (positions + softmaxStep)
	for i := range a.scratch {
		if s := &a.scratch[i]; len(s.p) < need {
			s.p, s.dp = make([]float32, need), make([]float32, need)
			if capped {
				s.capped = make([]float32, need)
			}
		}
	}
}
