#!/usr/bin/env python3
"""Makes ggml_dot.json: rows of weights of each quantised type, two of activations, and their products as ggml has them.

    python tensor/testdata/ggml_dot.py

The first row of activations has blocks of different size, none of them so large
that it would be an outlier (internal/lanes/rest.go). In the second all
blocks have the same largest number, 127/16, so that it does not matter whether
32 or 256 numbers share a scale, nor in how many bits it is kept.

ggml's own functions round both sides (ggml_quantize_chunk, from_float) and
multiply them (vec_dot). Needs numpy and llama-cpp-python, whose libraries it
calls; made with 0.3.36, ggml 0.25.3.
"""

import base64
import ctypes as c
import json
from pathlib import Path

import llama_cpp
import numpy as np

N, ROWS = 512, 3
TYPES = {"Q8_0": 8, "Q4_0": 2, "Q4_1": 3, "Q5_0": 6, "Q5_1": 7, "IQ4_NL": 20, "MXFP4": 39,
         "Q2_K": 10, "Q3_K": 11, "Q4_K": 12, "Q5_K": 13, "Q6_K": 14, "IQ4_XS": 23}


class Traits(c.Structure):
    _fields_ = [("from_float", c.CFUNCTYPE(None, c.c_void_p, c.c_void_p, c.c_int64)),
                ("vec_dot", c.CFUNCTYPE(None, c.c_int, c.c_void_p, c.c_size_t, c.c_void_p, c.c_size_t, c.c_void_p, c.c_size_t, c.c_int)),
                ("vec_dot_type", c.c_int), ("nrows", c.c_int64)]


libs = Path(llama_cpp.__file__).parent / "lib"
base, cpu = c.CDLL(str(libs / "libggml-base.so")), c.CDLL(str(libs / "libggml-cpu.so"))
base.ggml_row_size.restype, base.ggml_row_size.argtypes = c.c_size_t, [c.c_int, c.c_int64]
base.ggml_quantize_chunk.restype = c.c_size_t
base.ggml_quantize_chunk.argtypes = [c.c_int, c.c_void_p, c.c_void_p, c.c_int64, c.c_int64, c.c_int64, c.c_void_p]
cpu.ggml_get_type_traits_cpu.restype = c.POINTER(Traits)
cpu.ggml_cpu_init()


def address(a):
    return a.ctypes.data_as(c.c_void_p)


rng = np.random.default_rng(1)
x = rng.normal(size=(2, N)).astype(np.float32)
x[0] *= np.repeat(10.0 ** rng.uniform(-0.1, 0.1, N // 32), 32)
largest = np.abs(x[0]).reshape(-1, 32).max(1)
assert (largest ** 2).max() < 3.9 * (largest ** 2).mean()
x[1, ::32] = 127 / 16
w = rng.normal(size=(ROWS, N)).astype(np.float32)
w[2] += 1  # so that minima count
out = {"x": base64.b64encode(x.tobytes()).decode(), "types": {}}
for name, t in TYPES.items():
    size, traits = base.ggml_row_size(t, N), cpu.ggml_get_type_traits_cpu(t).contents
    theirs = cpu.ggml_get_type_traits_cpu(traits.vec_dot_type).contents
    rows = np.zeros((ROWS, size), np.uint8)
    base.ggml_quantize_chunk(t, address(w), address(rows), 0, ROWS, N, None)
    acts = np.zeros(base.ggml_row_size(traits.vec_dot_type, N), np.uint8)
    y = np.zeros((len(x), ROWS), np.float32)
    for i in range(len(x)):
        theirs.from_float(address(x[i]), address(acts), N)
        for r in range(ROWS):
            traits.vec_dot(N, address(y[i, r:]), 0, address(rows[r]), 0, address(acts), 0, 1)
    out["types"][name] = {"w": base64.b64encode(rows.tobytes()).decode(), "y": y.tolist()}
(Path(__file__).parent / "ggml_dot.json").write_text(json.dumps(out, indent=0) + "\n")
