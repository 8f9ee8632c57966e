#!/usr/bin/env python3
"""Makes llama.json: what llama.cpp computes with SmolLM2-135M-Instruct.

    weft convert SmolLM2-135M-Instruct.Q4_1.gguf f32.gguf --type f32
    python testdata/llama.py f32.gguf

Of the model as float32, because llama.cpp multiplies quantised weights with
activations that it rounds to 8 bits. Needs scripts/llama_cpp_model.py's needs.
"""

import json
import sys
from pathlib import Path

import numpy as np

here = Path(__file__).parent
sys.path.insert(0, str(here.parent / "scripts"))

from llama_cpp_model import L, Llama

PROMPTS = [
    "Once upon a time, in a village by the sea,",
    "def fibonacci(n):\n    ",
    "Il était une fois une princesse qui",
    "北京是中国的首都，",
]
STEPS, CLOSE = 32, 1e-2  # a step whose two best are closer than that may go either way

llama, cases = Llama(sys.argv[1]), []
for text in PROMPTS:
    prompt = ids = llama.tokenize(text)
    rng, steps = np.random.default_rng(len(text)), []
    for n in range(STEPS):
        logits = llama.logits(ids, len(ids) - 1)[0]
        best = np.argsort(-logits, kind="stable")
        if logits[best[0]] - logits[best[1]] < CLOSE:
            raise SystemExit(f"{text!r}: the two best at step {n} are too close, take another prompt")
        if n % 8 == 0:
            some = [int(i) for i in [*best[:4], *rng.choice(llama.n_vocab, 12, replace=False)]]
            steps.append({"after": n, "ids": some, "logits": [round(float(logits[i]), 5) for i in some]})
        ids = ids + [int(best[0])]
    cases.append({"text": text, "prompt": prompt, "greedy": ids[len(prompt):], "steps": steps})
lines = ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases)
(here / "llama.json").write_text(f"[\n{lines}\n]\n")
