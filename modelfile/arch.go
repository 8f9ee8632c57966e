package modelfile

import (
	"slices"

	"weft/model"
)

// architecture is how one family of models is kept in files. A new one is an entry of architectures and, rarely, a
// switch of [model.Config].
type architecture struct {
	name       string   // ours: model.Config.Arch
	modelTypes []string // model_type of config.json
	classes    []string // what config.json may call its class

	read    func(h *hf) model.Config                                      // config.json
	write   func(c model.Config) map[string]any                           // and back
	names   hfNames                                                       // in safetensors files
	arrange func(c model.Config, p model.Param, part string, s slot) slot // where they are not kept as they are; may be nil
	gguf    ggufArch                                                      // in GGUF files
	zeros   func(c model.Config) model.Config                             // c with all that files have, if they have more; may be nil
}

var llamaNames = hfNames{
	prefix: "model.", block: "layers.",
	top: map[string]string{"token_embd": "embed_tokens", "output_norm": "norm", "output": "lm_head"},
	parts: map[string]string{
		"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
		"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
		"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
		"attn_output": "self_attn.o_proj", "attn_sinks.weight": "self_attn.sinks",
		"ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
		"ffn_gate_inp": "mlp.gate", "exp_probs_b.bias": "mlp.gate.e_score_correction_bias",
		"ffn_gate_exps": "mlp.experts.%d.gate_proj", "ffn_up_exps": "mlp.experts.%d.up_proj", "ffn_down_exps": "mlp.experts.%d.down_proj",
	},
}

var (
	mixtralNames = llamaNames.with(map[string]string{
		"ffn_gate_inp": "block_sparse_moe.gate", "ffn_gate_exps": "block_sparse_moe.experts.%d.w1",
		"ffn_up_exps": "block_sparse_moe.experts.%d.w3", "ffn_down_exps": "block_sparse_moe.experts.%d.w2",
	})
	qwenMoeNames = llamaNames.with(map[string]string{
		"ffn_gate_shexp": "mlp.shared_expert.gate_proj", "ffn_up_shexp": "mlp.shared_expert.up_proj",
		"ffn_down_shexp": "mlp.shared_expert.down_proj", "ffn_gate_inp_shexp": "mlp.shared_expert_gate",
	})
	gemma2Names = llamaNames.with(map[string]string{
		"post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm", "post_ffw_norm": "post_feedforward_layernorm",
	})
	olmo2Names = llamaNames.with(map[string]string{
		"post_attention_norm": "post_attention_layernorm", "post_ffw_norm": "post_feedforward_layernorm",
	})
	phiNames = hfNames{
		prefix: "model.", block: "layers.",
		top:   map[string]string{"token_embd": "embed_tokens", "output_norm": "final_layernorm", "output": "lm_head"},
		parts: llamaNames.with(map[string]string{"attn_output": "self_attn.dense", "ffn_up": "mlp.fc1", "ffn_down": "mlp.fc2"}).parts,
	}
	phi3Names = llamaNames.with(map[string]string{
		"attn_q": "self_attn.qkv_proj", "attn_k": "self_attn.qkv_proj", "attn_v": "self_attn.qkv_proj",
		"ffn_gate": "mlp.gate_up_proj", "ffn_up": "mlp.gate_up_proj",
	})
	starcoderNames = llamaNames.with(map[string]string{"ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"})
	deepseekNames  = llamaNames.with(map[string]string{
		"attn_q_a": "self_attn.q_a_proj", "attn_q_a_norm": "self_attn.q_a_layernorm", "attn_q_b": "self_attn.q_b_proj",
		"attn_kv_a_mqa": "self_attn.kv_a_proj_with_mqa", "attn_kv_a_norm": "self_attn.kv_a_layernorm",
		"attn_k_b": "self_attn.kv_b_proj", "attn_v_b": "self_attn.kv_b_proj",
		"ffn_gate_shexp": "mlp.shared_experts.gate_proj", "ffn_up_shexp": "mlp.shared_experts.up_proj", "ffn_down_shexp": "mlp.shared_experts.down_proj",
	})
	gptOSSNames = llamaNames.with(map[string]string{
		"ffn_gate_inp":         "mlp.router",
		"ffn_gate_exps.weight": "mlp.experts.gate_up_proj", "ffn_gate_exps.bias": "mlp.experts.gate_up_proj_bias",
		"ffn_up_exps.weight": "mlp.experts.gate_up_proj", "ffn_up_exps.bias": "mlp.experts.gate_up_proj_bias",
		"ffn_down_exps.weight": "mlp.experts.down_proj", "ffn_down_exps.bias": "mlp.experts.down_proj_bias",
	})
	gpt2Names = hfNames{
		prefix: "transformer.", block: "h.",
		top: map[string]string{"token_embd": "wte", "position_embd": "wpe", "output_norm": "ln_f", "output": "lm_head"},
		parts: map[string]string{
			"attn_norm": "ln_1", "ffn_norm": "ln_2",
			"attn_q": "attn.c_attn", "attn_k": "attn.c_attn", "attn_v": "attn.c_attn", "attn_output": "attn.c_proj",
			"ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj",
		},
	}
	neoxNames = hfNames{
		prefix: "gpt_neox.", block: "layers.",
		top: map[string]string{"token_embd": "embed_in", "output_norm": "final_layer_norm", "output": "embed_out"},
		parts: map[string]string{
			"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_output": "attention.dense",
			"attn_q": "attention.query_key_value", "attn_k": "attention.query_key_value", "attn_v": "attention.query_key_value",
			"ffn_up": "mlp.dense_h_to_4h", "ffn_down": "mlp.dense_4h_to_h",
		},
	}
	falconNames = hfNames{
		prefix: "transformer.", block: "h.",
		top: map[string]string{"token_embd": "word_embeddings", "output_norm": "ln_f", "output": "lm_head"},
		parts: map[string]string{
			"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_output": "self_attention.dense",
			"attn_q": "self_attention.query_key_value", "attn_k": "self_attention.query_key_value", "attn_v": "self_attention.query_key_value",
			"ffn_up": "mlp.dense_h_to_4h", "ffn_down": "mlp.dense_4h_to_h",
		},
	}
)

// architectures lists what opens.
var architectures = []architecture{
	{name: "llama", modelTypes: []string{"llama"}, classes: []string{"LlamaForCausalLM", "LlamaModel"}, read: llamaHF, write: also(biasesOut), names: llamaNames, gguf: ggufArch{name: "llama", interleaved: true, finish: llamaGGUF}},
	{name: "mistral", modelTypes: []string{"mistral"}, classes: []string{"MistralForCausalLM", "MistralModel"}, read: mistralHF, write: also(windowOut), names: llamaNames, gguf: ggufArch{name: "llama", interleaved: true, finish: llamaGGUF}},
	{name: "mixtral", modelTypes: []string{"mixtral"}, classes: []string{"MixtralForCausalLM", "MixtralModel"}, read: mixtralHF, write: also(windowOut, expertsOut("num_local_experts")), names: mixtralNames, gguf: ggufArch{name: "llama", interleaved: true, finish: mixtralGGUF}},
	{name: "qwen2", modelTypes: []string{"qwen2"}, classes: []string{"Qwen2ForCausalLM", "Qwen2Model"}, read: qwen2HF, write: also(layersOut), names: llamaNames, gguf: ggufArch{name: "qwen2"}},
	{name: "qwen3", modelTypes: []string{"qwen3"}, classes: []string{"Qwen3ForCausalLM", "Qwen3Model"}, read: qwen3HF, write: also(biasesOut, layersOut), names: llamaNames, gguf: ggufArch{name: "qwen3", qkNorm: model.QKNormHead}},
	{name: "qwen2moe", modelTypes: []string{"qwen2_moe"}, classes: []string{"Qwen2MoeForCausalLM", "Qwen2MoeModel"}, read: qwen2MoeHF, write: also(layersOut, expertsOut("num_experts"), denseOut, qwen2MoeOut), names: qwenMoeNames, gguf: ggufArch{name: "qwen2moe", finish: qwen2MoeGGUF}},
	{name: "qwen3moe", modelTypes: []string{"qwen3_moe"}, classes: []string{"Qwen3MoeForCausalLM", "Qwen3MoeModel"}, read: qwen3MoeHF, write: also(biasesOut, layersOut, expertsOut("num_experts"), denseOut), names: qwenMoeNames, gguf: ggufArch{name: "qwen3moe", qkNorm: model.QKNormHead, finish: qwen3MoeGGUF}},
	{name: "gemma", modelTypes: []string{"gemma"}, classes: []string{"GemmaForCausalLM", "GemmaModel"}, read: gemmaHF, write: also(gemmaOut), names: llamaNames, arrange: arrangeGemma, gguf: ggufArch{name: "gemma", activation: model.GELU, finish: gemmaGGUF}},
	{name: "gemma2", modelTypes: []string{"gemma2"}, classes: []string{"Gemma2ForCausalLM", "Gemma2Model"}, read: gemma2HF, write: also(gemmaOut, gemma2Out, layersOut), names: gemma2Names, arrange: arrangeGemma, gguf: ggufArch{name: "gemma2", activation: model.GELU, finish: gemma2GGUF}},
	{name: "gemma3", modelTypes: []string{"gemma3_text"}, classes: []string{"Gemma3ForCausalLM", "Gemma3TextModel"}, read: gemma3HF, write: also(gemmaOut, gemma2Out, gemma3Out, layersOut), names: gemma2Names, arrange: arrangeGemma, gguf: ggufArch{name: "gemma3", activation: model.GELU, qkNorm: model.QKNormHead, finish: gemma3GGUF}},
	{name: "phi2", modelTypes: []string{"phi"}, classes: []string{"PhiForCausalLM", "PhiModel"}, read: phiHF, write: also(layerNormOut), names: phiNames, gguf: ggufArch{name: "phi2", layerNorm: true, activation: model.GELU, flow: model.ParallelOne}},
	{name: "phi3", modelTypes: []string{"phi3"}, classes: []string{"Phi3ForCausalLM", "Phi3Model"}, read: phi3HF, write: also(windowOut), names: phi3Names, arrange: arrangePhi3, gguf: ggufArch{name: "phi3", fused: true, finish: phi3GGUF}},
	{name: "smollm3", modelTypes: []string{"smollm3"}, classes: []string{"SmolLM3ForCausalLM", "SmolLM3Model"}, read: smollm3HF, write: also(biasesOut, smollm3Out, layersOut), names: llamaNames, gguf: ggufArch{name: "smollm3", interleaved: true, finish: smollm3GGUF}},
	{name: "olmo", modelTypes: []string{"olmo"}, classes: []string{"OlmoForCausalLM", "OlmoModel"}, read: olmoHF, write: also(biasesOut), names: llamaNames, gguf: ggufArch{name: "olmo", layerNorm: true, interleaved: true}},
	{name: "olmo2", modelTypes: []string{"olmo2"}, classes: []string{"Olmo2ForCausalLM", "Olmo2Model"}, read: olmo2HF, write: also(biasesOut), names: olmo2Names, gguf: ggufArch{name: "olmo2", qkNorm: model.QKNormWhole}},
	{name: "olmoe", modelTypes: []string{"olmoe"}, classes: []string{"OlmoeForCausalLM", "OlmoeModel"}, read: olmoeHF, write: also(biasesOut, expertsOut("num_experts")), names: llamaNames, gguf: ggufArch{name: "olmoe", qkNorm: model.QKNormWhole, finish: olmoeGGUF}},
	{name: "gptneox", modelTypes: []string{"gpt_neox"}, classes: []string{"GPTNeoXForCausalLM", "GPTNeoXModel"}, read: neoxHF, write: also(biasesOut, layerNormOut, neoxOut), names: neoxNames, arrange: arrangeGrouped, gguf: ggufArch{name: "gptneox", layerNorm: true, fused: true, activation: model.GELUErf, finish: neoxGGUF}},
	{name: "falcon", modelTypes: []string{"falcon", "RefinedWeb", "RefinedWebModel"}, classes: []string{"FalconForCausalLM", "FalconModel", "RWForCausalLM"}, read: falconHF, write: falconOut, names: falconNames, arrange: arrangeFalcon, gguf: ggufArch{name: "falcon", layerNorm: true, fused: true, activation: model.GELUErf, finish: falconGGUF}},
	{name: "stablelm", modelTypes: []string{"stablelm"}, classes: []string{"StableLmForCausalLM", "StableLmModel"}, read: stableLMHF, write: also(layerNormOut, stableLMOut), names: llamaNames, gguf: ggufArch{name: "stablelm", layerNorm: true, finish: stableLMGGUF}},
	{name: "starcoder2", modelTypes: []string{"starcoder2"}, classes: []string{"Starcoder2ForCausalLM", "Starcoder2Model"}, read: starcoder2HF, write: also(layerNormOut, windowOut, starcoder2Out), names: starcoderNames, gguf: ggufArch{name: "starcoder2", layerNorm: true, activation: model.GELU}},
	{name: "granite", modelTypes: []string{"granite"}, classes: []string{"GraniteForCausalLM", "GraniteModel"}, read: graniteHF, write: also(biasesOut, graniteOut), names: llamaNames, gguf: ggufArch{name: "granite", interleaved: true, finish: graniteGGUF}},
	{name: "deepseek2", modelTypes: []string{"deepseek_v2"}, classes: []string{"DeepseekV2ForCausalLM", "DeepseekV2Model"}, read: deepseek2HF, write: also(deepseekRopeOut, expertsOut("n_routed_experts"), deepseekOut), names: deepseekNames, arrange: arrangeDeepSeek, gguf: ggufArch{name: "deepseek2", finish: deepseekGGUF}},
	{name: "deepseek3", modelTypes: []string{"deepseek_v3"}, classes: []string{"DeepseekV3ForCausalLM", "DeepseekV3Model"}, read: deepseek3HF, write: also(deepseekRopeOut, expertsOut("n_routed_experts"), deepseekOut), names: deepseekNames, arrange: arrangeDeepSeek, gguf: ggufArch{name: "deepseek2", finish: deepseekGGUF}},
	{name: "gpt-oss", modelTypes: []string{"gpt_oss"}, classes: []string{"GptOssForCausalLM", "GptOssModel"}, read: gptOSSHF, write: also(biasesOut, layersOut, expertsOut("num_local_experts"), gptOSSOut), names: gptOSSNames, arrange: arrangeGPTOSS, gguf: ggufArch{name: "gpt-oss", activation: model.ClampedSiLU, finish: gptOSSGGUF}},
	{name: "gpt2", modelTypes: []string{"gpt2"}, classes: []string{"GPT2LMHeadModel", "GPT2Model"}, read: gpt2HF, write: gpt2Out, names: gpt2Names, arrange: arrangeGPT2, zeros: allBiases, gguf: ggufArch{name: "gpt2", layerNorm: true, fused: true, activation: model.GELU, finish: gpt2GGUF}},
}

func byName(name string) (architecture, error) {
	i := slices.IndexFunc(architectures, func(a architecture) bool { return a.name == name })
	if i < 0 {
		return architecture{}, unsupported("the architecture %q is", name)
	}
	return architectures[i], nil
}

// allBiases is a config with every bias that transformers' GPT-2 always has; files hold zeros for a model that does not.
func allBiases(c model.Config) model.Config {
	c.NormBias, c.QKVBias, c.OutBias, c.MLPBias = true, true, true, true
	return c
}
