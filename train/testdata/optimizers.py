"""Writes optimizers.json: weights after five steps of AdamW and of Muon, computed by PyTorch in float64.

AdamW is torch.optim.AdamW itself. torch.optim.Muon works in bfloat16, so Muon is written out here in float64 and
only compared with torch's, loosely. Inputs come from integers, so that the test makes the same ones.
"""
import json
import pathlib

import torch

torch.set_default_dtype(torch.float64)
STEPS, CLIP, DECAY, LR, MUON_LR = 5, 1.0, 0.1, 3e-3, 2e-2
LLAMA = {  # one block: vocabulary 7, width 4, two heads of 2, one key/value head, hidden 6
    "token_embd.weight": (7, 4), "blk.0.attn_norm.weight": (1, 4), "blk.0.attn_q.weight": (4, 4),
    "blk.0.attn_k.weight": (2, 4), "blk.0.attn_v.weight": (2, 4), "blk.0.attn_output.weight": (4, 4),
    "blk.0.ffn_norm.weight": (1, 4), "blk.0.ffn_gate.weight": (6, 4), "blk.0.ffn_up.weight": (6, 4),
    "blk.0.ffn_down.weight": (4, 6), "output_norm.weight": (1, 4), "output.weight": (7, 4),
}
GPT2 = {  # the same with learned positions, biases, and a tied head
    "token_embd.weight": (7, 4), "position_embd.weight": (8, 4),
    **{f"blk.0.attn_norm.{w}": (1, 4) for w in ("weight", "bias")},
    **{f"blk.0.{n}.{w}": (4, 4) if w == "weight" else (1, 4)
       for n in ("attn_q", "attn_k", "attn_v", "attn_output") for w in ("weight", "bias")},
    **{f"blk.0.ffn_norm.{w}": (1, 4) for w in ("weight", "bias")},
    "blk.0.ffn_up.weight": (6, 4), "blk.0.ffn_up.bias": (1, 6),
    "blk.0.ffn_down.weight": (4, 6), "blk.0.ffn_down.bias": (1, 4),
    **{f"output_norm.{w}": (1, 4) for w in ("weight", "bias")},
}


def numbers(seed, shape):
    n = shape[0] * shape[1]
    ints = [((k * 2654435761 + seed * 40503 * 65537) >> 16) & 0xFFFF for k in range(1, n + 1)]
    return (torch.tensor(ints).double() / 65536 - 0.5).reshape(shape)


def newton_schulz(x):
    x = x / (x.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if tall else x


def run(kind, shapes):
    params = {n: torch.nn.Parameter(numbers(i, s)) for i, (n, s) in enumerate(shapes.items())}
    plain = {n: "norm" in n or n.endswith("bias") for n in params}
    is_muon = {n: kind == "muon" and n.startswith("blk") and not plain[n] for n in params}
    groups = [
        {"params": [p for n, p in params.items() if not is_muon[n] and not plain[n]], "weight_decay": DECAY},
        {"params": [p for n, p in params.items() if plain[n]], "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(groups, lr=LR, betas=(0.9, 0.95), eps=1e-8)
    matrices = [n for n in params if is_muon[n]]
    twin = {n: torch.nn.Parameter(params[n].detach().float().clone()) for n in matrices}
    torchs = torch.optim.Muon(list(twin.values()), lr=MUON_LR, weight_decay=DECAY, momentum=0.95) if matrices else None
    buffers = {n: torch.zeros_like(params[n]) for n in matrices}
    norms = []
    for t in range(STEPS):
        share = 1 - 0.1 * t
        for i, (n, p) in enumerate(params.items()):
            p.grad = numbers(1000 + 100 * t + i, shapes[n]) * (0.5 if t < 3 else 0.05)  # clipped, then not
        norms.append(torch.nn.utils.clip_grad_norm_(params.values(), CLIP).item())
        for g in adamw.param_groups:
            g["lr"] = LR * share
        adamw.step()
        for n in matrices:
            g, m = params[n].grad, buffers[n]
            twin[n].grad = g.float()
            m.lerp_(g, 0.05)
            rows, cols = g.shape
            step = newton_schulz(g.lerp(m, 0.95)) * max(1, rows / cols) ** 0.5
            params[n].data.mul_(1 - MUON_LR * share * DECAY).add_(step, alpha=-MUON_LR * share)
        if torchs:
            torchs.param_groups[0]["lr"] = MUON_LR * share
            torchs.step()
    for n in matrices:
        gap = (params[n] - twin[n]).abs().max().item()
        assert gap < 0.01 * STEPS * MUON_LR * 10, (n, gap)
        print(f"{n}: largest difference to torch.optim.Muon (bfloat16) {gap:.2g}")
    assert norms[2] > CLIP > norms[3], norms
    return {"norms": norms, "weights": {n: [float(f"{x:.9g}") for x in p.detach().flatten().tolist()]
                                        for n, p in params.items()}}


if __name__ == "__main__":
    cases = {f"{kind} {arch}": run(kind, shapes) for arch, shapes in (("llama", LLAMA), ("gpt2", GPT2)) for kind in ("adamw", "muon")}
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(cases) + "\n")
