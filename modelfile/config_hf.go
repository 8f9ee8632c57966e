package modelfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"weft/model"
)

// hfCommon is what config.json says for every architecture. The computation is defined by transformers' code for a
// model_type, so settings that this code does not read are rightly passed over; those that it does read, and we do
// not do, are refused below.
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

// hfLlamaConfig is transformers' LlamaConfig, with its defaults in newLlamaConfig.
type hfLlamaConfig struct {
	hfCommon
	Vocab       int             `json:"vocab_size"`
	Dim         int             `json:"hidden_size"`
	Hidden      int             `json:"intermediate_size"`
	Layers      int             `json:"num_hidden_layers"`
	Heads       int             `json:"num_attention_heads"`
	KVHeads     *int            `json:"num_key_value_heads"`
	HeadDim     *int            `json:"head_dim"`
	Activation  string          `json:"hidden_act"`
	Context     int             `json:"max_position_embeddings"`
	NormEps     json.Number     `json:"rms_norm_eps"`
	RopeTheta   *json.Number    `json:"rope_theta,omitempty"`
	RopeScaling json.RawMessage `json:"rope_scaling"`
	RopeParams  *hfRope         `json:"rope_parameters,omitempty"` // of newer versions: theta and scaling together
	Rotary      *float64        `json:"partial_rotary_factor,omitempty"`
	Tied        bool            `json:"tie_word_embeddings"`
	AttnBias    bool            `json:"attention_bias"`
	MLPBias     bool            `json:"mlp_bias"`
}

type hfRope struct {
	Theta  *json.Number `json:"rope_theta"`
	Kind   string       `json:"rope_type"`
	Old    string       `json:"type,omitempty"` // what rope_type was called
	Rotary *float64     `json:"partial_rotary_factor,omitempty"`
}

// hfGPT2Config is transformers' GPT2Config.
type hfGPT2Config struct {
	hfCommon
	Vocab      int         `json:"vocab_size"`
	Dim        int         `json:"n_embd"`
	Hidden     *int        `json:"n_inner"`
	Layers     int         `json:"n_layer"`
	Heads      int         `json:"n_head"`
	Activation string      `json:"activation_function"`
	Context    int         `json:"n_positions"`
	NormEps    json.Number `json:"layer_norm_epsilon"`
	Tied       bool        `json:"tie_word_embeddings"`

	ScaleAttn    bool `json:"scale_attn_weights"`
	ScaleByLayer bool `json:"scale_attn_by_inverse_layer_idx"`
	CrossAttn    bool `json:"add_cross_attention"`

	Weft *hfWeft `json:"weft,omitempty"`
}

// hfWeft marks biases that the model does not have. transformers' GPT-2 always has them, so the file holds zeros.
type hfWeft struct {
	NoNormBias bool `json:"no_norm_bias,omitempty"`
	NoAttnBias bool `json:"no_attn_bias,omitempty"`
	NoMLPBias  bool `json:"no_mlp_bias,omitempty"`
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

// activations are the names of ours in config.json; the first of a kind is what we write.
var activations = []struct {
	name string
	kind model.Activation
}{
	{"silu", model.SiLU}, {"swish", model.SiLU},
	{"gelu_new", model.GELU}, {"gelu_pytorch_tanh", model.GELU},
	{"gelu", model.GELUErf},
}

func parseActivation(name string) (model.Activation, error) {
	for _, a := range activations {
		if a.name == name {
			return a.kind, nil
		}
	}
	return 0, unsupported("the activation %q is", name)
}

func activationName(kind model.Activation) string {
	for _, a := range activations {
		if a.kind == kind {
			return a.name
		}
	}
	return "" // Config.Validate knows no other
}

// parseConfig reads config.json.
func parseConfig(text []byte) (model.Config, hfCommon, error) {
	var common hfCommon
	if err := json.Unmarshal(text, &common); err != nil {
		return model.Config{}, common, err
	}
	var c model.Config
	err := common.check()
	if err == nil {
		switch common.ModelType {
		case "llama":
			c, err = parseLlama(text)
		case "gpt2":
			c, err = parseGPT2(text)
		case "":
			err = fmt.Errorf("model_type is missing")
		default:
			err = unsupported("the architecture %q is", common.ModelType)
		}
	}
	if err == nil {
		err = c.Validate()
	}
	return c, common, err
}

func (c hfCommon) check() error {
	switch {
	case given(c.Quantization):
		return unsupported("quantization_config is")
	case given(c.AutoMap):
		return unsupported("auto_map, code that comes with the model, is")
	}
	for _, a := range c.Architectures {
		if !slices.Contains([]string{"LlamaForCausalLM", "GPT2LMHeadModel", "LlamaModel", "GPT2Model"}, a) {
			return unsupported("the architecture %q is", a)
		}
	}
	return nil
}

func given(raw json.RawMessage) bool { return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) }

func parseLlama(text []byte) (model.Config, error) {
	h := hfLlamaConfig{Vocab: 32000, Dim: 4096, Hidden: 11008, Layers: 32, Heads: 32, Activation: "silu", Context: 2048,
		NormEps: "1e-6"}
	if err := json.Unmarshal(text, &h); err != nil {
		return model.Config{}, err
	}
	c := model.Config{Arch: "llama", Vocab: h.Vocab, Context: h.Context, Layers: h.Layers, Dim: h.Dim, Heads: h.Heads,
		KVHeads: or(h.KVHeads, h.Heads), Hidden: h.Hidden, Norm: model.RMSNorm, Position: model.RoPE, Gated: true,
		AttnBias: h.AttnBias, MLPBias: h.MLPBias, TiedHead: h.Tied}
	if h.Heads > 0 {
		c.HeadDim = or(h.HeadDim, h.Dim/h.Heads)
	}
	var err error
	if c.Activation, err = parseActivation(h.Activation); err != nil {
		return c, err
	}
	if c.NormEps, err = parseEps(h.NormEps); err != nil {
		return c, fmt.Errorf("rms_norm_eps: %w", err)
	}
	c.RopeTheta, err = h.rope()
	return c, err
}

// rope is the base of the rotation. What changes the rotation otherwise is refused.
func (h *hfLlamaConfig) rope() (float64, error) {
	theta := json.Number("10000")
	rotary := or(h.Rotary, 1)
	if h.RopeTheta != nil {
		theta = *h.RopeTheta
	}
	if given(h.RopeScaling) {
		var scaling hfRope
		if err := json.Unmarshal(h.RopeScaling, &scaling); err != nil {
			return 0, fmt.Errorf("rope_scaling: %w", err)
		}
		if err := scaling.check(); err != nil {
			return 0, fmt.Errorf("rope_scaling: %w", err)
		}
	}
	if p := h.RopeParams; p != nil {
		if err := p.check(); err != nil {
			return 0, fmt.Errorf("rope_parameters: %w", err)
		}
		if p.Theta != nil {
			theta = *p.Theta
		}
		rotary = or(p.Rotary, rotary)
	}
	if rotary != 1 {
		return 0, unsupported("partial_rotary_factor %g is", rotary)
	}
	f, err := theta.Float64()
	if err != nil {
		return 0, fmt.Errorf("rope_theta: %w", err)
	}
	return f, nil
}

func (r hfRope) check() error {
	for _, kind := range []string{r.Kind, r.Old} {
		if kind != "" && kind != "default" {
			return unsupported("the type %q is", kind)
		}
	}
	return nil
}

func parseGPT2(text []byte) (model.Config, error) {
	h := hfGPT2Config{Vocab: 50257, Dim: 768, Layers: 12, Heads: 12, Activation: "gelu_new", Context: 1024,
		NormEps: "1e-5", Tied: true, ScaleAttn: true, Weft: &hfWeft{}}
	if err := json.Unmarshal(text, &h); err != nil {
		return model.Config{}, err
	}
	if h.Weft == nil {
		h.Weft = &hfWeft{}
	}
	switch {
	case !h.ScaleAttn:
		return model.Config{}, unsupported("scale_attn_weights false is")
	case h.ScaleByLayer:
		return model.Config{}, unsupported("scale_attn_by_inverse_layer_idx is")
	case h.CrossAttn:
		return model.Config{}, unsupported("add_cross_attention is")
	case h.Heads < 1 || h.Dim%h.Heads != 0:
		return model.Config{}, fmt.Errorf("n_embd %d is no multiple of n_head %d", h.Dim, h.Heads)
	}
	c := model.Config{Arch: "gpt2", Vocab: h.Vocab, Context: h.Context, Layers: h.Layers, Dim: h.Dim, Heads: h.Heads,
		KVHeads: h.Heads, HeadDim: h.Dim / h.Heads, Hidden: or(h.Hidden, 4*h.Dim),
		Norm: model.LayerNorm, Position: model.LearnedPositions, TiedHead: h.Tied,
		NormBias: !h.Weft.NoNormBias, AttnBias: !h.Weft.NoAttnBias, MLPBias: !h.Weft.NoMLPBias}
	var err error
	if c.Activation, err = parseActivation(h.Activation); err != nil {
		return c, err
	}
	if c.NormEps, err = parseEps(h.NormEps); err != nil {
		return c, fmt.Errorf("layer_norm_epsilon: %w", err)
	}
	return c, nil
}

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

func parseEps(n json.Number) (float32, error) {
	f, err := strconv.ParseFloat(string(n), 32)
	return float32(f), err
}
