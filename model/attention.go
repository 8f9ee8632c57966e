package model

import (
	"math"

	"weft/internal/kernel"
	"weft/kvcache"
	"weft/tensor"
)

// attnRows is how many queries one tile of scores has.
const attnRows = 64

// project makes queries, keys and values of s.norm1.
func (m *Model) project(a *Activations, s layerActs, w *Layer, p *pass) error {
	if m.Config.Latent.KV > 0 {
		m.projectLatent(a, s, w)
		return nil
	}
	m.linears(s.norm1, out{s.q, &w.AttnQ}, out{s.k, &w.AttnK}, out{s.v, &w.AttnV})
	m.normQK(s, w)
	return nil
}

// attention: for every query, z = Σ softmax(q·k/√HeadDim)·v over the positions
// that it sees: those up to its own, or the last Window of them. Query head h
// reads key/value head h / (Heads/KVHeads). Each row's result depends on that
// row's query and its keys and values alone.
func (m *Model) attention(a *Activations, s layerActs, w *Layer, p *pass, cache *kvcache.Cache) error {
	if cache != nil {
		m.store(s, p, cache)
	}
	if p.watched("attn.hook_attn_scores") || p.watched("attn.hook_pattern") {
		if err := m.attentionWatched(s, w, p, cache); err != nil {
			return err
		}
	} else {
		total, tiles := p.pos+p.seqLen, (p.seqLen+attnRows-1)/attnRows
		a.growScratch(total, false)
		m.Pool.Run(p.seqs*m.Config.Heads*tiles, func(worker, i int) {
			seq, head, tile := i/(m.Config.Heads*tiles), i/tiles%m.Config.Heads, tiles-1-i%tiles
			h := m.head(s, w, p, cache, seq, head)
			lo, hi := tile*attnRows, min((tile+1)*attnRows, p.seqLen)
			from, n := h.sees(p.pos+lo), p.pos+hi // what no row of the tile sees is left out
			pattern := tensor.Of(a.scratch[worker].p[:(hi-lo)*(n-from)], hi-lo, n-from)
			tensor.Gemm(nil, pattern, rows(h.q, lo, hi), rows(h.k, from, n).T(), false)
			m.softmax(pattern, h, p.pos+lo, from)
			tensor.Gemm(nil, rows(h.z, lo, hi), pattern, rows(h.v, from, n), false)
		})
	}
	return p.fire("attn.hook_z", s.z.Data, m.Config.Heads, m.Config.VHead())
}

// headView is what one query head of one sequence reads and writes: queries
// seqLen × HeadDim, outputs seqLen × VHead, keys and values by position.
type headView struct {
	q, k, v, z tensor.Mat
	window     int      // 0: none
	sink       *float32 // nil: none
}

// sees is the first position that the query at pos sees.
func (h headView) sees(pos int) int {
	if h.window == 0 {
		return 0
	}
	return max(0, pos+1-h.window)
}

func (m *Model) head(s layerActs, w *Layer, p *pass, cache *kvcache.Cache, seq, head int) headView {
	c := m.Config
	d, dv, kv := c.HeadDim, c.VHead(), head/(c.Heads/c.KVHeads)
	r0, r1 := seq*p.seqLen, (seq+1)*p.seqLen
	h := headView{q: block(s.q, r0, r1, head*d, head*d+d), z: block(s.z, r0, r1, head*dv, head*dv+dv), window: c.Block(p.layer).Window}
	if c.Sinks {
		h.sink = &w.AttnSinks[head]
	}
	keys, values := s.k, s.v
	if cache != nil {
		keys, values = cache.Layer(p.layer)
		r0, r1 = 0, p.pos+p.seqLen
	}
	h.k, h.v = block(keys, r0, r1, kv*d, kv*d+d), block(values, r0, r1, kv*dv, kv*dv+dv)
	return h
}

// store writes the new keys and values behind those that the cache holds.
func (m *Model) store(s layerActs, p *pass, cache *kvcache.Cache) {
	keys, values := cache.Layer(p.layer)
	for i := range s.k.Rows {
		copy(row(keys, p.pos+i), row(s.k, i))
		copy(row(values, p.pos+i), row(s.v, i))
	}
}

func (m *Model) attnScale() float32 {
	if m.Config.AttnScale > 0 {
		return m.Config.AttnScale
	}
	return float32(1 / math.Sqrt(float64(m.Config.HeadDim)))
}

// softmax turns raw scores into probabilities: row i is the query at position
// first+i, column j the key at position from+j. Places that a query does not see
// get 0.
func (m *Model) softmax(scores tensor.Mat, h headView, first, from int) {
	factor := m.cap(scores)
	for i := range scores.Rows {
		r := row(scores, i)
		lo, hi := max(0, h.sees(first+i)-from), min(first+i+1-from, len(r))
		largest, sum := kernel.Softmax(r[lo:hi], factor)
		if h.sink != nil { // one more score, whose share goes nowhere
			kernel.Scale(r[lo:hi], float32(1/(1+math.Exp(float64(*h.sink)-float64(largest))/float64(sum))))
		}
		clear(r[:lo])
		clear(r[hi:])
	}
}

// cap applies the soft cap, if any, to raw scores and returns what to multiply
// them with.
func (m *Model) cap(scores tensor.Mat) (factor float32) {
	factor = m.attnScale()
	if limit := m.Config.AttnSoftCap; limit > 0 {
		for i := range scores.Rows {
			kernel.SoftCap(row(scores, i), factor, limit)
		}
		return 1
	}
	return factor
}

// attentionWatched is attention with every head's whole pattern in memory at
// once, for someone to see or change; the products and their order are the
// same.
func (m *Model) attentionWatched(s layerActs, w *Layer, p *pass, cache *kvcache.Cache) error {
	c, t, total := m.Config, p.seqLen, p.pos+p.seqLen
	all := tensor.New(p.seqs*c.Heads*t, total)
	each := func(f func(h headView, pattern tensor.Mat)) {
		m.Pool.Run(p.seqs*c.Heads, func(_, i int) {
			f(m.head(s, w, p, cache, i/c.Heads, i%c.Heads), rows(all, i*t, (i+1)*t))
		})
	}
	each(func(h headView, pattern tensor.Mat) { tensor.Gemm(nil, pattern, h.q, h.k.T(), false) })
	if p.watched("attn.hook_attn_scores") {
		if err := m.showScores(all, p); err != nil {
			return err
		}
	}
	each(func(h headView, pattern tensor.Mat) { m.softmax(pattern, h, p.pos, 0) })
	if err := p.fireShaped("attn.hook_pattern", all.Data, p.seqs, c.Heads, t, total); err != nil {
		return err
	}
	each(func(h headView, pattern tensor.Mat) { tensor.Gemm(nil, h.z, pattern, h.v, false) })
	return nil
}

// showScores shows the scores as the softmax gets them, with what a query does
// not see at -Inf, and takes back what was changed.
func (m *Model) showScores(raw tensor.Mat, p *pass) error {
	shown := tensor.New(raw.Rows, raw.Cols)
	scale, limit, inf := m.attnScale(), m.Config.AttnSoftCap, float32(math.Inf(-1))
	h := headView{window: m.Config.Block(p.layer).Window}
	for i := range raw.Rows {
		pos := p.pos + i%p.seqLen
		r := row(shown, i)
		copy(r, row(raw, i))
		if limit > 0 {
			kernel.SoftCap(r, scale, limit)
		} else {
			kernel.Scale(r, scale)
		}
		for j := range r {
			if j < h.sees(pos) || j > pos {
				r[j] = inf
			}
		}
	}
	before := append([]float32(nil), shown.Data...)
	err := p.fireShaped("attn.hook_attn_scores", shown.Data, p.seqs, m.Config.Heads, p.seqLen, raw.Cols)
	for i, v := range shown.Data {
		if v == before[i] {
			continue
		}
		if limit > 0 {
			v = limit * float32(math.Atanh(float64(v/limit)))
		}
		raw.Data[i] = v / scale
	}
	return err
}

// attentionBack: dq, dk, dv from dz. A worker owns a key/value head of a
// sequence and goes through its query heads and their tiles in order, making
// each tile's pattern again rather than having kept it.
func (m *Model) attentionBack(dq, dk, dv, dz tensor.Mat, a *Activations, s layerActs, p *pass) {
	c, d, t := m.Config, m.Config.HeadDim, p.seqLen
	group := c.Heads / c.KVHeads
	a.growScratch(t, true)
	m.Pool.Run(p.seqs*c.KVHeads, func(worker, i int) {
		seq, kv := i/c.KVHeads, i%c.KVHeads
		dki := block(dk, seq*t, (seq+1)*t, kv*d, kv*d+d)
		dvi := block(dv, seq*t, (seq+1)*t, kv*d, kv*d+d)
		for r := range t {
			clear(row(dki, r))
			clear(row(dvi, r))
		}
		for head := kv * group; head < (kv+1)*group; head++ {
			h := m.head(s, nil, p, nil, seq, head)
			dqi := block(dq, seq*t, (seq+1)*t, head*d, head*d+d)
			dzi := block(dz, seq*t, (seq+1)*t, head*d, head*d+d)
			for lo := 0; lo < t; lo += attnRows {
				hi := min(lo+attnRows, t)
				pattern := tensor.Of(a.scratch[worker].p[:(hi-lo)*hi], hi-lo, hi)
				dp := tensor.Of(a.scratch[worker].dp[:(hi-lo)*hi], hi-lo, hi)
				q, k, v, dzt := rows(h.q, lo, hi), rows(h.k, 0, hi), rows(h.v, 0, hi), rows(dzi, lo, hi)
				tensor.Gemm(nil, pattern, q, k.T(), false)
				m.softmax(pattern, h, lo, 0)
				tensor.Gemm(nil, dp, dzt, v.T(), false)
				tensor.Gemm(nil, rows(dvi, 0, hi), pattern.T(), dzt, true)
				for r := range dp.Rows {
					n := lo + r + 1
					kernel.SoftmaxBack(row(dp, r)[:n], row(pattern, r)[:n], row(dp, r)[:n], m.attnScale())
					clear(row(dp, r)[n:])
				}
				tensor.Gemm(nil, rows(dqi, lo, hi), dp, k, false)
				tensor.Gemm(nil, rows(dki, 0, hi), dp.T(), q, true)
			}
		}
	})
}

// growScratch makes room for tiles of attnRows × positions in every worker.
func (a *Activations) growScratch(positions int, back bool) {
	need := attnRows * positions
	for i := range a.scratch {
		if s := &a.scratch[i]; len(s.p) < need {
			s.p = make([]float32, 2*need)
		}
		if s := &a.scratch[i]; back && len(s.dp) < need {
			s.dp = make([]float32, need)
		}
	}
}
