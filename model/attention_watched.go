package model

import (
	"math"

	"weft/internal/kernel"
	"weft/tensor"
)

// watched is attention with every head's whole pattern in memory at once, for
// someone to see or change; the products and their order are the same. Between
// the steps the tiles' rows rest in one matrix, a row of positions for each query
// of each head of each sequence. What a window has passed so far that its memory
// has gone is not seen, whatever someone writes there.
func (r *attnRun) watched() error {
	c, p := r.m.Config, r.p
	all := tensor.New(p.seqs*c.Heads*p.seqLen, p.longest())
	r.m.Pool.Run(p.seqs*c.KVHeads*ceil(p.seqLen, writeRows), r.writeTask)
	r.growTiles(r.m.Pool.Threads())
	each := func(f func(t *tile, w *work)) {
		r.m.Pool.Run(p.seqs*c.KVHeads*r.perSeq, func(worker, i int) {
			t, lo := &r.tiles[worker], i%r.perSeq*r.queries
			t.load(r, i/r.perSeq, lo, min(lo+r.queries, p.seqLen))
			t.from, t.to, t.whole = t.cache.First(r.layer), t.cache.Len()+p.seqLen, true
			t.grow()
			f(t, &r.works[worker])
		})
	}
	each(func(t *tile, w *work) {
		t.score(w, t.from, t.to)
		t.rest(all, func(all, mine []float32) { copy(all, mine) })
	})
	if p.watched("attn.hook_attn_scores") {
		if err := r.showScores(all); err != nil {
			return err
		}
	}
	each(func(t *tile, _ *work) {
		t.rest(all, func(all, mine []float32) { copy(mine, all) })
		for i := range t.rows {
			t.softmax(i)
		}
		t.rest(all, func(all, mine []float32) { copy(all, mine) })
	})
	if err := p.fireShaped("attn.hook_pattern", all.Data, p.seqs, c.Heads, p.seqLen, all.Cols); err != nil {
		return err
	}
	each(func(t *tile, w *work) {
		t.rest(all, func(all, mine []float32) { copy(mine, all) })
		for part := range t.parts {
			t.fetch(w, part)
		}
		t.store()
	})
	return nil
}

// rest shows f each row of the tile beside its place in the matrix of all.
func (t *tile) rest(all tensor.Mat, f func(all, mine []float32)) {
	heads, p := t.run.m.Config.Heads, t.run.p
	for i := range t.rows {
		at := (t.seq*heads+t.kv*t.group+i%t.group)*p.seqLen + t.query + i/t.group
		f(row(all, at)[t.from:t.to], t.scores[i*t.ls:][:t.to-t.from])
	}
}

// showScores shows the scores as the softmax gets them, with what a query does
// not see at -Inf, and takes back what was changed.
func (r *attnRun) showScores(raw tensor.Mat) error {
	m, p, c := r.m, r.p, r.m.Config
	shown := tensor.New(raw.Rows, raw.Cols)
	scale, limit, inf := m.attnScale(), c.AttnSoftCap, float32(math.Inf(-1))
	for i := range raw.Rows {
		pos := p.start(i/(c.Heads*p.seqLen)) + i%p.seqLen
		line := row(shown, i)
		copy(line, row(raw, i))
		if limit > 0 {
			kernel.SoftCap(line, scale, limit)
		} else {
			kernel.Scale(line, scale)
		}
		for j := range line {
			if j < r.sees(pos) || j > pos {
				line[j] = inf
			}
		}
	}
	before := append([]float32(nil), shown.Data...)
	err := p.fireShaped("attn.hook_attn_scores", shown.Data, p.seqs, c.Heads, p.seqLen, raw.Cols)
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
