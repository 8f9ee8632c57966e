#!/usr/bin/env python3
"""Compares transformers with the goldens, on folders of the same tiny models that Weft wrote.

    python check_folder.py DIR [NAME ...]

DIR holds NAME/config.json and NAME/model.safetensors for some or all NAME.json
beside this script (go test ./modelfile -run Folder -write-folders DIR).
transformers loads each in float32, with no tensor missing or left over, and must
give the logits of the JSON to 1e-4, as golden.py made it give them to the folder
that it wrote itself.

Needs torch and transformers. The exit status is 1 if a folder differs.
"""

import json
import logging
import os
import sys
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import numpy as np
import torch
import transformers

HERE = Path(__file__).parent
TOLERANCE = 1e-4


def check(folder):
    case = json.loads((HERE / f"{folder.name}.json").read_text())
    try:
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True, attn_implementation="eager", experts_implementation="eager")
    except Exception as e:
        print(f"FAIL {folder.name}: {type(e).__name__}: {e!r:.300}")
        return False
    if any(info.values()):
        print(f"FAIL {folder.name}: {info}")
        return False
    worst = 0.0
    with torch.no_grad():
        for tokens, rows, want in zip(case["prompts"], case["rows"], case["logits"], strict=True):
            if len(tokens) > model.config.max_position_embeddings:
                continue  # a dynamic rotation changes there, which Weft does not do
            got = model.eval()(torch.tensor([tokens]), use_cache=False).logits[0].numpy()[rows]
            difference = np.abs(got - np.array(want)).max()
            worst = max(worst, difference if difference == difference else np.inf)
    good = worst < TOLERANCE
    print(f"{'ok  ' if good else 'FAIL'} {folder.name}: differs by {worst:.1e}")
    return good


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    root, names = Path(sys.argv[1]), sys.argv[2:]
    folders = [root / n for n in names] or sorted(p for p in root.iterdir() if p.is_dir())
    bad = sum(not check(f) for f in folders)
    print(f"{len(folders)} folders, {bad} differ")
    sys.exit(bad > 0 or not folders)


if __name__ == "__main__":
    main()
