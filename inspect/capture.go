package inspect

import (
	"context"

	"weft/model"
	"weft/tensor"
)

// catcher copies points of a pass. Points of several batches of a pass follow
// each other.
type catcher struct {
	hooks model.Hooks
	got   map[string][]float32
}

func newCatcher() *catcher { return &catcher{got: map[string][]float32{}} }

// whole keeps all of the points.
func (c *catcher) whole(names ...string) {
	for _, name := range names {
		c.hooks.On(name, func(p *model.Point) error {
			c.got[name] = append(c.got[name], p.Data...)
			return nil
		})
	}
}

// row keeps of every sequence what belongs to one position: of a pattern, the
// query's row of each head.
func (c *catcher) row(at int, names ...string) {
	for _, name := range names {
		c.hooks.On(name, func(p *model.Point) error {
			axis := 1
			if isPattern(name) {
				axis = 2
			}
			width := size(p.Shape[axis+1:])
			each := p.Shape[axis] * width
			for lo := 0; lo < len(p.Data); lo += each {
				c.got[name] = append(c.got[name], p.Data[lo+at*width:][:width]...)
			}
			return nil
		})
	}
}

// forward is one pass. It ends with ctx, at the next part of a block, for which it
// adds to r.Hooks.
func (s *Subject) forward(ctx context.Context, tokens []int32, r model.Run) (tensor.Mat, error) {
	if r.Hooks == nil {
		r.Hooks = &model.Hooks{}
	}
	for l := r.From; l < s.Model.Config.Layers; l++ {
		for _, point := range []string{"hook_resid_pre", "hook_attn_out", "hook_mlp_out"} {
			r.Hooks.On(block(l, point), func(*model.Point) error { return ctx.Err() })
		}
	}
	logits, err := s.Model.Forward(tokens, &r)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case err == nil && !finite(logits.Data):
		err = ErrNotFinite
	}
	return logits, err
}

// run is one forward pass with the catcher's hooks.
func (c *catcher) run(ctx context.Context, s *Subject, tokens []int32, r model.Run) (tensor.Mat, error) {
	r.Hooks = &c.hooks
	return s.forward(ctx, tokens, r)
}

// caught runs a prompt and copies whole points of it.
func (s *Subject) caught(ctx context.Context, tokens []int32, r model.Run, points ...string) (map[string][]float32, tensor.Mat, error) {
	c := newCatcher()
	c.whole(points...)
	logits, err := c.run(ctx, s, tokens, r)
	return c.got, logits, err
}
