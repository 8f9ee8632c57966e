#!/usr/bin/env python3
"""PyTorch's speed at what Weft measures of itself, in turns with Weft.

    python scripts/torch_speed.py train --layers 8 --dim 512 --heads 8 --hidden 1376 --vocab 8192 --seq 512 --batch 8
    python scripts/torch_speed.py train --config R/config.json --seq 512 --batch 8 --compile
    python scripts/torch_speed.py train … --rounds 3 --against "weft bench train --preset small --json"
    python scripts/torch_speed.py gemm

`train` runs whole steps of a Llama (forward, backward, clip, fused AdamW) in
float32, written as one who wants speed from PyTorch writes it: fused attention,
one product for QKV and one for gate and up, no Python between them. --compile
adds torch.compile. --against runs another command before each round, so that
both see the same neighbours on a shared machine; its JSON's tokens_per_s is
taken. Medians; one JSON line to stdout.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import time

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        q, kv = s.heads * s.head_dim, s.kv_heads * s.head_dim
        self.sizes = (q, kv, kv)
        self.norm1, self.norm2 = nn.RMSNorm(s.dim, eps=1e-5), nn.RMSNorm(s.dim, eps=1e-5)
        self.qkv, self.out = nn.Linear(s.dim, q + 2 * kv, bias=False), nn.Linear(q, s.dim, bias=False)
        self.gate_up, self.down = nn.Linear(s.dim, 2 * s.hidden, bias=False), nn.Linear(s.hidden, s.dim, bias=False)

    def forward(self, x, cos, sin):
        q, k, v = (m.unflatten(-1, (-1, self.s.head_dim)).transpose(1, 2)
                   for m in self.qkv(self.norm1(x)).split(self.sizes, -1))
        z = F.scaled_dot_product_attention(rotate(q, cos, sin), rotate(k, cos, sin), v, is_causal=True,
                                           enable_gqa=self.s.heads != self.s.kv_heads)
        x = x + self.out(z.transpose(1, 2).flatten(2))
        gate, up = self.gate_up(self.norm2(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Llama(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.embed, self.head = nn.Embedding(s.vocab, s.dim), nn.Linear(s.dim, s.vocab, bias=False)
        self.blocks, self.norm = nn.ModuleList(Block(s) for _ in range(s.layers)), nn.RMSNorm(s.dim, eps=1e-5)
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02)
        if s.tied:
            self.head.weight = self.embed.weight
        freq = 10000.0 ** (-torch.arange(0, s.head_dim, 2) / s.head_dim)
        angle = torch.arange(s.seq)[:, None] * freq
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())

    def forward(self, x, y):
        h = self.embed(x)
        for block in self.blocks:
            h = block(h, self.cos, self.sin)
        return F.cross_entropy(self.head(self.norm(h)).flatten(0, 1), y.flatten())


def flops_per_token(s, model):
    """6 per weight of a matrix product, the head included, and causal attention's 12·layers·width·(seq+1)/2."""
    weights = sum(p.numel() for b in model.blocks for p in b.parameters() if p.dim() == 2) + s.vocab * s.dim
    return 6 * weights + 12 * s.layers * s.heads * s.head_dim * (s.seq + 1) / 2


def train_round(step, args):
    """Median seconds of a step."""
    times = []
    for _ in range(args.steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def train(args):
    if args.config:
        c = json.load(open(args.config))
        args.layers, args.dim, args.heads = c["num_hidden_layers"], c["hidden_size"], c["num_attention_heads"]
        args.kv_heads, args.hidden, args.vocab = c["num_key_value_heads"], c["intermediate_size"], c["vocab_size"]
        args.head_dim, args.tied = c.get("head_dim"), c["tie_word_embeddings"]
    args.kv_heads = args.kv_heads or args.heads
    args.head_dim = args.head_dim or args.dim // args.heads
    torch.manual_seed(1)
    model = Llama(args)
    loss = torch.compile(model) if args.compile else model
    params = list(model.parameters())
    opt = torch.optim.AdamW(params, lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    text = torch.randint(args.vocab, (args.batch, args.seq + 1))

    def step():
        opt.zero_grad(set_to_none=True)
        loss(text[:, :-1], text[:, 1:]).backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()

    for _ in range(args.warmup):
        step()
    ours, theirs = [], []
    for _ in range(args.rounds):
        if args.against:
            out = subprocess.run(shlex.split(args.against), check=True, capture_output=True, text=True).stdout
            theirs.append(json.loads(out)["tokens_per_s"])
        ours.append(train_round(step, args))
        print(f"torch {args.batch * args.seq / ours[-1]:.0f} tokens/s",
              f"against {theirs[-1]:.0f}" if theirs else "", file=sys.stderr)
    seconds, per_token = statistics.median(ours), flops_per_token(args, model)
    tokens = args.batch * args.seq / seconds
    result = {"torch": torch.__version__, "compiled": args.compile, "threads": args.threads,
              "params": sum(p.numel() for p in params), "step_s": seconds, "tokens_per_s": tokens,
              "flops_per_token": per_token, "gflops": tokens * per_token / 1e9}
    if theirs:
        result |= {"against": args.against, "against_tokens_per_s": statistics.median(theirs),
                   "against_over_torch": statistics.median(theirs) / tokens}
    print(json.dumps(result))


def gemm(args):
    result = {"torch": torch.__version__, "threads": args.threads, "gflops": {}}
    for n in args.sizes:
        a, b, c = (torch.randn(n, n) for _ in range(3))
        torch.mm(a, b, out=c)
        times = []
        for _ in range(args.rounds * args.steps):
            start = time.perf_counter()
            torch.mm(a, b, out=c)
            times.append(time.perf_counter() - start)
        result["gflops"][n] = {"median": 2 * n**3 / statistics.median(times) / 1e9, "best": 2 * n**3 / min(times) / 1e9}
    print(json.dumps(result))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["train", "gemm"])
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--steps", type=int, default=5, help="per round")
    p.add_argument("--sizes", type=int, nargs="+", default=[512, 768, 1024, 1536, 2048], help="gemm: n×n×n")
    p.add_argument("--warmup", type=int, default=2)
    p.add_argument("--against", help="a command that prints JSON with tokens_per_s")
    p.add_argument("--compile", action="store_true")
    p.add_argument("--config", help="config.json of a Llama, instead of the sizes below")
    for name in ("layers", "dim", "heads", "hidden", "vocab", "seq", "batch"):
        p.add_argument("--" + name, type=int)
    p.add_argument("--kv-heads", type=int)
    p.add_argument("--head-dim", type=int)
    p.add_argument("--tied", action="store_true")
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    {"train": train, "gemm": gemm}[args.what](args)


if __name__ == "__main__":
    main()
