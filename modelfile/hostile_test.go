package modelfile

import (
	"path/filepath"
	"runtime"
	"testing"

	"weft/gguf"
	"weft/tensor"
)

// TestHostileShapes: settings of a few bytes that describe a giant are refused before anything of its size is made.
func TestHostileShapes(t *testing.T) {
	small := map[string]uint32{"context_length": 8, "embedding_length": 2, "block_count": 4096, "attention.head_count": 1, "feed_forward_length": 1}
	for name, c := range map[string]struct {
		arch    string
		changed map[string]uint32
		tensors map[string][]int
	}{
		"heads": {"llama", map[string]uint32{"attention.head_count": 4096, "attention.key_length": 4096}, nil},
		"experts": {"llama", map[string]uint32{"expert_count": 4096, "expert_used_count": 1},
			map[string][]int{"blk.0.ffn_gate_exps.weight": {1, 1, 1}}},
		"fewer experts": {"llama", map[string]uint32{"block_count": 100, "expert_count": 512, "expert_used_count": 1},
			map[string][]int{"blk.0.ffn_gate_exps.weight": {1, 1, 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			settings := []gguf.Setting{{Key: archKey, Value: gguf.Of(c.arch)}}
			for _, set := range []map[string]uint32{small, c.changed} {
				for key, v := range set {
					if _, over := c.changed[key]; over && set[key] != c.changed[key] {
						continue
					}
					settings = append(settings, gguf.Setting{Key: c.arch + "." + key, Value: gguf.Of(v)})
				}
			}
			b := open(t, filepath.Join("testdata", "llama"))
			vocabulary, err := makeTokenizerGGUF(b.Tokenizer, nil, b.Config().Vocab)
			if err != nil {
				t.Fatal(err)
			}
			tensors := []tensor.Named{{Name: "token_embd.weight", Raw: tensor.RawOf(make([]float32, 2*b.Config().Vocab), b.Config().Vocab, 2)}}
			for name, shape := range c.tensors {
				tensors = append(tensors, tensor.Named{Name: name, Raw: tensor.RawOf(make([]float32, 1), shape...)})
			}
			path := filepath.Join(t.TempDir(), "m.gguf")
			if err := gguf.Write(path, append(settings, vocabulary...), tensors); err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err = Open(path)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Fatal("it opens")
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 32<<20 {
				t.Errorf("%d MiB were taken to say: %v", got>>20, err)
			}
		})
	}
}
