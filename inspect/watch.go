package inspect

import (
	"fmt"
	"math"
	"slices"

	"weft/model"
)

// watcher collects, during the one forward pass, what the trace needs.
type watcher struct {
	t       *Trace
	o       Options
	streams [][]float32 // by depth: tokens × dim, copied; without a lens only the last one's last row
	writers []writer    // what was added to the last token's vector, in order
	scale   float64     // the final norm's divisor for the last token

	added   []float64 // the stream before + attention (+ MLP), in float64
	largest float64   // of |stream|, for the relative check
	best    float64   // how much the head kept so far looks around
}

// writer is one part of the model that wrote into the last token's vector.
type writer struct {
	hook  string
	layer int
	kind  Part
	v     []float32
	z     []float32 // attention only: the heads' outputs side by side
}

func newWatcher(t *Trace, o Options) *watcher {
	t.Blocks = make([]Block, t.Config.Layers)
	return &watcher{t: t, o: o, best: -1}
}

// hooks are all the points that a trace reads.
func (w *watcher) hooks() *model.Hooks {
	h := &model.Hooks{}
	h.On("hook_embed", w.embed)
	if w.t.Config.Position == model.LearnedPositions {
		h.On("hook_pos_embed", w.position)
	}
	for l := range w.t.Config.Layers {
		on := func(point string, f func(*model.Point) error) { h.On(fmt.Sprintf("blocks.%d.%s", l, point), f) }
		if l == 0 {
			on("hook_resid_pre", w.input)
		}
		on("attn.hook_pattern", w.pattern)
		on("attn.hook_z", w.heads)
		on("hook_attn_out", w.attention)
		on("hook_mlp_out", w.mlp)
		on("hook_resid_post", w.after)
	}
	h.On("ln_final.hook_scale", func(p *model.Point) error {
		w.scale = float64(p.Data[len(p.Data)-1])
		return nil
	})
	return h
}

func (w *watcher) embed(p *model.Point) error {
	w.t.Embedding = w.vectors(p)
	w.wrote(p, Embed)
	return nil
}

func (w *watcher) position(p *model.Point) error {
	v := w.vectors(p)
	w.t.Position = &v
	w.wrote(p, Position)
	return nil
}

func (w *watcher) input(p *model.Point) error {
	w.t.Input.Vectors = w.vectors(p)
	w.keep(p.Data)
	return nil
}

func (w *watcher) attention(p *model.Point) error {
	w.t.Blocks[p.Layer].Attn = w.change(p)
	w.wrote(p, Attention)
	return nil
}

func (w *watcher) mlp(p *model.Point) error {
	w.t.Blocks[p.Layer].MLP = w.change(p)
	w.wrote(p, MLP)
	return nil
}

func (w *watcher) after(p *model.Point) error {
	b := &w.t.Blocks[p.Layer]
	b.Layer = p.Layer
	b.After.Vectors = w.vectors(p)
	for i, v := range p.Data {
		w.largest = max(w.largest, math.Abs(float64(v)))
		w.t.Checks.StreamSum = worse(w.t.Checks.StreamSum, math.Abs(w.added[i]-float64(v)))
	}
	w.keep(p.Data)
	return nil
}

// keep copies the stream: the lens reads it after the pass, and the next
// change is measured against it. Without a lens the one before can go.
func (w *watcher) keep(stream []float32) {
	kept := stream
	if w.o.NoLens {
		kept, w.streams = w.row(stream, len(w.t.Tokens)-1), w.streams[:0]
	}
	w.streams = append(w.streams, slices.Clone(kept))
	if w.added == nil {
		w.added = make([]float64, len(stream))
	}
	for i, v := range stream {
		w.added[i] = float64(v)
	}
}

// vectors measures each token's row and keeps its leading numbers.
func (w *watcher) vectors(p *model.Point) Vectors {
	v := Vectors{Hook: p.Name}
	for i := range w.t.Tokens {
		row := w.row(p.Data, i)
		v.Norms = append(v.Norms, math.Sqrt(dot(row, row)))
		if w.o.Cells > 0 {
			v.Cells = append(v.Cells, append([]float32(nil), row[:w.o.Cells]...))
		}
	}
	return v
}

// change measures what is about to be added to the stream, and adds it.
func (w *watcher) change(p *model.Point) Change {
	c := Change{Vectors: w.vectors(p)}
	for i := range w.t.Tokens {
		c.Cosines = append(c.Cosines, cosine(w.row(p.Data, i), w.added[i*w.t.Config.Dim:]))
	}
	for i, v := range p.Data {
		w.added[i] += float64(v)
	}
	return c
}

// heads keeps the last token's head outputs, from which each head's share of
// the attribution follows.
func (w *watcher) heads(p *model.Point) error {
	width := w.t.Config.ZDim()
	w.writers = append(w.writers, writer{z: append([]float32(nil), p.Data[len(p.Data)-width:]...)})
	return nil
}

// wrote keeps the last token's row of what a part of the model wrote.
func (w *watcher) wrote(p *model.Point, kind Part) {
	entry := writer{}
	if kind == Attention { // heads has begun it
		entry, w.writers = w.writers[len(w.writers)-1], w.writers[:len(w.writers)-1]
	}
	entry.hook, entry.layer, entry.kind = p.Name, p.Layer, kind
	entry.v = append([]float32(nil), w.row(p.Data, len(w.t.Tokens)-1)...)
	w.writers = append(w.writers, entry)
}

func (w *watcher) row(data []float32, i int) []float32 {
	return data[i*w.t.Config.Dim : (i+1)*w.t.Config.Dim]
}
