package inspect

import (
	"testing"

	"weft/internal/quant"
	"weft/model"
	"weft/tensor"
)

// quantisedFamily is a random model whose blocks, or head, are stored and multiplied
// as Q8_0.
func quantisedFamily(t *testing.T, c model.Config, blocks, head bool) *Subject {
	t.Helper()
	c.Dim, c.HeadDim, c.Hidden, c.TiedHead = 64, 16, 96, false
	s := family(t, c, 1)
	for name, l := range s.Model.W.Linears() {
		if name == "output.weight" && head || name != "output.weight" && blocks {
			store(t, l)
		}
	}
	s.Model.Pack(model.Packing{})
	return s
}

func store(t *testing.T, l *model.Linear) {
	t.Helper()
	raw := tensor.Raw{DType: tensor.Q8_0, Shape: []int{l.W.Rows, l.W.Cols}, Data: make([]byte, len(l.W.Data)/32*34)}
	if err := quant.Encode(quant.Q8_0, raw.Data, l.W.Data); err != nil {
		t.Fatal(err)
	}
	stored, err := tensor.NewStored(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.Stored, l.W = stored, tensor.Mat{}
}

// eachFault runs f on a model of each family, and on quantised ones, where faults could
// hide in what rounding is allowed.
func eachFault(t *testing.T, f func(t *testing.T, s *Subject)) {
	eachFamily(t, f)
	for _, name := range []string{"llama", "gpt2"} {
		t.Run(name+" in Q8_0", func(t *testing.T) { f(t, quantisedFamily(t, families()[name], true, true)) })
	}
}

// TestMixedArithmetic: a head in Q8_0 behind blocks in float32 is no fault, and the
// reverse does not excuse the head's.
func TestMixedArithmetic(t *testing.T) {
	clean, _ := sentences()
	for name, head := range map[string]bool{"head": true, "blocks": false} {
		s := quantisedFamily(t, families()["llama"], !head, head)
		a, err := s.Attribute(background, clean, AttributeOptions{})
		if err != nil {
			t.Errorf("Q8_0 %s: %v", name, err)
			continue
		}
		if _, err := look(background, s.Model, clean, Options{Top: 3}); err != nil {
			t.Errorf("Q8_0 %s: %v", name, err)
		}
		d := s.vector(&s.Model.W.TokenEmbd, 3)
		if _, err := s.Promoted(d, 5); err != nil {
			t.Errorf("Q8_0 %s: %v", name, err)
		}
		for _, c := range a.Checks {
			if c.Name == "sum" && !head && c.Tolerance > 1e-3*length64([]float64{a.Logit}) {
				t.Errorf("a float32 head is allowed %g", c.Tolerance)
			}
		}
	}
}

// TestPromotionOfWrongHead: a direction read by another head is refuted.
func TestPromotionOfWrongHead(t *testing.T) {
	for _, quantised := range []bool{false, true} {
		s := quantisedFamily(t, families()["llama"], quantised, quantised)
		d, up := s.vector(&s.Model.W.TokenEmbd, 3), make([]float32, s.Model.Config.Vocab)
		p := &Promotion{Up: []Weighed{{ID: 1}, {ID: 2}, {ID: 3}}}
		for id := range up { // without the norm's gain
			up[id] = float32(dot(d, s.vector(&s.Model.W.Output, int32(id))))
		}
		s.checkPromotion(p, d, up)
		refuted(t, p.Checks, "head")
	}
}
