"""Makes quality.json: how far from a tensor ggml's own encoders (what llama-quantize calls) end, as root mean squares.

    python quality.py LIBGGML_BASE > quality.json

The library is libggml-base as llama-cpp-python builds it (made with ggml 0.25.3). The tensor is synthetic: heavy tails,
columns of different size and a few outliers, stored as halves. The error is weighed by the importance where that was
given to the encoder.
"""
import base64
import ctypes
import json
import sys

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

ROWS, COLS = 8, 512
TYPES = "Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS MXFP4".split()

lib = ctypes.CDLL(sys.argv[1])
lib.ggml_quantize_chunk.restype = ctypes.c_size_t
lib.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + [ctypes.c_int64] * 3 + [ctypes.c_void_p]

rng = np.random.default_rng(5)
x = rng.standard_t(6, size=(ROWS, COLS)) * 0.03 * np.exp(rng.normal(size=COLS) * 0.2)
x[rng.integers(ROWS, size=6), rng.integers(COLS, size=6)] *= 12
x = x.astype(np.float16)
importance = np.exp(rng.normal(size=COLS) * 1.5).astype(np.float16)


def rms(t, w):
    block, size = GGML_QUANT_SIZES[T[t]]
    src, dst = x.astype(np.float32), np.zeros(x.size // block * size, dtype=np.uint8)
    weights = importance.astype(np.float32)
    lib.ggml_quantize_chunk(T[t].value, src.ctypes.data, dst.ctypes.data, 0, ROWS, COLS, weights.ctypes.data if w else None)
    diff = dequantize(dst, T[t]).reshape(x.shape).astype(np.float64) - src
    weights = weights.astype(np.float64) if w else np.ones(COLS)
    return float(np.sqrt((diff**2 * weights).sum() / (weights.sum() * ROWS)))


print(json.dumps({
    "x": base64.b64encode(x.tobytes()).decode(), "importance": base64.b64encode(importance.tobytes()).decode(),
    "rms": {t: [rms(t, False), rms(t, True)] for t in TYPES},
}, indent=1))
