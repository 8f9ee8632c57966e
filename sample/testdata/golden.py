"""Writes golden.json: what Hugging Face transformers' logits processors leave of random logits.

Run with transformers and torch installed: python golden.py > golden.json
The processors run in Weft's order (penalties, top-k, top-p, min-p, temperature), in float64.
"""

import json
import torch
from transformers import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

torch.manual_seed(5)
cases = []
for vocab, spread in [(7, 1.0), (40, 2.5), (120, 4.0)]:
    for setting in [
        dict(temp=1.0),
        dict(temp=0.8, top_p=0.95),
        dict(temp=1.3, top_k=5),
        dict(temp=0.7, min_p=0.05),
        dict(temp=1.0, repeat_penalty=1.3),
        dict(temp=0.8, top_k=40, top_p=0.95, min_p=0.05),
        dict(temp=0.5, top_k=12, top_p=0.6, min_p=0.2, repeat_penalty=1.1),
        dict(temp=1.5, top_p=0.5, repeat_penalty=0.9),
    ]:
        logits = (torch.randn(1, vocab, dtype=torch.float64) * spread).to(torch.float32).to(torch.float64)
        history = torch.randint(0, vocab, (1, 10))
        x = logits.clone()
        if "repeat_penalty" in setting:
            x = RepetitionPenaltyLogitsProcessor(setting["repeat_penalty"])(history, x)
        if "top_k" in setting:
            x = TopKLogitsWarper(min(setting["top_k"], vocab))(history, x)
        if "top_p" in setting:
            x = TopPLogitsWarper(setting["top_p"])(history, x)
        if "min_p" in setting:
            x = MinPLogitsWarper(setting["min_p"])(history, x)
        x = TemperatureLogitsWarper(setting["temp"])(history, x)
        probs = torch.softmax(x, -1)[0]
        kept = {str(i): p for i, p in enumerate(probs.tolist()) if p > 0}
        cases.append(
            dict(options=setting, history=history[0].tolist(), logits=logits[0].tolist(), probs=kept)
        )
print("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]")
