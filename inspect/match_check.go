package inspect

import (
	"context"
	"slices"

	"weft/model"
	"weft/tensor"
)

// reordering is how much of an MLP's largest number adding up in another order may change.
const reordering = 1e-4

// checkOrder runs one block on the first window from the stream before it, with its
// neurons in their own order and in that of a match, both in float32, and returns by how
// much what the MLP writes differs, relative to the largest number. As the model stores
// it, rounding could hide some neurons in the wrong place.
func (w *walker) checkOrder(ctx context.Context, t LayerMatch, before tensor.Mat) (float64, error) {
	c, f := w.s.Model.Config, &w.s.Model.W.Layers[t.Layer].FFN
	own, err := w.writes(ctx, t.Layer, reordered(c, f, all(nil, c.Hidden)), before)
	if err != nil {
		return 0, err
	}
	moved, err := w.writes(ctx, t.Layer, reordered(c, f, t.Neurons), before)
	if err != nil {
		return 0, err
	}
	return apartOf(own, moved), nil
}

// apartOf is how much two outputs differ, relative to the largest number of the first.
func apartOf(a, b []float32) float64 { return worst(a, b) / max(largest(a), 1e-30) }

// writes is what a block's MLP writes with other weights.
func (w *walker) writes(ctx context.Context, l int, f model.FFN, before tensor.Mat) (written []float32, err error) {
	weights, m := *w.s.Model.W, *w.s.Model
	weights.Layers = slices.Clone(weights.Layers)
	weights.Layers[l].FFN = f
	m.W = &weights
	h := &model.Hooks{}
	h.On(block(l, "hook_mlp_out"), func(p *model.Point) error {
		written = slices.Clone(p.Data)
		return model.ErrStop
	})
	r := model.Run{From: l, Stream: clone(before), Hooks: h, Acts: w.acts, Logits: model.NoLogits}
	_, err = (&Subject{Model: &m}).forward(ctx, w.windows[0], r)
	return written, err
}

// reordered is a feed-forward network with its neurons in another order, in float32.
func reordered(c model.Config, f *model.FFN, order []int) model.FFN {
	rows := func(l *model.Linear) model.Linear {
		out := model.Linear{W: tensor.New(c.Hidden, c.Dim)}
		for i, j := range order {
			to := out.W.Row(i)
			copy(to, l.Row(to, j))
			if l.B != nil {
				out.B = append(out.B, l.B[j])
			}
		}
		return out
	}
	out := model.FFN{Up: rows(&f.Up), Down: model.Linear{W: tensor.New(c.Dim, c.Hidden), B: f.Down.B}}
	if c.Gated {
		out.Gate = rows(&f.Gate)
	}
	buf := make([]float32, c.Hidden)
	for i := range c.Dim {
		from := f.Down.Row(buf, i)
		for k, j := range order {
			out.Down.W.Row(i)[k] = from[j]
		}
	}
	return out
}
