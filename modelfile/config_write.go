package modelfile

import (
	"encoding/json"
	"strconv"

	"weft/gguf"
	"weft/model"
)

// makeConfig writes config.json. A config that transformers' code cannot express is refused.
func makeConfig(c model.Config, common hfCommon) (any, error) {
	if err := expressible(c); err != nil {
		return nil, err
	}
	common.ModelType, common.DType = c.Arch, "float32"
	eps := json.Number(strconv.FormatFloat(float64(c.NormEps), 'g', -1, 32))
	if c.Arch == "llama" {
		common.Architectures = []string{"LlamaForCausalLM"}
		theta := json.Number(strconv.FormatFloat(c.RopeTheta, 'f', -1, 64))
		return hfLlamaConfig{hfCommon: common, Vocab: c.Vocab, Dim: c.Dim, Hidden: c.Hidden, Layers: c.Layers,
			Heads: c.Heads, KVHeads: &c.KVHeads, HeadDim: &c.HeadDim, Activation: activationName(c.Activation),
			Context: c.Context, NormEps: eps, RopeTheta: &theta, Tied: c.TiedHead, AttnBias: c.AttnBias,
			MLPBias: c.MLPBias}, nil
	}
	common.Architectures = []string{"GPT2LMHeadModel"}
	h := hfGPT2Config{hfCommon: common, Vocab: c.Vocab, Dim: c.Dim, Hidden: &c.Hidden, Layers: c.Layers, Heads: c.Heads,
		Activation: activationName(c.Activation), Context: c.Context, NormEps: eps, Tied: c.TiedHead, ScaleAttn: true}
	if !c.NormBias || !c.AttnBias || !c.MLPBias {
		h.Weft = &hfWeft{NoNormBias: !c.NormBias, NoAttnBias: !c.AttnBias, NoMLPBias: !c.MLPBias}
	}
	return h, nil
}

// expressible checks that a model is what others understand by its architecture.
func expressible(c model.Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	fits := false
	switch c.Arch {
	case "llama":
		fits = c.Norm == model.RMSNorm && c.Position == model.RoPE && c.Gated
	case "gpt2":
		fits = c.Norm == model.LayerNorm && c.Position == model.LearnedPositions && !c.Gated &&
			c.KVHeads == c.Heads && c.HeadDim*c.Heads == c.Dim
	default:
		return unsupported("the architecture %q is", c.Arch)
	}
	if !fits || c.Dim%c.Heads != 0 {
		return unsupported("a %s model with these settings (%+v) is", c.Arch, c)
	}
	return nil
}

// makeConfigGGUF lists the architecture's settings. A config that llama.cpp cannot express is refused.
func makeConfigGGUF(c model.Config) ([]gguf.Setting, error) {
	if err := expressible(c); err != nil {
		return nil, err
	}
	number := func(key string, n int) gguf.Setting {
		return gguf.Setting{Key: c.Arch + "." + key, Value: gguf.Of(uint32(n))}
	}
	list := []gguf.Setting{
		number("vocab_size", c.Vocab), number("context_length", c.Context), number("embedding_length", c.Dim),
		number("block_count", c.Layers), number("feed_forward_length", c.Hidden), number("attention.head_count", c.Heads),
	}
	float := func(key string, f float32) {
		list = append(list, gguf.Setting{Key: c.Arch + "." + key, Value: gguf.Of(f)})
	}
	switch {
	case c.Arch == "gpt2" && c.Activation == model.GELU:
		float("attention.layer_norm_epsilon", c.NormEps)
	case c.Arch == "llama" && c.Activation == model.SiLU && float64(float32(c.RopeTheta)) == c.RopeTheta:
		list = append(list, number("attention.head_count_kv", c.KVHeads), number("attention.key_length", c.HeadDim),
			number("attention.value_length", c.HeadDim), number("rope.dimension_count", c.HeadDim))
		float("rope.freq_base", float32(c.RopeTheta))
		float("attention.layer_norm_rms_epsilon", c.NormEps)
	default:
		return nil, unsupported("a GGUF file with the activation %s and RoPE theta %g in a %s model is",
			activationName(c.Activation), c.RopeTheta, c.Arch)
	}
	return list, nil
}
