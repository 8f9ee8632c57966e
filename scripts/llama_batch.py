#!/usr/bin/env python3
"""How fast Weft and llama.cpp generate several answers at once, as a Markdown table. Needs llama-cpp-python.

    python scripts/llama_batch.py MODEL.gguf --weft weft --answers 1,8,16

Both run a token of each answer in one pass, without sampling, in turns; figures
are tokens per second of all answers together: medians, least and most. llama.cpp
has its defaults: weights repacked, keys and values in float16.
"""

import argparse
import ctypes
import json
import shlex
import statistics
import subprocess
import time

import llama_cpp as L

_quiet = L.llama_log_callback(lambda level, text, data: None)


class Llama:
    def __init__(self, path, answers, gen, threads):
        L.llama_log_set(_quiet, ctypes.c_void_p(0))
        L.llama_backend_init()
        self.model = L.llama_model_load_from_file(path.encode(), L.llama_model_default_params())
        c = L.llama_context_default_params()
        c.n_ctx, c.n_batch, c.n_seq_max = answers * (gen + 32), max(32, answers), answers
        c.n_threads = c.n_threads_batch = threads
        self.ctx = L.llama_init_from_model(self.model, c)
        self.batch, self.answers, self.gen = L.llama_batch_init(answers, 0, 1), answers, gen
        self.tokens = L.llama_vocab_n_tokens(L.llama_model_get_vocab(self.model))

    def step(self, at):
        b = self.batch
        b.n_tokens = self.answers
        for i in range(self.answers):
            b.token[i], b.pos[i], b.n_seq_id[i], b.logits[i] = (at * 31 + i * 7 + 1) % self.tokens, at, 1, 1
            b.seq_id[i][0] = i
        if L.llama_decode(self.ctx, b):
            raise SystemExit("llama.cpp failed")
        L.llama_synchronize(self.ctx)

    def measure(self):
        L.llama_memory_clear(L.llama_get_memory(self.ctx), False)
        self.step(0)
        start = time.perf_counter()
        for at in range(1, self.gen + 1):
            self.step(at)
        return self.answers * self.gen / (time.perf_counter() - start)


def cell(values):
    return f"{statistics.median(values):.0f} ({min(values):.0f}–{max(values):.0f})"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("--weft", default="weft")
    p.add_argument("--answers", type=lambda s: [int(n) for n in s.split(",")], default=[1, 4, 8, 16])
    p.add_argument("--gen", type=int, default=128)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=5)
    args = p.parse_args()
    print("| answers | Weft | llama.cpp | ratio |\n|---|---|---|---|", flush=True)
    for answers in args.answers:
        peer = Llama(args.model, answers, args.gen, args.threads)
        weft, llama = [], []
        for _ in range(args.rounds):
            llama.append(peer.measure())
            done = subprocess.run([*shlex.split(args.weft), "bench", args.model, "--json", "-q", "--prompt=1", "--repeat=1",
                                   f"--gen={args.gen}", f"--parallel={answers}", f"--threads={args.threads}"],
                                  capture_output=True, text=True, check=True)
            weft.append(json.loads(done.stdout)["parallel"]["decode_tokens_per_s"]["median"])
        ratio = statistics.median(weft) / statistics.median(llama)
        print(f"| {answers} | {cell(weft)} | {cell(llama)} | {ratio:.2f}× |", flush=True)


if __name__ == "__main__":
    main()
