package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"weft/model"
)

// AblationKind is what a target's activation is replaced by.
type AblationKind string

const (
	ZeroAblation     AblationKind = "zero"
	MeanAblation     AblationKind = "mean"     // over every token of the reference but each prompt's first
	ResampleAblation AblationKind = "resample" // at position i, what it was at position i of the reference's prompts (round and round)
)

// Ablation silences parts.
type Ablation struct {
	Targets   []Target
	Kind      AblationKind // "": ZeroAblation
	Reference *Reference   // for the kinds that need one
}

// Reference is what targets were on other prompts.
type Reference struct {
	Provenance Provenance `json:"provenance"`
	Prompts    [][]int32  `json:"prompts"`

	points map[string]reference
}

// reference is a point's rows, prompt after prompt, and their mean without each
// prompt's first, which is unlike others.
type reference struct {
	rows  [][]float32
	mean  []float32
	width int
}

// Reference runs prompts and keeps what targets were on them.
func (s *Subject) Reference(ctx context.Context, prompts [][]int32, targets []Target) (*Reference, error) {
	slots, err := slotsOf(s.Model.Config, targets)
	if err != nil {
		return nil, err
	}
	if len(prompts) == 0 {
		return nil, fmt.Errorf("%w: a reference without prompts", ErrAsk)
	}
	var names []string
	for _, slot := range slots {
		if !slices.Contains(names, slot.point) {
			names = append(names, slot.point)
		}
	}
	record, err := s.Record(ctx, prompts, names...)
	if err != nil {
		return nil, err
	}
	r := &Reference{Provenance: record.Provenance, Prompts: prompts, points: map[string]reference{}}
	for _, slot := range slots {
		if _, ok := r.points[slot.point]; !ok {
			r.points[slot.point] = gather(record, slot)
		}
	}
	return r, nil
}

func gather(record *Record, at slot) reference {
	r := reference{width: at.width, mean: make([]float32, at.width)}
	sum, n := make([]float64, at.width), 0.0
	for i := range record.Prompts {
		first := len(r.rows)
		for row := range slices.Chunk(record.At(i, at.point).Data, at.width) {
			r.rows = append(r.rows, row)
		}
		for _, row := range r.rows[min(first+1, len(r.rows)-1):] {
			for k, v := range row {
				sum[k] += float64(v)
			}
			n++
		}
	}
	for k, v := range sum {
		r.mean[k] = float32(v / n)
	}
	return r
}

// at is what stands in for the numbers of a slot at a position.
func (a Ablation) at(s slot, position int) []float32 {
	r := Reference{}.points[s.point]
	if a.Reference != nil {
		r = a.Reference.points[s.point]
	}
	switch a.Kind {
	case MeanAblation:
		return r.mean[s.lo:s.hi]
	case ResampleAblation:
		return r.rows[position%len(r.rows)][s.lo:s.hi]
	}
	return make([]float32, s.hi-s.lo)
}

// AddAblation makes h ablate, in any pass: also live, on a model.Session that
// watches with h. It works on weights as they are stored.
func (s *Subject) AddAblation(h *model.Hooks, a Ablation) error {
	slots, err := slotsOf(s.Model.Config, a.Targets)
	if err != nil {
		return err
	}
	switch a.Kind {
	case "", ZeroAblation:
	case MeanAblation, ResampleAblation:
		if a.Reference == nil {
			return fmt.Errorf("%w: %s ablation needs a reference", ErrAsk, a.Kind)
		}
		for _, slot := range slots {
			if a.Reference.points[slot.point].width != slot.width {
				return fmt.Errorf("%w: the reference does not hold %s", ErrAsk, slot.point)
			}
		}
		if made, here := a.Reference.Provenance.Hash, s.Provenance(nil).Hash; made != here {
			return fmt.Errorf("%w: the reference was made with other weights (%.15s, these are %.15s)", ErrAsk, made, here)
		}
	default:
		return fmt.Errorf("%w: there is no %q ablation", ErrAsk, a.Kind)
	}
	for _, slot := range slots {
		h.On(slot.point, func(p *model.Point) error {
			each := len(p.Data) / p.Shape[0] / slot.width // positions of a sequence
			for i := range len(p.Data) / slot.width {
				copy(p.Data[i*slot.width+slot.lo:i*slot.width+slot.hi], a.at(slot, p.Starts[i/each]+i%each))
			}
			return nil
		})
	}
	return nil
}

// Ablate runs the prompt as it is and ablated.
func (s *Subject) Ablate(ctx context.Context, tokens []int32, a Ablation, o EffectOptions) (*Effect, error) {
	if a.Kind == "" {
		a.Kind = ZeroAblation
	}
	h := &model.Hooks{}
	if err := s.AddAblation(h, a); err != nil {
		return nil, err
	}
	if err := s.afford("the ablation", EffectBytes(s.Model.Config, len(tokens), a.Targets...)); err != nil {
		return nil, err
	}
	own, err := s.Reference(ctx, [][]int32{tokens}, a.Targets)
	if err != nil {
		return nil, err
	}
	nothing := &model.Hooks{} // each activation replaced by itself
	if err := s.AddAblation(nothing, Ablation{a.Targets, ResampleAblation, own}); err != nil {
		return nil, err
	}
	var names []string
	for _, t := range a.Targets {
		names = append(names, t.String())
	}
	what := fmt.Sprintf("ablate %s (%s)", strings.Join(names, ", "), a.Kind)
	return s.effect(ctx, tokens, what, h, nothing, o)
}
