package inspect

import (
	"context"

	"weft/model"
	"weft/tensor"
)

// fill runs every place of every layer.
func (p *patcher) fill(ctx context.Context) error {
	first, columns := p.g.Differ[0], p.columns()
	if p.o.Site == SiteHeads {
		first = 0
	}
	p.total = len(p.g.Layers) * (columns - first)
	for _, l := range p.g.Layers {
		row := make([]float64, columns) // before the first difference both prompts are the same, and a patch is none
		for lo := first; lo < columns; lo += p.o.batch(len(p.g.Clean)) {
			hi := min(columns, lo+p.o.batch(len(p.g.Clean)))
			if err := p.some(ctx, l, row, lo, hi); err != nil {
				return err
			}
		}
		p.g.Grid = append(p.g.Grid, row)
	}
	return nil
}

func (p *patcher) some(ctx context.Context, l int, row []float64, lo, hi int) error {
	places := make([][]int, hi-lo)
	for i := range places {
		places[i] = []int{lo + i}
	}
	logits, err := p.run(ctx, l, places)
	if err != nil {
		return err
	}
	for i := range places {
		row[lo+i] = p.metric(logits.Row(i))
	}
	p.done += hi - lo
	if p.o.OnRun != nil {
		p.o.OnRun(p.done, p.total)
	}
	return nil
}

// everywhere runs the corrupted prompt with all that the blocks write patched, the
// site's part place by place, so that only what entered the first block is the
// corrupted prompt's; the difference of that is made up for at the end.
func (p *patcher) everywhere(ctx context.Context) ([]float32, error) {
	c, h := p.s.Model.Config, &model.Hooks{}
	for l := range c.Layers {
		h.On(p.point(l), func(at *model.Point) error {
			for column := range p.columns() {
				p.overwrite(at.Data, p.clean[p.point(l)], column)
			}
			return nil
		})
		other := p.other(l)
		h.On(other, func(at *model.Point) error {
			copy(at.Data, p.clean[other])
			return nil
		})
	}
	h.On(block(c.Layers-1, "hook_resid_post"), func(at *model.Point) error {
		for i, v := range p.clean[block(0, "hook_resid_pre")] {
			at.Data[i] += v - p.corrupt[block(0, "hook_resid_pre")][i]
		}
		return nil
	})
	stream := tensor.Of(p.corrupt[block(0, "hook_resid_pre")], len(p.g.Clean), c.Dim)
	logits, err := p.s.forward(ctx, p.g.Corrupted, model.Run{Stream: stream, Hooks: h, Acts: p.acts})
	return logits.Data, err
}

// other is the point where the block's other part writes.
func (p *patcher) other(l int) string {
	if p.o.Site == SiteMLPOut {
		return block(l, "hook_attn_out")
	}
	return block(l, "hook_mlp_out")
}
