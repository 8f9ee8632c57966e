package inspect

import (
	"context"
	"fmt"
	"math"
	"slices"

	"weft/model"
	"weft/tensor"
)

// point is the site's in a block.
func (p *patcher) point(l int) string {
	switch p.o.Site {
	case SiteAttnOut:
		return block(l, "hook_attn_out")
	case SiteMLPOut:
		return block(l, "hook_mlp_out")
	case SiteHeads:
		return block(l, "attn.hook_z")
	}
	return block(l, "hook_resid_pre")
}

// observe runs both prompts.
func (p *patcher) observe(ctx context.Context) error {
	c := p.s.Model.Config
	var names []string
	for l := range c.Layers {
		names = append(names, block(l, "hook_resid_pre"))
		if p.o.Site != SiteResidPre {
			names = append(names, p.point(l), p.other(l))
		}
	}
	for i, run := range []struct {
		tokens []int32
		got    *map[string][]float32
	}{{p.g.Clean, &p.clean}, {p.g.Corrupted, &p.corrupt}} {
		got, logits, err := p.s.caught(ctx, run.tokens, model.Run{}, names...)
		if err != nil {
			return err
		}
		*run.got, p.said[i] = got, slices.Clone(logits.Data)
	}
	p.g.Right, p.g.Wrong = newAnswer(p.said[0]).top, newAnswer(p.said[1]).top
	if p.o.Right != nil {
		p.g.Right = *p.o.Right
	}
	if p.o.Wrong != nil {
		p.g.Wrong = *p.o.Wrong
	}
	if p.g.Right == p.g.Wrong {
		return fmt.Errorf("%w: both prompts lead to the same token (%d), so there is no right and wrong answer; name two", ErrAsk, p.g.Right)
	}
	p.g.CleanDiff, p.g.CorruptedDiff = p.difference(p.said[0]), p.difference(p.said[1])
	if apart := math.Abs(p.g.CleanDiff - p.g.CorruptedDiff); !(apart >= minDifference) {
		return fmt.Errorf("%w: the logit difference is %.3g for the clean prompt and %.3g for the corrupted one: too near to divide by", ErrAsk, p.g.CleanDiff, p.g.CorruptedDiff)
	}
	return nil
}

func (p *patcher) difference(logits []float32) float64 {
	return float64(logits[p.g.Right]) - float64(logits[p.g.Wrong])
}

func (p *patcher) metric(logits []float32) float64 {
	return (p.difference(logits) - p.g.CorruptedDiff) / (p.g.CleanDiff - p.g.CorruptedDiff)
}

// columns is how many places a layer has.
func (p *patcher) columns() int {
	if p.o.Site == SiteHeads {
		return p.s.Model.Config.Heads
	}
	return len(p.g.Clean)
}

// overwrite puts one place of the clean prompt's activation into a sequence's:
// a position's row, or a head's columns of all rows.
func (p *patcher) overwrite(to, from []float32, column int) {
	c, n := p.s.Model.Config, len(p.g.Clean)
	if p.o.Site == SiteHeads {
		width := c.VHead()
		for i := range n {
			at := i*c.ZDim() + column*width
			copy(to[at:at+width], from[at:])
		}
		return
	}
	copy(to[column*c.Dim:(column+1)*c.Dim], from[column*c.Dim:])
}

// run is a batch from block l on: sequence i with places[i] patched; a place of
// -1 patches nothing. It returns their last tokens' logits.
func (p *patcher) run(ctx context.Context, l int, places [][]int) (tensor.Mat, error) {
	c, n := p.s.Model.Config, len(p.g.Clean)
	stream, tokens := tensor.New(len(places)*n, c.Dim), []int32{}
	for i := range places {
		copy(stream.Data[i*n*c.Dim:], p.corrupt[block(l, "hook_resid_pre")])
		tokens = append(tokens, p.g.Corrupted...)
	}
	patch := func(data []float32) {
		each := len(data) / len(places)
		for i, list := range places {
			for _, column := range list {
				p.overwrite(data[i*each:(i+1)*each], p.clean[p.point(l)], column)
			}
		}
	}
	r := model.Run{SeqLen: n, From: l, Stream: stream, Acts: p.acts}
	if p.o.Site == SiteResidPre {
		patch(stream.Data)
	} else {
		r.Hooks = &model.Hooks{}
		r.Hooks.On(p.point(l), func(at *model.Point) error {
			patch(at.Data)
			return nil
		})
	}
	return p.s.forward(ctx, tokens, r)
}

// prove runs the patches whose answer is known: none, and all places at once.
func (p *patcher) prove(ctx context.Context) error {
	p.acts = p.s.Model.NewScratch(p.o.batch(len(p.g.Clean)), len(p.g.Clean))
	nothing, everything, tolerance := 0.0, 0.0, 0.0
	places := make([]int, p.columns())
	for i := range places {
		places[i] = i
	}
	for _, l := range p.g.Layers {
		logits, err := p.run(ctx, l, [][]int{{}})
		if err != nil {
			return err
		}
		nothing = worse(nothing, worst(logits.Data, p.said[1]))
		if p.o.Site != SiteResidPre {
			continue
		}
		if logits, err = p.run(ctx, l, [][]int{places}); err != nil {
			return err
		}
		everything = worse(everything, math.Abs(p.metric(logits.Data)-1))
	}
	if p.o.Site != SiteResidPre {
		got, err := p.everywhere(ctx)
		if err != nil {
			return err
		}
		everything, tolerance = math.Abs(p.metric(got)-1), 1e-3 // the stream was summed in another order
	}
	p.g.Checks.add("nothing", "a run from each layer on without a patch is the corrupted run, to the bit", nothing, 0)
	p.g.Checks.add("everything", "all places patched at once restore the clean answer: 1", everything, tolerance)
	return nil
}
