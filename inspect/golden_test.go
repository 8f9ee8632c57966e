package inspect

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"weft/internal/modeltest"
	"weft/model"
	"weft/safetensors"
	"weft/tensor"
)

// golden is what TransformerLens and PyTorch say of a model (testdata/golden.py).
type golden struct {
	Tokens, Corrupted []int32
	Pair              [2]int32
	LensTop           []int32      `json:"lens_top"`
	LensEntropy       [][]float64  `json:"lens_entropy"`
	LensKL            [][]float64  `json:"lens_kl"`
	LensRank          [][]int      `json:"lens_rank"`
	LensPair          [][2]float64 `json:"lens_pair"`
	Parts             map[string]float64
	Heads             [][]float64
	Patch             map[Site][][]float64
	PatchSome         [][3]float64 `json:"patch_some"`  // layer, position, value
	PatchHeads        [][3]float64 `json:"patch_heads"` // layer, head, value
	Sequences         [][]int32
	Copied            []int
	Scores            map[string][][]float64
	Gradient          []float64
	Norms             []float64
	Steps             int
	Integrated        []float64
	Value             float64
	BaselineValue     float64 `json:"baseline_value"`
	CKA               [2]float64

	file *safetensors.File
}

var goldenConfigs = map[string]model.Config{
	"llama": {Arch: "llama", Vocab: 67, Context: 32, Layers: 2, Dim: 32, Heads: 4, KVHeads: 2, HeadDim: 8, Hidden: 40,
		NormEps: 1e-5, Rope: model.Rope{Theta: 10000}, Gated: true},
	"gpt2": {Arch: "gpt2", Vocab: 61, Context: 32, Layers: 2, Dim: 32, Heads: 4, KVHeads: 4, HeadDim: 8, Hidden: 40,
		Norm: model.LayerNorm, NormEps: 1e-5, NormBias: true, Position: model.LearnedPositions,
		Activation: model.GELU, QKVBias: true, OutBias: true, MLPBias: true, TiedHead: true},
}

func openGolden(t *testing.T, name string) *golden {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	g := &golden{}
	if err := json.Unmarshal(text, g); err != nil {
		t.Fatal(err)
	}
	if g.file, err = safetensors.Open("testdata/" + name + ".safetensors"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.file.Close() })
	return g
}

func (g *golden) data(t *testing.T, name string) []float32 {
	t.Helper()
	raw, err := g.file.Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]float32, raw.Elements())
	if err := raw.Float32s(data); err != nil {
		t.Fatal(err)
	}
	return data
}

// goldenWeights are the file's tensors that are weights.
type goldenWeights struct{ *safetensors.File }

func (g goldenWeights) Names() (list []string) {
	for _, name := range g.File.Names() {
		if strings.HasSuffix(name, ".weight") || strings.HasSuffix(name, ".bias") {
			list = append(list, name)
		}
	}
	return list
}

// eachGolden runs f on the tiny models that the reference has seen.
func eachGolden(t *testing.T, f func(t *testing.T, s *Subject, g *golden)) {
	for name, c := range goldenConfigs {
		t.Run(name, func(t *testing.T) {
			g := openGolden(t, name)
			w, err := model.Load(c, goldenWeights{g.file}, nil)
			if err != nil {
				t.Fatal(err)
			}
			f(t, NewSubject(modeltest.Of(t, w), About{Name: name, BOS: -1}), g)
		})
	}
}

// near fails unless two lists agree.
func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d", what, len(got), len(want))
		return
	}
	for i, v := range got {
		if !(math.Abs(v-want[i]) <= tolerance) {
			t.Errorf("%s: number %d is %g, want %g", what, i, v, want[i])
			return
		}
	}
}

func wide(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

var background = context.Background()

func TestGoldenActivations(t *testing.T) {
	eachGolden(t, func(t *testing.T, s *Subject, g *golden) {
		r, err := s.Record(background, [][]int32{g.Corrupted, g.Tokens}, "blocks.*")
		if err != nil {
			t.Fatal(err)
		}
		compared := 0
		for _, name := range g.file.Names() {
			if a := r.At(1, name); a != nil {
				near(t, name, wide(a.Data), wide(g.data(t, name)), 1e-4)
				compared++
			}
		}
		if compared != 16 {
			t.Errorf("%d points compared", compared)
		}
	})
}

func TestGoldenLens(t *testing.T) {
	eachGolden(t, func(t *testing.T, s *Subject, g *golden) {
		vocab, n := s.Model.Config.Vocab, len(g.Tokens)
		l, err := s.Lens(background, g.Tokens, LensOptions{Top: vocab})
		if err != nil {
			t.Fatal(err)
		}
		want := g.data(t, "lens")
		for d, depth := range l.Depths {
			for i, r := range depth.Readings {
				row := want[(d*n+i)*vocab:][:vocab]
				for _, c := range r.Top {
					if math.Abs(float64(c.Logit-row[c.ID])) > 1e-4 {
						t.Fatalf("%s, position %d: token %d has logit %g, want %g", depth.Point, i, c.ID, c.Logit, row[c.ID])
					}
				}
				near(t, depth.Point, []float64{r.Entropy, r.KL, float64(r.Rank)},
					[]float64{g.LensEntropy[d][i], g.LensKL[d][i], float64(g.LensRank[d][i])}, 1e-4)
			}
			if r := depth.Readings[n-1]; r.Top[0].ID != g.LensTop[d] {
				t.Errorf("%s: token %d on top, want %d", depth.Point, r.Top[0].ID, g.LensTop[d])
			}
		}
	})
}

// goldenParts are TransformerLens's names of parts, where they are not the points'.
var goldenParts = map[string]string{"hook_embed": "embed", "hook_pos_embed": "pos_embed"}

func TestGoldenAttribution(t *testing.T) {
	eachGolden(t, func(t *testing.T, s *Subject, g *golden) {
		a, err := s.Attribute(background, g.Tokens, AttributeOptions{Token: &g.Pair[0], Against: &g.Pair[1], Neurons: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		compareParts(t, a, g, 1e-4)
		want := g.data(t, "neurons")
		if len(a.Neurons) != len(want) {
			t.Fatalf("%d neurons, want %d", len(a.Neurons), len(want))
		}
		for _, n := range a.Neurons {
			near(t, "neuron", []float64{n.Value}, []float64{float64(want[n.Layer*s.Model.Config.Hidden+n.Neuron])}, 1e-4)
		}
	})
}

// compareParts compares an attribution, but for its neurons.
func compareParts(t *testing.T, a *LogitAttribution, g *golden, tolerance float64) {
	t.Helper()
	for _, p := range a.Parts {
		name, ok := goldenParts[p.Point]
		if !ok {
			name = strings.NewReplacer("blocks.", "", ".hook", "").Replace(p.Point)
		}
		if want, ok := g.Parts[name]; ok {
			near(t, p.Point, []float64{p.Value}, []float64{want}, tolerance)
		} else if p.Layer >= 0 || p.Part == Embed {
			t.Errorf("the reference has no %s among %v", name, g.Parts)
		}
		for h, share := range p.Heads {
			near(t, p.Point+" head", []float64{share.Value}, []float64{g.Heads[p.Layer][h]}, tolerance)
		}
	}
}

func TestGoldenPatch(t *testing.T) {
	eachGolden(t, func(t *testing.T, s *Subject, g *golden) {
		for site, want := range g.Patch {
			grid, err := s.Patch(background, g.Tokens, g.Corrupted, PatchOptions{Site: site, Right: &g.Pair[0], Wrong: &g.Pair[1], Batch: 5})
			if err != nil {
				t.Fatal(err)
			}
			for l, row := range grid.Grid {
				near(t, string(site), row, want[l], 1e-4)
			}
		}
	})
}

func TestGoldenHeads(t *testing.T) {
	eachGolden(t, func(t *testing.T, s *Subject, g *golden) { compareScores(t, s, g) })
}

// compareScores compares heads' scores on the reference's sequences.
func compareScores(t *testing.T, s *Subject, g *golden) {
	t.Helper()
	c, n := s.Model.Config, len(g.Sequences[0])
	card := &HeadCard{Heads: make([]HeadScores, c.Layers*c.Heads)}
	r, err := s.Record(background, g.Sequences, "blocks.*.attn.hook_pattern")
	if err != nil {
		t.Fatal(err)
	}
	for i := range card.Heads {
		for q := range g.Sequences {
			card.Heads[i].look(r.At(q, block(i/c.Heads, "attn.hook_pattern")).Data[i%c.Heads*n*n:][:n*n], n, (n-1)/2)
		}
	}
	if err := s.scoreCopying(background, card, g.Copied); err != nil {
		t.Fatal(err)
	}
	times := float64(len(g.Sequences))
	for i, h := range card.Heads {
		want := func(kind string) float64 { return g.Scores[kind][i/c.Heads][i%c.Heads] }
		near(t, fmt.Sprintf("scores of head %d.%d", i/c.Heads, i%c.Heads), []float64{h.Previous / times, h.Duplicate / times, h.Induction / times, h.First / times, h.Copy},
			[]float64{want("previous"), want("duplicate"), want("induction"), want("first"), want("copy")}, 1e-5)
	}
}

func TestGoldenGradients(t *testing.T) {
	eachGolden(t, func(t *testing.T, s *Subject, g *golden) {
		o := SaliencyOptions{Token: &g.Pair[0], Against: &g.Pair[1]}
		a, err := s.Saliency(background, g.Tokens, o)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "gradient x input", a.Shares, g.Gradient, 1e-4)
		near(t, "norms", a.Norms, g.Norms, 1e-4)
		near(t, "value", []float64{a.Value}, []float64{g.Value}, 1e-4)
		o.Steps = 32
		if a, err = s.Saliency(background, g.Tokens, o); err != nil {
			t.Fatal(err)
		}
		near(t, "integrated gradients", a.Shares, g.Integrated, 1e-4)
		near(t, "value of the baseline", []float64{a.Baseline}, []float64{g.BaselineValue}, 1e-4)
	})
}

func TestGoldenJacobian(t *testing.T) {
	eachGolden(t, func(t *testing.T, s *Subject, g *golden) {
		j, err := s.FitJacobian(background, [][]int32{g.Tokens}, JacobianOptions{Skip: 2})
		if err != nil {
			t.Fatal(err)
		}
		want, size := g.data(t, "jacobian"), len(j.Layers[0])
		for l, layer := range j.Layers {
			near(t, "Jacobian", wide(layer), wide(want[l*size:(l+1)*size]), 1e-4)
		}
		lens, err := s.JacobianLens(background, g.Tokens, j, LensOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if lens.Kind != "jacobian" || len(lens.Depths) != 2 || lens.Depths[0].Layer != 0 {
			t.Errorf("%s lens of %d depths from layer %d on", lens.Kind, len(lens.Depths), lens.Depths[0].Layer)
		}
	})
}

func TestGoldenCKA(t *testing.T) {
	g := openGolden(t, "llama")
	x, y := tensor.Of(g.data(t, "cka.x"), 40, 12), tensor.Of(g.data(t, "cka.y"), 40, 9)
	biased, debiased, err := CKA(&model.Model{}, x, y)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "CKA", []float64{biased, debiased}, g.CKA[:], 1e-6)
}
