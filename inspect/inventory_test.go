package inspect

import (
	"runtime"
	"testing"

	"weft/kvcache"
	"weft/model"
)

// published are GPT-2 and Llama 3 8B.
var published = []model.Config{
	{Arch: "gpt2", Vocab: 50257, Context: 1024, Layers: 12, Dim: 768, Heads: 12, KVHeads: 12, HeadDim: 64, Hidden: 3072,
		Norm: model.LayerNorm, NormEps: 1e-5, NormBias: true, Position: model.LearnedPositions, Activation: model.GELU,
		QKVBias: true, OutBias: true, MLPBias: true, TiedHead: true},
	{Arch: "llama", Vocab: 128256, Context: 8192, Layers: 32, Dim: 4096, Heads: 32, KVHeads: 8, HeadDim: 128, Hidden: 14336,
		NormEps: 1e-5, Rope: model.Rope{Theta: 500000}, Gated: true},
}

// TestPublishedCounts: GPT-2 and Llama 3 8B have the parameters that they are known for.
func TestPublishedCounts(t *testing.T) {
	if got := NewInventory("", "", published[0], nil).Params; got != 124439808 {
		t.Errorf("GPT-2 has %d parameters", got)
	}
	info := NewInventory("", "", published[1], nil)
	if info.Params != 8030261248 {
		t.Errorf("Llama 3 8B has %d parameters", info.Params)
	}
	b := info.ByPart
	if sum := b.Embedding + b.Attention + b.MLP + b.Norms + b.Head; sum != info.Params {
		t.Errorf("the parts sum to %d of %d", sum, info.Params)
	}
	if b.Embedding != b.Head || b.Embedding != 128256*4096 || b.Norms != 65*4096 {
		t.Errorf("parts %+v", b)
	}
	if kv := info.Memory[len(info.Memory)-1].KV; kv != 1<<30 {
		t.Errorf("keys and values of 8192 tokens take %d bytes", kv)
	}
}

// TestMemoryIsWhatIsAllocated compares the count with the engine's own allocations.
func TestMemoryIsWhatIsAllocated(t *testing.T) {
	for name, c := range map[string]model.Config{
		"llama": {Arch: "llama", Vocab: 4096, Context: 2048, Layers: 4, Dim: 128, Heads: 8, KVHeads: 2, HeadDim: 16, Hidden: 384,
			NormEps: 1e-5, Rope: model.Rope{Theta: 10000}, Gated: true, TiedHead: true},
		"gpt2": {Arch: "gpt2", Vocab: 4096, Context: 256, Layers: 4, Dim: 128, Heads: 8, KVHeads: 8, HeadDim: 16, Hidden: 512,
			Norm: model.LayerNorm, NormEps: 1e-5, NormBias: true, Position: model.LearnedPositions, Activation: model.GELU, TiedHead: true},
	} {
		m, err := model.New(model.Init(c, 1), nil)
		if err != nil {
			t.Fatal(err)
		}
		m.KV = kvcache.F16
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s := m.NewSession(0)
		s.Cache.Reserve(c.Context)
		runtime.ReadMemStats(&after)
		counted, want := float64(after.TotalAlloc-before.TotalAlloc), memory(c, nil, c.Context)
		if rest := float64(want.KV + want.Activations - 4*c.Vocab); counted < 0.98*rest || counted > 1.05*rest {
			t.Errorf("%s: a session allocates %.0f bytes, info says %.0f", name, counted, rest)
		}
		runtime.KeepAlive(s)
	}
}
