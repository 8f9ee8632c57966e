package view

import (
	"encoding/json"
	"strings"
	"testing"

	"charm.land/lipgloss/v2"

	"weft/model"
)

var gpt2 = model.Config{Arch: "gpt2", Vocab: 50257, Context: 1024, Layers: 12, Dim: 768, Heads: 12, KVHeads: 12, HeadDim: 64, Hidden: 3072,
	Norm: model.LayerNorm, NormEps: 1e-5, NormBias: true, Position: model.LearnedPositions, Activation: model.GELU,
	QKVBias: true, OutBias: true, MLPBias: true, TiedHead: true}

var llama = model.Config{Arch: "llama", Vocab: 128256, Context: 8192, Layers: 32, Dim: 4096, Heads: 32, KVHeads: 8, HeadDim: 128, Hidden: 14336,
	NormEps: 1e-5, Rope: model.Rope{Theta: 500000}, Gated: true}

func TestInfoFits(t *testing.T) {
	tensors := []Tensor{{Name: "token_embd.weight", DType: "F32", Shape: []int{50257, 768}, Bytes: 154389504}, {Name: "blk.0.attn_norm.weight", DType: "F16", Shape: []int{768}, Bytes: 1536}}
	for _, c := range []model.Config{gpt2, llama} {
		for _, w := range []int{80, 120} {
			for _, color := range []bool{false, true} {
				out := InfoText(NewInfo("a/very/long/path/to/some/model/folder", "apache-2.0", c, tensors), Paint{Color: color, Width: w}, true)
				for line := range strings.Lines(out) {
					if got := lipgloss.Width(strings.TrimSuffix(line, "\n")); got > w {
						t.Fatalf("width %d, colour %v: %d columns: %.90q", w, color, got, line)
					}
				}
			}
		}
	}
}

func TestInfoJSON(t *testing.T) {
	data, err := json.Marshal(NewInfo("m", "", gpt2, []Tensor{{Name: "a", DType: "F32", Shape: []int{2}, Bytes: 8}, {Name: "b", DType: "F32", Shape: []int{2}, Bytes: 8}}))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"arch", "params", "params_by_part", "dtype_bytes", "context", "vocab", "layers", "dim", "heads", "kv_heads", "memory_bytes"} {
		if _, ok := doc[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
	if doc["dtype_bytes"].(map[string]any)["F32"] != 16.0 || doc["memory_bytes"].(map[string]any)["1024"] == nil {
		t.Errorf("%s", data)
	}
}
