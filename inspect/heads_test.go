package inspect

import (
	"slices"
	"testing"

	"weft/internal/modeltest"
	"weft/model"
	"weft/safetensors"
)

var inductive = model.Config{Arch: "llama", Vocab: 48, Context: 64, Layers: 2, Dim: 64, Heads: 4, KVHeads: 4, HeadDim: 16, Hidden: 64,
	NormEps: 1e-5, Rope: model.Rope{Theta: 1e4}, Gated: true}

// trained is the model that testdata/induction.py trained.
func trained(t *testing.T) *Subject {
	t.Helper()
	file, err := safetensors.Open("testdata/induction.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w, err := model.Load(inductive, file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return subjectOf(t, w)
}

func subjectOf(t *testing.T, w *model.Weights) *Subject {
	t.Helper()
	return NewSubject(modeltest.Of(t, w), About{Name: "small", BOS: 0})
}

// TestInductionFound: two layers that were trained to repeat have a head that looks
// for the previous token, then one that finds what followed; without it they
// cannot repeat.
func TestInductionFound(t *testing.T) {
	s := trained(t)
	card, err := s.Heads(background, HeadOptions{Length: 20})
	fine(t, err, card.Provenance, card.Checks)
	induction := card.Found[KindInduction]
	if len(induction) == 0 || slices.ContainsFunc(induction, func(h Head) bool { return h.Layer != 1 }) {
		t.Fatalf("induction heads %v, previous-token heads %v: %+v", induction, card.Found[KindPrevious], card.Heads)
	}
	if card.LossSecond > 0.5 || card.LossFirst < 3 {
		t.Errorf("the first copy costs %g nats a token, the second %g", card.LossFirst, card.LossSecond)
	}
	var targets []Target
	for _, h := range induction {
		targets = append(targets, Target{TargetHead, h.Layer, h.Head})
	}
	sequence := card.Tokens[0]
	e, err := s.Ablate(background, sequence[:30], Ablation{Targets: targets}, EffectOptions{})
	fine(t, err, e.Provenance, e.Checks)
	if e.Before.Top[0].ID != sequence[30] || e.Before.P < 0.5 || e.After.P > e.Before.P/4 {
		t.Errorf("with the induction heads %+v, without %+v", e.Before, e.After)
	}
}

// TestInductionAbsent: neither a model that knows nothing nor the trained one's
// first layer alone has an induction head, and the card says so.
func TestInductionAbsent(t *testing.T) {
	one := *trained(t).Model.W
	one.Config.Layers, one.Layers = 1, one.Layers[:1]
	for name, w := range map[string]*model.Weights{"random": model.Init(inductive, 1), "one layer": &one} {
		card, err := subjectOf(t, w).Heads(background, HeadOptions{Length: 20})
		fine(t, err, card.Provenance, card.Checks)
		found, there := card.Found[KindInduction]
		if !there || found == nil || len(found) != 0 || card.LossSecond < card.LossFirst-1 {
			t.Errorf("%s: induction heads %v, losses %g and %g", name, found, card.LossFirst, card.LossSecond)
		}
	}
}
