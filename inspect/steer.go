package inspect

import (
	"context"
	"fmt"
	"math"
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
	if err := checkSteerable(c, point); err != nil {
		return nil, err
	}
	longest := 0
	for _, tokens := range slices.Concat(toward, from) {
		longest = max(longest, len(tokens))
	}
	if err := s.afford("the longest prompt", forwardBytes(c, 1, longest, 0)); err != nil {
		return nil, err
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
	v := &Steering{Point: point, Strength: 1, Hash: s.Provenance(nil).Hash,
		About: fmt.Sprintf("mean of %d prompts less mean of %d, last tokens", len(toward), len(from))}
	for _, x := range sum {
		v.Vector = append(v.Vector, float32(x))
	}
	return v, nil
}

// steerable are the points of a block whose last dimension is the residual stream, or
// what is about to be added to it, so that adding a direction there moves the stream.
var steerable = []string{"hook_resid_pre", "hook_resid_mid", "hook_resid_post", "hook_attn_out", "hook_mlp_out"}

// checkSteerable refuses other points, and those that the model does not have.
func checkSteerable(c model.Config, point string) error {
	layer, name := "", point
	if rest, ok := strings.CutPrefix(point, "blocks."); ok {
		layer, name, _ = strings.Cut(rest, ".")
	}
	if slices.Contains(c.HookPoints(), point) && (point == "hook_embed" || layer != "" && slices.Contains(steerable, name)) {
		return nil
	}
	return fmt.Errorf("%w: a direction cannot be added at %q; it can at hook_embed and, in blocks 0 to %d, at %s",
		ErrAsk, point, c.Layers-1, strings.Join(slices.DeleteFunc(slices.Clone(steerable), func(name string) bool {
			return !slices.Contains(c.HookPoints(), block(0, name))
		}), ", "))
}

// check refuses a vector that is not this model's, or that no float32 could be added.
func (v *Steering) check(s *Subject) error {
	c := s.Model.Config
	if err := checkSteerable(c, v.Point); err != nil {
		return err
	}
	if len(v.Vector) != c.Dim {
		return fmt.Errorf("%w: the steering vector has %d numbers, the stream %d", ErrAsk, len(v.Vector), c.Dim)
	}
	if !finite(v.Vector) || v.Strength-v.Strength != 0 {
		return fmt.Errorf("%w: the steering vector is not finite", ErrAsk)
	}
	size, length := math.Abs(v.Strength), lengthOf(v.Vector)
	if size > math.MaxFloat32 || size*length > steerMost {
		return fmt.Errorf("%w: %.3g times a steering vector of length %.3g is more than a stream can take: a length of %.0g is the most", ErrAsk, v.Strength, length, steerMost)
	}
	if v.From < 0 {
		return fmt.Errorf("%w: steering from position %d", ErrAsk, v.From)
	}
	if v.Hash == "" {
		return nil
	}
	if here := s.Provenance(nil).Hash; v.Hash != here {
		return fmt.Errorf("%w: the steering vector was made with other weights (%.15s, these are %.15s); without its hash it is taken as it is", ErrAsk, v.Hash, here)
	}
	return nil
}

// steerMost is how long what is added may be. A norm squares what it reads, and the
// squares' sum must be a float32.
const steerMost = 1e16

// AddSteering makes h add the vector, in any pass: also live, on a model.Session
// that watches with h.
func (s *Subject) AddSteering(h *model.Hooks, v *Steering) error {
	if err := v.check(s); err != nil {
		return err
	}
	width := s.Model.Config.Dim
	h.On(v.Point, func(p *model.Point) error {
		each := p.Shape[1]
		for i := range p.Shape[0] * each {
			if p.Starts[i/each]+i%each >= v.From {
				kernel.Axpy(p.Data[i*width:(i+1)*width], float32(v.Strength), v.Vector)
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
