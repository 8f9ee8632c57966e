#!/usr/bin/env python3
"""The nanoGPT recipe for CPUs in plain PyTorch, scored on the whole validation split.

    python scripts/nanogpt_cpu.py tinyshakespeare.txt --seed 1337

What `weft train` is held against. The recipe (karpathy/nanoGPT, README, "I only
have a macbook"): characters as tokens, GPT-2 blocks without biases, 4 layers, 4
heads, 128 wide, 64 positions, batches of 12, 2000 steps, no dropout; AdamW with
betas 0.9 and 0.99 and decay 0.1 on what has two dimensions, gradients clipped
to norm 1, rate up to 1e-3 over 100 steps and down to 1e-4 on a cosine. The
first nine tenths of the characters train, the rest validates.

nanoGPT's README gives 1.88, the mean over 20 random batches. This prints the
mean over all of the split's windows of 64 that do not overlap, each character
in them scored once. Progress goes to stderr, one JSON line to stdout.
"""

import argparse
import json
import math
import os
import sys
import time

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import torch
from torch import nn
from torch.nn import functional as F

LAYERS, HEADS, DIM, TIME, BATCH = 4, 4, 128, 64, 12
RATE, LAST_RATE, WARMUP = 1e-3, 1e-4, 100


class Block(nn.Module):
    def __init__(self, bias):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(DIM, bias=bias), nn.LayerNorm(DIM, bias=bias)
        self.qkv, self.out = nn.Linear(DIM, 3 * DIM, bias=bias), nn.Linear(DIM, DIM, bias=bias)
        self.up, self.down = nn.Linear(DIM, 4 * DIM, bias=bias), nn.Linear(4 * DIM, DIM, bias=bias)

    def forward(self, x):
        q, k, v = (m.unflatten(-1, (HEADS, -1)).transpose(1, 2) for m in self.qkv(self.norm1(x)).chunk(3, -1))
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Model(nn.Module):
    """The head is the embedding."""

    def __init__(self, vocab, bias):
        super().__init__()
        self.embed, self.positions = nn.Embedding(vocab, DIM), nn.Embedding(TIME, DIM)
        self.blocks, self.norm = nn.ModuleList(Block(bias) for _ in range(LAYERS)), nn.LayerNorm(DIM, bias=bias)
        for name, p in self.named_parameters():
            if name.endswith(("out.weight", "down.weight")):
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * LAYERS))
            elif p.dim() == 2:
                nn.init.normal_(p, std=0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def loss(self, x, y):
        h = self.embed(x) + self.positions.weight
        for block in self.blocks:
            h = block(h)
        return F.cross_entropy((self.norm(h) @ self.embed.weight.T).flatten(0, 1), y.flatten())


def rate(step, steps):
    if step < WARMUP:
        return RATE * (step + 1) / (WARMUP + 1)
    return LAST_RATE + (RATE - LAST_RATE) * (1 + math.cos(math.pi * (step - WARMUP) / (steps - WARMUP))) / 2


@torch.no_grad()
def whole_loss(model, ids):
    """Mean nats over all windows that do not overlap, and how many characters that scored."""
    n = (len(ids) - 1) // TIME * TIME
    x, y = ids[:n].view(-1, TIME), ids[1:n + 1].view(-1, TIME)
    total = sum(model.loss(a, b).item() * len(a) for a, b in zip(x.split(128), y.split(128)))
    return total / len(x), n


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data")
    p.add_argument("--seed", type=int, default=1337)
    p.add_argument("--steps", type=int, default=2000)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--bytes", action="store_true", help="a vocabulary of 257 as `weft train` has with bytes as tokens")
    p.add_argument("--bias", action="store_true", help="biases on projections and norms")
    p.add_argument("--eval-every", type=int, default=250)
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    text = open(args.data, "rb").read()
    chars = range(257) if args.bytes else sorted(set(text))
    ids = torch.tensor([chars.index(c) for c in text])
    train, val = ids[:len(ids) * 9 // 10], ids[len(ids) * 9 // 10:]
    model = Model(len(chars), args.bias)
    params = list(model.parameters())
    opt = torch.optim.AdamW([{"params": [p for p in params if p.dim() > 1], "weight_decay": 0.1},
                             {"params": [p for p in params if p.dim() < 2], "weight_decay": 0.0}],
                            betas=(0.9, 0.99), eps=1e-8)
    trajectory, seconds = {}, 0.0
    for step in range(args.steps + 1):
        if step % args.eval_every == 0 or step == args.steps:
            trajectory[step], scored = whole_loss(model, val)
            print(f"step {step}: {trajectory[step]:.4f}, {1e3 * seconds / max(step, 1):.1f} ms a step", file=sys.stderr)
        if step == args.steps:
            break
        start = time.perf_counter()
        for g in opt.param_groups:
            g["lr"] = rate(step, args.steps)
        at = torch.randint(len(train) - TIME, (BATCH, 1)) + torch.arange(TIME)
        opt.zero_grad(set_to_none=True)
        model.loss(train[at], train[at + 1]).backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        seconds += time.perf_counter() - start
    last = trajectory[args.steps]
    print(json.dumps({"torch": torch.__version__, "seed": args.seed, "steps": args.steps, "threads": args.threads,
                      "vocab": len(chars), "params": sum(p.numel() for p in params), "val_loss": last,
                      "bits_per_byte": last / math.log(2), "scored": scored, "trajectory": trajectory,
                      "tokens_per_s": args.steps * BATCH * TIME / seconds if seconds else None}))


if __name__ == "__main__":
    main()
