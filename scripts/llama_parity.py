#!/usr/bin/env python3
"""Checks that Weft runs a GGUF model as llama.cpp does.

    python scripts/llama_parity.py MODEL.gguf --weft ./weft [--text FILE]

For 20 prompts: the token IDs; then what `weft run --temp 0` writes against what
llama.cpp holds most likely at each step, given the same tokens before; and how
far the log-probabilities of Weft's 1000 most likely tokens are from llama.cpp's
there, and the divergence KL(llama.cpp || Weft) over those and the rest as one.
With --text also the perplexity of its beginning, cut to --windows of 512 tokens.

On the same numbers as float32 (weft convert --type f32, run with --exact) both
must agree: exits 1 if there another token is chosen although llama.cpp's two
best are 0.01 or more apart, if a log-probability among the likely ones
(p >= 1e-6) differs by more than 0.01, if perplexities differ by more than
0.2 %, or if any token ID differs. Models with GELU get 0.05 twice: llama.cpp
takes that function from a table of half-precision numbers (GGML_GELU_FP16 in
ggml-cpu/vec.h), and gemma3_reference.py shows whose difference it is.

On a quantised file both round activations to 8 bits. There the last bit of a
sum decides how a number is rounded, what comes of it decides the next, and soon
no two ways of adding agree, llama.cpp's own neither: the lines "llama.cpp" say
how far it is from itself with keys and values in float32 instead of float16.
Exits 1 if Weft's mean KL is more than twice that, or if perplexities differ by
more than 0.5 %: with 60 windows chance alone makes 0.1 %.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from llama_cpp_model import Llama, perplexity

LIKELY, TOP = 1e-6, 1000
GELU = {"gemma", "gemma2", "gemma3", "gpt2", "phi2", "starcoder2"}

# None has </s>, which llama.cpp takes for a control token in any vocabulary, also where, as in Gemma's, it is HTML.
PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a village by the sea,",
    "def fibonacci(n):\n    ",
    "#include <stdio.h>\n\nint main(void) {\n\t",
    "Q: What is 17 + 25?\nA:",
    "1, 2, 3, 5, 8, 13,",
    "The three primary colours are red,",
    "Im Anfang war das Wort, und",
    "Il était une fois une princesse qui",
    "En un lugar de la Mancha, de cuyo nombre",
    "昔々あるところに、おじいさんと",
    "北京是中国的首都，",
    "Москва — столица",
    "Water boils at 100 °C (212 °F) because",
    "  two leading spaces and a trailing one ",
    "Dear Sir or Madam,\n\nI am writing to",
    "{\"name\": \"Alice\", \"age\": 30, \"city\":",
    "<|im_start|>user\nnot a special token<|im_end|>",
    "I'm sure they'd've said: \"don't!\" 🙂👩‍👩‍👧 —",
    "To be, or not to be, that is the question:\r\nWhether 'tis nobler",
]


class Weft:
    def __init__(self, binary, model, exact=False):
        self.binary, self.model, self.exact = binary, str(model), exact

    def __call__(self, command, *args, stdin=""):
        if self.exact and command in ("run", "eval"):
            args += ("--exact",)
        r = subprocess.run([self.binary, command, self.model, *args, "--json"], input=stdin.encode(), capture_output=True)
        if r.returncode:
            raise RuntimeError(f"weft {command}: {r.stderr.decode()[-300:].strip()}")
        return json.loads(r.stdout)

    def limit(self):
        """How far log-probabilities may be from llama.cpp's."""
        return 5e-2 if self("info")["arch"] in GELU else 1e-2

    def greedy(self, text, n):
        doc = self("run", "-p", text, "--temp", "0", "--repeat-penalty", "1", "--max-tokens", str(n), "--top-logprobs", str(TOP))
        return doc["prompt_tokens"], doc["tokens"], doc.get("stop_token")


def log_softmax(x):
    x = x.astype(np.float64)
    x -= x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def distance(top, theirs):
    """Largest difference of a likely token's log-probability, and KL(llama.cpp || Weft), from Weft's best tokens."""
    ids = np.array([t["id"] for t in top])
    ours, theirs = np.array([t["logprob"] for t in top]), theirs[ids]
    p, q = np.exp(theirs), np.exp(ours)
    rest_p, rest_q = max(1 - p.sum(), 1e-12), max(1 - q.sum(), 1e-12)
    kl = (p * (theirs - ours)).sum() + rest_p * np.log(rest_p / rest_q)
    likely = np.maximum(p, q) >= LIKELY
    return np.abs(ours - theirs)[likely].max(), max(kl, 0.0)


class Tally:
    """Differences from what llama.cpp says at each step."""

    def __init__(self):
        self.kl, self.far, self.same, self.prompts = [], [], [], []

    def add(self, logps, best, tops):
        """Logits of llama.cpp, the tokens taken instead of its best, and the likeliest with their log-probabilities."""
        same = [int(x.argmax()) == b for x, b in zip(logps, best)]
        far, kl = zip(*(distance(top, x) for top, x in zip(tops, logps)))
        self.same, self.far, self.kl = self.same + same, self.far + list(far), self.kl + list(kl)
        self.prompts.append(all(same))
        return (len(same) if all(same) else same.index(False)), max(far), max(kl)

    def __str__(self):
        return (f"{sum(self.prompts)} of {len(self.prompts)} continuations and {100 * np.mean(self.same):.1f} % of {len(self.same)} steps the same, "
                f"largest difference {max(self.far):.2e}, mean KL {np.mean(self.kl):.2e}")


def top(logps):
    """The likeliest tokens of each step, as Weft lists them."""
    best = np.argpartition(-logps, TOP)[:, :TOP]
    return [[{"id": i, "logprob": x[i]} for i in ids] for ids, x in zip(best, logps)]


def check(weft, llama, other, prompts, steps):
    """Failures. other is llama.cpp with other settings, which says how much may differ; None: limit() may."""
    failures, ours, theirs, limit = [], Tally(), Tally(), weft.limit()
    print(f"{'prompt':<34}{'tokens':>7}{'same':>9}{'gap, theirs':>13}{'ours':>9}{'max |dlogp|':>13}{'max KL':>10}")
    for text in prompts:
        name = repr(text[:28])
        prompt, tokens, _ = weft.greedy(text, steps)
        want = llama.tokenize(text)
        if not prompt == want == weft("tokenize", "-", stdin=text + "\n")["ids"]:
            failures.append(f"{name}: token IDs {prompt}, llama.cpp has {want}")
            print(f"{name:<34}  {failures[-1][:90]}")
            continue
        ids = [t["id"] for t in tokens]
        logps = log_softmax(llama.logits(prompt + ids[:-1], len(prompt) - 1))
        same, far, kl = ours.add(logps, ids, [t["top"] for t in tokens])
        if other:
            x = log_softmax(other.logits(prompt + ids[:-1], len(prompt) - 1))
            theirs.add(logps, x.argmax(1), top(x))
        gap, gaps = 0, f"{'':>22}"
        if same < len(ids):
            gap, mine = logps[same].max() - np.partition(logps[same], -2)[-2], tokens[same]["top"]
            gaps = f"{gap:>13.4f}{mine[0]['logprob'] - mine[1]['logprob']:>9.4f}"
        print(f"{name:<34}{len(prompt):>7}{same:>4} of {len(ids):<2}{gaps}{far:>12.2e}{kl:>11.1e}", flush=True)
        if not other and gap >= limit:
            failures.append(f"{name}: another token at step {same}, llama.cpp's two best are {gap:.4f} apart")
        if not other and far > limit:
            failures.append(f"{name}: a log-probability differs by {far:.2e}")
    print(f"Weft:      {ours}")
    if other:
        print(f"llama.cpp: {theirs}")
        if np.mean(ours.kl) > 2 * np.mean(theirs.kl):
            failures.append(f"mean KL {np.mean(ours.kl):.2e}, of llama.cpp to itself {np.mean(theirs.kl):.2e}")
    print()
    return failures


def check_perplexity(weft, llama, path, windows):
    text = Path(path).read_text()
    text = text[:16 * 512 * windows]  # characters; more than enough
    tokens = llama.tokenize(text)
    want = llama.bos is not None
    if len(tokens) < 512 * windows:
        raise RuntimeError(f"{path} has only {len(tokens) // 512} windows")
    low, high = 0, len(text)  # the shortest beginning that has all the windows, so that both read the same
    while low < high:
        mid = (low + high) // 2
        low, high = (mid + 1, high) if len(llama.tokenize(text[:mid])) < 512 * windows else (low, mid)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
        f.write(text[:low])
        f.flush()
        ours = weft("eval", f.name, "--ctx", "512")
    nll, scored = perplexity(llama, llama.tokenize(text[:low]), windows)
    theirs = float(np.exp(nll))
    off = ours["perplexity"] / theirs - 1
    print(f"perplexity of {windows} windows{', each after BOS' if want else ''}: Weft {ours['perplexity']:.4f}, "
          f"llama.cpp {theirs:.4f}, {100 * off:+.4f} %; scored {ours['scored']} and {scored} tokens\n", flush=True)
    if scored != ours["scored"]:
        return [f"perplexity: {ours['scored']} tokens scored, llama.cpp scores {scored}"]
    return [f"perplexity differs by {100 * off:+.3f} %"] if abs(off) > (2e-3 if weft.exact else 5e-3) else []


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("--weft", default="./weft", help="the binary")
    p.add_argument("--prompts", type=int, default=len(PROMPTS), help="how many of them")
    p.add_argument("--steps", type=int, default=64, help="tokens to generate")
    p.add_argument("--f32", help="the model as float32, if it is there already")
    p.add_argument("--only-file", action="store_true", help="do not compare the model as float32")
    p.add_argument("--text", help="also compare perplexity on this")
    p.add_argument("--windows", type=int, default=60)
    args = p.parse_args()
    binary = str(Path(args.weft).resolve())
    prompts, failures = PROMPTS[:args.prompts], []
    with tempfile.TemporaryDirectory() as tmp:
        f32 = args.f32 or f"{tmp}/f32.gguf"
        if not args.f32 and not args.only_file:
            subprocess.run([binary, "convert", args.model, f32, "--type", "f32", "--quiet"], check=True)
        for exact in [False] if args.only_file else [True, False]:
            path = f32 if exact else args.model
            print(f"{Path(args.model).name} {'as float32' if exact else 'as it is'}")
            weft, llama, other = Weft(binary, path, exact), Llama(path, f16=not exact), None if exact else Llama(path)
            if prompts:
                failures += check(weft, llama, other, prompts, args.steps)
            if args.text:
                failures += check_perplexity(weft, llama, args.text, args.windows)
            for x in filter(None, (llama, other)):
                x.close()
    print("\n".join(failures) or "all agree", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
