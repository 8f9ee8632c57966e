#!/usr/bin/env python3
"""Makes llama.json and llama_quantised.json: what llama.cpp computes with SmolLM2-135M-Instruct.

    weft convert SmolLM2-135M-Instruct.Q4_1.gguf f32.gguf --type f32
    python testdata/llama.py f32.gguf SmolLM2-135M-Instruct.Q4_1.gguf

The first is of the model as float32, on which two programs agree to the last
digits. The second is of the file itself. There llama.cpp multiplies weights
with activations that it rounds to 8 bits and keeps keys and values in half
precision; it agrees only roughly, even with itself. How far its logits are here
from those that it computes with keys and values in float32 is printed, and is
what weft_real_test.go allows. Needs scripts/llama_cpp_model.py's needs.
"""

import json
import sys
from pathlib import Path

import numpy as np

here = Path(__file__).parent
sys.path.insert(0, str(here.parent / "scripts"))

from llama_cpp_model import Llama

PROMPTS = [
    "Once upon a time, in a village by the sea,",
    "def fibonacci(n):\n    ",
    "Il était une fois une princesse qui",
    "北京是中国的首都，",
]
STEPS = 32
CLOSE = 1e-2  # a step whose two best are closer than that may go either way


def cases(llama, close, other=None):
    """What llama says, and by how much other's logits differ."""
    made, off = [], []
    for text in PROMPTS:
        prompt = ids = llama.tokenize(text)
        rng, steps, gaps = np.random.default_rng(len(text)), [], []
        for n in range(STEPS):
            logits = llama.logits(ids, len(ids) - 1)[0]
            best = np.argsort(-logits, kind="stable")
            gaps.append(round(float(logits[best[0]] - logits[best[1]]), 2))
            if gaps[-1] < close:
                raise SystemExit(f"{text!r}: the two best at step {n} are too close, take another prompt")
            if n % 8 == 0:
                some = [int(i) for i in [*best[:4], *rng.choice(llama.n_vocab, 12, replace=False)]]
                steps.append({"after": n, "ids": some, "logits": [round(float(logits[i]), 5) for i in some]})
                if other:
                    off += [logits[i] - x for i, x in zip(some, other.logits(ids, len(ids) - 1)[0][some])]
            ids = ids + [int(best[0])]
        made.append({"text": text, "prompt": prompt, "greedy": ids[len(prompt):], "steps": steps})
        if other:
            made[-1]["gaps"] = gaps
    return made, np.array(off)


def write(name, made):
    lines = ",\n".join(json.dumps(c, ensure_ascii=False) for c in made)
    (here / name).write_text(f"[\n{lines}\n]\n")


write("llama.json", cases(Llama(sys.argv[1]), CLOSE)[0])
made, off = cases(Llama(sys.argv[2], f16=True), 0, Llama(sys.argv[2]))
write("llama_quantised.json", made)
print(f"llama.cpp from itself, of {len(off)} logits: {np.sqrt((off ** 2).mean()):.3f} in the quadratic mean, {np.abs(off).max():.3f} at most")
