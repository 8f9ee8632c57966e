package inspect

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"weft/internal/modeltest"
	"weft/model"
)

// families are small models of every kind that an analysis may meet.
func families() map[string]model.Config {
	llama := model.Config{Arch: "llama", Vocab: 61, Context: 64, Layers: 3, Dim: 24, Heads: 4, KVHeads: 2, HeadDim: 8, Hidden: 40,
		NormEps: 1e-5, Rope: model.Rope{Theta: 1e4}, Gated: true}
	list := map[string]model.Config{"llama": llama}
	vary := func(name string, f func(c *model.Config)) {
		c := llama
		f(&c)
		list[name] = c
	}
	vary("gpt2", func(c *model.Config) {
		c.Norm, c.NormBias, c.Position, c.Gated, c.Activation = model.LayerNorm, true, model.LearnedPositions, false, model.GELU
		c.KVHeads, c.QKVBias, c.OutBias, c.MLPBias, c.TiedHead = 4, true, true, true, true
	})
	vary("gemma", func(c *model.Config) {
		c.Placement, c.Activation, c.EmbedScale, c.TiedHead, c.QKNorm = model.Sandwich, model.GELU, 5, true, model.QKNormHead
		c.AttnSoftCap, c.LogitSoftCap = 20, 8
		c.RopeLocal = model.Rope{Theta: 1e3}
		c.Blocks = []model.Block{{Window: 6, Local: true}, {}, {Window: 6, Local: true}}
	})
	vary("olmo2", func(c *model.Config) { c.Placement, c.QKNorm = model.PostNorm, model.QKNormWhole })
	vary("granite", func(c *model.Config) { c.ResidScale, c.LogitScale, c.EmbedScale, c.AttnScale = 0.3, 0.5, 3, 0.2 })
	vary("neox", func(c *model.Config) {
		c.Norm, c.NormBias, c.Flow, c.Gated, c.QKVBias, c.OutBias, c.MLPBias = model.LayerNorm, true, model.ParallelEach, false, true, true, true
		c.Activation = model.GELUErf
	})
	vary("falcon", func(c *model.Config) {
		c.Norm, c.NormBias, c.Flow, c.Gated, c.KVHeads, c.HeadBias = model.LayerNorm, true, model.ParallelOne, false, 1, true
		c.Activation = model.GELUErf
	})
	vary("mixtral", func(c *model.Config) {
		c.Experts = model.Experts{Count: 4, Used: 2, Hidden: 20, Normed: true}
		c.Blocks = []model.Block{{Dense: true}, {}, {}}
	})
	vary("sinks", func(c *model.Config) { c.Sinks, c.OutBias = true, true })
	vary("latent", func(c *model.Config) {
		c.KVHeads, c.ValueDim, c.Latent = 4, 6, model.Latent{KV: 10, Rope: 4, NormEps: 1e-6}
		c.Rope.Dims = 4
	})
	return list
}

// family is a random model, as a subject.
func family(t *testing.T, c model.Config, seed uint64) *Subject {
	t.Helper()
	return NewSubject(modeltest.Random(t, c, seed, seed), About{Name: c.Arch, BOS: 0})
}

// eachFamily runs f on a model of each.
func eachFamily(t *testing.T, f func(t *testing.T, s *Subject)) {
	for name, c := range families() {
		t.Run(name, func(t *testing.T) { f(t, family(t, c, 1)) })
	}
}

// sentences are two prompts of 11 tokens that differ at 4 and 7.
func sentences() (clean, corrupted []int32) {
	for i := range int32(11) {
		clean = append(clean, i*29%61)
	}
	corrupted = slices.Clone(clean)
	corrupted[4], corrupted[7] = 9, 50
	return clean, corrupted
}

// fine fails if a result was refused or lacks its provenance or checks.
func fine(t *testing.T, err error, p Provenance, l CheckList) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if len(l) == 0 || !strings.HasPrefix(p.Hash, "sha256:") || p.Arithmetic != "float32" || p.Types["F32"] != p.Params {
		t.Errorf("provenance %+v, checks %+v", p, l)
	}
}

// caught fails unless the check of that name refuted the result.
func refuted(t *testing.T, l CheckList, name string) {
	t.Helper()
	for _, c := range l {
		if c.Name == name && !c.OK {
			if err := l.err(); !errors.Is(err, ErrCheck) || !strings.Contains(err.Error(), "off by") {
				t.Errorf("the error is %v", err)
			}
			return
		}
	}
	t.Errorf("the check %q passed: %+v", name, l)
}

func TestLensOfFamilies(t *testing.T) {
	clean, _ := sentences()
	eachFamily(t, func(t *testing.T, s *Subject) {
		l, err := s.Lens(background, clean, LensOptions{Mid: true, Positions: []int{3, 10}, Targets: []int32{5}})
		fine(t, err, l.Provenance, l.Checks)
		logits, err := s.Model.Forward(clean, nil)
		if err != nil {
			t.Fatal(err)
		}
		last := l.Depths[len(l.Depths)-1].Readings[1]
		if last.Top[0].Logit != slices.Max(logits.Data) || last.KL != 0 || last.Rank != 1 {
			t.Errorf("the last depth reads %+v", last)
		}
		depths := 4
		if s.Model.Config.Flow == model.Sequential {
			depths = 7
		}
		if len(l.Depths) != depths || len(l.Depths[1].Targets[0]) != 1 || l.Depths[1].Targets[0][0].ID != 5 {
			t.Errorf("%d depths, targets %+v", len(l.Depths), l.Depths[1].Targets)
		}
	})
}

func TestAttributionOfFamilies(t *testing.T) {
	clean, _ := sentences()
	against := int32(3)
	eachFamily(t, func(t *testing.T, s *Subject) {
		for _, o := range []AttributeOptions{{}, {Against: &against}, {Position: new(int)}} {
			a, err := s.Attribute(background, clean, o)
			fine(t, err, a.Provenance, a.Checks)
			sum := 0.0
			for _, v := range a.Sources {
				sum += v
			}
			for _, p := range a.Parts {
				for _, h := range p.Heads {
					sum -= h.Value
				}
			}
			near(t, "sources less heads", []float64{sum}, []float64{0}, 1e-3)
			if (a.NoNeurons == "") != (s.Model.Config.Experts.Count == 0) {
				t.Errorf("no neurons: %q", a.NoNeurons)
			}
		}
	})
}

func TestAttentionOfFamilies(t *testing.T) {
	clean, _ := sentences()
	eachFamily(t, func(t *testing.T, s *Subject) {
		a, err := s.Attention(background, clean, AttentionOptions{Layers: []int{2, 0, 2}})
		fine(t, err, a.Provenance, a.Checks)
		if len(a.Heads) != 8 || a.Heads[4].Layer != 2 || len(a.Heads[5].Written) != 66 {
			t.Errorf("%d heads, the fifth of layer %d", len(a.Heads), a.Heads[4].Layer)
		}
	})
}

func TestPatchOfFamilies(t *testing.T) {
	clean, corrupted := sentences()
	eachFamily(t, func(t *testing.T, s *Subject) {
		for _, site := range []Site{SiteResidPre, SiteAttnOut, SiteMLPOut, SiteHeads} {
			right, wrong := movedMost(t, s, clean, corrupted)
			g, err := s.Patch(background, clean, corrupted, PatchOptions{Site: site, Right: &right, Wrong: &wrong, Layers: []int{1}, Batch: 3})
			fine(t, err, g.Provenance, g.Checks)
			if !slices.Equal(g.Differ, []int{4, 7}) || len(g.Grid) != 1 || len(g.Grid[0]) != map[bool]int{true: 4, false: 11}[site == SiteHeads] {
				t.Errorf("%s: %+v", site, g)
			}
		}
	})
}

// movedMost is the tokens whose logits differ most between two prompts.
func movedMost(t *testing.T, s *Subject, clean, corrupted []int32) (up, down int32) {
	t.Helper()
	logits, err := s.Model.Forward(slices.Concat(clean, corrupted), &model.Run{SeqLen: len(clean)})
	if err != nil {
		t.Fatal(err)
	}
	change := func(id int32) float32 { return logits.Row(0)[id] - logits.Row(1)[id] }
	for id := range int32(logits.Cols) {
		if change(id) > change(up) {
			up = id
		}
		if change(id) < change(down) {
			down = id
		}
	}
	return up, down
}

func TestAblateAndSteerFamilies(t *testing.T) {
	clean, other := sentences()
	eachFamily(t, func(t *testing.T, s *Subject) {
		targets := []Target{{TargetHead, 1, 3}, {TargetMLP, 0, 0}, {TargetLayer, 2, 0}, {TargetNeuron, 0, 7}}
		ref, err := s.Reference(background, [][]int32{other, other[:6]}, targets)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []AblationKind{ZeroAblation, MeanAblation, ResampleAblation} {
			e, err := s.Ablate(background, clean, Ablation{targets, kind, ref}, EffectOptions{})
			fine(t, err, e.Provenance, e.Checks)
			if e.After.KL == 0 || len(e.KL) != len(clean) {
				t.Errorf("%s changes nothing: %+v", kind, e)
			}
		}
		v, err := s.NewSteering(background, [][]int32{clean}, [][]int32{other}, "blocks.1.hook_resid_post")
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.Steer(background, other, v, EffectOptions{})
		fine(t, err, e.Provenance, e.Checks)
	})
}

func TestHeadsOfFamilies(t *testing.T) {
	eachFamily(t, func(t *testing.T, s *Subject) {
		card, err := s.Heads(background, HeadOptions{Length: 9, Sequences: 3, Copied: 20})
		fine(t, err, card.Provenance, card.Checks)
		if len(card.Heads) != 12 || len(card.Found) != 5 || card.Tokens[1][0] != 0 || (card.NoCopy != "") != (s.Model.Config.Latent.KV > 0) {
			t.Errorf("%+v", card)
		}
	})
}

func TestLiveHooks(t *testing.T) {
	clean, _ := sentences()
	eachFamily(t, func(t *testing.T, s *Subject) {
		ref, err := s.Reference(background, [][]int32{clean}, []Target{{TargetHead, 1, 2}})
		if err != nil {
			t.Fatal(err)
		}
		h := &model.Hooks{}
		v := &Steering{Point: "blocks.0.hook_resid_post", Vector: make([]float32, 24), Strength: 2, From: 3}
		v.Vector[5] = 1
		if err := errors.Join(s.AddAblation(h, Ablation{[]Target{{TargetHead, 1, 2}}, ResampleAblation, ref}), s.AddSteering(h, v)); err != nil {
			t.Fatal(err)
		}
		whole, err := s.Model.Forward(clean, &model.Run{Hooks: h})
		if err != nil {
			t.Fatal(err)
		}
		live := s.Model.NewSession(0)
		if err := live.Watch(h); err != nil {
			t.Fatal(err)
		}
		var last []float32
		for _, part := range [][]int32{clean[:4], clean[4:5], clean[5:]} {
			if last, err = live.Append(part); err != nil {
				t.Fatal(err)
			}
		}
		if worst(whole.Data, last) != 0 {
			t.Errorf("token by token the hooks do something else than at once")
		}
		if err := live.Watch(nil); err != nil || live.Len() != 0 {
			t.Errorf("a session that is watched by others holds %d tokens, error %v", live.Len(), err)
		}
	})
}

func TestAsked(t *testing.T) {
	s := family(t, families()["mixtral"], 1)
	clean, corrupted := sentences()
	minus, many := -1, int32(61)
	small := NewSubject(s.Model, s.About)
	small.Budget = 1 << 10
	vector := &Steering{Point: "blocks.1.hook_resid_post", Vector: make([]float32, 24), Strength: 1, Hash: "sha256:0"}
	for name, c := range map[string]struct {
		want error
		ask  func() error
	}{
		"position": {ErrAsk, func() error { _, err := s.Attribute(background, clean, AttributeOptions{Position: &minus}); return err }},
		"against": {ErrAsk, func() error {
			_, err := s.Attribute(background, clean, AttributeOptions{Token: &clean[1], Against: &clean[1]})
			return err
		}},
		"token":         {ErrAsk, func() error { _, err := s.Attribute(background, clean, AttributeOptions{Token: &many}); return err }},
		"no tokens":     {ErrAsk, func() error { _, err := s.Attribute(background, nil, AttributeOptions{}); return err }},
		"lens budget":   {ErrBudget, func() error { _, err := small.Lens(background, clean, LensOptions{}); return err }},
		"patch budget":  {ErrBudget, func() error { _, err := small.Patch(background, clean, corrupted, PatchOptions{}); return err }},
		"heads budget":  {ErrBudget, func() error { _, err := small.Heads(background, HeadOptions{}); return err }},
		"floats budget": {ErrBudget, func() error { _, err := small.Floats(); return err }},
		"layer":         {ErrAsk, func() error { _, err := s.Attention(background, clean, AttentionOptions{Layers: []int{3}}); return err }},
		"lengths":       {ErrAsk, func() error { _, err := s.Patch(background, clean, corrupted[1:], PatchOptions{}); return err }},
		"the same":      {ErrAsk, func() error { _, err := s.Patch(background, clean, clean, PatchOptions{}); return err }},
		"site":          {ErrAsk, func() error { _, err := s.Patch(background, clean, corrupted, PatchOptions{Site: "q"}); return err }},
		"point":         {ErrAsk, func() error { _, err := s.Record(background, [][]int32{clean}, "blocks.*.hook_nothing"); return err }},
		"expert neuron": {ErrArch, func() error { return s.AddAblation(&model.Hooks{}, Ablation{Targets: []Target{{TargetNeuron, 1, 0}}}) }},
		"no reference": {ErrAsk, func() error {
			return s.AddAblation(&model.Hooks{}, Ablation{Targets: []Target{{TargetHead, 1, 0}}, Kind: MeanAblation})
		}},
		"other weights": {ErrAsk, func() error { return s.AddSteering(&model.Hooks{}, vector) }},
		"no gradient":   {model.ErrNoBackward, func() error { _, err := s.Saliency(background, clean, SaliencyOptions{}); return err }},
		"no Jacobian":   {ErrArch, func() error { _, err := s.FitJacobian(background, [][]int32{clean}, JacobianOptions{}); return err }},
		"space":         {ErrAsk, func() error { _, err := s.Neighbours("meaning", []int32{1}, nil, 3); return err }},
		"two points":    {ErrAsk, func() error { _, err := s.Project(Embedding, []int32{1, 2}); return err }},
		"direction":     {ErrAsk, func() error { _, err := s.Promoted(make([]float32, 5), 3); return err }},
	} {
		if err := c.ask(); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
}

// TestSteeringRefused: a direction goes only where the stream is, and no further than
// numbers go.
func TestSteeringRefused(t *testing.T) {
	s := family(t, families()["neox"], 1) // no hook_resid_mid: its parts read the same stream
	ask := func(point string, strength float64, vector []float32) error {
		return s.AddSteering(&model.Hooks{}, &Steering{Point: point, Strength: strength, Vector: vector})
	}
	one := make([]float32, 24)
	one[3] = 1
	for _, point := range []string{"hook_embed", "blocks.0.hook_resid_pre", "blocks.2.hook_resid_post", "blocks.1.hook_attn_out", "blocks.1.hook_mlp_out"} {
		if err := ask(point, -3, one); err != nil {
			t.Errorf("%s: %v", point, err)
		}
	}
	for _, point := range []string{"", "hook_logits", "ln_final.hook_normalized", "blocks.0.ln1.hook_normalized", "blocks.0.ln1.hook_scale",
		"blocks.1.hook_resid_mid", "blocks.3.hook_resid_pre", "blocks.0.attn.hook_z", "blocks.0.mlp.hook_post", "hook_resid_pre"} {
		err := ask(point, 1, one)
		if !errors.Is(err, ErrAsk) || !strings.Contains(err.Error(), "hook_embed and, in blocks 0 to 2, at hook_resid_pre, hook_resid_post, hook_attn_out, hook_mlp_out") {
			t.Errorf("%q: %v", point, err)
		}
	}
	tiny := make([]float32, 24)
	tiny[0] = 1e-30
	for _, err := range []error{ask("hook_embed", 1e39, one), ask("hook_embed", -1e39, tiny), ask("hook_embed", 1e17, one), ask("hook_embed", 1e39, make([]float32, 24))} {
		if !errors.Is(err, ErrAsk) || !strings.Contains(err.Error(), "more than a stream can take") || strings.Contains(err.Error(), "\n") {
			t.Errorf("too strong: %v", err)
		}
	}
}

func TestTargets(t *testing.T) {
	for _, target := range []Target{{TargetHead, 3, 5}, {TargetNeuron, 0, 120}, {TargetAttn, 2, 0}, {TargetMLP, 1, 0}, {TargetLayer, 7, 0}} {
		if got, err := ParseTarget(target.String()); err != nil || got != target {
			t.Errorf("%s is read as %v, %v", target, got, err)
		}
	}
	if got, err := ParseTarget("3.5"); err != nil || got != (Target{TargetHead, 3, 5}) {
		t.Errorf("3.5 is read as %v, %v", got, err)
	}
	for _, text := range []string{"", "3", "head", "head 3", "mlp 3.5", "layer x", "heart 1", "head 1.2 3"} {
		if got, err := ParseTarget(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

// TestEightBillion: what an analysis of a model of 8B parameters holds is known
// before, and little: the large terms by hand, a quarter more or less.
func TestEightBillion(t *testing.T) {
	c := model.Config{Arch: "llama", Vocab: 128256, Context: 8192, Layers: 32, Dim: 4096, Heads: 32, KVHeads: 8, HeadDim: 128, Hidden: 14336,
		Norm: model.RMSNorm, Rope: model.Rope{Theta: 5e5}, Gated: true}
	record, err := RecordBytes(c, []int{100}, "blocks.*.hook_resid_post")
	if err != nil {
		t.Fatal(err)
	}
	for what, x := range map[string]struct {
		bytes int64
		want  int64 // MiB
	}{
		"record":      {record, 157},
		"lens":        {LensBytes(c, 100, LensOptions{}), 152},
		"attribution": {AttributeBytes(c, 100), 62},
		"attention":   {AttentionBytes(c, 100, c.Layers), 119},
		"heads":       {HeadsBytes(c, HeadOptions{}), 430},
		"patching":    {PatchBytes(c, 40, PatchOptions{Site: SiteHeads}), 320},
		"effect":      {EffectBytes(c, 100), 65},
		"look":        {LookBytes(c, 100, Options{Cells: -1, AllHeads: true}), 280},
		"losses":      {LayerLossesBytes(c, 256), 375},
		"comparison":  {CompareBytes(c, c, []int{256, 256}), 440},
	} {
		if got := ceilMiB(x.bytes); got < x.want*3/4 || got > x.want*5/4 || x.bytes > usualBudget {
			t.Errorf("%s: %d MiB, by hand %d", what, got, x.want)
		}
	}
	// These are refused, with the figure.
	for what, bytes := range map[string]int64{"matching": MatchBytes(c, []int{512}), "float32": FloatsBytes(c), "lens of 8192": LensBytes(c, 8192, LensOptions{})} {
		if bytes <= usualBudget {
			t.Errorf("%s: %d MiB", what, ceilMiB(bytes))
		}
	}
}

// TestBudgetOfFloats: what was decoded counts against the budget of what it was for.
func TestBudgetOfFloats(t *testing.T) {
	clean, _ := sentences()
	s := family(t, families()["llama"], 1)
	c := s.Model.Config
	whole := FloatsBytes(c) + SaliencyBytes(c, len(clean), 0)
	for budget, want := range map[int64]error{whole: nil, whole - 1: ErrBudget} {
		s.Budget = budget
		f, err := s.Floats()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Until(background).Saliency(background, clean, SaliencyOptions{}); !errors.Is(err, want) {
			t.Errorf("budget %d of %d: %v", budget, whole, err)
		}
	}
}

func TestRecord(t *testing.T) {
	clean, corrupted := sentences()
	eachFamily(t, func(t *testing.T, s *Subject) {
		r, err := s.Record(background, [][]int32{clean, corrupted[:5], corrupted}, "hook_embed", "blocks.*.attn.*", "hook_logits")
		fine(t, err, r.Provenance, r.Checks)
		if a := r.At(1, "hook_embed"); a == nil || len(a.Data) != 5*24 || r.At(1, "hook_resid") != nil || len(r.At(2, "hook_logits").Data) != 11*61 {
			t.Errorf("recorded %+v", a)
		}
	})
}
