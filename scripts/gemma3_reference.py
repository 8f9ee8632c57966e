#!/usr/bin/env python3
"""Whose numbers are right where Weft and llama.cpp differ on Gemma 3?

    weft convert gemma-3-270m.gguf f32.gguf --type f32
    python scripts/gemma3_reference.py f32.gguf --weft ./weft

Runs the same weights in transformers in double precision, and prints how far
the next token's log-probabilities (p >= 1e-6) of Weft and of llama.cpp are from
it. Exits 1 if Weft's are further than 0.001.
"""

import argparse
import sys

import numpy as np
import torch
from gguf import GGUFReader
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

from llama_parity import LIKELY, PROMPTS, Llama, Weft, log_softmax

NAMES = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
    "post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}


def reference(path):
    """The model in transformers, whose RoPE bases and other defaults are Gemma 3's."""
    r = GGUFReader(path)
    get = lambda key: r.fields[f"gemma3.{key}"].contents()
    config = Gemma3TextConfig(
        vocab_size=get("vocab_size"), hidden_size=get("embedding_length"), intermediate_size=get("feed_forward_length"),
        num_hidden_layers=get("block_count"), num_attention_heads=get("attention.head_count"),
        num_key_value_heads=get("attention.head_count_kv"), head_dim=get("attention.key_length"),
        query_pre_attn_scalar=get("attention.key_length"), sliding_window=get("attention.sliding_window"),
        rms_norm_eps=get("attention.layer_norm_rms_epsilon"), max_position_embeddings=get("context_length"))
    weights = {}
    for t in r.tensors:
        name, data = t.name.removesuffix(".weight"), np.array(t.data, dtype=np.float64)
        if "norm" in name:
            data -= 1  # transformers adds it again
        layer, _, part = name.removeprefix("blk.").partition(".")
        full = {"token_embd": "embed_tokens", "output_norm": "norm"}.get(name) or f"layers.{layer}.{NAMES[part]}"
        weights[f"model.{full}.weight"] = torch.from_numpy(data)
    torch.set_default_dtype(torch.float64)
    model = Gemma3ForCausalLM(config).eval()
    left = model.load_state_dict(weights, strict=False)
    if left.unexpected_keys or left.missing_keys not in ([], ["lm_head.weight"]):  # tied
        raise RuntimeError(f"the weights do not fit: {left}")
    return model


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("--weft", default="./weft")
    p.add_argument("--prompts", type=int, default=5)
    args = p.parse_args()
    model, llama, weft, worst = reference(args.model), Llama(args.model), Weft(args.weft, args.model, exact=True), 0.0
    print("largest difference from transformers in double precision")
    for text in PROMPTS[:args.prompts]:
        ids, tokens, _ = weft.greedy(text, 1)
        with torch.no_grad():
            want = model(torch.tensor([ids])).logits[0, -1].log_softmax(-1).numpy()
        likely = [t for t in tokens[0]["top"] if want[t["id"]] > np.log(LIKELY)]
        at = [t["id"] for t in likely]
        ours = np.abs(np.array([t["logprob"] for t in likely]) - want[at]).max()
        theirs = np.abs(log_softmax(llama.logits(ids, len(ids) - 1))[0][at] - want[at]).max()
        worst = max(worst, ours)
        print(f"{text[:28]!r:<34} Weft {ours:.1e}   llama.cpp {theirs:.1e}", flush=True)
    sys.exit(1 if worst > 1e-3 else 0)


if __name__ == "__main__":
    main()
