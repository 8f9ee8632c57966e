package modelfile

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"weft/model"
)

// makeConfig writes config.json. A config that transformers' code cannot express is refused: what was written must read
// back as it was.
func makeConfig(c model.Config, common hfCommon) (map[string]any, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	a, err := byName(c.Arch)
	if err != nil {
		return nil, err
	}
	if a.write == nil {
		return nil, unsupported("writing a folder of the architecture %q is", c.Arch)
	}
	out := a.write(c)
	out["model_type"], out["architectures"], out["torch_dtype"] = a.modelTypes[0], a.classes[:1], "float32"
	out["bos_token_id"], out["eos_token_id"] = common.BOS, common.EOS
	if common.License != "" {
		out["license"] = common.License
	}
	text, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	again, _, err := parseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("config.json cannot hold this %s model: %w: %w", c.Arch, err, ErrUnsupported)
	}
	if names := differing(c, again); len(names) > 0 {
		return nil, fmt.Errorf("config.json cannot hold this %s model: it would be read with another %s: %w", c.Arch, strings.Join(names, ", "), ErrUnsupported)
	}
	return out, nil
}

// number writes a float32 with the digits that it needs.
func number(f float32) json.Number {
	return json.Number(strconv.FormatFloat(float64(f), 'g', -1, 32))
}

// plainOut writes what [hf.plain] reads.
func plainOut(c model.Config) map[string]any {
	out := map[string]any{
		"vocab_size": c.Vocab, "max_position_embeddings": c.Context, "num_hidden_layers": c.Layers, "hidden_size": c.Dim,
		"intermediate_size": c.Hidden, "num_attention_heads": c.Heads, "num_key_value_heads": c.KVHeads, "head_dim": c.HeadDim,
		"rms_norm_eps": number(c.NormEps), "hidden_act": activationName(c.Activation), "tie_word_embeddings": c.TiedHead,
		"rope_theta": json.Number(strconv.FormatFloat(c.Rope.Theta, 'f', -1, 64)),
	}
	switch s := c.Rope.Scaling; s.Kind {
	case model.ScaleLinear:
		out["rope_scaling"] = map[string]any{"rope_type": "linear", "factor": s.Factor}
	case model.ScaleLlama3:
		out["rope_scaling"] = map[string]any{"rope_type": "llama3", "factor": s.Factor, "low_freq_factor": s.Low,
			"high_freq_factor": s.High, "original_max_position_embeddings": s.Original}
	case model.ScaleYaRN:
		out["rope_scaling"] = map[string]any{"rope_type": "yarn", "factor": s.Factor, "beta_fast": s.Fast, "beta_slow": s.Slow,
			"truncate": !s.Plain, "attention_factor": s.Amplitude, "original_max_position_embeddings": s.Original}
	}
	return out
}

func llamaOut(c model.Config) map[string]any {
	out := plainOut(c)
	out["attention_bias"], out["mlp_bias"] = c.QKVBias, c.MLPBias
	return out
}

// mistralOut has one window for all blocks.
func mistralOut(c model.Config) map[string]any {
	out := plainOut(c)
	out["sliding_window"] = nil
	if w := c.Block(0).Window; w > 0 {
		out["sliding_window"] = w
	}
	return out
}

func qwen3Out(c model.Config) map[string]any {
	out := plainOut(c)
	out["attention_bias"] = c.QKVBias
	return out
}

func graniteOut(c model.Config) map[string]any {
	out := llamaOut(c)
	out["embedding_multiplier"], out["residual_multiplier"] = number(c.EmbedScale), number(c.ResidScale)
	out["attention_multiplier"], out["logits_scaling"] = number(c.AttnScale), number(1/c.LogitScale)
	return out
}

func gpt2Out(c model.Config) map[string]any {
	out := map[string]any{
		"vocab_size": c.Vocab, "n_positions": c.Context, "n_layer": c.Layers, "n_embd": c.Dim, "n_inner": c.Hidden, "n_head": c.Heads,
		"activation_function": activationName(c.Activation), "layer_norm_epsilon": number(c.NormEps), "tie_word_embeddings": c.TiedHead,
		"scale_attn_weights": true, "scale_attn_by_inverse_layer_idx": false, "add_cross_attention": false,
	}
	if !c.NormBias || !c.QKVBias || !c.MLPBias { // transformers' GPT-2 always has them, so the file holds zeros
		out["weft"] = map[string]bool{"no_norm_bias": !c.NormBias, "no_attn_bias": !c.QKVBias, "no_mlp_bias": !c.MLPBias}
	}
	return out
}
