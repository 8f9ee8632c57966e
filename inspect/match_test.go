package inspect

import (
	"math/rand/v2"
	"slices"
	"testing"

	"weft/model"
	"weft/tensor"
)

// shuffled is the same model with the neurons of every block in another order:
// neuron i of the new is neuron order[i] of the old.
func shuffled(t *testing.T, s *Subject, order []int) *Subject {
	t.Helper()
	w := *s.Model.W
	w.Layers = slices.Clone(w.Layers)
	for l := range w.Layers {
		w.Layers[l].FFN = reordered(s.Model.Config, &w.Layers[l].FFN, order)
	}
	m, err := model.New(&w, s.Model.Pool)
	if err != nil {
		t.Fatal(err)
	}
	return NewSubject(m, s.About)
}

func TestMatchUnits(t *testing.T) {
	for _, name := range []string{"llama", "gpt2", "gemma", "neox"} {
		t.Run(name, func(t *testing.T) {
			a := family(t, families()[name], 1)
			order := rand.New(rand.NewPCG(3, 4)).Perm(40)
			m, err := MatchUnits(background, a, shuffled(t, a, order), [][]int32{randomText(60, 61), randomText(30, 61)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range m.Layers {
				for i, j := range l.Neurons {
					if order[j] != i {
						t.Fatalf("block %d: neuron %d is %d, matched with %d", l.Layer, order[j], j, i)
					}
				}
				if l.WeightBefore < 0.5 || l.WeightAfter != 0 || l.After < 0.99 || l.Before > 0.5 {
					t.Errorf("%+v", l)
				}
			}
		})
	}
	a, b := family(t, families()["llama"], 1), family(t, families()["llama"], 2)
	m, err := MatchUnits(background, a, b, [][]int32{randomText(60, 61)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range m.Layers {
		seen := slices.Sorted(slices.Values(l.Neurons))
		if l.After <= l.Before || len(slices.Compact(seen)) != 40 {
			t.Errorf("%+v", l)
		}
	}
}

func TestLayerLosses(t *testing.T) {
	windows := [][]int32{randomText(20, 61), randomText(12, 61)}
	eachFamily(t, func(t *testing.T, a *Subject) {
		w := *a.Model.W
		w.Layers = slices.Clone(w.Layers)
		out := &w.Layers[1].AttnOut
		out.W = clone(out.W)
		for i := range out.W.Data {
			out.W.Data[i] *= 1.05
		}
		m, err := model.New(&w, a.Model.Pool)
		if err != nil {
			t.Fatal(err)
		}
		l, err := MeasureLayerLosses(background, a, NewSubject(m, a.About), windows, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(l.Layers) != 4 || l.Tokens != 32 || l.Whole <= 0 {
			t.Fatalf("%+v", l)
		}
		for _, x := range l.Layers {
			switch {
			case x.Layer == 1 && (x.KL != l.Whole || x.Stream == 0):
				t.Errorf("the layer that was changed loses %g of %g", x.KL, l.Whole)
			case x.Layer != 1 && (x.KL != 0 || x.Layer < 1 && x.Stream != 0):
				t.Errorf("a layer that was not changed: %+v", x)
			}
		}
	})
}

// TestCKAInvariances: turned and scaled it is the same, unrelated it is 0.
func TestCKAInvariances(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	random := func() tensor.Mat {
		x := tensor.New(300, 16)
		for i := range x.Data {
			x.Data[i] = float32(rng.NormFloat64())
		}
		return x
	}
	x, turn := random(), tensor.New(16, 16)
	for i, row := range start(16, 16) {
		for j, v := range row {
			turn.Row(i)[j] = float32(3 * v)
		}
	}
	y := tensor.New(300, 16)
	tensor.Gemm(nil, y, x, turn, false)
	if b, d, err := CKA(&model.Model{}, x, y); err != nil || b < 1-1e-5 || d < 1-1e-5 || d > 1+1e-5 {
		t.Errorf("turned: %g, %g, %v", b, d, err)
	}
	if b, d, err := CKA(&model.Model{}, x, random()); err != nil || b < 0.02 || d > 0.02 || d < -0.02 {
		t.Errorf("unrelated: %g biased, %g not, %v", b, d, err)
	}
}
