package inspect

import (
	"context"

	"weft/model"
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

// EffectBytes is how many bytes Ablate and Steer hold for a prompt.
func EffectBytes(c model.Config, tokens int) int64 { return 3 * 4 * int64(tokens) * int64(c.Vocab) }

// effect runs a prompt as it is, with hooks, and with hooks that must change
// nothing.
func (s *Subject) effect(ctx context.Context, tokens []int32, what string, h, nothing *model.Hooks, o EffectOptions) (*Effect, error) {
	c := s.Model.Config
	if err := s.afford("comparing predictions", EffectBytes(c, len(tokens))); err != nil {
		return nil, err
	}
	var said [3][]float32
	for i, hooks := range []*model.Hooks{nil, h, nothing} {
		logits, err := s.forward(ctx, tokens, model.Run{Hooks: hooks, Logits: model.AllLogits})
		if err != nil {
			return nil, err
		}
		said[i] = logits.Data
	}
	if o.Top <= 0 {
		o.Top = 5
	}
	e := &Effect{Provenance: s.Provenance(tokens), Tokens: tokens, What: what}
	buf := make([]float32, c.Vocab)
	for i := range tokens {
		before, after := said[0][i*c.Vocab:(i+1)*c.Vocab], said[1][i*c.Vocab:(i+1)*c.Vocab]
		a := newAnswer(before)
		e.Before, e.After = a.reading(before, buf, min(o.Top, c.Vocab)), a.reading(after, buf, min(o.Top, c.Vocab))
		e.KL = append(e.KL, e.After.KL)
		e.Logit = [2]float64{float64(before[a.top]), float64(after[a.top])}
	}
	e.Checks.add("nothing", "the same intervention with values that change nothing changes nothing, to the bit", worst(said[0], said[2]), 0)
	return e, e.Checks.err()
}
