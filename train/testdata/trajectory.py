"""Writes trajectory.json: losses and gradient norms of twelve steps of training, computed by PyTorch in float64.

Everything that a step of `weft train` does is done here again from its description: the order of the windows (the
last of an epoch is short), the model, the mean over the targets that count, clipping, the schedule, the optimiser.
Models are compared with transformers in model/testdata/golden.py, optimisers with torch's in optimizers.py.
"""
import json
import math
import pathlib

import torch
from torch.nn import functional as F

from optimizers import newton_schulz, numbers

SEQ, BATCH, STEPS, SEED, RING, VOCAB = 16, 3, 12, 5, 100, 23
DIM, HEADS, LAYERS, HIDDEN = 12, 2, 2, 20
LR, MUON_LR, DECAY, WARMUP, CLIP = 1e-2, 2e-2, 0.1, 3, 1.0
MASK = (1 << 64) - 1


def mix(x):
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def draw(seed, *counters):
    golden = 0x9E3779B97F4A7C15
    h = mix(seed + golden & MASK)
    for c in counters:
        h = mix(h ^ mix(c + golden & MASK))
    return h


def permute(key, i, n):
    half = ((n - 1).bit_length() + 1) // 2
    while True:
        left, right = i >> half, i & (1 << half) - 1
        for round in range(6):
            left, right = right, left ^ draw(key, round, right) & (1 << half) - 1
        i = left << half | right
        if i < n:
            return i


def example(ring, g):
    per = -(-RING // SEQ)
    epoch, i = divmod(g, per)
    i = permute(draw(SEED, 1, epoch), i, per)
    start = draw(SEED, 2, epoch) % RING + i * SEQ
    text = [ring[(start + j) % RING] for j in range(SEQ + 1)]
    valid = min(SEQ, RING - i * SEQ)
    return text[:-1], [t if j < valid else -100 for j, t in enumerate(text[1:])]


def shapes(arch):
    kv = DIM // 2 if arch == "llama" else DIM
    biased = arch == "gpt2"
    out = {"token_embd.weight": (VOCAB, DIM)}

    def add(name, rows, cols):
        out[name + ".weight"] = (rows, cols)
        if biased:
            out[name + ".bias"] = (1, cols if rows == 1 else rows)

    if arch == "gpt2":
        out["position_embd.weight"] = (SEQ, DIM)
    for layer in range(LAYERS):
        p = f"blk.{layer}."
        add(p + "attn_norm", 1, DIM)
        add(p + "attn_q", DIM, DIM)
        add(p + "attn_k", kv, DIM)
        add(p + "attn_v", kv, DIM)
        add(p + "attn_output", DIM, DIM)
        add(p + "ffn_norm", 1, DIM)
        if arch == "llama":
            add(p + "ffn_gate", HIDDEN, DIM)
        add(p + "ffn_up", HIDDEN, DIM)
        add(p + "ffn_down", DIM, HIDDEN)
    add("output_norm", 1, DIM)
    if arch == "llama":
        out["output.weight"] = (VOCAB, DIM)
    return out


def logits(arch, w, tokens):
    def norm(x, name):
        x = x - x.mean(-1, keepdim=True) if arch == "gpt2" else x
        x = x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return x * w[name + ".weight"] + w.get(name + ".bias", 0)

    def linear(x, name):
        return x @ w[name + ".weight"].T + w.get(name + ".bias", 0)

    def heads(x, rotated):
        x = x.unflatten(-1, (-1, DIM // HEADS)).transpose(1, 2)
        if rotated and arch == "llama":
            half = x.shape[-1] // 2
            angle = torch.arange(SEQ).double()[:, None] * 10000.0 ** (-torch.arange(half).double() / half)
            a, b = x[..., :half], x[..., half:]
            x = torch.cat((a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()), -1)
        return x.repeat_interleave(HEADS // x.shape[1], 1)

    x = w["token_embd.weight"][tokens] + (w["position_embd.weight"] if arch == "gpt2" else 0)
    for layer in range(LAYERS):
        p = f"blk.{layer}."
        n = norm(x, p + "attn_norm")
        q, k, v = heads(linear(n, p + "attn_q"), True), heads(linear(n, p + "attn_k"), True), heads(linear(n, p + "attn_v"), False)
        x = x + linear(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2), p + "attn_output")
        n = norm(x, p + "ffn_norm")
        up = linear(n, p + "ffn_up")
        up = F.silu(linear(n, p + "ffn_gate")) * up if arch == "llama" else F.gelu(up, approximate="tanh")
        x = x + linear(up, p + "ffn_down")
    return norm(x, "output_norm") @ w["output.weight" if arch == "llama" else "token_embd.weight"].T


def share(kind, step):
    if step < WARMUP:
        return (step + 1) / (WARMUP + 1)
    if kind == "adamw":  # a cosine down to a tenth
        return 0.1 + 0.9 * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP))) / 2
    start = STEPS // 2  # constant, then linear over the second half
    return 1 if step < start else 1 - (step - start + 1) / (STEPS - start + 1)


def run(kind, arch):
    w = {}
    for i, (n, s) in enumerate(shapes(arch).items()):
        w[n] = torch.nn.Parameter(numbers(i, s) * 0.5 + (1 if "norm.weight" in n else 0))
    plain = {n for n in w if "norm" in n or n.endswith("bias")}
    muon = {n for n in w if kind == "muon" and n.startswith("blk") and n not in plain}
    opt = torch.optim.AdamW([{"params": [p for n, p in w.items() if n not in plain | muon], "weight_decay": DECAY},
                             {"params": [w[n] for n in plain], "weight_decay": 0.0}], lr=LR, betas=(0.9, 0.95), eps=1e-8)
    momentum = {n: torch.zeros_like(w[n]) for n in muon}
    ring = [(i * i * 7 + 3 * i) % VOCAB for i in range(RING)]
    losses, norms = [], []
    for step in range(STEPS):
        batch = [example(ring, step * BATCH + b) for b in range(BATCH)]
        tokens, targets = (torch.tensor([e[i] for e in batch]) for i in (0, 1))
        loss = F.cross_entropy(logits(arch, w, tokens).flatten(0, 1), targets.flatten())
        opt.zero_grad()
        for n in muon:
            w[n].grad = None
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_(w.values(), CLIP).item())
        for g in opt.param_groups:
            g["lr"] = LR * share(kind, step)
        opt.step()
        for n in muon:
            g, m, lr = w[n].grad, momentum[n], MUON_LR * share(kind, step)
            m.lerp_(g, 0.05)
            with torch.no_grad():
                w[n].mul_(1 - lr * DECAY).sub_(lr * max(1, g.shape[0] / g.shape[1]) ** 0.5 * newton_schulz(g.lerp(m, 0.95)))
    return {"losses": losses, "norms": norms}


cases = {f"{kind} {arch}": run(kind, arch) for arch in ("llama", "gpt2") for kind in ("adamw", "muon")}
for name, case in cases.items():
    print(name, [f"{x:.4f}" for x in case["losses"]], [f"{x:.2f}" for x in case["norms"]])
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(cases, indent=1) + "\n")
