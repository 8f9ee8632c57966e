package model

import (
	"math"

	"weft/internal/kernel"
	"weft/kvcache"
	"weft/tensor"
)

// attnRows is how many queries one tile of scores has.
const attnRows = 64

// attention: for every query, z = Σ softmax(q·k/√HeadDim)·v over the positions
// up to its own. Query head h reads key/value head h / (Heads/KVHeads). Each
// row's result depends on that row's query and its keys and values alone.
func (m *Model) attention(a *Activations, s layerActs, p *pass, cache *kvcache.Cache) error {
	if cache != nil {
		m.store(s, p, cache)
	}
	if p.watched("attn.hook_attn_scores") || p.watched("attn.hook_pattern") {
		if err := m.attentionWatched(s, p, cache); err != nil {
			return err
		}
	} else {
		total, tiles := p.pos+p.seqLen, (p.seqLen+attnRows-1)/attnRows
		a.growScratch(total, false)
		m.Pool.Run(p.seqs*m.Config.Heads*tiles, func(worker, i int) {
			seq, head, tile := i/(m.Config.Heads*tiles), i/tiles%m.Config.Heads, tiles-1-i%tiles
			h := m.head(s, p, cache, seq, head)
			lo, hi := tile*attnRows, min((tile+1)*attnRows, p.seqLen)
			n := p.pos + hi
			pattern := tensor.Of(a.scratch[worker].p[:(hi-lo)*n], hi-lo, n)
			tensor.Gemm(nil, pattern, rows(h.q, lo, hi), rows(h.k, 0, n).T(), false)
			m.softmaxCausal(pattern, p.pos+lo)
			tensor.Gemm(nil, rows(h.z, lo, hi), pattern, rows(h.v, 0, n), false)
		})
	}
	return p.fire("attn.hook_z", s.z.Data, m.Config.Heads, m.Config.HeadDim)
}

// headView is what one query head of one sequence reads and writes: queries
// and outputs seqLen × HeadDim, keys and values positions × HeadDim.
type headView struct{ q, k, v, z tensor.Mat }

func (m *Model) head(s layerActs, p *pass, cache *kvcache.Cache, seq, head int) headView {
	d, kv := m.Config.HeadDim, head/(m.Config.Heads/m.Config.KVHeads)
	r0, r1 := seq*p.seqLen, (seq+1)*p.seqLen
	h := headView{q: block(s.q, r0, r1, head*d, head*d+d), z: block(s.z, r0, r1, head*d, head*d+d)}
	keys, values := s.k, s.v
	if cache != nil {
		keys, values = cache.Layer(p.layer)
		r0, r1 = 0, p.pos+p.seqLen
	}
	h.k, h.v = block(keys, r0, r1, kv*d, kv*d+d), block(values, r0, r1, kv*d, kv*d+d)
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
	return float32(1 / math.Sqrt(float64(m.Config.HeadDim)))
}

// softmaxCausal turns raw scores into probabilities; row i may look at the
// first first+i+1 positions, the others get 0.
func (m *Model) softmaxCausal(scores tensor.Mat, first int) {
	for i := range scores.Rows {
		r := row(scores, i)
		n := min(first+i+1, len(r))
		kernel.Softmax(r[:n], m.attnScale())
		clear(r[n:])
	}
}

// attentionWatched is attention with every head's whole pattern in memory at
// once, for someone to see or change; the products and their order are the
// same.
func (m *Model) attentionWatched(s layerActs, p *pass, cache *kvcache.Cache) error {
	c, t, total := m.Config, p.seqLen, p.pos+p.seqLen
	all := tensor.New(p.seqs*c.Heads*t, total)
	each := func(f func(h headView, pattern tensor.Mat)) {
		m.Pool.Run(p.seqs*c.Heads, func(_, i int) {
			f(m.head(s, p, cache, i/c.Heads, i%c.Heads), rows(all, i*t, (i+1)*t))
		})
	}
	each(func(h headView, pattern tensor.Mat) { tensor.Gemm(nil, pattern, h.q, h.k.T(), false) })
	if p.watched("attn.hook_attn_scores") {
		if err := m.showScores(all, p); err != nil {
			return err
		}
	}
	each(func(_ headView, pattern tensor.Mat) { m.softmaxCausal(pattern, p.pos) })
	if err := p.fireShaped("attn.hook_pattern", all.Data, p.seqs, c.Heads, t, total); err != nil {
		return err
	}
	each(func(h headView, pattern tensor.Mat) { tensor.Gemm(nil, h.z, pattern, h.v, false) })
	return nil
}

// showScores shows the scaled scores with the future at -Inf, and takes back
// what was changed.
func (m *Model) showScores(raw tensor.Mat, p *pass) error {
	shown := tensor.New(raw.Rows, raw.Cols)
	scale, inf := m.attnScale(), float32(math.Inf(-1))
	for i := range raw.Rows {
		first := p.pos + i%p.seqLen + 1
		for j := range shown.Cols {
			shown.Data[i*shown.RS+j] = inf
			if j < first {
				shown.Data[i*shown.RS+j] = raw.Data[i*raw.RS+j] * scale
			}
		}
	}
	before := append([]float32(nil), shown.Data...)
	err := p.fireShaped("attn.hook_attn_scores", shown.Data, p.seqs, m.Config.Heads, p.seqLen, raw.Cols)
	for i, v := range shown.Data {
		if v != before[i] {
			raw.Data[i] = v / scale
		}
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
			h := m.head(s, p, nil, seq, head)
			dqi := block(dq, seq*t, (seq+1)*t, head*d, head*d+d)
			dzi := block(dz, seq*t, (seq+1)*t, head*d, head*d+d)
			for lo := 0; lo < t; lo += attnRows {
				hi := min(lo+attnRows, t)
				pattern := tensor.Of(a.scratch[worker].p[:(hi-lo)*hi], hi-lo, hi)
				dp := tensor.Of(a.scratch[worker].dp[:(hi-lo)*hi], hi-lo, hi)
				q, k, v, dzt := rows(h.q, lo, hi), rows(h.k, 0, hi), rows(h.v, 0, hi), rows(dzi, lo, hi)
				tensor.Gemm(nil, pattern, q, k.T(), false)
				m.softmaxCausal(pattern, lo)
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
