package inspect

import (
	"slices"
	"testing"

	"weft/model"
	"weft/tensor"
)

// The tests of this file plant faults that analyses of this kind have had, and
// demand that a check refutes the result.

func attributed(t *testing.T, s *Subject, spoil func(w *attributer)) CheckList {
	t.Helper()
	clean, _ := sentences()
	w := &attributer{s: s, a: &LogitAttribution{Tokens: clean, Position: len(clean) - 1}}
	if err := w.observe(background); err != nil {
		t.Fatal(err)
	}
	spoil(w)
	w.attribute()
	return w.a.Checks
}

func TestWrongNormScale(t *testing.T) {
	eachFamily(t, func(t *testing.T, s *Subject) {
		if l := attributed(t, s, func(*attributer) {}); l.err() != nil {
			t.Fatal(l.err())
		}
		l := attributed(t, s, func(w *attributer) { w.scale *= 1.01 })
		refuted(t, l, "final_scale")
		refuted(t, l, "sum")
	})
}

func TestSwappedHeads(t *testing.T) {
	eachFamily(t, func(t *testing.T, s *Subject) {
		width := s.Model.Config.VHead()
		swap := func(z []float32) {
			other := slices.Clone(z[width : 2*width])
			copy(z[width:2*width], z[2*width:3*width])
			copy(z[2*width:], other)
		}
		refuted(t, attributed(t, s, func(w *attributer) { swap(w.got["blocks.1.attn.hook_z"]) }), "heads")
		refuted(t, attributed(t, s, func(w *attributer) {
			n := len(w.a.Tokens)
			p := w.got["blocks.1.attn.hook_pattern"]
			other := slices.Clone(p[n : 2*n])
			copy(p[n:], p[2*n:3*n])
			copy(p[2*n:], other)
		}), "sources")
	})
}

// TestOnlyTheLastScale plants TransformerLens issue 1076: the lens divides every
// depth by what the last one is divided by. The last depth cannot show it, so the
// lens never reads a scale: it calls the head. What can go wrong is a head that is
// not the model's.
func TestWrongLensNorm(t *testing.T) {
	clean, _ := sentences()
	eachFamily(t, func(t *testing.T, s *Subject) {
		l := &Lens{Depths: lensPoints(s.Model.Config, LensOptions{})}
		var names []string
		for _, d := range l.Depths {
			names = append(names, d.Point)
		}
		got, logits, err := s.caught(background, clean, model.Run{Logits: model.AllLogits}, names...)
		if err != nil {
			t.Fatal(err)
		}
		spoilt, weights := *s.Model, *s.Model.W
		spoilt.W = &weights
		weights.OutputNorm.Gain = slices.Clone(weights.OutputNorm.Gain)
		weights.OutputNorm.Gain[3] *= 1.01
		r := &lensReader{s: NewSubject(&spoilt, s.About), l: l, o: LensOptions{Top: 1, Positions: all(nil, len(clean))}, logits: logits}
		for _, name := range names {
			r.streams = append(r.streams, tensor.Of(got[name], len(clean), s.Model.Config.Dim))
		}
		if err := r.read(background); err != nil {
			t.Fatal(err)
		}
		refuted(t, l.Checks, "lens_equals_model")
	})
}

func TestStaleCache(t *testing.T) {
	clean, corrupted := sentences()
	eachFamily(t, func(t *testing.T, s *Subject) {
		for _, site := range []Site{SiteResidPre, SiteHeads} {
			right, wrong := movedMost(t, s, clean, corrupted)
			p := &patcher{s: s, o: PatchOptions{Site: site, Right: &right, Wrong: &wrong},
				g: &PatchGrid{Clean: clean, Corrupted: corrupted, Layers: []int{0, 1, 2}}}
			if err := p.observe(background); err != nil {
				t.Fatal(err)
			}
			p.corrupt[block(2, "hook_resid_pre")] = p.clean[block(2, "hook_resid_pre")] // of another prompt
			if err := p.prove(background); err != nil {
				t.Fatal(err)
			}
			refuted(t, p.g.Checks, "nothing")
		}
	})
}

// TestStaleClean: what is put in was recorded from the wrong prompt.
func TestStaleClean(t *testing.T) {
	clean, corrupted := sentences()
	s := family(t, families()["llama"], 1)
	for _, site := range []Site{SiteResidPre, SiteHeads, SiteAttnOut, SiteMLPOut} {
		right, wrong := movedMost(t, s, clean, corrupted)
		p := &patcher{s: s, o: PatchOptions{Site: site, Right: &right, Wrong: &wrong},
			g: &PatchGrid{Clean: clean, Corrupted: corrupted, Layers: []int{0, 1, 2}}}
		if err := p.observe(background); err != nil {
			t.Fatal(err)
		}
		p.clean[p.point(1)] = p.corrupt[p.point(1)]
		if err := p.prove(background); err != nil {
			t.Fatal(err)
		}
		refuted(t, p.g.Checks, "everything")
	}
}

func TestUnfaithfulHooks(t *testing.T) {
	clean, _ := sentences()
	s := family(t, families()["llama"], 1)
	h := &model.Hooks{}
	h.On("blocks.1.hook_attn_out", func(p *model.Point) error {
		p.Data[len(p.Data)-1] += 1e-3
		return nil
	})
	if _, err := s.effect(background, clean, "", &model.Hooks{}, h, EffectOptions{}); err == nil {
		t.Error("hooks that should change nothing did, unnoticed")
	}
}
