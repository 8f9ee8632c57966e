package modelfile

import (
	"fmt"
	"math"
	"slices"

	"weft/model"
)

// The settings of each architecture, as transformers' code reads config.json.

func llamaHF(h *hf) model.Config {
	c := h.plain()
	h.share(c.Dim, c.Heads) // which transformers insists on, whatever head_dim says
	bias := h.bool("attention_bias", false)
	c.QKVBias, c.OutBias, c.MLPBias = bias, bias, h.bool("mlp_bias", false)
	return c
}

// heads are a class's own defaults for keys that its files may leave out; 0 leaves plain's.
func (h *hf) heads(c *model.Config, kv, headDim int) {
	if kv > 0 {
		c.KVHeads = h.int("num_key_value_heads", kv)
	}
	if headDim > 0 && !h.has("head_dim") {
		c.HeadDim = headDim
	}
	c.Rope = h.rope(c.HeadDim)
}

func mistralHF(h *hf) model.Config {
	h.otherwise("sliding_window", "4096")
	return slidingHF(h)
}

// slidingHF is a Llama-type model in which all blocks have the window, if there is one.
func slidingHF(h *hf) model.Config {
	c := h.plain()
	h.heads(&c, 8, 0)
	h.window(&c, always)
	return c
}

func mixtralHF(h *hf) model.Config {
	h.otherwise("rope_theta", "1000000")
	c := slidingHF(h)
	c.Experts = model.Experts{Count: h.int("num_local_experts", 8), Used: h.int("num_experts_per_tok", 2), Hidden: c.Hidden, Normed: true}
	return c
}

// qwenWindow: blocks from max_window_layers on have a window, if any has.
func qwenWindow(h *hf, c *model.Config) {
	first := h.int("max_window_layers", c.Layers)
	if !h.bool("use_sliding_window", false) {
		first = c.Layers
	}
	h.window(c, func(l int) bool { return l >= first })
}

func qwen2HF(h *hf) model.Config {
	c := h.plain()
	h.heads(&c, 32, 0)
	c.QKVBias = true
	qwenWindow(h, &c)
	return c
}

func qwen3HF(h *hf) model.Config {
	c := qwen3Plain(h)
	h.heads(&c, 32, 128)
	qwenWindow(h, &c)
	return c
}

func qwen3Plain(h *hf) model.Config {
	c := h.plain()
	bias := h.bool("attention_bias", false)
	c.QKVBias, c.OutBias, c.QKNorm = bias, bias, model.QKNormHead
	return c
}

// sparse leaves some blocks dense: those listed, and all but every step'th.
func sparse(h *hf, c *model.Config) {
	step, dense := h.int("decoder_sparse_step", 1), value[[]int](h, "mlp_only_layers", nil)
	for l := range c.Layers {
		if slices.Contains(dense, l) || step < 1 || (l+1)%step != 0 {
			block(c, l).Dense = true
		}
	}
}

func qwen2MoeHF(h *hf) model.Config {
	c := h.plain()
	c.QKVBias = h.bool("qkv_bias", true)
	c.Experts = model.Experts{Count: h.int("num_experts", h.int("num_local_experts", 60)), Used: h.int("num_experts_per_tok", 4),
		Hidden: h.int("moe_intermediate_size", 1408), Shared: h.int("shared_expert_intermediate_size", 5632), SharedGate: true,
		Normed: h.bool("norm_topk_prob", false)}
	h.heads(&c, 16, 0)
	most := h.int("max_window_layers", 28)
	h.window(&c, func(l int) bool { return h.bool("use_sliding_window", false) && l%2 == 0 && l < most })
	sparse(h, &c)
	return c
}

func qwen3MoeHF(h *hf) model.Config {
	c := qwen3Plain(h)
	h.heads(&c, 4, 0)
	h.window(&c, func(int) bool { return h.bool("use_sliding_window", false) })
	c.Experts = model.Experts{Count: h.int("num_experts", h.int("num_local_experts", 128)), Used: h.int("num_experts_per_tok", 8),
		Hidden: h.int("moe_intermediate_size", 768), Normed: h.bool("norm_topk_prob", false)}
	sparse(h, &c)
	return c
}

// gemmaPlain is what all Gemmas have: embeddings times √Dim.
func gemmaPlain(h *hf) model.Config {
	c := h.plain()
	c.TiedHead = h.bool("tie_word_embeddings", true)
	h.heads(&c, 0, 256)
	c.Activation = h.activation("hidden_activation", h.text("hidden_act", "gelu_pytorch_tanh"))
	c.EmbedScale = float32(math.Sqrt(float64(c.Dim)))
	bias := h.bool("attention_bias", false)
	c.QKVBias, c.OutBias = bias, bias
	h.refuse("use_bidirectional_attention", "false")
	return c
}

func gemmaHF(h *hf) model.Config {
	c := gemmaPlain(h)
	if !h.has("hidden_activation") { // "gelu" in the first files meant the tanh form
		c.Activation = model.GELU
	}
	h.heads(&c, 16, 256)
	return c
}

func gemma2HF(h *hf) model.Config {
	c := gemmaPlain(h)
	h.heads(&c, 4, 256)
	c.Placement = model.Sandwich
	c.AttnScale = float32(1 / math.Sqrt(h.float("query_pre_attn_scalar", 256)))
	c.AttnSoftCap, c.LogitSoftCap = h.float32("attn_logit_softcapping", 0), h.float32("final_logit_softcapping", 0)
	h.window(&c, func(l int) bool { return l%2 == 0 })
	return c
}

func gemma3HF(h *hf) model.Config {
	c := gemma2HF(h)
	c.QKNorm = model.QKNormHead
	every := max(1, h.int("sliding_window_pattern", h.int("_sliding_window_pattern", 6)))
	if !h.has("layer_types") {
		c.Blocks = nil
		h.window(&c, func(l int) bool { return (l+1)%every != 0 })
	}
	for l := range c.Blocks {
		c.Blocks[l].Local = c.Blocks[l].Window > 0
	}
	if p := h.inside("rope_parameters"); p.has("full_attention") {
		c.Rope = h.ropeFrom(p.inside("full_attention"), c.HeadDim)
		c.RopeLocal = h.ropeFrom(p.inside("sliding_attention"), c.HeadDim)
		return c
	}
	c.Rope = h.ropeFrom(h.inside("rope_scaling"), c.HeadDim)
	c.Rope.Theta = h.float("rope_theta", 1e6)
	c.RopeLocal = model.Rope{Theta: h.float("rope_local_base_freq", 1e4)}
	return c
}

func phiHF(h *hf) model.Config {
	c := h.plain()
	h.layerNorm(&c, "layer_norm_eps", true)
	c.Activation, c.Gated = h.activation("hidden_act", "gelu_new"), false
	c.Flow, c.QKVBias, c.OutBias, c.MLPBias, c.HeadBias = model.ParallelOne, true, true, true, true
	if !h.has("rope_parameters") && !h.has("partial_rotary_factor") {
		c.Rope.Dims = c.HeadDim / 2
	}
	h.refuse("qk_layernorm", "false")
	return c
}

func phi3HF(h *hf) model.Config {
	c := h.plain()
	h.window(&c, always)
	return c
}

func smollm3HF(h *hf) model.Config {
	h.otherwise("rope_theta", "2000000")
	c := llamaHF(h)
	c.TiedHead = h.bool("tie_word_embeddings", true)
	every, turns := h.int("no_rope_layer_interval", 4), value[[]int](h, "no_rope_layers", nil)
	for l := range c.Layers {
		if l < len(turns) && turns[l] == 0 || turns == nil && every > 0 && (l+1)%every == 0 {
			block(&c, l).NoRope = true
		}
	}
	if h.bool("use_sliding_window", false) {
		h.window(&c, func(l int) bool { return block(&c, l).NoRope })
	}
	return c
}

func olmoHF(h *hf) model.Config {
	c := llamaHF(h)
	c.Norm, c.NormPlain, c.NormEps = model.LayerNorm, true, 1e-5
	h.refuse("clip_qkv")
	return c
}

func olmo2HF(h *hf) model.Config {
	c := llamaHF(h)
	c.Placement, c.QKNorm, c.MLPBias = model.PostNorm, model.QKNormWhole, false
	return c
}

func olmoeHF(h *hf) model.Config {
	c := llamaHF(h)
	c.QKNorm, c.MLPBias = model.QKNormWhole, false
	c.Experts = model.Experts{Count: h.int("num_experts", 64), Used: h.int("num_experts_per_tok", 8), Hidden: c.Hidden,
		Normed: h.bool("norm_topk_prob", false)}
	h.refuse("clip_qkv")
	return c
}

func neoxHF(h *hf) model.Config {
	c := h.plain()
	h.layerNorm(&c, "layer_norm_eps", true)
	c.Activation, c.Gated = h.activation("hidden_act", "gelu"), false
	bias := h.bool("attention_bias", true)
	c.QKVBias, c.OutBias, c.MLPBias = bias, bias, true
	if h.bool("use_parallel_residual", true) {
		c.Flow = model.ParallelEach
	}
	if !h.has("rope_parameters") && !h.has("rotary_pct") {
		c.Rope.Dims = c.HeadDim / 4
	}
	return c
}

func falconHF(h *hf) model.Config {
	h.rename("n_head", "num_attention_heads")
	h.rename("n_layer", "num_hidden_layers")
	h.rename("n_head_kv", "num_kv_heads")
	c := h.plain()
	h.layerNorm(&c, "layer_norm_epsilon", true)
	c.TiedHead = h.bool("tie_word_embeddings", true)
	c.Hidden, c.Activation, c.Gated = h.int("ffn_hidden_size", 4*c.Dim), h.activation("activation", "gelu"), false
	bias := h.bool("bias", false)
	c.QKVBias, c.OutBias, c.MLPBias = bias, bias, bias
	h.refuse("alibi", "false")
	grouped := h.bool("new_decoder_architecture", false)
	switch {
	case grouped:
		c.KVHeads = h.int("num_kv_heads", c.Heads)
	case h.bool("multi_query", true):
		c.KVHeads = 1
	default:
		c.KVHeads = c.Heads
	}
	switch {
	case grouped && h.int("num_ln_in_parallel_attn", 2) == 2:
		c.Flow = model.ParallelEach
	case grouped || h.bool("parallel_attn", true):
		c.Flow = model.ParallelOne
	}
	return c
}

func stableLMHF(h *hf) model.Config {
	c := h.plain()
	h.heads(&c, 32, 0)
	h.layerNorm(&c, "layer_norm_eps", true)
	c.QKVBias = h.bool("use_qkv_bias", false)
	if h.bool("use_parallel_residual", false) {
		c.Flow = model.ParallelOne
	}
	if !h.has("rope_parameters") && !h.has("partial_rotary_factor") {
		c.Rope.Dims = c.HeadDim / 4
	}
	h.refuse("qk_layernorm", "false")
	return c
}

func starcoder2HF(h *hf) model.Config {
	c := h.plain()
	h.heads(&c, 2, 0)
	h.window(&c, always)
	h.layerNorm(&c, "norm_epsilon", true)
	c.TiedHead = h.bool("tie_word_embeddings", true)
	c.Activation, c.Gated = h.activation("hidden_act", "gelu_pytorch_tanh"), false
	bias := h.bool("use_bias", true)
	c.QKVBias, c.OutBias, c.MLPBias = bias, bias, bias
	return c
}

func graniteHF(h *hf) model.Config {
	c := llamaHF(h)
	c.EmbedScale, c.ResidScale = h.float32("embedding_multiplier", 1), h.float32("residual_multiplier", 1)
	c.AttnScale, c.LogitScale = h.float32("attention_multiplier", 1), float32(1/h.float("logits_scaling", 1))
	return c
}

// deepseekPlain is latent attention and experts after the first dense blocks.
func deepseekPlain(h *hf) model.Config {
	c := h.plain()
	turning, still := h.int("qk_rope_head_dim", 64), h.int("qk_nope_head_dim", 128)
	c.KVHeads, c.HeadDim, c.ValueDim = c.Heads, turning+still, h.int("v_head_dim", 128)
	c.Latent = model.Latent{Q: h.int("q_lora_rank", 0), KV: h.int("kv_lora_rank", 512), Rope: turning, NormEps: 1e-6}
	c.Rope = h.rope(turning)
	c.Rope.Dims = turning
	h.refuse("attention_bias", "false")
	h.refuse("mlp_bias", "false")
	h.refuse("rope_interleave", "true")
	hidden, shared := h.int("moe_intermediate_size", 1407), h.int("n_shared_experts", 0)
	c.Experts = model.Experts{Count: h.int("n_routed_experts", 64), Used: h.int("num_experts_per_tok", 6), Hidden: hidden,
		Shared: shared * hidden, Scale: h.float32("routed_scaling_factor", 1), Normed: h.bool("norm_topk_prob", false)}
	for l := range min(h.int("first_k_dense_replace", 0), c.Layers) {
		block(&c, l).Dense = true
	}
	h.refuse("moe_layer_freq", "1")
	c.AttnScale = sharpened(h, c.HeadDim)
	return c
}

// sharpened is the scale of scores under YaRN as DeepSeek has it, 0 for the usual one.
func sharpened(h *hf, headDim int) float32 {
	p := h.inside("rope_scaling")
	if h.has("rope_parameters") {
		p = h.inside("rope_parameters")
	}
	all := p.float("mscale_all_dim", 0)
	if p.text("rope_type", p.text("type", "default")) == "default" || all == 0 {
		return 0
	}
	m := yarnScale(p.float("factor", 1), all)
	return float32(m * m / math.Sqrt(float64(headDim)))
}

func deepseek2HF(h *hf) model.Config {
	c := deepseekPlain(h)
	c.Experts.Normed = false // transformers' class does not read norm_topk_prob
	if h.text("topk_method", "greedy") == "group_limited_greedy" {
		c.Experts.Groups, c.Experts.GroupsUsed = h.int("n_group", 1), h.int("topk_group", 1)
	}
	return c
}

func deepseek3HF(h *hf) model.Config {
	c := deepseekPlain(h)
	e := &c.Experts
	e.Sigmoid, e.Correction, e.GroupTwo = true, true, true
	e.Groups, e.GroupsUsed, e.Normed = h.int("n_group", 8), h.int("topk_group", 4), h.bool("norm_topk_prob", true)
	return c
}

func gptOSSHF(h *hf) model.Config {
	h.otherwise("rope_theta", "150000")
	h.otherwise("rope_scaling", `{"rope_type": "yarn", "factor": 32, "truncate": false, "original_max_position_embeddings": 4096}`)
	c := h.plain()
	h.heads(&c, 8, 64)
	bias := h.bool("attention_bias", true)
	c.QKVBias, c.OutBias, c.Sinks = bias, bias, true
	c.Activation, c.ClampLimit = model.ClampedSiLU, h.float32("swiglu_limit", 7)
	if alpha := h.float("swiglu_alpha", 1.702); alpha != 1.702 {
		h.fail(unsupported("swiglu_alpha %g is", alpha))
	}
	c.Experts = model.Experts{Count: h.int("num_local_experts", 32), Used: h.int("num_experts_per_tok", 4), Hidden: c.Hidden,
		Chosen: true, RouterBias: true, Bias: true}
	h.window(&c, func(l int) bool { return l%2 == 0 })
	return c
}

func gpt2HF(h *hf) model.Config {
	c := model.Config{
		Vocab: h.int("vocab_size", 50257), Context: h.int("n_positions", 1024), Layers: h.int("n_layer", 12), Dim: h.int("n_embd", 768),
		Heads: h.int("n_head", 12), Activation: h.activation("activation_function", "gelu_new"),
		Position: model.LearnedPositions, TiedHead: h.bool("tie_word_embeddings", true),
	}
	h.layerNorm(&c, "layer_norm_epsilon", true)
	c.KVHeads, c.HeadDim, c.Hidden = c.Heads, h.share(c.Dim, c.Heads), h.int("n_inner", 4*c.Dim)
	lacks := h.inside("weft")
	c.NormBias, c.MLPBias = !lacks.bool("no_norm_bias", false), !lacks.bool("no_mlp_bias", false)
	c.QKVBias = !lacks.bool("no_attn_bias", false)
	c.OutBias = c.QKVBias
	h.refuse("scale_attn_weights", "true")
	h.refuse("scale_attn_by_inverse_layer_idx", "false")
	h.refuse("add_cross_attention", "false")
	if h.err == nil && lacks.err != nil {
		h.fail(fmt.Errorf("weft: %w", lacks.err))
	}
	return c
}
