package inspect

import (
	"context"
	"math"

	"weft/model"
	"weft/tensor"
)

// permuted runs one block on the first window with its neurons in the order of a
// match, from the stream before it, and returns by how much what its MLP writes
// differs from what it wrote, relative to the largest number.
func (w *walker) permuted(ctx context.Context, t LayerMatch, before tensor.Mat, written []float32) (float64, error) {
	weights, m := *w.s.Model.W, *w.s.Model
	weights.Layers = append([]model.Layer(nil), weights.Layers...)
	weights.Layers[t.Layer].FFN = reordered(m.Config, &weights.Layers[t.Layer].FFN, t.Neurons)
	m.W = &weights
	off, h := math.Inf(1), &model.Hooks{}
	h.On(block(t.Layer, "hook_mlp_out"), func(p *model.Point) error {
		off = worst(written, p.Data) / max(largest(written), 1e-30)
		return model.ErrStop
	})
	r := model.Run{From: t.Layer, Stream: before, Hooks: h, Acts: w.acts, Logits: model.NoLogits}
	_, err := (&Subject{Model: &m}).forward(ctx, w.windows[0], r)
	return off, err
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
