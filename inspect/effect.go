package inspect

import (
	"context"

	"weft/model"
	"weft/tensor"
)

// EffectOptions say how to report an intervention.
type EffectOptions struct {
	Top int // candidates; 0: 5
}

// Effect is what an intervention did to a prompt's predictions.
type Effect struct {
	Provenance Provenance `json:"provenance"`
	Tokens     []int32    `json:"tokens"`
	What       string     `json:"what"`    // "ablate head 3.5 (zero)"
	Before     Reading    `json:"before"`  // after the last token; KL, rank and P as in a lens
	After      Reading    `json:"after"`   // KL is from before; rank and P of what was on top before
	Logit      [2]float64 `json:"logit"`   // before and after, of what was on top before
	KL         []float64  `json:"kl_bits"` // per token, of the prediction before from that after
	Checks     CheckList  `json:"checks"`
}

// EffectBytes is how many bytes Ablate and Steer hold for a prompt; targets are those
// to ablate.
func EffectBytes(c model.Config, tokens int, targets ...Target) int64 {
	kept := floats(tokens, 3, c.Dim) + max(forwardBytes(c, 1, tokens, 0), 2*unembedBytes(c, min(headRows, tokens)))
	var points []string
	for _, t := range targets {
		slots, err := t.slots(c)
		if err != nil {
			return 0 // and Ablate says why
		}
		for _, at := range slots {
			points = append(points, at.point)
			kept += floats(tokens+2, at.width)*9/8 + 24*int64(tokens) // what replaces it by itself
		}
	}
	own, err := RecordBytes(c, []int{tokens}, points...)
	if err != nil {
		return 0
	}
	return max(kept, own+own/8)
}

// effect runs a prompt as it is, with hooks, and with hooks that must change
// nothing.
func (s *Subject) effect(ctx context.Context, tokens []int32, what string, h, nothing *model.Hooks, o EffectOptions) (*Effect, error) {
	c := s.Model.Config
	if err := s.afford("comparing predictions", EffectBytes(c, len(tokens))); err != nil {
		return nil, err
	}
	var streams [3]tensor.Mat // the last ones
	for i, hooks := range []*model.Hooks{{}, h, nothing} {
		x := tensor.New(len(tokens), c.Dim)
		keepStream(hooks, x, block(c.Layers-1, "hook_resid_post"))
		if _, err := s.forward(ctx, tokens, model.Run{Hooks: hooks, Logits: model.NoLogits}); err != nil {
			return nil, err
		}
		streams[i] = x
	}
	e := &Effect{Provenance: s.Provenance(tokens), Tokens: tokens, What: what}
	e.Checks.add("nothing", "the same intervention with values that change nothing changes nothing, to the bit", worst(streams[0].Data, streams[2].Data), 0)
	top := o.Top
	if top <= 0 {
		top = 5
	}
	rooms := newRooms(s.Model)
	err := s.eachHead(ctx, streams[0], func(lo int, before tensor.Mat) error {
		return s.eachHead(ctx, streams[1].Slice(lo, lo+before.Rows), func(_ int, after tensor.Mat) error {
			e.read(rooms.of(0), before, after, min(top, c.Vocab))
			rooms.leave()
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return e, e.Checks.err()
}

// read adds what is said after some tokens; the last ones' readings stay.
func (e *Effect) read(a *room, before, after tensor.Mat, top int) {
	for i := range before.Rows {
		a.set(before.Row(i))
		e.Before, e.After = a.reading(a.logits, a.buf, top), a.reading(after.Row(i), a.buf, top)
		e.KL = append(e.KL, e.After.KL)
		e.Logit = [2]float64{float64(a.logits[a.top]), float64(after.Row(i)[a.top])}
	}
}
