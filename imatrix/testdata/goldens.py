"""Makes small importance matrices in both formats: python goldens.py, beside this file.

small.gguf is written by the gguf package (0.19.0), small.dat by hand after llama.cpp's tools/imatrix.
"""
import pathlib
import struct

import gguf
import numpy as np

here = pathlib.Path(__file__).parent
sums = np.array([2, 4, 8, 0], dtype=np.float32)
experts = np.array([[1, 2], [0, 0], [6, 9]], dtype=np.float32)

w = gguf.GGUFWriter(here / "small.gguf", "imatrix")
w.add_type("imatrix")
w.add_array("imatrix.datasets", ["a.txt", "b.txt"])
w.add_uint32("imatrix.chunk_count", 2)
w.add_uint32("imatrix.chunk_size", 4)
w.add_tensor("blk.0.attn_q.weight.in_sum2", sums.reshape(1, 4))
w.add_tensor("blk.0.attn_q.weight.counts", np.full((1, 1), 8, dtype=np.float32))
w.add_tensor("blk.0.ffn_down_exps.weight.in_sum2", experts)
w.add_tensor("blk.0.ffn_down_exps.weight.counts", np.array([[2], [0], [3]], dtype=np.float32))
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()


def text(s):
    return struct.pack("<i", len(s)) + s.encode()


def entry(name, calls, means):
    return text(name) + struct.pack("<ii", calls, len(means)) + (np.array(means, dtype="<f4") * calls).tobytes()


(here / "small.dat").write_bytes(
    struct.pack("<i", 2) + entry("blk.0.attn_q.weight", 2, [0.25, 0.5, 1, 0])
    + entry("blk.0.ffn_down_exps.weight", 1, [0.5, 1, 1, 1, 2, 3]) + struct.pack("<i", 2) + text("b.txt"))
