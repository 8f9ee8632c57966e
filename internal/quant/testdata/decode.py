"""Makes decode.json, with the gguf package as the reference: python decode.py > decode.json

Blocks of every format: random ones, all-equal and counting bytes, and scales at the extremes of their type (zeros,
subnormals, the largest numbers, infinities, NaN), and for each block a hash of what it decodes to. NaNs are made equal
first, since their bits are the processor's choice. Q8_1 and Q8_K, which the package does not decode, are computed here.
For each codebook there is a hash of all its numbers as bytes.
"""
import base64
import hashlib
import json

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.quants import IQ1_S, IQ2_S, IQ2_XS, IQ2_XXS, IQ3_S, IQ3_XXS, dequantize

rng = np.random.default_rng(3)
HALVES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x3C00, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E01]
# bytes in a block, numbers in it, where its halves are
FORMATS = {
    "Q5_0": (22, 32, [0]), "Q5_1": (24, 32, [0, 2]), "Q8_1": (36, 32, [0, 2]),
    "Q2_K": (84, 256, [80, 82]), "Q3_K": (110, 256, [108]), "Q4_K": (144, 256, [0, 2]), "Q5_K": (176, 256, [0, 2]),
    "Q6_K": (210, 256, [208]), "Q8_K": (292, 256, []), "IQ1_S": (50, 256, [0]), "IQ1_M": (56, 256, []),
    "IQ2_XXS": (66, 256, [0]), "IQ2_XS": (74, 256, [0]), "IQ2_S": (82, 256, [0]), "IQ3_XXS": (98, 256, [0]),
    "IQ3_S": (110, 256, [0]), "IQ4_NL": (18, 32, [0]), "IQ4_XS": (136, 256, [0]), "TQ1_0": (54, 256, [52]),
    "TQ2_0": (66, 256, [64]), "MXFP4": (17, 32, []),
}


def blocks(size, halves, random=6):
    b = rng.integers(0, 256, size=(random + 4 + len(HALVES), size), dtype=np.uint8)
    b[random], b[random + 1], b[random + 2] = 0, 255, np.arange(size)
    for i, h in enumerate(HALVES):
        for k, at in enumerate(halves):
            b[random + 4 + i, at:at + 2] = np.array([np.roll(HALVES, -k)[i]], dtype="<u2").view(np.uint8)
    for row in b[:random]:  # sane scales, so that the order of operations shows
        for at in halves:
            row[at:at + 2] = np.array([rng.normal() / 50], dtype="<f2").view(np.uint8)
    return b


def decode(name, b):
    n = len(b)
    if name == "Q8_1":
        return b[:, :2].copy().view(np.float16).astype(np.float32) * b[:, 4:].view(np.int8).astype(np.float32)
    if name == "Q8_K":
        return b[:, :4].copy().view(np.float32) * b[:, 4:260].view(np.int8).astype(np.float32)
    return dequantize(b.reshape(-1), T[name]).astype(np.float32).reshape(n, -1)


if __name__ == "__main__":
    out = {}
    for name, (size, numbers, halves) in FORMATS.items():
        b = blocks(size, halves)
        with np.errstate(all="ignore"):
            y = decode(name, b).copy()
        assert y.shape == (len(b), numbers), name
        y.view(np.uint32)[np.isnan(y)] = 0x7FC00000
        hashes = [hashlib.sha256(row.tobytes()).hexdigest()[:16] for row in y]
        out[name] = {"blocks": base64.b64encode(b.tobytes()).decode(), "decoded": hashes}
    grids = {}
    for q in (IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, IQ1_S):
        q.init_grid()
        grids[q.qtype.name] = hashlib.sha256(q.grid.astype(np.int8).tobytes()).hexdigest()[:16]
    print(json.dumps({"formats": out, "grids": grids}, indent=1))
