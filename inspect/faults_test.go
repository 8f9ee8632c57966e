package inspect

import (
	"errors"
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
	eachFault(t, func(t *testing.T, s *Subject) {
		if l := attributed(t, s, func(*attributer) {}); l.err() != nil {
			t.Fatal(l.err())
		}
		l := attributed(t, s, func(w *attributer) { w.scale *= 1.01 })
		refuted(t, l, "final_scale")
		if arithmetic(s.Model) == "float32" { // in int8 so little may be rounding
			refuted(t, l, "sum")
		}
	})
}

func TestSwappedHeads(t *testing.T) {
	eachFault(t, func(t *testing.T, s *Subject) {
		width := s.Model.Config.VHead()
		refuted(t, attributed(t, s, func(w *attributer) { swap(w.got["blocks.1.attn.hook_z"], width) }), "heads")
		refuted(t, attributed(t, s, func(w *attributer) {
			n := len(w.a.Tokens)
			swap(w.got["blocks.1.attn.hook_pattern"], n)
		}), "sources")
	})
}

// TestWrongLensNorm plants TransformerLens issue 1076: the lens divides every
// depth by what the last one is divided by. The last depth cannot show it, so the
// lens never reads a scale: it calls the head. What can go wrong is a head that is
// not the model's.
func TestWrongLensNorm(t *testing.T) {
	clean, _ := sentences()
	eachFault(t, func(t *testing.T, s *Subject) {
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
	eachFault(t, func(t *testing.T, s *Subject) {
		c := s.Model.Config
		width := c.VHead()
		for name, fault := range map[string]struct {
			check string
			plant func(w *watcher)
		}{
			"none":        {"", func(*watcher) {}},
			"norm scale":  {"final_scale", func(w *watcher) { w.scale *= 1.01 }},
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
			split := slices.ContainsFunc(tr.Proofs, func(c Check) bool { return c.Name == "heads" })
			if split != (c.Placement == model.PreNorm && !scaled(c.ResidScale)) {
				t.Errorf("heads checked: %v", split)
			}
			if fault.check != "" {
				refuted(t, tr.Proofs, fault.check)
			} else if err != nil {
				t.Errorf("%s: %v; checks %+v", name, err, tr.Checks)
			}
		}
	})
}

func TestStaleCache(t *testing.T) {
	clean, corrupted := sentences()
	eachFault(t, func(t *testing.T, s *Subject) {
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

// TestFaultsOfAttention: what a head fetched stands in another's place.
func TestFaultsOfAttention(t *testing.T) {
	clean, _ := sentences()
	eachFault(t, func(t *testing.T, s *Subject) {
		a, err := s.Attention(background, clean, AttentionOptions{Layers: []int{1}})
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := s.caught(background, clean, model.Run{}, "blocks.1.attn.hook_v", "blocks.1.attn.hook_z")
		if err != nil {
			t.Fatal(err)
		}
		z := got["blocks.1.attn.hook_z"]
		z = z[len(z)-s.Model.Config.ZDim():]
		m := &mapper{s: s, a: a, n: len(clean)}
		if m.weigh(1, a.Heads, got["blocks.1.attn.hook_v"], z); m.fetched > KVNoise(s.Model.KV) {
			t.Fatalf("without a fault off by %g", m.fetched)
		}
		swap(z, s.Model.Config.VHead())
		if m.weigh(1, a.Heads, got["blocks.1.attn.hook_v"], z); !(m.fetched > KVNoise(s.Model.KV)) {
			t.Errorf("swapped heads are off by %g", m.fetched)
		}
	})
}

// swap exchanges the second and third piece of so many numbers.
func swap(x []float32, width int) {
	other := slices.Clone(x[width : 2*width])
	copy(x[width:2*width], x[2*width:3*width])
	copy(x[2*width:], other)
}

// TestFaultsOfHeads: the batch counts one head's pattern as another's.
func TestFaultsOfHeads(t *testing.T) {
	s := family(t, families()["llama"], 1)
	for _, swapped := range []bool{false, true} {
		e := &examiner{s: s, card: &HeadCard{Length: 9, Sequences: 2}, sums: make([]HeadScores, 12), alone: make([]HeadScores, 12)}
		e.draw()
		if err := e.batch(background, e.card.Tokens, 19); err != nil {
			t.Fatal(err)
		}
		if swapped {
			e.alone[4], e.alone[5] = e.alone[5], e.alone[4]
		}
		if err := e.finish(background, HeadOptions{Copied: 10}); err != nil {
			t.Fatal(err)
		}
		if swapped {
			refuted(t, e.card.Checks, "alone")
		} else if err := e.card.Checks.err(); err != nil {
			t.Error(err)
		}
	}
}

// TestFaultsOfRecord: prompts of a batch are mixed up.
func TestFaultsOfRecord(t *testing.T) {
	clean, corrupted := sentences()
	eachFault(t, func(t *testing.T, s *Subject) {
		r, err := s.Record(background, [][]int32{clean, corrupted}, "blocks.1.hook_resid_post")
		if err != nil {
			t.Fatal(err)
		}
		r.Activations[0].Data, r.Checks = r.Activations[1].Data, nil
		if err := s.checkRecord(background, r, []string{"blocks.1.hook_resid_post"}); err != nil {
			t.Fatal(err)
		}
		refuted(t, r.Checks, "alone")
	})
}

// TestFaultsOfComparison: a window goes on with another's stream, or a layer is
// exchanged on one.
func TestFaultsOfComparison(t *testing.T) {
	clean, corrupted := sentences()
	eachFault(t, func(t *testing.T, s *Subject) {
		c := &comparer{out: &Comparison{}, rooms: newRooms(s.Model), onPass: func() {}}
		for _, w := range []**walker{&c.a, &c.b} {
			var err error
			if *w, err = s.walk(background, [][]int32{clean, corrupted}); err != nil {
				t.Fatal(err)
			}
		}
		c.b.streams[0] = clone(c.b.streams[1])
		if err := c.blocks(background); err != nil {
			t.Fatal(err)
		}
		refuted(t, c.out.Checks, "whole")

		l := &loser{a: s, b: s, l: &LayerLosses{Tokens: 1}}
		var streams []tensor.Mat
		err := s.eachStream(background, clean, func(x []float32) {
			streams = append(streams, tensor.Of(slices.Clone(x), len(clean), s.Model.Config.Dim))
		})
		if err != nil {
			t.Fatal(err)
		}
		streams[1] = streams[0] // where the layer that is exchanged for itself begins
		if err := l.prove(background, clean, streams, tensor.New(len(clean), s.Model.Config.Dim)); err != nil {
			t.Fatal(err)
		}
		l.finish()
		refuted(t, l.l.Checks, "nothing")
	})
}

// TestFaultsOfMatching: the matrices of an MLP are not all put in the new order; a
// pairing is not the best.
func TestFaultsOfMatching(t *testing.T) {
	clean, _ := sentences()
	s := family(t, families()["llama"], 1)
	w, err := s.walk(background, [][]int32{clean})
	if err != nil {
		t.Fatal(err)
	}
	before := clone(w.streams[0])
	match := LayerMatch{Neurons: all(nil, 40)}
	slices.Reverse(match.Neurons)
	if off, err := w.checkOrder(background, match, before); err != nil || off > reordering {
		t.Fatalf("off by %g, %v", off, err)
	}
	f := &s.Model.W.Layers[0].FFN
	own, err := w.writes(background, 0, *f, before)
	if err != nil {
		t.Fatal(err)
	}
	spoilt := reordered(s.Model.Config, f, match.Neurons)
	for i := range spoilt.Down.W.Rows { // one pair of neurons is not where their rows are
		row := spoilt.Down.W.Row(i)
		row[3], row[4] = row[4], row[3]
	}
	got, err := w.writes(background, 0, spoilt, before)
	if off := apartOf(own, got); err != nil || off < 100*reordering {
		t.Errorf("neurons in the wrong place are off by %g, %v", off, err)
	}
	value := correlated(60, 0.5)
	a, err := assign(background, value)
	if err != nil || a.gap(value) > 1e-6 {
		t.Fatal(err, a.gap(value))
	}
	a.columns[3], a.columns[4] = a.columns[4], a.columns[3]
	if a.gap(value) < 1e-6 {
		t.Error("a pairing that is not the best passes for it")
	}
}

// TestFaultsOfSaliency: the gradient is too long, or another token's.
func TestFaultsOfSaliency(t *testing.T) {
	clean, _ := sentences()
	for _, name := range []string{"llama", "gpt2", "gemma", "olmo2"} {
		s := family(t, families()[name], 1)
		for fault, plant := range map[string]func(g []float64){
			"": func([]float64) {},
			"length": func(g []float64) {
				for i := range g {
					g[i] *= 1.1
				}
			},
			"last token": func(g []float64) { clear(g[len(g)-24:]); copy(g, g[24:]) },
		} {
			w := &salient{s: s, a: &Saliency{Tokens: clean}}
			if err := w.begin(background, SaliencyOptions{}); err != nil {
				t.Fatal(err)
			}
			w.acts = s.Model.NewActivations(1, len(clean))
			if _, err := w.pull(background, w.input, []float64{1}); err != nil {
				t.Fatal(err)
			}
			plant(w.gradient)
			if err := w.checkSlope(background); err != nil {
				t.Fatal(err)
			}
			if fault != "" {
				refuted(t, w.a.Checks, "slope")
			} else if err := w.a.Checks.err(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestFaultsOfIntegrating: the sum is right, and shares are another token's.
func TestFaultsOfIntegrating(t *testing.T) {
	w := &salient{a: &Saliency{Steps: 8, Shares: []float64{3, -1, 2}}}
	w.checkNodes(4, []float64{3.05, -1.02, 2})
	if err := w.a.Checks.err(); err != nil {
		t.Error(err)
	}
	w.checkNodes(4, []float64{-1, 3, 2})
	refuted(t, w.a.Checks[1:], "nodes")
}

// TestFaultsOfJacobian: a fit that does not end with 1 is no way to the end.
func TestFaultsOfJacobian(t *testing.T) {
	clean, _ := sentences()
	s := family(t, families()["llama"], 1)
	j, err := s.FitJacobian(background, [][]int32{clean}, JacobianOptions{Skip: -1})
	if err != nil {
		t.Fatal(err)
	}
	j.Layers[2] = j.Layers[0]
	if _, err := s.JacobianLens(background, clean, j, LensOptions{}); !errors.Is(err, ErrCheck) {
		t.Errorf("error %v", err)
	}
}
