package modelfile

import (
	"maps"
	"math"

	"weft/model"
)

// The settings of each architecture in config.json, the way back of hf_archs.go. Nothing here decides whether a config
// can be written: what was written is read again and compared.

// settingsOut is a part of config.json.
type settingsOut = map[string]any

// also writes more settings than plainOut does.
func also(more ...func(c model.Config) settingsOut) func(c model.Config) map[string]any {
	return func(c model.Config) map[string]any {
		out := plainOut(c)
		for _, f := range more {
			maps.Copy(out, f(c))
		}
		return out
	}
}

func biasesOut(c model.Config) settingsOut {
	return settingsOut{"attention_bias": c.QKVBias, "mlp_bias": c.MLPBias}
}

// windowOut is one window for all blocks.
func windowOut(c model.Config) settingsOut {
	if w := c.Block(0).Window; w > 0 {
		return settingsOut{"sliding_window": w}
	}
	return settingsOut{"sliding_window": nil}
}

// layersOut says of each block whether it has the window.
func layersOut(c model.Config) settingsOut {
	types, size := make([]string, c.Layers), 0
	for l := range types {
		types[l] = "full_attention"
		if w := c.Block(l).Window; w > 0 {
			types[l], size = "sliding_attention", w
		}
	}
	out := settingsOut{"layer_types": types, "sliding_window": nil, "use_sliding_window": size > 0}
	if size > 0 {
		out["sliding_window"] = size
	}
	return out
}

// expertsOut is what architectures with experts have in common; count is the name for their number.
func expertsOut(count string) func(c model.Config) settingsOut {
	return func(c model.Config) settingsOut {
		e := c.Experts
		out := settingsOut{count: e.Count, "num_experts_per_tok": e.Used, "norm_topk_prob": e.Normed, "moe_intermediate_size": e.Hidden}
		if c.Hidden == 0 || !anyDense(c.Blocks) {
			out["intermediate_size"] = e.Hidden
		}
		return out
	}
}

// denseOut lists the blocks without experts.
func denseOut(c model.Config) settingsOut {
	dense := []int{}
	for l := range c.Layers {
		if !c.HasExperts(l) {
			dense = append(dense, l)
		}
	}
	return settingsOut{"decoder_sparse_step": 1, "mlp_only_layers": dense}
}

func qwen2MoeOut(c model.Config) settingsOut {
	return settingsOut{"qkv_bias": c.QKVBias, "shared_expert_intermediate_size": c.Experts.Shared}
}

func layerNormOut(c model.Config) settingsOut {
	return settingsOut{"layer_norm_eps": number(c.NormEps), "layer_norm_epsilon": number(c.NormEps), "norm_epsilon": number(c.NormEps)}
}

func gemmaOut(c model.Config) settingsOut {
	return settingsOut{"hidden_activation": activationName(c.Activation), "attention_bias": c.QKVBias, "use_bidirectional_attention": nil}
}

func gemma2Out(c model.Config) settingsOut {
	scale := float64(c.AttnScale)
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(c.HeadDim))
	}
	var scalar any = 1 / (scale * scale)
	if whole := math.Round(1 / (scale * scale)); math.Abs(whole*scale*scale-1) < 1e-6 {
		scalar = int(whole) // the only kind that transformers takes
	}
	return settingsOut{"query_pre_attn_scalar": scalar,
		"attn_logit_softcapping": capOut(c.AttnSoftCap), "final_logit_softcapping": capOut(c.LogitSoftCap)}
}

func capOut(limit float32) any {
	if limit == 0 {
		return nil
	}
	return number(limit)
}

func gemma3Out(c model.Config) settingsOut {
	return settingsOut{"rope_local_base_freq": c.RopeLocal.Theta}
}

func smollm3Out(c model.Config) settingsOut {
	turns := make([]int, c.Layers)
	for l := range turns {
		if !c.Block(l).NoRope {
			turns[l] = 1
		}
	}
	return settingsOut{"no_rope_layers": turns}
}

func neoxOut(c model.Config) settingsOut {
	out := settingsOut{"use_parallel_residual": c.Flow == model.ParallelEach, "rotary_emb_base": c.Rope.Theta, "rotary_pct": 1.0}
	if c.Rope.Dims != 0 {
		out["rotary_pct"] = shareOf(c.Rope.Dims, c.HeadDim)
	}
	return out
}

func falconOut(c model.Config) map[string]any {
	norms := 1
	if c.Flow == model.ParallelEach {
		norms = 2
	}
	out := also(layerNormOut)(c)
	delete(out, "head_dim") // which the class computes and does not take
	maps.Copy(out, settingsOut{"num_kv_heads": c.KVHeads, "multi_query": c.KVHeads == 1, "parallel_attn": c.Flow != model.Sequential,
		"new_decoder_architecture": norms == 2 || c.KVHeads > 1 && c.KVHeads < c.Heads, "num_ln_in_parallel_attn": norms,
		"bias": c.QKVBias, "ffn_hidden_size": c.Hidden, "activation": activationName(c.Activation), "alibi": false})
	return out
}

func stableLMOut(c model.Config) settingsOut {
	return settingsOut{"use_qkv_bias": c.QKVBias, "use_parallel_residual": c.Flow == model.ParallelOne}
}

func starcoder2Out(c model.Config) settingsOut { return settingsOut{"use_bias": c.QKVBias} }

func graniteOut(c model.Config) settingsOut {
	return settingsOut{"embedding_multiplier": number(c.EmbedScale), "residual_multiplier": number(c.ResidScale),
		"attention_multiplier": number(c.AttnScale), "logits_scaling": number(1 / c.LogitScale)}
}

func deepseekOut(c model.Config) settingsOut {
	e, l := c.Experts, c.Latent
	out := settingsOut{"kv_lora_rank": l.KV, "q_lora_rank": nil, "qk_rope_head_dim": l.Rope, "qk_nope_head_dim": c.HeadDim - l.Rope,
		"v_head_dim": c.VHead(), "n_routed_experts": e.Count, "n_shared_experts": e.Shared / e.Hidden,
		"routed_scaling_factor": 1.0, "topk_method": "greedy", "n_group": 1, "topk_group": 1, "moe_layer_freq": 1, "rope_interleave": true}
	if l.Q > 0 {
		out["q_lora_rank"] = l.Q
	}
	if e.Scale != 0 {
		out["routed_scaling_factor"] = number(e.Scale)
	}
	if e.Groups > 0 {
		out["topk_method"], out["n_group"], out["topk_group"] = "group_limited_greedy", e.Groups, e.GroupsUsed
	}
	first := 0
	for first < c.Layers && !c.HasExperts(first) {
		first++
	}
	out["first_k_dense_replace"] = first
	return out
}

// deepseekRopeOut says how much YaRN sharpens scores, which the scale of attention has from there; the head's width and
// share that turns are said otherwise.
func deepseekRopeOut(c model.Config) settingsOut {
	out := plainOut(c)
	if scaling, ok := out["rope_scaling"].(map[string]any); ok && c.AttnScale != 0 {
		sharp := math.Sqrt(float64(c.AttnScale) * math.Sqrt(float64(c.HeadDim)))
		scaling["mscale_all_dim"] = (sharp - 1) / (0.1 * math.Log(c.Rope.Scaling.Factor))
	}
	out["head_dim"], out["partial_rotary_factor"] = c.Latent.Rope, 1
	return out
}

func gptOSSOut(c model.Config) settingsOut {
	limit := c.ClampLimit
	if limit == 0 {
		limit = 7
	}
	out := settingsOut{"swiglu_limit": number(limit), "hidden_act": "silu"}
	if c.Rope.Scaling.Kind == model.NoScaling { // the class's own is YaRN
		out["rope_scaling"] = map[string]any{"rope_type": "default"}
	}
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
