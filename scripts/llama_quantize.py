#!/usr/bin/env python3
"""Checks that `weft convert --type q4_k_m` quantises as well as llama.cpp does.

    python scripts/llama_quantize.py MODEL.f16.gguf --weft ./weft --text FILE

Quantises the file with both, compares the types tensor by tensor, loads both
results in llama.cpp and compares their perplexities over --windows of 512
tokens. Exits 1 if a type differs or ours is more than 0.5 % worse.
"""

import argparse
import ctypes
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from gguf import GGUFReader

from llama_cpp_model import L, Llama, perplexity

FILE_TYPES = {"q4_k_m": 15, "q4_k_s": 14, "q5_k_m": 17, "q6_k": 18, "q8_0": 7, "q3_k_m": 12, "q2_k": 10}
OFF = 5e-3


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("--weft", default="./weft")
    p.add_argument("--text", required=True)
    p.add_argument("--type", default="q4_k_m", choices=FILE_TYPES)
    p.add_argument("--windows", type=int, default=40)
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        ours, theirs = f"{tmp}/ours.gguf", f"{tmp}/theirs.gguf"
        subprocess.run([str(Path(args.weft).resolve()), "convert", args.model, ours, "--type", args.type, "--quiet"], check=True)
        q = L.llama_model_quantize_default_params()
        q.ftype, q.nthread = FILE_TYPES[args.type], 2
        if L.llama_model_quantize(args.model.encode(), theirs.encode(), ctypes.byref(q)):
            sys.exit("llama.cpp cannot quantise it")
        types = [{t.name: t.tensor_type.name for t in GGUFReader(f).tensors} for f in (ours, theirs)]
        names = sorted(types[0].keys() | types[1].keys())
        wrong = [f"{n}: {types[0].get(n)}, llama.cpp {types[1].get(n)}" for n in names if types[0].get(n) != types[1].get(n)]
        print(f"{len(names)} tensors, {len(wrong)} of other types; {Path(ours).stat().st_size} and {Path(theirs).stat().st_size} bytes", flush=True)
        text, values = Path(args.text).read_text()[:16 * 512 * args.windows], []
        for f in (ours, theirs):
            llama = Llama(f)
            values.append(float(np.exp(perplexity(llama, llama.tokenize(text), args.windows)[0])))
            llama.close()
    off = values[0] / values[1] - 1
    print(f"perplexity in llama.cpp: Weft's {values[0]:.4f}, its own {values[1]:.4f}, {100 * off:+.3f} %")
    print("\n".join(wrong))
    sys.exit(1 if wrong or off > OFF else 0)


if __name__ == "__main__":
    main()
