package inspect

import (
	"fmt"
	"strconv"
	"strings"

	"weft/model"
)

// Target is a part of the model that can be ablated.
type Target struct {
	Kind  TargetKind `json:"kind"`
	Layer int        `json:"layer"`
	Index int        `json:"index"` // of the head or neuron
}

// TargetKind is what kind of part.
type TargetKind string

const (
	TargetHead   TargetKind = "head"   // attn.hook_z of one head
	TargetNeuron TargetKind = "neuron" // mlp.hook_post of one
	TargetAttn   TargetKind = "attn"   // hook_attn_out
	TargetMLP    TargetKind = "mlp"    // hook_mlp_out
	TargetLayer  TargetKind = "layer"  // both
)

// String names a target as ParseTarget reads it.
func (t Target) String() string {
	switch t.Kind {
	case TargetHead, TargetNeuron:
		return fmt.Sprintf("%s %d.%d", t.Kind, t.Layer, t.Index)
	}
	return fmt.Sprintf("%s %d", t.Kind, t.Layer)
}

// ParseTarget reads "head 3.5", "neuron 3.120", "attn 3", "mlp 3" or "layer 3"; a
// colon or equals sign may stand for the space, and "3.5" alone is a head.
func ParseTarget(text string) (Target, error) {
	bad := fmt.Errorf("%w: %q is no target; write head 3.5, neuron 3.120, attn 3, mlp 3 or layer 3", ErrAsk, text)
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" :=", r) })
	if len(words) == 1 {
		words = []string{string(TargetHead), words[0]}
	}
	if len(words) != 2 {
		return Target{}, bad
	}
	t := Target{Kind: TargetKind(words[0])}
	layer, index, two := strings.Cut(words[1], ".")
	var err error
	if t.Layer, err = strconv.Atoi(layer); err != nil {
		return Target{}, bad
	}
	switch t.Kind {
	case TargetHead, TargetNeuron:
		if t.Index, err = strconv.Atoi(index); err != nil {
			return Target{}, bad
		}
		return t, nil
	case TargetAttn, TargetMLP, TargetLayer:
		if !two {
			return t, nil
		}
	}
	return Target{}, bad
}

// slot is the numbers lo to hi of every row of a point.
type slot struct {
	point         string
	lo, hi, width int
}

// slots are where a target's activation is.
func (t Target) slots(c model.Config) ([]slot, error) {
	if t.Layer < 0 || t.Layer >= c.Layers {
		return nil, fmt.Errorf("%w: %s: there are %d layers", ErrAsk, t, c.Layers)
	}
	attn := slot{block(t.Layer, "hook_attn_out"), 0, c.Dim, c.Dim}
	mlp := slot{block(t.Layer, "hook_mlp_out"), 0, c.Dim, c.Dim}
	switch t.Kind {
	case TargetAttn:
		return []slot{attn}, nil
	case TargetMLP:
		return []slot{mlp}, nil
	case TargetLayer:
		return []slot{attn, mlp}, nil
	case TargetHead:
		if t.Index < 0 || t.Index >= c.Heads {
			return nil, fmt.Errorf("%w: %s: a layer has %d heads", ErrAsk, t, c.Heads)
		}
		return []slot{{block(t.Layer, "attn.hook_z"), t.Index * c.VHead(), (t.Index + 1) * c.VHead(), c.ZDim()}}, nil
	case TargetNeuron:
		if c.HasExperts(t.Layer) {
			return nil, fmt.Errorf("%w: %s: the neurons of experts have no hook points", ErrArch, t)
		}
		if t.Index < 0 || t.Index >= c.Hidden {
			return nil, fmt.Errorf("%w: %s: a layer has %d neurons", ErrAsk, t, c.Hidden)
		}
		return []slot{{block(t.Layer, "mlp.hook_post"), t.Index, t.Index + 1, c.Hidden}}, nil
	}
	return nil, fmt.Errorf("%w: %q is no kind of target", ErrAsk, t.Kind)
}

func slotsOf(c model.Config, targets []Target) ([]slot, error) {
	if len(targets) == 0 {
		return nil, fmt.Errorf("%w: nothing to ablate", ErrAsk)
	}
	var list []slot
	for _, t := range targets {
		slots, err := t.slots(c)
		if err != nil {
			return nil, err
		}
		list = append(list, slots...)
	}
	return list, nil
}
