package inspect

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weft/internal/par"
	"weft/kvcache"
	"weft/model"
	"weft/modelfile"
)

// smolLM opens SmolLM2-135M-Instruct in Q4_1: exact, or as it is run.
func smolLM(t testing.TB, exact bool) *Subject {
	t.Helper()
	dir := os.Getenv("WEFT_TEST_MODELS")
	if dir == "" {
		t.Skip("NOTHING IS COMPARED with TransformerLens on a real model: WEFT_TEST_MODELS is not set; " +
			".ci/run models fetches one into ~/.cache/weft-test, which it can be set to")
	}
	b, err := modelfile.Open(filepath.Join(dir, "SmolLM2-135M-Instruct.Q4_1.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	pool := par.New(0)
	t.Cleanup(func() { pool.Close(); b.Close() })
	m, err := model.New(b.Weights, pool)
	if err != nil {
		t.Fatal(err)
	}
	if !exact {
		m.KV = kvcache.F16
	}
	m.Pack(model.Packing{Exact: exact, Decode: true})
	return NewSubject(m, About{Name: b.Name, BOS: -1})
}

// TestRealGolden compares with what TransformerLens says of the weights in float32.
func TestRealGolden(t *testing.T) {
	s, g := smolLM(t, true), openGolden(t, "smollm2")
	r, err := s.Record(background, [][]int32{g.Tokens}, "blocks.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range g.file.Names() {
		got, want := r.At(0, name).Data, g.data(t, name)
		near(t, name, wide(got), wide(want), 1e-4*max(1, largest(want))) // the first token's stream has numbers of thousands
	}
	l, err := s.Lens(background, g.Tokens, LensOptions{Targets: g.Pair[:]})
	if err != nil {
		t.Fatal(err)
	}
	last := len(g.Tokens) - 1
	for d, depth := range l.Depths {
		got := depth.Readings[last]
		for _, pair := range [][2]float64{{got.Entropy, g.LensEntropy[d][last]}, {got.KL, g.LensKL[d][last]}, {float64(got.Rank), float64(g.LensRank[d][last])}} {
			near(t, depth.Point, pair[:1], pair[1:], 1e-4*max(1, math.Abs(pair[1]))) // hundreds of bits where the lens reads the embedding
		}
		odds := math.Log(depth.Targets[last][0].P / depth.Targets[last][1].P)
		want := g.LensPair[d][0] - g.LensPair[d][1]
		near(t, depth.Point+" pair", []float64{odds}, []float64{want}, 1e-4*max(1, math.Abs(want)))
	}
	a, err := s.Attribute(background, g.Tokens, AttributeOptions{Token: &g.Pair[0], Against: &g.Pair[1]})
	if err != nil {
		t.Fatal(err)
	}
	compareParts(t, a, g, 1e-4)
	grid, err := s.Patch(background, g.Tokens, g.Corrupted, PatchOptions{Right: &g.Pair[0], Wrong: &g.Pair[1], Layers: []int{0, 11, 20, 29}})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[int]int{0: 0, 11: 1, 20: 2, 29: 3}
	for _, at := range g.PatchSome {
		near(t, "patch", []float64{grid.Grid[rows[int(at[0])]][int(at[1])]}, []float64{at[2]}, 1e-4)
	}
}

// TestRealGradient: the quantised file has no gradient, and its decoded self has
// PyTorch's.
func TestRealGradient(t *testing.T) {
	s, g := smolLM(t, true), openGolden(t, "smollm2")
	o := SaliencyOptions{Token: &g.Pair[0], Against: &g.Pair[1]}
	if _, err := s.Saliency(background, g.Tokens, o); err == nil {
		t.Error("stored weights have a gradient")
	}
	f, err := s.Floats()
	if err != nil {
		t.Fatal(err)
	}
	a, err := f.Saliency(background, g.Tokens, o)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "gradient x input", a.Shares, g.Gradient, 1e-4)
	near(t, "norms", a.Norms, g.Norms, 1e-3)
}

// TestRealAsItIs runs the analyses on the quantised file as it is run, and says how
// long they took.
func TestRealAsItIs(t *testing.T) {
	s, g := smolLM(t, false), openGolden(t, "smollm2")
	tokens := randomText(100, s.Model.Config.Vocab)
	took := func(what string, f func() (CheckList, error)) {
		start := time.Now()
		l, err := f()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		t.Logf("%s: %v %+v", what, time.Since(start), l)
	}
	took("provenance", func() (CheckList, error) {
		if p := s.Provenance(tokens); p.Arithmetic != "int8" || p.Types["Q4_1"] == 0 {
			t.Errorf("%+v", p)
		}
		return nil, nil
	})
	took("lens of 100 tokens", func() (CheckList, error) {
		l, err := s.Lens(background, tokens, LensOptions{})
		if err != nil {
			return nil, err
		}
		return l.Checks, nil
	})
	took("attribution of 100 tokens", func() (CheckList, error) {
		a, err := s.Attribute(background, tokens, AttributeOptions{})
		if err != nil {
			return nil, err
		}
		return a.Checks, nil
	})
	took("attention of 100 tokens", func() (CheckList, error) {
		a, err := s.Attention(background, tokens, AttentionOptions{})
		if err != nil {
			return nil, err
		}
		return a.Checks, nil
	})
	took("patching heads of one layer", func() (CheckList, error) {
		p, err := s.Patch(background, g.Tokens, g.Corrupted, PatchOptions{Site: SiteHeads, Right: &g.Pair[0], Wrong: &g.Pair[1], Layers: []int{20}})
		if err != nil {
			return nil, err
		}
		return p.Checks, nil
	})
	took("ablation", func() (CheckList, error) {
		e, err := s.Ablate(background, g.Tokens, Ablation{Targets: []Target{{TargetHead, 20, 1}, {TargetNeuron, 3, 100}}}, EffectOptions{})
		if err != nil {
			return nil, err
		}
		return e.Checks, nil
	})
	took("neighbours", func() (CheckList, error) {
		n, err := s.Neighbours(Embedding, []int32{g.Pair[0]}, nil, 5)
		if err != nil {
			return nil, err
		}
		return n.Checks, nil
	})
}

// BenchmarkPatchGrid is a full grid of 30 layers × 40 positions.
func BenchmarkPatchGrid(b *testing.B) {
	s := smolLM(b, false)
	clean := randomText(40, s.Model.Config.Vocab)
	corrupted := append([]int32{clean[0] + 1}, clean[1:]...)
	for b.Loop() {
		g, err := s.Patch(background, clean, corrupted, PatchOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if len(g.Grid) != 30 || len(g.Grid[0]) != 40 {
			b.Fatalf("%d × %d", len(g.Grid), len(g.Grid[0]))
		}
	}
}
