package modelfile

import (
	"fmt"
	"math"

	"weft/model"
)

// What each architecture's GGUF files have besides what all have.

// pattern says which blocks have the file's window: a list, or all but every n'th.
func (s *settings) pattern(n int) func(layer int) bool {
	key := s.key("attention.sliding_window_pattern")
	if v, ok := s.file.Get(key); ok {
		if list, err := v.Bools(); err == nil {
			s.used[key] = true
			return func(l int) bool { return l < len(list) && list[l] }
		}
	}
	n = s.int(key, n)
	return func(l int) bool { return n == 0 || n > 0 && l%n < n-1 }
}

// llamaGGUF: files of Mistral's models have this name too, and perhaps a window.
func llamaGGUF(s *settings, c *model.Config) { s.slide(c, always) }

func mixtralGGUF(s *settings, c *model.Config) {
	c.Experts = s.experts()
	c.Experts.Normed = true
}

func qwen2MoeGGUF(s *settings, c *model.Config) {
	c.Experts = s.experts()
	c.Experts.SharedGate = true
	for l := range min(c.Layers, 1<<12) {
		if r, err := s.file.Tensor(fmt.Sprintf("blk.%d.ffn_gate_shexp.weight", l)); err == nil {
			c.Experts.Shared = r.Rows()
			break
		}
	}
	if n := s.int(s.key("expert_shared_feed_forward_length"), c.Experts.Shared); n != c.Experts.Shared {
		s.fail(s.key("expert_shared_feed_forward_length"), fmt.Errorf("is %d, but the shared expert has %d", n, c.Experts.Shared))
	}
	s.dense(c)
}

func qwen3MoeGGUF(s *settings, c *model.Config) {
	c.Experts = s.experts()
	c.Experts.Normed = true
	s.dense(c)
}

func olmoeGGUF(s *settings, c *model.Config) { c.Experts = s.experts() }

func gemmaGGUF(_ *settings, c *model.Config) { c.EmbedScale = float32(math.Sqrt(float64(c.Dim))) }

func gemma2GGUF(s *settings, c *model.Config) {
	gemmaGGUF(s, c)
	c.AttnSoftCap = float32(s.float(s.key("attn_logit_softcapping"), 50))
	c.LogitSoftCap = float32(s.float(s.key("final_logit_softcapping"), 30))
	s.slide(c, s.pattern(2))
	if c.Layers == 46 { // 27B, whose scale does not follow from the width of its heads
		c.AttnScale = float32(1 / math.Sqrt(float64(c.Dim)/float64(c.Heads)))
	}
}

func gemma3GGUF(s *settings, c *model.Config) {
	gemmaGGUF(s, c)
	c.LogitSoftCap = float32(s.float(s.key("final_logit_softcapping"), 0))
	s.slide(c, s.pattern(6))
	for l := range c.Blocks {
		c.Blocks[l].Local = c.Blocks[l].Window > 0
	}
	c.RopeLocal = model.Rope{Theta: s.float(s.key("rope.freq_base_swa"), 1e4)}
	if c.Layers == 62 { // 27B
		c.AttnScale = float32(1 / math.Sqrt(float64(c.Dim)/float64(c.Heads)))
	}
}

func phi3GGUF(s *settings, c *model.Config) { s.slide(c, always) }

func smollm3GGUF(_ *settings, c *model.Config) {
	for l := range min(c.Layers, 1<<12) {
		if (l+1)%4 == 0 {
			block(c, l).NoRope = true
		}
	}
}

func neoxGGUF(s *settings, c *model.Config) {
	if s.bool(s.key("use_parallel_residual"), true) {
		c.Flow = model.ParallelEach
	}
}

func falconGGUF(s *settings, c *model.Config) {
	c.Flow = model.ParallelOne
	if s.tensor("blk.0.attn_norm_2.weight") {
		c.Flow = model.ParallelEach
	}
}

func stableLMGGUF(s *settings, c *model.Config) {
	s.bool(s.key("use_parallel_residual"), false) // the tensors say the same
	if !s.tensor("blk.0.ffn_norm.weight") {
		c.Flow = model.ParallelOne
	}
}

func graniteGGUF(s *settings, c *model.Config) {
	c.EmbedScale = float32(s.float(s.key("embedding_scale"), 1))
	c.ResidScale = float32(s.float(s.key("residual_scale"), 1))
	c.AttnScale = float32(s.float(s.key("attention.scale"), 0))
	c.LogitScale = float32(1 / s.float(s.key("logit_scale"), 1))
}

func gptOSSGGUF(s *settings, c *model.Config) {
	c.Experts = s.experts()
	c.Experts.Chosen, c.Experts.RouterBias, c.Experts.Bias = true, true, true
	if n := s.int(s.key("expert_gating_func"), chosenGating); n != chosenGating {
		s.fail(s.key("expert_gating_func"), unsupported("%d is", n))
	}
	c.Hidden, c.MLPBias, c.Gated = c.Experts.Hidden, false, true
	c.Rope.Scaling.Plain = c.Rope.Scaling.Kind == model.ScaleYaRN
	s.slide(c, s.pattern(2))
}

func deepseekGGUF(s *settings, c *model.Config) {
	turning := s.want(s.key("rope.dimension_count"))
	c.HeadDim = s.int(s.key("attention.key_length_mla"), c.HeadDim)
	value := s.int(s.key("attention.value_length_mla"), c.VHead())
	c.KVHeads, c.ValueDim = c.Heads, value
	c.Latent = model.Latent{Q: s.int(s.key("attention.q_lora_rank"), 0), KV: s.want(s.key("attention.kv_lora_rank")), Rope: turning, NormEps: c.NormEps}
	c.Rope.Dims = turning
	e := s.experts()
	e.Shared = s.int(s.key("expert_shared_count"), 0) * e.Hidden
	e.Scale = float32(s.float(s.key("expert_weights_scale"), 1))
	e.Normed = s.bool(s.key("expert_weights_norm"), false)
	e.Sigmoid = s.int(s.key("expert_gating_func"), softmaxGating) == sigmoidGating
	e.Groups, e.GroupsUsed = s.int(s.key("expert_group_count"), 0), s.int(s.key("expert_group_used_count"), 0)
	if e.Sigmoid {
		e.GroupTwo = true
	}
	first := s.int(s.key("leading_dense_block_count"), 0)
	for l := range min(first, c.Layers, 1<<12) {
		block(c, l).Dense = true
	}
	e.Correction = s.tensor(fmt.Sprintf("blk.%d.exp_probs_b.bias", first))
	c.Experts = e
	if r := &c.Rope.Scaling; r.Kind == model.ScaleYaRN { // rotations keep their size, scores grow instead
		sharp := 1 + s.float(s.key("rope.scaling.yarn_log_multiplier"), 0)*math.Log(r.Factor)
		r.Amplitude = 1
		c.AttnScale = float32(sharp * sharp / math.Sqrt(float64(c.HeadDim)))
	}
}

func gpt2GGUF(s *settings, c *model.Config) {
	if c.KVHeads != c.Heads || c.HeadDim*c.Heads != c.Dim {
		s.fail(s.key("attention.head_count"), fmt.Errorf("(%d, kv %d) does not divide %d", c.Heads, c.KVHeads, c.Dim))
	}
}

// rope is how positions turn.
func (s *settings) rope(headDim int) model.Rope {
	r := model.Rope{Theta: s.float(s.key("rope.freq_base"), 10000)}
	if n := s.int(s.key("rope.dimension_count"), headDim); n != headDim {
		r.Dims = n
	}
	factor, kind := s.float(s.key("rope.scaling.factor"), 1), s.text(s.key("rope.scaling.type"), "linear")
	if old := s.float(s.key("rope.scale_linear"), 1); old != 1 {
		factor, kind = old, "linear"
	}
	original := s.int(s.key("rope.scaling.original_context_length"), s.int(s.key("context_length"), 0))
	amplitude := s.float(s.key("rope.scaling.attn_factor"), 1)
	switch {
	case s.tensor("rope_freqs.weight"):
		r.Scaling = model.Scaling{Kind: model.ScaleDivided, Divisors: s.numbers("rope_freqs.weight"), Amplitude: amplitude}
	case s.tensor("rope_factors_short.weight"):
		r.Scaling = model.Scaling{Kind: model.ScaleDivided, Original: original, Amplitude: amplitude,
			Divisors: s.numbers("rope_factors_short.weight"), Long: s.numbers("rope_factors_long.weight")}
	case kind == "linear" && factor != 1:
		r.Scaling = model.Scaling{Kind: model.ScaleLinear, Factor: factor}
	case kind == "yarn":
		r.Scaling = model.Scaling{Kind: model.ScaleYaRN, Factor: factor, Original: original,
			Fast: s.float(s.key("rope.scaling.yarn_beta_fast"), 32), Slow: s.float(s.key("rope.scaling.yarn_beta_slow"), 1),
			Amplitude: amplitude * yarnScale(factor, 1)}
		if ext := s.float(s.key("rope.scaling.yarn_ext_factor"), 1); ext != 1 {
			s.fail(s.key("rope.scaling.yarn_ext_factor"), unsupported("%g is", ext))
		}
	case kind != "none" && kind != "linear" && kind != "longrope":
		s.fail(s.key("rope.scaling.type"), unsupported("%q is", kind))
	}
	return r
}

// numbers is a small tensor that stands for a setting.
func (s *settings) numbers(name string) []float64 {
	r, err := s.file.Tensor(name)
	if err != nil || r.Elements() > 1<<16 {
		s.fail(name, fmt.Errorf("is missing or too large"))
		return nil
	}
	x := make([]float32, r.Elements())
	if err := r.Float32s(x); err != nil {
		s.fail(name, err)
	}
	list := make([]float64, len(x))
	for i, v := range x {
		list[i] = float64(v)
	}
	return list
}
