package modelfile

import (
	"encoding/json"
	"fmt"
	"math"
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
	out := a.write(c)
	out["model_type"], out["architectures"], out["torch_dtype"] = a.modelTypes[0], a.classes[:1], "float32"
	out["bos_token_id"], out["eos_token_id"], out["pad_token_id"] = common.BOS, common.EOS, nil // a class's own may be beyond the vocabulary
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

// number writes a float32 with the digits that it needs. transformers takes no whole number where it wants a float.
func number(f float32) json.Number {
	text := strconv.FormatFloat(float64(f), 'g', -1, 32)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return json.Number(text)
}

// plainOut writes what [hf.plain] reads, in the form that old versions of transformers know too.
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
	case model.ScaleDivided:
		out["rope_scaling"] = map[string]any{"rope_type": "longrope", "short_factor": s.Divisors, "long_factor": s.Long}
		out["original_max_position_embeddings"] = s.Original
	}
	if c.Rope.Dims != 0 {
		out["partial_rotary_factor"] = shareOf(c.Rope.Dims, c.HeadDim)
	}
	return out
}

// shareOf is a share that comes out as n of all, rounded down.
func shareOf(n, all int) float64 {
	share := float64(n) / float64(all)
	if int(share*float64(all)) < n {
		share = math.Nextafter(share, 2)
	}
	return share
}
