package studio

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"weft"
	"weft/internal/modeltest"
	"weft/kvcache"
	"weft/model"
)

// shapes are small models that between them have every switch of a config.
func shapes() map[string]model.Config {
	llama := model.Config{Arch: "llama", Vocab: 97, Context: 40, Layers: 3, Dim: 24, Heads: 4, KVHeads: 2, HeadDim: 6, Hidden: 40,
		NormEps: 1e-5, Rope: model.Rope{Theta: 10000}, Gated: true}
	gpt2 := model.Config{Arch: "gpt2", Vocab: 97, Context: 40, Layers: 3, Dim: 24, Heads: 4, KVHeads: 4, HeadDim: 6, Hidden: 96,
		Norm: model.LayerNorm, NormEps: 1e-5, NormBias: true, Position: model.LearnedPositions, Activation: model.GELU,
		QKVBias: true, OutBias: true, MLPBias: true, TiedHead: true}
	gemma := llama
	gemma.Arch, gemma.Placement, gemma.QKNorm, gemma.TiedHead, gemma.Activation = "gemma3", model.Sandwich, model.QKNormHead, true, model.GELU
	gemma.EmbedScale, gemma.AttnSoftCap, gemma.LogitSoftCap, gemma.AttnScale = 4.9, 50, 30, 0.3
	gemma.RopeLocal = model.Rope{Theta: 100}
	gemma.Blocks = []model.Block{{Window: 4, Local: true}, {}, {Window: 4, Local: true}}
	olmo := llama
	olmo.Arch, olmo.Placement, olmo.QKNorm = "olmo2", model.PostNorm, model.QKNormWhole
	neox := gpt2
	neox.Arch, neox.Flow, neox.Position, neox.Rope, neox.TiedHead, neox.Activation = "gptneox", model.ParallelEach, model.RoPE, model.Rope{Theta: 10000, Dims: 4}, false, model.GELUErf
	phi := neox
	phi.Arch, phi.Flow, phi.HeadBias = "phi2", model.ParallelOne, true
	granite := llama
	granite.Arch, granite.ResidScale, granite.LogitScale, granite.AttnScale, granite.EmbedScale = "granite", 0.22, 0.125, 0.4, 12
	granite.Blocks = []model.Block{{NoRope: true}, {}, {}}
	yarn := llama
	yarn.Rope.Scaling = model.Scaling{Kind: model.ScaleYaRN, Factor: 4, Original: 8, Fast: 32, Slow: 1, Amplitude: 1.2}
	yarn.Activation = model.ReLU
	experts := llama
	experts.Arch, experts.Experts = "mixtral", model.Experts{Count: 4, Used: 2, Hidden: 16, Chosen: true}
	sinks := llama
	sinks.Arch, sinks.Sinks, sinks.Activation, sinks.QKVBias, sinks.OutBias = "gpt-oss", true, model.ClampedSiLU, true, true
	latent := llama
	latent.Arch, latent.KVHeads, latent.ValueDim = "deepseek2", 4, 8
	latent.Rope.Dims, latent.Latent = 2, model.Latent{KV: 10, Rope: 2, NormEps: 1e-6}
	layered := olmo
	layered.Arch, layered.Norm, layered.NormBias, layered.QKNorm, layered.OutBias, layered.MLPBias = "layered", model.LayerNorm, true, model.NoQKNorm, true, true
	plain := llama
	plain.Arch, plain.Norm, plain.NormPlain = "olmo", model.LayerNorm, true
	long := llama
	long.Arch, long.Rope.Scaling = "phi3", model.Scaling{Kind: model.ScaleDivided, Original: 8, Divisors: []float64{1, 2, 3}, Long: []float64{4, 5, 6}}
	return map[string]model.Config{"plain": plain, "long": long, "llama": llama, "gpt2": gpt2, "gemma": gemma, "olmo": olmo, "neox": neox, "phi": phi, "granite": granite,
		"yarn": yarn, "experts": experts, "sinks": sinks, "latent": latent, "layered": layered}
}

// random is a model whose every parameter is random, and large enough that blocks matter.
func random(t testing.TB, c model.Config, kv kvcache.Type) *weft.Model {
	t.Helper()
	core := modeltest.Random(t, c, 3, 5)
	core.KV = kv
	b, err := builtInModel()
	if err != nil {
		t.Fatal(err)
	}
	m := *b // of which the tokenizer is used
	m.Name, m.Core, m.Stored = c.Arch, core, nil
	return &m
}

// tokens are some that every model here has.
func tokens(n int) []int32 {
	list := make([]int32, n)
	for i := range list {
		list[i] = int32(i * 29 % 97)
	}
	return list
}

// ran is a run of a model, outside HTTP.
func ran(t testing.TB, s *Studio, ids []int32) (*opened, *run) {
	t.Helper()
	o, done, err := s.models.use(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	r, err := s.runOf(context.Background(), o, prompted{ids: ids}, func(string, int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	return o, r
}

// cells calls f for some places of every point of a run.
func cells(c model.Config, n int, f func(name string, head, row, col int)) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, p := range points(c, n) {
		shape := p.Shape
		for range 4 {
			head, row, col := 0, rng.IntN(n), rng.IntN(shape[len(shape)-1])
			if heads := headsOf(c, p.Name); heads > 0 {
				head = rng.IntN(heads)
			}
			f(p.Name, head, row, col)
		}
	}
}

// TestCells derives numbers of every point of every kind of model.
func TestCells(t *testing.T) {
	for name, c := range shapes() {
		for _, kv := range []kvcache.Type{kvcache.F32, kvcache.F16} {
			t.Run(fmt.Sprintf("%s %s", name, kv), func(t *testing.T) {
				s, _ := serve(t, Options{Default: random(t, c, kv), Kind: kindFile})
				checkCells(t, s, tokens(13))
			})
		}
	}
}

func TestCellsOfBuiltIn(t *testing.T) {
	s, _ := serve(t, Options{})
	checkCells(t, s, s.o.Default.Encode("To be, or not to be, that is the question", weft.Options{}))
}

// TestCellsOfARealModel: products in 8 bits with weights of 4, and outliers.
func TestCellsOfARealModel(t *testing.T) {
	m := realModel(t, weft.Opener{})
	s, _ := serve(t, Options{Default: m, Kind: kindFile})
	checkCells(t, s, m.Encode("The capital of France is", weft.Options{}))
}

// unexplained are the points that may have no formula.
func unexplained(c model.Config, name string) bool {
	switch {
	case c.Latent.KV > 0:
		return strings.HasSuffix(name, "hook_k") || strings.HasSuffix(name, "hook_v")
	case c.Experts.Count > 0:
		return strings.HasSuffix(name, "hook_mlp_out")
	}
	return false
}

func checkCells(t *testing.T, s *Studio, ids []int32) {
	o, r := ran(t, s, ids)
	c := o.Core.Config
	cells(c, len(ids), func(name string, head, row, col int) {
		cell, err := s.derive(context.Background(), o, r, name, head, row, col)
		if err != nil {
			t.Fatalf("%s head %d [%d,%d]: %v", name, head, row, col, err)
		}
		if none := unexplained(c, name); none != (cell.None != "") {
			t.Errorf("%s: no formula: %q", name, cell.None)
		} else if none {
			return
		}
		if !cell.OK || cell.Formula == "" {
			t.Errorf("%s head %d [%d,%d]: value %g, sum %g, off %g of %g: %s", name, head, row, col, cell.Value, cell.Sum, cell.Error, cell.Tolerance, cell.Formula)
		}
		if len(cell.Terms) > maxTerms || len(cell.Terms) > cell.Total {
			t.Errorf("%s: %d terms of %d", name, len(cell.Terms), cell.Total)
		}
		if v := float64(cell.Value); math.IsNaN(v) {
			t.Errorf("%s is NaN", name)
		}
	})
}

// TestCellsRefute: a number that the formula does not make is said to be wrong.
func TestCellsRefute(t *testing.T) {
	for name, c := range shapes() {
		s, _ := serve(t, Options{Default: random(t, c, kvcache.F16), Kind: kindFile})
		o, r := ran(t, s, tokens(13))
		cells(c, 13, func(point string, head, row, col int) {
			if unexplained(c, point) || point == finalLogits || isPattern(point) && col > row {
				return
			}
			p, err := s.point(context.Background(), o, r, point, head)
			if err != nil {
				t.Fatal(err)
			}
			at := row*p.cols + col
			if heads := headsOf(c, point); heads > 0 && !isPattern(point) {
				at += head * p.cols / heads
			}
			was := p.data[at]
			if was-was != 0 {
				return
			}
			p.data[at] += 0.1 * (abs(was) + abs(p.spreadOf(dense(p.data, p.rows, p.cols)).Max))
			cell, err := s.derive(context.Background(), o, r, point, head, row, col)
			p.data[at] = was
			if err != nil {
				t.Fatal(err)
			}
			if cell.OK {
				t.Errorf("%s: %s [%d,%d] was changed from %g to %g, and passes: sum %g, tolerance %g", name, point, row, col, was, cell.Value, cell.Sum, cell.Tolerance)
			}
		})
	}
}

// TestCodeOfCells: what the Go code reads is the cell, and what the curl command asks
// for is answered with it.
func TestCodeOfCells(t *testing.T) {
	s, server := serve(t, Options{})
	ids := s.o.Default.Encode("To be, or not to be", weft.Options{})
	o, r := ran(t, s, ids)
	c := o.Core.Config
	cells(c, len(ids), func(name string, head, row, col int) {
		cell, err := s.derive(context.Background(), o, r, name, head, row, col)
		if err != nil {
			t.Fatal(err)
		}
		code, at := goCode(o, r, cell), fmt.Sprintf("At(%d, %d)", matRow(c, len(ids), name, head, row), col)
		if !strings.Contains(code, at) || !strings.Contains(code, fmt.Sprintf("%q", name)) {
			t.Errorf("%s is not in:\n%s", at, code)
		}
		var got float32
		h := &model.Hooks{}
		h.On(name, func(p *model.Point) error {
			got = p.Mat().At(matRow(c, len(ids), name, head, row), col)
			return nil
		})
		if _, err := o.Core.Forward(ids, &model.Run{Hooks: h, Logits: model.AllLogits}); err != nil {
			t.Fatal(err)
		}
		if v := fmt.Sprint(got); v != cell.ValueText {
			t.Errorf("%s: the code reads %s, the cell is %s", name, v, cell.ValueText)
		}
	})
	cell, err := s.derive(context.Background(), o, r, "blocks.1.attn.hook_z", 2, 3, 4)
	if err != nil {
		t.Fatal(err)
	}
	command := curlCode("host:1", o, r, cell)
	_, path, _ := strings.Cut(command[strings.LastIndex(command, "http://"):], "host:1")
	var again cellJSON
	ask(t, server, "GET", strings.TrimSuffix(path, "'\n"), "", 200, &again)
	if again.Value != cell.Value || again.Go == "" || again.Curl == "" {
		t.Errorf("%s gives %+v", command, again)
	}
}
