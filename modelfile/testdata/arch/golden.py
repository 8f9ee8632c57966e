#!/usr/bin/env python3
"""Makes the goldens of every architecture: what transformers says about tiny models.

    python golden.py [NAME ...]    write NAME.json for these cases, or for all
    python golden.py --check       compute them again and compare with the files

Needs torch, transformers, safetensors, numpy; the Go tests need none of them.

No weights are stored. Element i (flat, row-major) of the tensor that
save_pretrained calls NAME follows from the name:

    fnv1a64(s)     h = 0xcbf29ce484222325; for each byte: h = (h ^ byte) * 0x100000001b3
    splitmix64(x)  z = x + 0x9e3779b97f4a7c15
                   z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
                   z = (z ^ (z >> 27)) * 0x94d049bb133111eb
                   z ^ (z >> 31)
    h     = splitmix64(fnv1a64(NAME) + i)
    u     = (h >> 40) / 2^23 - 1                 in [-1, 1)
    value = bf16(float32(offset + scale * u))

all on uint64, modulo 2^64; of tensors with low and high, low + (h >> 40) % (high - low + 1) as a byte; bf16 rounds to nearest, ties to even. offset and
scale stand in the JSON; they are multiples of 1/1024, so that the product and
the sum are exact in float64, fused or not.

NAME.json
    config    config.json as save_pretrained writes it
    tensors   name: {shape, offset, scale} or {shape, low, high}, in the order of the file
    prompts   four lists of token IDs: 1, 7, 33 and 300 tokens
    rows      for each prompt, the positions whose logits follow, the last first
    logits    for each prompt, for each of its rows, the logits of the vocabulary

The arithmetic is float64: what the classes do in float32 in any precision
(norms, softmax, rotation, routing) is lifted too. The same model in float32,
as anybody would load it, must agree.
"""

import json
import logging
import os
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import numpy as np
import torch
import transformers
from safetensors import safe_open
from safetensors.numpy import save_file
from transformers.integrations import mxfp4

HERE = Path(__file__).parent
LENGTHS = (1, 7, 33, 300)
FLOAT32 = torch.float32  # which lifted() hides


def cases():
    """Case: (class of the config, its arguments). A case is called by its model_type and what is special."""
    rope = lambda theta=10000.0, **more: {"rope_parameters": {"rope_theta": theta, "rope_type": "default"} | more}
    yarn = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=128)
    # Uneven on purpose: heads are not dim/heads wide, fewer for keys, nothing is a power of two.
    common = dict(vocab_size=97, hidden_size=48, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
                  intermediate_size=72, max_position_embeddings=512)
    wide = common | dict(head_dim=20)
    rms = dict(rms_norm_eps=2e-3)
    out = {}

    def add(name, cls, *settings, **more):
        arguments = dict(bos_token_id=1, eos_token_id=2, pad_token_id=0)  # the defaults may be beyond our vocabulary
        for s in (*settings, more):
            arguments |= s
        out[name] = (getattr(transformers, cls + "Config"), arguments)

    gpt2 = dict(vocab_size=97, n_embd=48, n_layer=3, n_head=4, n_positions=384, layer_norm_epsilon=2e-3)
    add("gpt2", "GPT2", gpt2)
    add("gpt2-scaled", "GPT2", gpt2, n_inner=80, activation_function="gelu", scale_attn_by_inverse_layer_idx=True,
        tie_word_embeddings=False)

    add("llama", "Llama", wide, rms, rope(5000.0))
    add("llama-tied", "Llama", common, rms, rope(), tie_word_embeddings=True, num_key_value_heads=1)
    add("llama-bias", "Llama", wide, rms, rope(), attention_bias=True, mlp_bias=True)
    add("llama-llama3", "Llama", wide, rms,
        rope(50000.0, rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
             original_max_position_embeddings=128))
    add("llama-linear", "Llama", wide, rms, rope(rope_type="linear", factor=2.5))
    add("llama-yarn", "Llama", wide, rms, rope(**yarn))
    add("llama-dynamic", "Llama", wide, rms, rope(rope_type="dynamic", factor=2.0), max_position_embeddings=128)

    add("mistral", "Mistral", wide, rms, rope(), sliding_window=None)
    add("mistral-window", "Mistral", wide, rms, rope(), sliding_window=16)
    add("mixtral", "Mixtral", wide, rms, rope(1e6), num_local_experts=6, num_experts_per_tok=2, sliding_window=None)

    add("qwen2", "Qwen2", common, rms, rope(1e6), tie_word_embeddings=True)
    add("qwen2-window", "Qwen2", common, rms, rope(), num_hidden_layers=4, use_sliding_window=True, sliding_window=16,
        max_window_layers=2)
    add("qwen2-yarn", "Qwen2", common, rms, rope(1e6, beta_fast=2.0, beta_slow=0.05, attention_factor=1.25, **yarn))
    add("qwen3", "Qwen3", wide, rms, rope(1e6))
    add("qwen3-bias", "Qwen3", wide, rms, rope(), attention_bias=True, tie_word_embeddings=True)

    moe = dict(num_experts=8, num_experts_per_tok=3, moe_intermediate_size=24, num_hidden_layers=4)
    add("qwen2_moe", "Qwen2Moe", common, rms, rope(), moe, norm_topk_prob=False, shared_expert_intermediate_size=40)
    add("qwen2_moe-sparse", "Qwen2Moe", common, rms, rope(), moe, norm_topk_prob=True, qkv_bias=False,
        shared_expert_intermediate_size=40, decoder_sparse_step=2, mlp_only_layers=[3], use_sliding_window=True,
        sliding_window=16, max_window_layers=3)
    add("qwen3_moe", "Qwen3Moe", wide, rms, rope(), moe, norm_topk_prob=True)
    add("qwen3_moe-sparse", "Qwen3Moe", wide, rms, rope(), moe, norm_topk_prob=False, decoder_sparse_step=2,
        mlp_only_layers=[1])

    add("gemma", "Gemma", wide, rms, rope())
    gemma2 = wide | rms | rope() | dict(num_hidden_layers=4, sliding_window=16, attn_logit_softcapping=2.0,
                                        final_logit_softcapping=3.0)
    add("gemma2", "Gemma2", gemma2, query_pre_attn_scalar=20)
    add("gemma2-scalar", "Gemma2", gemma2, query_pre_attn_scalar=30, attn_logit_softcapping=None)
    local = {"rope_type": "default", "rope_theta": 1000.0}
    plain = {"rope_type": "default", "rope_theta": 50000.0}
    linear = {"rope_type": "linear", "rope_theta": 50000.0, "factor": 8.0}
    gemma3 = wide | rms | dict(sliding_window=16, query_pre_attn_scalar=20)
    add("gemma3_text", "Gemma3Text", gemma3, num_hidden_layers=7,
        rope_parameters={"sliding_attention": local, "full_attention": plain})
    add("gemma3_text-linear", "Gemma3Text", gemma3, num_hidden_layers=4,
        rope_parameters={"sliding_attention": local, "full_attention": linear},
        layer_types=["sliding_attention", "full_attention", "sliding_attention", "full_attention"])
    add("gemma3_text-scalar", "Gemma3Text", gemma3, num_hidden_layers=3, query_pre_attn_scalar=30,
        final_logit_softcapping=3.0, tie_word_embeddings=False,
        rope_parameters={"sliding_attention": local, "full_attention": linear},
        layer_types=["sliding_attention", "full_attention", "sliding_attention"])

    layer_norm = dict(layer_norm_eps=2e-3)
    add("phi", "Phi", common, layer_norm, rope(partial_rotary_factor=0.5))
    add("phi-qknorm", "Phi", common, layer_norm, rope(partial_rotary_factor=0.5), qk_layernorm=True)
    phi3 = common | rms | dict(hidden_size=64)
    add("phi3", "Phi3", phi3, rope(partial_rotary_factor=1.0), sliding_window=None)
    add("phi3-window", "Phi3", phi3, rope(partial_rotary_factor=1.0), sliding_window=16)
    add("phi3-longrope", "Phi3", phi3, max_position_embeddings=1024, original_max_position_embeddings=256,
        tie_word_embeddings=True,
        **rope(partial_rotary_factor=0.75, rope_type="longrope", original_max_position_embeddings=256,
               short_factor=[1.0, 1.05, 1.1, 1.2, 1.4, 1.5], long_factor=[1.0, 1.3, 2.1, 4.5, 7.0, 9.5]))

    add("smollm3", "SmolLM3", common, rms, rope(), num_hidden_layers=5)
    add("smollm3-layers", "SmolLM3", common, rms, rope(), num_hidden_layers=3, attention_bias=True, mlp_bias=True,
        no_rope_layers=[0, 1, 1], tie_word_embeddings=False)

    add("olmo", "Olmo", common, rope())
    add("olmo-clip", "Olmo", common, rope(), clip_qkv=0.75, attention_bias=True, tie_word_embeddings=True)
    add("olmo2", "Olmo2", common, rms, rope(5e5))
    olmoe = dict(num_experts=8, num_experts_per_tok=3, intermediate_size=24)
    add("olmoe", "Olmoe", common, rms, rope(), olmoe, norm_topk_prob=False, num_key_value_heads=4)
    add("olmoe-topk", "Olmoe", common, rms, rope(), olmoe, norm_topk_prob=True)

    neox = {k: v for k, v in common.items() if k != "num_key_value_heads"}
    add("gpt_neox", "GPTNeoX", neox, layer_norm, rope(partial_rotary_factor=0.5))
    add("gpt_neox-serial", "GPTNeoX", neox, layer_norm, rope(partial_rotary_factor=1.0), use_parallel_residual=False,
        hidden_act="gelu_new", attention_bias=False)

    falcon = dict(vocab_size=97, hidden_size=48, num_hidden_layers=3, num_attention_heads=4, layer_norm_epsilon=2e-3,
                  max_position_embeddings=512, alibi=False)
    add("falcon", "Falcon", falcon, rope())
    add("falcon-40b", "Falcon", falcon, rope(), new_decoder_architecture=True, num_kv_heads=2,
        tie_word_embeddings=False)
    add("falcon-11b", "Falcon", falcon, rope(), new_decoder_architecture=True, num_kv_heads=2,
        num_ln_in_parallel_attn=1, ffn_hidden_size=80)
    add("falcon-serial", "Falcon", falcon, rope(), multi_query=False, parallel_attn=False, bias=True)

    add("stablelm", "StableLm", common, layer_norm, rope(partial_rotary_factor=0.5), use_qkv_bias=True)
    add("stablelm-parallel", "StableLm", common, layer_norm, rope(partial_rotary_factor=0.25), hidden_size=64,
        use_parallel_residual=True)
    add("stablelm-12b", "StableLm", common, layer_norm, rope(partial_rotary_factor=0.25), hidden_size=64,
        use_parallel_residual=True, qk_layernorm=True)

    add("starcoder2", "Starcoder2", common, rope(), norm_epsilon=2e-3, use_bias=True, sliding_window=None)
    add("starcoder2-window", "Starcoder2", common, rope(), norm_epsilon=2e-3, use_bias=True, sliding_window=16)
    add("starcoder2-nobias", "Starcoder2", common, rope(), norm_epsilon=2e-3, use_bias=False, sliding_window=None,
        tie_word_embeddings=False)
    add("granite", "Granite", common, rms, rope(), embedding_multiplier=6.0, residual_multiplier=0.3,
        attention_multiplier=0.2, logits_scaling=1.5)
    add("granite-bias", "Granite", common, rms, rope(), embedding_multiplier=6.0, residual_multiplier=0.3,
        attention_multiplier=0.2, logits_scaling=1.5, attention_bias=True, mlp_bias=True, tie_word_embeddings=True)

    # The class leaves the inner norms' epsilon at 1e-6, whatever the config says; here it makes no difference.
    mla = common | dict(num_hidden_layers=4, num_key_value_heads=4, rms_norm_eps=1e-5, kv_lora_rank=20,
                        qk_nope_head_dim=12, qk_rope_head_dim=8, v_head_dim=10, n_routed_experts=8,
                        num_experts_per_tok=3, moe_intermediate_size=24, n_shared_experts=2, first_k_dense_replace=1)
    add("deepseek_v2", "DeepseekV2", mla, rope(), q_lora_rank=28, n_group=4, topk_group=2,
        topk_method="group_limited_greedy", routed_scaling_factor=4.0)
    add("deepseek_v2-lite", "DeepseekV2", mla,
        rope(mscale=0.707, mscale_all_dim=0.707, beta_fast=32, beta_slow=1, **yarn), q_lora_rank=None,
        topk_method="greedy", routed_scaling_factor=1.0)
    add("deepseek_v3", "DeepseekV3", mla, rope(mscale=1.0, mscale_all_dim=1.0, beta_fast=32, beta_slow=1, **yarn),
        q_lora_rank=28, n_group=4, topk_group=2, n_shared_experts=1, norm_topk_prob=True, routed_scaling_factor=2.5,
        rope_interleave=True)
    add("deepseek_v3-half", "DeepseekV3", mla, rope(), q_lora_rank=None, n_group=1, topk_group=1, n_shared_experts=1,
        norm_topk_prob=False, routed_scaling_factor=1.5, rope_interleave=False, attention_bias=True)

    gpt_oss = wide | rms | dict(num_hidden_layers=4, num_local_experts=6, num_experts_per_tok=3, sliding_window=16)
    add("gpt_oss", "GptOss", gpt_oss, rope(150000.0, truncate=False, beta_fast=4.0, beta_slow=1.0, **yarn),
        swiglu_limit=1.0)
    add("gpt_oss-yarn", "GptOss", gpt_oss, rope(150000.0, **yarn))
    add("gpt_oss-plain", "GptOss", gpt_oss, rope(),
        layer_types=["full_attention", "full_attention", "sliding_attention", "full_attention"])
    # As it is released: experts in MXFP4, which takes rows of whole blocks.
    add("gpt_oss-mxfp4", "GptOss", gpt_oss, rope(150000.0, truncate=False, **yarn), hidden_size=64, intermediate_size=96)
    return out


def splitmix64(x):
    z = x + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def fnv1a64(text):
    h = 0xCBF29CE484222325
    for b in text.encode():
        h = (h ^ b) * 0x100000001B3 % 2**64
    return h


def bf16(x):
    """Rounds a float32 array to what bfloat16 can hold."""
    bits = x.astype(np.float32).view(np.uint32)
    bits = bits + (np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1)))
    return (bits & np.uint32(0xFFFF0000)).view(np.float32)


def weights(name, shape, offset=0, scale=0, low=0, high=0):
    n = int(np.prod(shape))
    h = splitmix64(np.uint64(fnv1a64(name)) + np.arange(n, dtype=np.uint64))
    if high:
        return (low + (h >> np.uint64(40)) % np.uint64(high - low + 1)).astype(np.uint8).reshape(shape)
    u = (h >> np.uint64(40)).astype(np.float64) / 2**23 - 1
    return bf16((offset + scale * u).astype(np.float32)).reshape(shape)


def recipe(name, shape, model_type):
    """Offset and scale that keep activations near 1 and leave nothing where a mistake would not show."""
    gemma = model_type.startswith("gemma")
    last = name.removesuffix(".weight").rsplit(".", 1)[-1]
    if name.endswith("bias"):
        offset, scale = 0, 0.1
    elif last == "sinks":
        offset, scale = 0, 1
    elif len(shape) == 1:
        assert "norm" in name or "ln_" in name, name
        offset, scale = 0 if gemma else 1, 0.25
    elif last in ("wte", "wpe", "embed_tokens", "embed_in", "word_embeddings"):
        offset, scale = 0, 0.3 if gemma or model_type == "granite" else 0.8  # these multiply it
    else:
        inputs_first = model_type == "gpt2" and last != "lm_head" or model_type == "gpt_oss" and ".experts." in name
        offset, scale = 0, 0.8 * (3 / shape[-2 if inputs_first else -1]) ** 0.5
    return {"shape": list(shape), "offset": offset, "scale": round(scale * 1024) / 1024}


def packed(tensors):
    """The experts' matrices, stored in x out, as blocks and scales of out x in."""
    out = {}
    for name, t in tensors.items():
        if not name.endswith(("experts.gate_up_proj", "experts.down_proj")):
            out[name] = t
            continue
        experts, inputs, outputs = t["shape"]
        out[name + "_blocks"] = {"shape": [experts, outputs, inputs // 32, 16], "low": 0, "high": 255}
        out[name + "_scales"] = {"shape": [experts, outputs, inputs // 32], "low": 121, "high": 125}
    return out


def arrays(tensors):
    """The tensors' numbers; transformers unpacks blocks."""
    out = {n: weights(n, **t) for n, t in tensors.items()}
    for name in [n.removesuffix("_blocks") for n in tensors if n.endswith("_blocks")]:
        blocks, scales = (torch.from_numpy(out.pop(name + s)) for s in ("_blocks", "_scales"))
        out[name] = mxfp4.convert_moe_packed_tensors(blocks, scales, dtype=torch.float32).numpy()
    return out


@contextmanager
def lifted():
    """What asks for float32 gets float64."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.multiple(torch, float32=torch.float64, float=torch.float64))
        stack.enter_context(mock.patch.object(torch.Tensor, "float", torch.Tensor.double))
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(FLOAT32)


def logits(model, prompts):
    with torch.no_grad():
        return [model(torch.tensor([p]), use_cache=False).logits[0] for p in prompts]


def make(name, cls, arguments):
    eager = dict(attn_implementation="eager", experts_implementation="eager")
    c = cls(**arguments)
    with tempfile.TemporaryDirectory() as folder:
        transformers.AutoModelForCausalLM.from_config(c).save_pretrained(folder)
        config = json.loads((Path(folder) / "config.json").read_text())
        with safe_open(Path(folder) / "model.safetensors", "np") as f:
            tensors = {n: recipe(n, f.get_slice(n).get_shape(), c.model_type) for n in f.keys()}
        if name.endswith("-mxfp4"):
            tensors = packed(tensors)
            config["quantization_config"] = {"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]}
        save_file(arrays(tensors), Path(folder) / "model.safetensors", metadata={"format": "pt"})
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True, **eager)
        assert not any(info.values()), info
        stored = transformers.AutoConfig.from_pretrained(folder)
    with lifted():
        double = transformers.AutoModelForCausalLM.from_config(stored, **eager).double().eval()
    double.load_state_dict(model.state_dict())

    rng = np.random.default_rng(fnv1a64(name))
    prompts = [rng.integers(0, c.vocab_size, n).tolist() for n in LENGTHS]
    rows = [sorted({n - 1, n // 2, n // 5}, reverse=True) for n in LENGTHS]
    with lifted():
        exact = logits(double, prompts)
    assert all(x.dtype == torch.float64 for x in exact)
    usual = logits(model.eval(), prompts)
    worst = max((a - b).abs().max().item() for a, b in zip(exact, usual))
    print(f"{name}: logits up to {max(x.abs().max().item() for x in exact):.3g}, float32 differs by {worst:.1e}")
    assert worst < 1e-3, name
    picked = [[[float(f"{v:.7g}") for v in x[r].tolist()] for r in rs] for x, rs in zip(exact, rows)]
    return {"config": config, "tensors": tensors, "prompts": prompts, "rows": rows, "logits": picked}


def text_of(case):
    """JSON with a line for each tensor, prompt and row."""
    line = lambda x: json.dumps(x, separators=(",", ":"))
    parts = ['"config": ' + json.dumps(case["config"], indent=1)]
    tensors = (f"{json.dumps(n)}: {line(t)}" for n, t in case["tensors"].items())
    parts.append('"tensors": {\n' + ",\n".join(tensors) + "\n}")
    parts.append('"prompts": [\n' + ",\n".join(map(line, case["prompts"])) + "\n]")
    parts.append('"rows": ' + line(case["rows"]))
    parts.append('"logits": [\n' + ",\n".join("[" + ",\n".join(map(line, x)) + "]" for x in case["logits"]) + "\n]")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def check(name, case):
    old = json.loads((HERE / f"{name}.json").read_text())
    case["config"].pop("transformers_version"), old["config"].pop("transformers_version")
    for key in ("config", "tensors", "prompts", "rows"):
        assert old[key] == case[key], (name, key)
    for a, b in zip(old["logits"], case["logits"], strict=True):
        assert np.allclose(a, b, rtol=1e-6, atol=1e-9), name


def main():
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    all_cases = cases()
    names = [a for a in sys.argv[1:] if a != "--check"] or all_cases
    for name in names:
        case = make(name, *all_cases[name])
        if "--check" in sys.argv:
            check(name, case)
        else:
            (HERE / f"{name}.json").write_text(text_of(case))


if __name__ == "__main__":
    main()
