package model_test

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"testing"

	"weft/internal/cpu/cputest"
	"weft/internal/kernel"
	"weft/internal/par"
	"weft/model"
	"weft/safetensors"
	"weft/tensor"
)

// What testdata/golden.py computed in float64.
type golden struct {
	Tokens, Targets [][]int32
	Loss            float64
	Losses          []float64
	LossAfter       float64 `json:"loss_after"`
	file            *safetensors.File
}

var goldenConfigs = map[string]model.Config{
	"llama": {Arch: "llama", Vocab: 67, Context: 32, Layers: 2, Dim: 32, Heads: 4, KVHeads: 2, HeadDim: 8, Hidden: 40,
		NormEps: 1e-5, Rope: model.Rope{Theta: 10000}, Gated: true},
	"llama-tied": {Arch: "llama", Vocab: 67, Context: 32, Layers: 2, Dim: 24, Heads: 4, KVHeads: 2, HeadDim: 10, Hidden: 40,
		NormEps: 1e-5, Rope: model.Rope{Theta: 10000}, Gated: true, TiedHead: true},
	"gpt2": {Arch: "gpt2", Vocab: 61, Context: 32, Layers: 2, Dim: 32, Heads: 4, KVHeads: 4, HeadDim: 8, Hidden: 40,
		Norm: model.LayerNorm, NormEps: 1e-5, NormBias: true, Position: model.LearnedPositions,
		Activation: model.GELU, QKVBias: true, OutBias: true, MLPBias: true, TiedHead: true},
	"nanogpt": {Arch: "gpt2", Vocab: 61, Context: 32, Layers: 2, Dim: 20, Heads: 2, KVHeads: 2, HeadDim: 10, Hidden: 80,
		Norm: model.LayerNorm, NormEps: 1e-5, Position: model.LearnedPositions,
		Activation: model.GELUErf, TiedHead: true},
	"gemma2": {Arch: "gemma", Vocab: 37, Context: 32, Layers: 2, Dim: 16, Heads: 4, KVHeads: 2, HeadDim: 6, Hidden: 20,
		NormEps: 1e-5, Rope: model.Rope{Theta: 10000}, Gated: true, Activation: model.GELU, TiedHead: true, Placement: model.Sandwich,
		EmbedScale: 4, AttnScale: 0.4472136, AttnSoftCap: 3, LogitSoftCap: 4, Blocks: []model.Block{{Window: 5}, {}}},
	"gemma3": {Arch: "gemma", Vocab: 37, Context: 32, Layers: 2, Dim: 16, Heads: 4, KVHeads: 2, HeadDim: 6, Hidden: 20,
		NormEps: 1e-5, Rope: model.Rope{Theta: 1e6}, RopeLocal: model.Rope{Theta: 10000}, Gated: true, Activation: model.GELU, TiedHead: true,
		Placement: model.Sandwich, QKNorm: model.QKNormHead, EmbedScale: 4, AttnScale: 0.4472136, Blocks: []model.Block{{Window: 5, Local: true}, {}}},
	"olmo2": {Arch: "olmo2", Vocab: 37, Context: 32, Layers: 2, Dim: 16, Heads: 4, KVHeads: 2, HeadDim: 4, Hidden: 20,
		NormEps: 1e-5, Rope: model.Rope{Theta: 10000}, Gated: true, Placement: model.PostNorm, QKNorm: model.QKNormWhole},
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

func (g *golden) tensor(t *testing.T, name string) tensor.Mat {
	t.Helper()
	raw, err := g.file.Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	cols := raw.Shape[len(raw.Shape)-1]
	data := make([]float32, raw.Elements())
	if err := raw.Float32s(data); err != nil {
		t.Fatal(err)
	}
	return tensor.Of(data, len(data)/cols, cols)
}

// Where a GGUF name lives in Hugging Face's files. GPT-2 keeps its matrices
// transposed, and Q, K and V side by side.
var hfNames = map[string]map[string]string{
	"llama": llamaNames(nil),
	"gpt2": {
		"token_embd": "transformer.wte", "position_embd": "transformer.wpe", "output_norm": "transformer.ln_f",
		"attn_norm": "ln_1", "attn_q": "attn.c_attn", "attn_k": "attn.c_attn", "attn_v": "attn.c_attn",
		"attn_output": "attn.c_proj", "ffn_norm": "ln_2", "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj", "": "transformer.h.",
	},
	"gemma": llamaNames(map[string]string{"ffn_norm": "pre_feedforward_layernorm"}),
	"olmo2": llamaNames(nil),
}

// llamaNames are Llama's and those of what stands behind, with some others.
func llamaNames(others map[string]string) map[string]string {
	names := map[string]string{
		"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
		"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
		"attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
		"ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "": "model.layers.",
		"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
		"post_attention_norm": "post_attention_layernorm", "post_ffw_norm": "post_feedforward_layernorm",
	}
	maps.Copy(names, others)
	return names
}

var nameParts = regexp.MustCompile(`^(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)$`)

// param reads what belongs to p, out of the tensors whose names have the prefix.
func (g *golden) param(t *testing.T, c model.Config, prefix string, p model.Param) []float32 {
	t.Helper()
	parts := nameParts.FindStringSubmatch(p.Name)
	name := hfNames[c.Arch][parts[2]] + "." + parts[3]
	if parts[1] != "" {
		name = hfNames[c.Arch][""] + parts[1] + "." + name
	}
	m := g.tensor(t, prefix+name)
	if c.Arch == "gpt2" {
		if p.Kind == model.Matrix || p.Kind == model.Bias {
			m = m.T()
		}
		if third := slices.Index([]string{"attn_q", "attn_k", "attn_v"}, parts[2]); third >= 0 {
			m = m.Slice(third*c.Dim, (third+1)*c.Dim)
		}
	}
	if m.Rows*m.Cols != len(p.Data) {
		t.Fatalf("%s: golden is %d×%d", p.Name, m.Rows, m.Cols)
	}
	var data []float32
	for i := range m.Rows {
		for j := range m.Cols {
			data = append(data, m.At(i, j))
		}
	}
	return data
}

// near fails unless every number is within 1e-5 of the largest. Below 1e-2
// (a key's bias without RoPE, whose gradient is 0) the rounding of the sums
// that cancel is what is left.
func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	largest, worst := 0.0, 0.0
	for i := range want {
		largest = max(largest, math.Abs(float64(want[i])))
		worst = max(worst, math.Abs(float64(got[i])-float64(want[i])))
		if math.IsNaN(float64(got[i])) {
			worst = math.Inf(1)
		}
	}
	if worst > 1e-5*max(largest, 1e-2) {
		t.Errorf("%s: off by %g, the largest is %g", what, worst, largest)
	}
}

func TestGoldens(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for name, c := range goldenConfigs {
			t.Run(name, func(t *testing.T) { checkGolden(t, c, openGolden(t, name)) })
		}
	})
}

func checkGolden(t *testing.T, c model.Config, g *golden) {
	w := model.NewWeights(c)
	for _, p := range w.Params() {
		copy(p.Data, g.param(t, c, "", p))
		if c.Arch == "gemma" && p.Kind == model.Gain { // files hold gain - 1
			for i := range p.Data {
				p.Data[i]++
			}
		}
	}
	pool := par.New(2)
	defer pool.Close()
	m, err := model.New(w, pool)
	if err != nil {
		t.Fatal(err)
	}
	tokens, targets := slices.Concat(g.Tokens...), slices.Concat(g.Targets...)
	seqLen := len(g.Tokens[0])

	var h model.Hooks
	for _, name := range c.HookPoints() {
		if !slices.Contains(g.file.Names(), "act."+name) {
			continue
		}
		h.On(name, func(p *model.Point) error {
			want := g.tensor(t, "act."+name).Data
			near(t, name, p.Data[:len(want)], want)
			return nil
		})
	}
	logits, err := m.Forward(tokens, &model.Run{SeqLen: seqLen, Logits: model.AllLogits, Hooks: &h})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "logits", logits.Data, g.tensor(t, "logits").Data)

	// Ten steps of AdamW on one batch; the first step's gradients are golden.
	a, grads := m.NewActivations(len(g.Tokens), seqLen), model.NewGrads(c)
	state := [2]*model.Weights{model.NewWeights(c), model.NewWeights(c)}
	n := float64(len(tokens))
	for step, want := range append(slices.Clone(g.Losses), g.LossAfter) {
		grads.Zero()
		nll, err := m.LossAndGrad(a, grads, tokens, targets, float32(1/n))
		if err != nil {
			t.Fatal(err)
		}
		grads.Fold()
		if math.Abs(nll/n-want) > 1e-5*want {
			t.Errorf("step %d: loss %.7f, want %.7f", step, nll/n, want)
		}
		if step == 0 {
			for _, p := range grads.Params() {
				near(t, "gradient of "+p.Name, p.Data, g.param(t, c, "grad.", p))
			}
		}
		adamW(step+1, w, grads, state)
	}
}

func adamW(step int, w, grads *model.Weights, state [2]*model.Weights) {
	gs, ms, vs := grads.Params(), state[0].Params(), state[1].Params()
	for i, p := range w.Params() {
		o := kernel.AdamW{LR: 1e-3, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, WeightDecay: 0.1, GradScale: 1}
		o.C1 = float32(1 / (1 - math.Pow(0.9, float64(step))))
		o.C2 = float32(1 / (1 - math.Pow(0.95, float64(step))))
		if p.Kind == model.Gain || p.Kind == model.Bias {
			o.WeightDecay = 0
		}
		kernel.AdamWStep(p.Data, gs[i].Data, ms[i].Data, vs[i].Data, o)
	}
}
