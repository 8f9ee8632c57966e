package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"weft/internal/kernel"
	"weft/model"
)

// Steering is a direction to add to the residual stream. Its JSON is the file.
type Steering struct {
	Point    string    `json:"point"` // "blocks.12.hook_resid_post"
	Vector   []float32 `json:"vector"`
	Strength float64   `json:"strength"` // times the vector
	From     int       `json:"from"`     // first position that it is added to
	Hash     string    `json:"hash"`     // of the weights that it was made with; "": any
	About    string    `json:"about"`
}

// NewSteering is the mean difference of two sets of prompts at a point, taken at
// each prompt's last token (Turner et al. 2023, arXiv 2308.10248; Rimsky et al.
// 2023, arXiv 2312.06681), with strength 1.
func (s *Subject) NewSteering(ctx context.Context, toward, from [][]int32, point string) (*Steering, error) {
	c := s.Model.Config
	if !steerable(c, point) {
		return nil, notSteerable(c, point)
	}
	sum := make([]float64, c.Dim)
	for i, prompts := range [][][]int32{toward, from} {
		if len(prompts) == 0 {
			return nil, fmt.Errorf("%w: a steering vector is a difference of two sets of prompts, and one is empty", ErrAsk)
		}
		sign := 1 - 2*float64(i)
		for _, tokens := range prompts {
			caught := newCatcher()
			caught.row(len(tokens)-1, point)
			if _, err := caught.run(ctx, s, tokens, model.Run{Logits: model.NoLogits}); err != nil {
				return nil, err
			}
			for j, v := range caught.got[point] {
				sum[j] += sign * float64(v) / float64(len(prompts))
			}
		}
	}
	v := &Steering{Point: point, Strength: 1, Hash: s.provenance(nil).Hash,
		About: fmt.Sprintf("mean of %d prompts less mean of %d, last tokens", len(toward), len(from))}
	for _, x := range sum {
		v.Vector = append(v.Vector, float32(x))
	}
	return v, nil
}

// steerable says whether a point has a vector of the stream's width per token that
// the pass reads again.
func steerable(c model.Config, point string) bool {
	shape := c.PointShape(point, 1, 1)
	return slices.Contains(c.HookPoints(), point) && len(shape) == 3 && shape[2] == c.Dim && !strings.HasSuffix(point, "normalized")
}

func notSteerable(c model.Config, point string) error {
	return fmt.Errorf("%w: %q is no point of the residual stream of this model; one is %s", ErrAsk, point, block(c.Layers/2, "hook_resid_post"))
}

// AddSteering makes h add the vector, in any pass: also live, on a model.Session
// that watches with h.
func (s *Subject) AddSteering(h *model.Hooks, v *Steering) error {
	c := s.Model.Config
	switch here := s.provenance(nil).Hash; {
	case !steerable(c, v.Point):
		return notSteerable(c, v.Point)
	case len(v.Vector) != c.Dim:
		return fmt.Errorf("%w: the steering vector has %d numbers, the stream %d", ErrAsk, len(v.Vector), c.Dim)
	case !finite(v.Vector) || v.Strength-v.Strength != 0:
		return fmt.Errorf("%w: the steering vector is not finite", ErrAsk)
	case v.Hash != "" && v.Hash != here:
		return fmt.Errorf("%w: the steering vector was made with other weights (%.15s, these are %.15s); without its hash it is taken as it is", ErrAsk, v.Hash, here)
	}
	h.On(v.Point, func(p *model.Point) error {
		each := p.Shape[1]
		for i := range p.Shape[0] * each {
			if p.Starts[i/each]+i%each >= v.From {
				kernel.Axpy(p.Data[i*c.Dim:(i+1)*c.Dim], float32(v.Strength), v.Vector)
			}
		}
		return nil
	})
	return nil
}

// Steer runs the prompt as it is and steered.
func (s *Subject) Steer(ctx context.Context, tokens []int32, v *Steering, o EffectOptions) (*Effect, error) {
	h, nothing, still := &model.Hooks{}, &model.Hooks{}, *v
	still.Strength = 0
	if err := s.AddSteering(h, v); err != nil {
		return nil, err
	}
	if err := s.AddSteering(nothing, &still); err != nil {
		return nil, err
	}
	return s.effect(ctx, tokens, fmt.Sprintf("add %g times a vector at %s", v.Strength, v.Point), h, nothing, o)
}
