package modelfile

import (
	"fmt"
	"strings"

	"weft/gguf"
	"weft/model"
)

const archKey = "general.architecture"

// ggufArch is what a GGUF file of an architecture does not say of itself.
type ggufArch struct {
	name        string // general.architecture
	layerNorm   bool   // its norms are LayerNorms
	interleaved bool   // rows of queries and keys stand in the order of interleaved rotation
	fused       bool   // queries, keys and values are one tensor
	activation  model.Activation
	flow        model.Flow
	qkNorm      model.QKNorm // if there are such norms

	finish func(s *settings, c *model.Config) // what else there is to read; may be nil
}

// configGGUF reads what the model is made of: from the settings, and from which tensors there are. Settings of the
// architecture that we do not know are refused: each of them may change the computation.
func configGGUF(s *settings) (model.Config, error) {
	a, err := findGGUF(s)
	if err != nil {
		return model.Config{}, err
	}
	c := s.config(a.gguf)
	c.Arch = a.name
	if a.gguf.finish != nil && s.err == nil {
		a.gguf.finish(s, &c)
	}
	if s.err != nil {
		return c, s.err
	}
	if err := refuseUnread(s, a.gguf.name); err != nil {
		return c, err
	}
	return c, c.Validate()
}

// findGGUF is the architecture of a file. Several of ours may have one name there.
func findGGUF(s *settings) (architecture, error) {
	name := s.text(archKey, "")
	s.arch = name
	if name == "" {
		return architecture{}, fmt.Errorf("setting %s is missing or no text", archKey)
	}
	switch {
	case name == "llama" && s.int(s.key("expert_count"), 0) > 0:
		return byName("mixtral")
	case name == "deepseek2" && s.int(s.key("expert_gating_func"), 1) == sigmoidGating:
		return byName("deepseek3")
	}
	for _, a := range architectures {
		if a.gguf.name == name {
			return a, nil
		}
	}
	return architecture{}, unsupported("the architecture %q is", name)
}

// How GGUF numbers the ways to score experts.
const (
	softmaxGating = 1
	sigmoidGating = 2
	chosenGating  = 3 // a softmax over the chosen
)

// config reads what most architectures have.
func (s *settings) config(a ggufArch) model.Config {
	c := model.Config{
		Context: s.want(s.key("context_length")), Dim: s.want(s.key("embedding_length")), Layers: s.want(s.key("block_count")),
		Hidden: s.int(s.key("feed_forward_length"), 0), Heads: s.want(s.key("attention.head_count")),
		Activation: a.activation, Flow: a.flow,
	}
	c.KVHeads = s.int(s.key("attention.head_count_kv"), c.Heads)
	if c.Heads > 0 {
		c.HeadDim = c.Dim / c.Heads
	}
	c.HeadDim = s.int(s.key("attention.key_length"), c.HeadDim)
	if v := s.int(s.key("attention.value_length"), c.HeadDim); v != c.HeadDim {
		c.ValueDim = v
	}
	if r, err := s.file.Tensor("token_embd.weight"); err != nil {
		s.fail("token_embd.weight", err)
	} else {
		c.Vocab = r.Rows()
	}
	if n := s.int(s.key("vocab_size"), c.Vocab); n != c.Vocab {
		s.fail(s.key("vocab_size"), fmt.Errorf("is %d, but there are %d embeddings", n, c.Vocab))
	}
	s.norms(&c, a)
	s.shape(&c, a)
	if c.Position == model.RoPE {
		c.Rope = s.rope(c.HeadDim)
	}
	if a.interleaved && c.Rope.Dims != 0 {
		s.fail(s.key("rope.dimension_count"), unsupported("%d of %d is", c.Rope.Dims, c.HeadDim))
	}
	return c
}

func (s *settings) norms(c *model.Config, a ggufArch) {
	c.NormEps = float32(s.float(s.key("attention.layer_norm_rms_epsilon"), 1e-5))
	if a.layerNorm {
		c.Norm, c.NormEps = model.LayerNorm, float32(s.float(s.key("attention.layer_norm_epsilon"), 1e-5))
	}
	c.NormPlain, c.NormBias = !s.tensor("output_norm.weight"), s.tensor("output_norm.bias")
	before, after := s.tensor("blk.0.attn_norm.weight"), s.tensor("blk.0.post_attention_norm.weight") && a.name != "gpt-oss"
	switch {
	case before && after:
		c.Placement = model.Sandwich
	case after:
		c.Placement = model.PostNorm
	}
	if s.tensor("blk.0.attn_q_norm.weight") {
		c.QKNorm = a.qkNorm
	}
}

// shape is which of the optional parts there are.
func (s *settings) shape(c *model.Config, a ggufArch) {
	c.QKVBias = s.tensor("blk.0.attn_q.bias") || s.tensor("blk.0.attn_qkv.bias")
	c.OutBias = s.tensor("blk.0.attn_output.bias")
	c.MLPBias = s.tensor("blk.0.ffn_down.bias")
	c.Gated = s.tensor("blk.0.ffn_gate.weight") || s.tensor("blk.0.ffn_gate_exps.weight") || a.name == "phi3"
	c.Sinks = s.tensor("blk.0.attn_sinks.weight")
	c.HeadBias = s.tensor("output.bias")
	c.TiedHead = !s.tensor("output.weight")
	if s.tensor("position_embd.weight") {
		c.Position = model.LearnedPositions
	}
}

// experts reads what architectures with experts have in common.
func (s *settings) experts() model.Experts {
	e := model.Experts{Count: s.want(s.key("expert_count")), Used: s.want(s.key("expert_used_count"))}
	for l := 0; e.Hidden == 0 && l < 1<<12; l++ { // the first block that has experts tells their width
		r, err := s.file.Tensor(fmt.Sprintf("blk.%d.ffn_gate_exps.weight", l))
		switch {
		case err == nil && len(r.Shape) == 3:
			e.Hidden = r.Shape[1]
		case !s.tensor(fmt.Sprintf("blk.%d.ffn_gate.weight", l)):
			s.fail(s.key("expert_count"), fmt.Errorf("is %d, but block %d has no experts that we know", e.Count, l))
			return e
		}
	}
	if n := s.int(s.key("expert_feed_forward_length"), e.Hidden); n != e.Hidden {
		s.fail(s.key("expert_feed_forward_length"), fmt.Errorf("is %d, but the experts have %d", n, e.Hidden))
	}
	return e
}

// dense marks the blocks that have a feed-forward network in place of experts.
func (s *settings) dense(c *model.Config) {
	for l := range min(c.Layers, 1<<12) {
		if s.tensor(fmt.Sprintf("blk.%d.ffn_gate.weight", l)) {
			block(c, l).Dense = true
		}
	}
}

// slide gives the blocks that by picks the file's window.
func (s *settings) slide(c *model.Config, by func(layer int) bool) {
	size := s.int(s.key("attention.sliding_window"), 0)
	for l := range min(c.Layers, 1<<12) {
		if size > 0 && by(l) {
			block(c, l).Window = size
		}
	}
}

// neutral are settings that change nothing when they have this value.
var neutral = map[string]string{
	"rope.scaling.finetuned":   "*",
	"tensor_data_layout":       "*", // where the file came from
	"expert_count":             "0",
	"expert_used_count":        "0",
	"attention.causal":         "true",
	"attention.max_alibi_bias": "0",
	"pooling_type":             "0",
}

func refuseUnread(s *settings, arch string) error {
	for _, set := range s.file.Settings() {
		rest, ok := strings.CutPrefix(set.Key, arch+".")
		if !ok || s.used[set.Key] {
			continue
		}
		if want, ok := neutral[rest]; ok && (want == "*" || shown(set.Value) == want) {
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
