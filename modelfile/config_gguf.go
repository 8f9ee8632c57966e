package modelfile

import (
	"fmt"
	"strings"

	"weft/gguf"
	"weft/model"
)

const archKey = "general.architecture"

// configGGUF reads what the model is made of. Settings of the architecture that we do not know are refused: each of
// them may change the computation.
func configGGUF(s *settings) (model.Config, error) {
	arch := s.text(archKey, "")
	if n := s.int("split.count", 1); n > 1 {
		return model.Config{}, unsupported("a model split into %d files is", n)
	}
	var c model.Config
	switch arch {
	case "llama":
		c = llamaGGUF(s)
	case "gpt2":
		c = gpt2GGUF(s)
	case "":
		return c, fmt.Errorf("setting %s is missing or no text", archKey)
	default:
		return c, unsupported("the architecture %q is", arch)
	}
	if s.err != nil {
		return c, s.err
	}
	if err := refuseUnread(s, arch); err != nil {
		return c, err
	}
	return c, c.Validate()
}

// commonGGUF reads what all architectures have.
func commonGGUF(s *settings, arch string) model.Config {
	c := model.Config{Arch: arch,
		Context: s.want(arch + ".context_length"), Dim: s.want(arch + ".embedding_length"),
		Layers: s.want(arch + ".block_count"), Hidden: s.want(arch + ".feed_forward_length"),
		Heads: s.want(arch + ".attention.head_count"), TiedHead: !has(s.file, "output.weight")}
	c.KVHeads = s.int(arch+".attention.head_count_kv", c.Heads)
	if c.Heads > 0 {
		c.HeadDim = c.Dim / c.Heads
	}
	if r, err := s.file.Tensor("token_embd.weight"); err != nil {
		s.fail("token_embd.weight", err)
	} else {
		c.Vocab = r.Rows()
	}
	if n := s.int(arch+".vocab_size", c.Vocab); n != c.Vocab {
		s.fail(arch+".vocab_size", fmt.Errorf("is %d, but there are %d embeddings", n, c.Vocab))
	}
	return c
}

func has(f *gguf.File, name string) bool { _, err := f.Tensor(name); return err == nil }

func llamaGGUF(s *settings) model.Config {
	c := commonGGUF(s, "llama")
	c.Norm, c.Position, c.Gated = model.RMSNorm, model.RoPE, true
	c.NormEps = float32(s.float("llama.attention.layer_norm_rms_epsilon", 1e-5))
	c.RopeTheta = s.float("llama.rope.freq_base", 10000)
	c.HeadDim = s.int("llama.attention.key_length", c.HeadDim)
	if n := s.int("llama.attention.value_length", c.HeadDim); n != c.HeadDim {
		s.fail("llama.attention.value_length", unsupported("is %d for keys of %d, which is", n, c.HeadDim))
	}
	if n := s.int("llama.rope.dimension_count", c.HeadDim); n != c.HeadDim {
		s.fail("llama.rope.dimension_count", unsupported("is %d of %d, partial rotation is", n, c.HeadDim))
	}
	c.AttnBias = has(s.file, "blk.0.attn_q.bias")
	c.MLPBias = has(s.file, "blk.0.ffn_up.bias")
	return c
}

func gpt2GGUF(s *settings) model.Config {
	c := commonGGUF(s, "gpt2")
	c.Norm, c.Position, c.Activation = model.LayerNorm, model.LearnedPositions, model.GELU
	c.NormEps = float32(s.float("gpt2.attention.layer_norm_epsilon", 1e-5))
	c.NormBias, c.AttnBias, c.MLPBias = true, true, true
	if c.KVHeads != c.Heads || c.HeadDim*c.Heads != c.Dim {
		s.fail("gpt2.attention.head_count", fmt.Errorf("(%d, kv %d) does not divide %d", c.Heads, c.KVHeads, c.Dim))
	}
	return c
}

// neutral are settings that change nothing when they have this value.
var neutral = map[string]string{
	"rope.scaling.type":   "none",
	"rope.scale_linear":   "1",
	"rope.scaling.factor": "1",
	"expert_count":        "0",
	"expert_used_count":   "0",
	"tensor_data_layout":  "Meta AI original pth", // where the file came from
}

func refuseUnread(s *settings, arch string) error {
	for _, set := range s.file.Settings() {
		rest, ok := strings.CutPrefix(set.Key, arch+".")
		if !ok || s.used[set.Key] {
			continue
		}
		if want, ok := neutral[rest]; ok && shown(set.Value) == want {
			continue
		}
		return unsupported("the setting %s = %s is", set.Key, shown(set.Value))
	}
	return nil
}

// shown is a value for messages and comparison.
func shown(v gguf.Value) string {
	if x, err := v.Text(); err == nil {
		return x
	}
	if x, err := v.Int(); err == nil {
		return fmt.Sprint(x)
	}
	if x, err := v.Float(); err == nil {
		return fmt.Sprint(x)
	}
	if x, err := v.Bool(); err == nil {
		return fmt.Sprint(x)
	}
	return v.Type.String()
}
