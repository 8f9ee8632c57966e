#!/usr/bin/env python3
"""Trains the fixture of ../heads_test.go: a Llama of two layers that learns to continue random tokens that it has seen
before, which takes an induction head. Writes induction.safetensors (F16, GGUF's names) when the loss of the second copy
is a small part of the first one's. Needs torch, transformers, safetensors; a minute on one core.
"""

import os
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

VOCAB, WIDTH, LONGEST = 48, 64, 23

torch.manual_seed(0)
model = LlamaForCausalLM(LlamaConfig(
    vocab_size=VOCAB, hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=4, max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=False))
opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01, betas=(0.9, 0.98))
best = torch.inf
for step in range(4000):
    for group in opt.param_groups:
        group["lr"] = 3e-3 * min(1, (step + 1) / 100) * (1 - step / 4500)
    n = int(torch.randint(6, LONGEST + 1, ()))  # a length of its own, so that no distance can be learned by heart
    part = torch.stack([torch.randperm(VOCAB - 1)[:n] + 1 for _ in range(48)])
    ids = torch.cat((torch.zeros(48, 1, dtype=torch.long), part, part), 1)
    logits = model(ids).logits[:, :-1]
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none").view(48, -1)
    loss[:, n + 1:].mean().backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    opt.zero_grad()
    second = loss[:, n + 1:].mean().item()
    if step % 200 == 0:
        print(step, second, flush=True)
    best = second if best == torch.inf else 0.95 * best + 0.05 * second
    if best < 0.1:
        break
print(step, best)

s, out = model.state_dict(), {}
names = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
         "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
out["token_embd.weight"], out["output_norm.weight"], out["output.weight"] = (
    s["model.embed_tokens.weight"], s["model.norm.weight"], s["lm_head.weight"])
for i in range(2):
    for theirs, ours in names.items():
        out[f"blk.{i}.{ours}.weight"] = s[f"model.layers.{i}.{theirs}.weight"]
save_file({k: v.half().contiguous() for k, v in out.items()}, Path(__file__).parent / "induction.safetensors")
