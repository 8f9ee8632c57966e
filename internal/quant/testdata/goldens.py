"""Writes goldens.json: what the gguf and numpy packages make of random and extreme blocks, and digests of sweeps over
all halves and a million floats. Run with gguf 0.19.0 and numpy: python goldens.py > goldens.json
"""

import base64
import hashlib
import json

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.quants import dequantize, quantize

rng = np.random.default_rng(1)
F16_MAX = 65504.0


def inputs():
    """Blocks of 32 floats: ordinary, tiny, huge, constant, one-sided, with ties and with signed zeros."""
    rows = [rng.normal(size=32) * s for s in (1, 1, 1, 1, 0.02, 0.02, 1e-3, 1e-5, 1e-7, 1e-10, 1e-30, 1e3, 1e4)]
    rows += [np.zeros(32), -np.zeros(32), np.full(32, 0.75), np.full(32, -3.0), np.arange(32), -np.arange(32)]
    rows += [np.arange(32) - 15.5, np.arange(32) / 2 - 8, (np.arange(32) % 2) * 2 - 1.0, np.eye(32)[5], -np.eye(32)[31]]
    rows += [np.abs(rng.normal(size=32)), -np.abs(rng.normal(size=32)), np.full(32, F16_MAX), rng.normal(size=32) ** 9]
    rows += [np.round(rng.normal(size=32) * 4) / 2 for _ in range(4)]  # many exact halves
    x = np.zeros(32); x[3], x[9] = 1.5, -1.5; rows.append(x)  # equal magnitudes: the first decides the sign of d
    x = np.zeros(32); x[3], x[9] = -1.5, 1.5; rows.append(x)
    return np.array(rows, dtype=np.float32)


def blocks(block_bytes, halves):
    """Random bytes as stored blocks; scales also at the extremes. NaN scales are left to the sweep over halves."""
    b = rng.integers(0, 256, size=(24, block_bytes), dtype=np.uint8)
    scales = [0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x3C00, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00]
    for i, s in enumerate(scales):
        b[i, 0:2] = np.array([s], dtype="<u2").view(np.uint8)
    for i in range(len(b)):
        for h in range(halves):
            if b[i, 2 * h + 1] & 0x7C == 0x7C and (i >= len(scales) or h > 0):
                b[i, 2 * h + 1] ^= 0x40
    return b


def b64(a):
    return base64.b64encode(np.ascontiguousarray(a).tobytes()).decode()


out = {"x": b64(inputs()), "formats": {}}
x = inputs = np.frombuffer(base64.b64decode(out["x"]), dtype=np.float32).reshape(-1, 32)
for t, size, halves in ((T.Q8_0, 34, 1), (T.Q4_0, 18, 1), (T.Q4_1, 20, 2), (T.Q5_0, 22, 1), (T.Q5_1, 24, 2)):
    raw = blocks(size, halves)
    with np.errstate(all="ignore"):
        out["formats"][t.name] = {
            "encoded": b64(quantize(x, t)),
            "blocks": b64(raw),
            "decoded": b64(dequantize(raw, t).astype(np.float32)),
        }

halves = np.arange(65536, dtype=np.uint32).astype(np.uint16)
floats = np.arange(0, 1 << 32, 4099, dtype=np.uint64).astype(np.uint32).view(np.float32)
with np.errstate(all="ignore"):
    sweeps = {
        "F16_decode": halves.view(np.float16).astype(np.float32),
        "F16_encode": floats.astype(np.float16),
        "BF16_decode": dequantize(halves.view(np.uint8), T.BF16),
        "BF16_encode": quantize(floats, T.BF16),
    }
sweeps["F16_decode"][np.isnan(sweeps["F16_decode"])] = 0  # numpy keeps NaNs signalling, hardware and we make them quiet
sweeps["F16_encode"][np.isnan(sweeps["F16_encode"])] = 0
out["sweeps"] = {k: hashlib.sha256(v.tobytes()).hexdigest() for k, v in sweeps.items()}
print(json.dumps(out, indent=1))
