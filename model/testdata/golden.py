#!/usr/bin/env python3
"""Makes the golden fixtures of ../golden_test.go: what PyTorch says in float64.

    python golden.py           write llama, llama-tied, gpt2, nanogpt, gemma2, gemma3, olmo2 (.safetensors and .json)
    python golden.py --check   compute them again and compare with the files

Needs torch, transformers, safetensors, numpy; the Go tests need none of them.

Each case is a tiny model with random float32 weights, and a batch of two
sequences of twelve tokens. All arithmetic is float64, written out below from
the definitions; where transformers has the architecture, its class must agree
with every logit and gradient to 1e-12, after its float32 islands (RMSNorm,
RoPE, softmax) have been lifted to float64 too. Gemma 2, Gemma 3 and OLMo 2 are
not written out: they are what the classes, so lifted, say.

NAME.safetensors (all F32, rounded once from float64)
    WEIGHT          under the names and in the layouts of save_pretrained
    grad.WEIGHT     gradient of the mean loss, same layout
    logits          [2, 12, vocab]
    act.POINT       activations under TransformerLens's names and shapes, llama and
                    gpt2 (hook_pos_embed of one sequence); ln_final.hook_normalized
                    is before gain and bias, ln_final.out after: what the head reads
NAME.json
    config          config.json as transformers writes it (nanogpt: as GPT2Config
                    would, and "bias": false, meaning that no bias exists)
    tokens, targets [2][12]
    loss            mean of the 24 cross-entropies, nats
    losses          before each of ten steps of AdamW on this batch: lr 1e-3, betas
                    0.9 and 0.95, eps 1e-8, decay 0.1 on what has two dimensions
    loss_after      after the tenth
"""

import contextlib
import json
import math
import os
import sys
from pathlib import Path
from unittest import mock

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from safetensors.numpy import load_file, save_file

HERE = Path(__file__).parent


def causal_attention(q, k, v, acts, layer):
    """q: [batch, heads, time, width]; k, v: [batch, kv heads, time, width]."""
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    pattern = scores.masked_fill(future, -torch.inf).softmax(-1)
    acts[f"blocks.{layer}.attn.hook_pattern"] = pattern
    return (pattern @ v).transpose(1, 2).flatten(2)


def split_heads(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def llama(c, w, tokens):
    """Logits and activations of a Llama. w: save_pretrained's names."""

    def norm(x, name):
        x = x / (x.square().mean(-1, keepdim=True) + c.rms_norm_eps).sqrt()
        return x, x * w[name + ".weight"]

    def rotate(x):
        half = x.shape[-1] // 2
        freq = c.rope_parameters["rope_theta"] ** (-torch.arange(half).double() / half)
        angle = torch.arange(x.shape[-2]).double()[:, None] * freq
        a, b = x[..., :half], x[..., half:]
        return torch.cat((a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()), -1)

    x = w["model.embed_tokens.weight"][tokens]
    acts = {"hook_embed": x}
    for i in range(c.num_hidden_layers):
        p = f"model.layers.{i}."
        _, n = norm(x, p + "input_layernorm")
        q, k, v = (n @ w[f"{p}self_attn.{m}_proj.weight"].T for m in "qkv")
        q = rotate(split_heads(q, c.num_attention_heads))
        k, v = rotate(split_heads(k, c.num_key_value_heads)), split_heads(v, c.num_key_value_heads)
        acts[f"blocks.{i}.attn.hook_rot_q"] = q.transpose(1, 2)
        x = x + causal_attention(q, k, v, acts, i) @ w[p + "self_attn.o_proj.weight"].T
        acts[f"blocks.{i}.hook_resid_mid"] = x
        _, n = norm(x, p + "post_attention_layernorm")
        gate, up = n @ w[p + "mlp.gate_proj.weight"].T, n @ w[p + "mlp.up_proj.weight"].T
        x = x + (gate * gate.sigmoid() * up) @ w[p + "mlp.down_proj.weight"].T
        acts[f"blocks.{i}.hook_resid_post"] = x
    acts["ln_final.hook_normalized"], acts["ln_final.out"] = norm(x, "model.norm")
    head = w["model.embed_tokens.weight" if c.tie_word_embeddings else "lm_head.weight"]
    return acts["ln_final.out"] @ head.T, acts


def gpt2(c, w, tokens):
    """Logits and activations of a GPT-2, whose matrices are [in, out]; biases that are absent are not added."""

    def norm(x, name):
        x = x - x.mean(-1, keepdim=True)
        x = x / (x.square().mean(-1, keepdim=True) + c.layer_norm_epsilon).sqrt()
        return x, x * w[name + ".weight"] + w.get(name + ".bias", 0)

    def linear(x, name):
        return x @ w[name + ".weight"] + w.get(name + ".bias", 0)

    def gelu(x):
        if c.activation_function == "gelu":
            return x * (1 + torch.erf(x / math.sqrt(2))) / 2
        return x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2

    pos = w["transformer.wpe.weight"][torch.arange(tokens.shape[1])].expand(len(tokens), -1, -1)
    x = w["transformer.wte.weight"][tokens]
    acts = {"hook_embed": x, "hook_pos_embed": pos[:1]}
    x = x + pos
    for i in range(c.n_layer):
        p = f"transformer.h.{i}."
        qkv = linear(norm(x, p + "ln_1")[1], p + "attn.c_attn").chunk(3, -1)
        x = x + linear(causal_attention(*(split_heads(m, c.n_head) for m in qkv), acts, i), p + "attn.c_proj")
        acts[f"blocks.{i}.hook_resid_mid"] = x
        x = x + linear(gelu(linear(norm(x, p + "ln_2")[1], p + "mlp.c_fc")), p + "mlp.c_proj")
        acts[f"blocks.{i}.hook_resid_post"] = x
    acts["ln_final.hook_normalized"], acts["ln_final.out"] = norm(x, "transformer.ln_f")
    return acts["ln_final.out"] @ w["transformer.wte.weight"].T, acts


def by_class(m):
    """A model of the class' instance m, as those above."""

    def run(c, w, tokens):
        with lifted():
            logits = torch.func.functional_call(m, w, (tokens,), {"use_cache": False}).logits
        assert logits.dtype == torch.float64
        return logits, {}

    return run


def configs():
    llama_config = dict(architectures=["LlamaForCausalLM"], rms_norm_eps=1e-5, num_hidden_layers=2,
                        num_attention_heads=4, num_key_value_heads=2, intermediate_size=40, max_position_embeddings=32,
                        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, bos_token_id=0, eos_token_id=0)
    gpt2_config = dict(architectures=["GPT2LMHeadModel"], vocab_size=61, n_layer=2, n_positions=32,
                       resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0)
    small = dict(vocab_size=37, hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                 max_position_embeddings=32, rms_norm_eps=1e-5, bos_token_id=0, eos_token_id=0,
                 pad_token_id=None)  # whose embedding would get no gradient
    gemma = dict(head_dim=6, query_pre_attn_scalar=5, sliding_window=5, tie_word_embeddings=True,
                 layer_types=["sliding_attention", "full_attention"], **small)
    return {
        "llama": transformers.LlamaConfig(vocab_size=67, hidden_size=32, head_dim=8, tie_word_embeddings=False,
                                          **llama_config),
        # Heads that are together wider than the stream, and no multiple of a SIMD register.
        "llama-tied": transformers.LlamaConfig(vocab_size=67, hidden_size=24, head_dim=10, tie_word_embeddings=True,
                                               **llama_config),
        "gpt2": transformers.GPT2Config(n_embd=32, n_head=4, n_inner=40, activation_function="gelu_new", **gpt2_config),
        "nanogpt": transformers.GPT2Config(n_embd=20, n_head=2, activation_function="gelu", bias=False, **gpt2_config),
        # Caps so low that they bend.
        "gemma2": transformers.Gemma2Config(attn_logit_softcapping=3.0, final_logit_softcapping=4.0, **gemma),
        "gemma3": transformers.Gemma3TextConfig(**gemma),
        "olmo2": transformers.Olmo2Config(tie_word_embeddings=False, **small),
    }


@contextlib.contextmanager
def lifted():
    """float32 means float64."""
    double = mock.patch.multiple(torch, float32=torch.float64, float=torch.float64)
    with double, mock.patch.object(torch.Tensor, "float", torch.Tensor.double):
        yield


def reference_class(c):
    """transformers' own model of this config, in float64 throughout, dropout off."""
    with lifted():
        return transformers.AutoModelForCausalLM.from_config(c, attn_implementation="eager").double().eval()


def random_weights(names_shapes, rng):
    """Nothing is left at 0 or 1, where a mistake would not show."""
    w = {}
    for name, shape in names_shapes:
        x = rng.standard_normal(shape) * 0.25
        if name.endswith("norm.weight") or ".ln_" in name and name.endswith(".weight"):
            x += 1
        w[name] = x.astype(np.float32)
    return w


def loss_of(logits, targets):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def check_class(c, w, tokens, targets, logits):
    """The class must agree, its biases being zero where the case has none."""
    m = reference_class(c)
    absent = set(dict(m.named_parameters())) - set(w)
    assert all(n.endswith(".bias") for n in absent) and bool(absent) == (getattr(c, "bias", True) is False), absent
    with torch.no_grad():
        for n, p in m.named_parameters():
            p.copy_(w[n]) if n in w else p.zero_()
    with lifted():
        theirs = m(tokens, use_cache=False).logits
    assert theirs.dtype == torch.float64
    loss_of(theirs, targets).backward()
    worst = (theirs - logits).abs().max().item()
    for n, p in m.named_parameters():
        if n in w:
            worst = max(worst, (p.grad - w[n].grad).abs().max().item())
    assert worst < 1e-12, worst
    return worst


def train(c, run, w, tokens, targets):
    groups = [{"params": [p for p in w.values() if p.dim() >= 2], "weight_decay": 0.1},
              {"params": [p for p in w.values() if p.dim() < 2], "weight_decay": 0.0}]
    opt = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95), eps=1e-8)
    losses = []
    for _ in range(11):
        opt.zero_grad()
        loss = loss_of(run(c, w, tokens)[0], targets)
        losses.append(loss.item())
        loss.backward()
        opt.step()
    return losses


def make(name, c, seed):
    instance = reference_class(c)
    run = {"llama": llama, "gpt2": gpt2}.get(c.model_type) or by_class(instance)
    rng = np.random.default_rng(seed)
    named = [(n, tuple(p.shape)) for n, p in instance.named_parameters()]
    if getattr(c, "bias", True) is False:
        named = [(n, s) for n, s in named if not n.endswith(".bias")]
    weights = random_weights(named, rng)
    text = torch.tensor(rng.integers(0, c.vocab_size, (2, 13)))
    text[:, 5] = text[:, 2]  # some tokens come again, so that embedding rows gather several gradients
    text[1, 9] = text[0, 3]
    tokens, targets = text[:, :-1], text[:, 1:]

    w = {n: torch.tensor(x, dtype=torch.float64, requires_grad=True) for n, x in weights.items()}
    logits, acts = run(c, w, tokens)
    loss = loss_of(logits, targets)
    loss.backward()
    worst = check_class(c, w, tokens, targets, logits)

    tensors = dict(weights, logits=logits)
    tensors |= {"grad." + n: p.grad.clone() for n, p in w.items()}
    if name in ("llama", "gpt2"):
        tensors |= {"act." + n: x for n, x in acts.items()}
    losses = train(c, run, w, tokens, targets)
    assert losses[0] == loss.item()
    print(f"{name}: loss {losses[0]:.6f}, after ten steps {losses[10]:.6f}, transformers differs by {worst:.1e}")
    config = json.loads(c.to_json_string(use_diff=True))
    case = {"config": config, "tokens": tokens.tolist(), "targets": targets.tolist(),
            "loss": losses[0], "losses": losses[:10], "loss_after": losses[10]}
    as32 = {n: np.ascontiguousarray(x if isinstance(x, np.ndarray) else x.detach().numpy(), np.float32)
            for n, x in tensors.items()}
    return as32, case


def check(name, tensors, case):
    stored = load_file(HERE / f"{name}.safetensors")
    assert stored.keys() == tensors.keys(), stored.keys() ^ tensors.keys()
    for n, x in tensors.items():
        assert np.allclose(x, stored[n], rtol=1e-6, atol=1e-12), n
    old = json.loads((HERE / f"{name}.json").read_text())
    for n, x in case.items():
        assert np.allclose(x, old[n], rtol=1e-12, atol=0) if "loss" in n else n == "config" or x == old[n], n


def main():
    torch.set_num_threads(1)
    for seed, (name, c) in enumerate(configs().items(), 1):
        tensors, case = make(name, c, seed)
        if "--check" in sys.argv:
            check(name, tensors, case)
            continue
        save_file(tensors, HERE / f"{name}.safetensors", metadata={"format": "pt"})
        (HERE / f"{name}.json").write_text(json.dumps(case, indent=1) + "\n")


if __name__ == "__main__":
    main()
