package modelfile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"weft/model"
)

// hfCommon is what config.json says for every architecture. The computation is defined by transformers' code for a
// model_type, so settings that this code does not read are rightly passed over; those that it does read, and we do
// not do, are refused.
type hfCommon struct {
	ModelType     string          `json:"model_type"`
	Architectures []string        `json:"architectures"`
	BOS           *int32          `json:"bos_token_id"`
	EOS           tokenIDs        `json:"eos_token_id"`
	DType         string          `json:"torch_dtype,omitempty"`
	License       string          `json:"license,omitempty"`
	Quantization  json.RawMessage `json:"quantization_config,omitempty"`
	AutoMap       json.RawMessage `json:"auto_map,omitempty"`
}

// tokenIDs is a token ID, a list of them, or null.
type tokenIDs []int32

// UnmarshalJSON implements [json.Unmarshaler].
func (t *tokenIDs) UnmarshalJSON(b []byte) error {
	if b[0] == '[' || b[0] == 'n' {
		return json.Unmarshal(b, (*[]int32)(t))
	}
	*t = make([]int32, 1)
	return json.Unmarshal(b, &(*t)[0])
}

// MarshalJSON implements [json.Marshaler]. Older readers know no list of one.
func (t tokenIDs) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]int32(t))
}

// maxConfig bounds config.json, whose lists take several times their bytes once decoded; real ones have some kilobytes.
const maxConfig = 1 << 20

// parseConfig reads config.json.
func parseConfig(text []byte) (model.Config, hfCommon, error) {
	var common hfCommon
	if len(text) > maxConfig {
		return model.Config{}, common, fmt.Errorf("%d bytes are more than a config has", len(text))
	}
	if err := json.Unmarshal(text, &common); err != nil {
		return model.Config{}, common, err
	}
	a, err := common.find()
	if err != nil {
		return model.Config{}, common, err
	}
	h, err := newHF(text)
	if err != nil {
		return model.Config{}, common, err
	}
	c := a.read(h)
	c.Arch = a.name
	if h.err != nil {
		return c, common, h.err
	}
	return c, common, c.Validate()
}

// find is the architecture of a config.
func (c hfCommon) find() (architecture, error) {
	switch {
	case c.ModelType == "":
		return architecture{}, fmt.Errorf("model_type is missing")
	case given(c.Quantization) && !c.packed():
		return architecture{}, unsupported("quantization_config is")
	}
	for _, a := range architectures {
		if !slices.Contains(a.modelTypes, c.ModelType) {
			continue
		}
		for _, class := range c.Architectures {
			if !slices.Contains(a.classes, class) {
				return a, unsupported("the architecture %q is", class)
			}
		}
		return a, nil
	}
	return architecture{}, unsupported("the architecture %q is", c.ModelType)
}

// packed reports whether experts are in MXFP4, as gpt-oss is released; other ways to quantise have other tensors.
func (c hfCommon) packed() bool {
	var q struct {
		Method string `json:"quant_method"`
	}
	return c.ModelType == "gpt_oss" && json.Unmarshal(c.Quantization, &q) == nil && q.Method == "mxfp4"
}

// activations are the names of ours in config.json; the first of a kind is what we write.
var activations = []struct {
	name string
	kind model.Activation
}{
	{"silu", model.SiLU}, {"swish", model.SiLU},
	{"gelu_new", model.GELU}, {"gelu_pytorch_tanh", model.GELU}, {"gelu_fast", model.GELU},
	{"gelu", model.GELUErf}, {"relu", model.ReLU},
}

func (h *hf) activation(key, otherwise string) model.Activation {
	name := h.text(key, otherwise)
	for _, a := range activations {
		if a.name == name {
			return a.kind
		}
	}
	h.fail(unsupported("the activation %q is", name))
	return 0
}

func activationName(kind model.Activation) string {
	for _, a := range activations {
		if a.kind == kind {
			return a.name
		}
	}
	return ""
}

// plain reads what most architectures have, under the names that most of them use: a Llama-type model.
func (h *hf) plain() model.Config {
	c := model.Config{
		Vocab: h.int("vocab_size", 32000), Context: h.context(), Layers: h.int("num_hidden_layers", 32),
		Dim: h.int("hidden_size", 4096), Hidden: h.int("intermediate_size", 11008), Heads: h.int("num_attention_heads", 32),
		NormEps: h.eps("rms_norm_eps", 1e-6), Activation: h.activation("hidden_act", "silu"), Gated: true,
		TiedHead: h.bool("tie_word_embeddings", false),
	}
	c.KVHeads = h.int("num_key_value_heads", c.Heads)
	if c.HeadDim = h.int("head_dim", 0); c.HeadDim == 0 {
		c.HeadDim = h.share(c.Dim, c.Heads)
	}
	c.Rope = h.rope(c.HeadDim)
	return c
}

// share divides, and fails where that leaves a rest.
func (h *hf) share(n, by int) int {
	if by < 1 || n%by != 0 {
		h.fail(fmt.Errorf("a width of %d is no multiple of %d heads", n, by))
		return 1
	}
	return n / by
}

// eps reads an epsilon to the nearest float32.
func (h *hf) eps(key string, otherwise float32) float32 {
	n := value(h, key, json.Number(""))
	if n == "" {
		return otherwise
	}
	f, err := strconv.ParseFloat(string(n), 32)
	if err != nil {
		h.fail(fmt.Errorf("%s: %w", key, err))
	}
	return float32(f)
}

// layerNorm has a config's norms be LayerNorms with biases.
func (h *hf) layerNorm(c *model.Config, key string, bias bool) {
	c.Norm, c.NormBias, c.NormEps = model.LayerNorm, bias, h.eps(key, 1e-5)
}

// window gives blocks a window: those that layer_types names or, where a file has none, those that by picks.
func (h *hf) window(c *model.Config, by func(layer int) bool) {
	size := h.int("sliding_window", 0)
	types := value[[]string](h, "layer_types", nil)
	if types != nil && len(types) != c.Layers {
		h.fail(fmt.Errorf("layer_types describes %d of %d layers", len(types), c.Layers))
		return
	}
	for l := range c.Layers {
		has := size > 0 && by(l)
		if types != nil {
			switch has = types[l] == "sliding_attention"; {
			case !has && types[l] != "full_attention":
				h.fail(unsupported("the layer type %q is", types[l]))
			case has && size < 1:
				h.fail(fmt.Errorf("layer %d slides, but sliding_window is %d", l, size))
			}
		}
		if has {
			block(c, l).Window = size
		}
	}
}

// block is the description of block l, to be changed.
func block(c *model.Config, l int) *model.Block {
	if c.Blocks == nil {
		c.Blocks = make([]model.Block, max(0, min(c.Layers, 1<<12)))
	}
	return &c.Blocks[l]
}

func always(int) bool { return true }
