package inspect

import (
	"weft/model"
	"weft/tensor"
)

// permuted runs one block with its neurons in the order of a match, and returns by
// how much what its MLP writes differs from before, relative to the largest number.
func (s *Subject) permuted(tokens []int32, t LayerMatch) (float64, error) {
	m, c := s.Model, s.Model.Config
	in, out := block(t.Layer, "hook_resid_pre"), block(t.Layer, "hook_mlp_out")
	before := newCatcher()
	before.whole(in, out)
	if _, err := m.Forward(tokens, &model.Run{Hooks: stopAfter(before, out), Logits: model.NoLogits}); err != nil {
		return 0, err
	}
	w := *m.W
	w.Layers = append([]model.Layer(nil), w.Layers...)
	w.Layers[t.Layer].FFN = reordered(c, &m.W.Layers[t.Layer].FFN, t.Neurons)
	other := *m
	other.W = &w
	after := newCatcher()
	after.whole(out)
	stream := tensor.Of(before.got[in], len(tokens), c.Dim)
	if _, err := other.Forward(tokens, &model.Run{From: t.Layer, Stream: stream, Hooks: stopAfter(after, out), Logits: model.NoLogits}); err != nil {
		return 0, err
	}
	return worst(before.got[out], after.got[out]) / max(largest(before.got[out]), 1e-30), nil
}

// stopAfter ends the pass once the catcher has what it waits for.
func stopAfter(c *catcher, point string) *model.Hooks {
	c.hooks.On(point, func(*model.Point) error { return model.ErrStop })
	return &c.hooks
}

// reordered is a feed-forward network with its neurons in another order, in float32.
func reordered(c model.Config, f *model.FFN, order []int) model.FFN {
	rows := func(l *model.Linear) model.Linear {
		from, to := matrix(l, c.Hidden, c.Dim), tensor.New(c.Hidden, c.Dim)
		out := model.Linear{W: to}
		for i, j := range order {
			copy(to.Row(i), from.Row(j))
			if l.B != nil {
				out.B = append(out.B, l.B[j])
			}
		}
		return out
	}
	out := model.FFN{Up: rows(&f.Up)}
	if c.Gated {
		out.Gate = rows(&f.Gate)
	}
	from, to := matrix(&f.Down, c.Dim, c.Hidden), tensor.New(c.Dim, c.Hidden)
	for i := range c.Dim {
		for k, j := range order {
			to.Row(i)[k] = from.Row(i)[j]
		}
	}
	out.Down = model.Linear{W: to, B: f.Down.B}
	return out
}
