package inspect

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"weft/model"
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

// TestWrongLensNorm plants TransformerLens issue 1076: the lens divides every
// depth by what the last one is divided by. The last depth cannot show it, so the
// lens never reads a scale: it calls the head. What can go wrong is a head that is
// not the model's.
func TestWrongLensNorm(t *testing.T) {
	clean, _ := sentences()
	eachFamily(t, func(t *testing.T, s *Subject) {
		r := &lensReader{m: s.Model, tokens: clean, top: 1, positions: all(nil, len(clean))}
		h := &model.Hooks{}
		for _, d := range lensPoints(s.Model.Config, LensOptions{}) {
			r.keep(h, d.Point)
		}
		logits, err := s.Model.Forward(clean, &model.Run{Hooks: h, Logits: model.AllLogits})
		if err != nil {
			t.Fatal(err)
		}
		r.own = logits.Row
		if err := r.read(background); err != nil || r.last != 0 {
			t.Fatalf("off by %g, %v", r.last, err)
		}
		spoilt, weights := *s.Model, *s.Model.W
		spoilt.W = &weights
		weights.OutputNorm.Gain = slices.Clone(weights.OutputNorm.Gain)
		weights.OutputNorm.Gain[3] *= 1.01
		r.m = &spoilt
		if err := r.read(background); err != nil || r.last == 0 || r.lastP == 0 {
			t.Errorf("a spoilt head is off by %g, %g: %v", r.last, r.lastP, err)
		}
	})
}

// TestFaultsOfLook plants the faults in what a pass showed.
func TestFaultsOfLook(t *testing.T) {
	clean, _ := sentences()
	eachFamily(t, func(t *testing.T, s *Subject) {
		c := s.Model.Config
		width := c.VHead()
		for name, fault := range map[string]struct {
			check string
			plant func(w *watcher)
		}{
			"none":        {"", func(*watcher) {}},
			"norm scale":  {"attribution", func(w *watcher) { w.scale *= 1.01 }},
			"stale lens":  {"lens_equals_model", func(w *watcher) { w.streams[c.Layers] = w.streams[c.Layers-1] }},
			"stale block": {"attribution", func(w *watcher) { w.writers[2].v = w.writers[1].v }},
			"head order": {"heads", func(w *watcher) {
				z := w.writers[len(w.writers)-2].z
				other := slices.Clone(z[:width])
				copy(z[:width], z[width:2*width])
				copy(z[width:], other)
			}},
		} {
			if fault.check == "heads" && (c.Placement != model.PreNorm || scaled(c.ResidScale)) {
				continue // there are no shares of heads
			}
			tr := &Trace{Config: c, Tokens: clean}
			w := newWatcher(tr, Options{Top: 3})
			logits, err := s.Model.Forward(clean, &model.Run{Hooks: w.hooks()})
			if err != nil {
				t.Fatal(err)
			}
			fault.plant(w)
			err = tr.finish(background, s, w, logits.Data)
			if (err != nil) != (fault.check != "") || err != nil && (!errors.Is(err, ErrCheck) || !strings.Contains(err.Error(), fault.check)) {
				t.Errorf("%s: %v; checks %+v", name, err, tr.Checks)
			}
		}
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
