"""Makes mixes.json: the types that llama.cpp's quantiser gives the tensors of small random models.

    python mixes.py LIBLLAMA > mixes.json

The library is libllama as llama-cpp-python builds it (made with 0.5.0, ggml 0.25.3). For each model and mix there is, by
kind of tensor, the type in each layer, as TYPE*COUNT in the order of layers.
"""
import ctypes
import itertools
import json
import pathlib
import re
import sys
import tempfile

import gguf
import numpy as np

MIXES = {"f16": 1, "q4_0": 2, "q4_1": 3, "q8_0": 7, "q5_0": 8, "q5_1": 9, "q2_k": 10, "q3_k_s": 11, "q3_k_m": 12,
         "q3_k_l": 13, "q4_k_s": 14, "q4_k_m": 15, "q5_k_s": 16, "q5_k_m": 17, "q6_k": 18, "q2_k_s": 21, "iq4_nl": 25,
         "iq4_xs": 30, "bf16": 32, "mxfp4_moe": 38}
MODELS = [
    dict(name="llama 2", arch="llama", layers=2, dim=256, ff=512, heads=4, kv=4),
    dict(name="llama 8, grouped", arch="llama", layers=8, dim=256, ff=256, heads=8, kv=2),
    dict(name="llama 8, grouped, importance", arch="llama", layers=8, dim=256, ff=256, heads=8, kv=2, imatrix=True),
    dict(name="llama 32, small rows", arch="llama", layers=32, dim=64, ff=96, heads=2, kv=2),
    dict(name="llama 32, importance", arch="llama", layers=32, dim=64, ff=96, heads=4, kv=1, imatrix=True),
    dict(name="llama 80, grouped", arch="llama", layers=80, dim=64, ff=64, heads=8, kv=1),
    dict(name="llama 80", arch="llama", layers=80, dim=64, ff=64, heads=2, kv=2),
    dict(name="llama 3, odd rows", arch="llama", layers=3, dim=40, ff=48, heads=2, kv=2),
    dict(name="qwen2 24, tied", arch="qwen2", layers=24, dim=64, ff=64, heads=4, kv=2, tied=True),
    dict(name="gpt2 12", arch="gpt2", layers=12, dim=64, ff=64, heads=2, kv=2, tied=True),
    dict(name="experts 8", arch="llama", layers=8, dim=256, ff=256, heads=4, kv=2, experts=8),
    dict(name="falcon 32", arch="falcon", layers=32, dim=64, ff=64, heads=4, kv=1),
    dict(name="deepseek 10", arch="deepseek2", layers=10, dim=64, ff=64, heads=2, kv=2, experts=4, dense=1),
    dict(name="experts 4", arch="llama", layers=9, dim=64, ff=64, heads=4, kv=1, experts=4),
]


class Imatrix(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("data", ctypes.POINTER(ctypes.c_float)), ("size", ctypes.c_size_t)]


class Params(ctypes.Structure):
    _fields_ = [("nthread", ctypes.c_int32), ("ftype", ctypes.c_int), ("output", ctypes.c_int), ("embedding", ctypes.c_int)] + [
        (n, ctypes.c_bool) for n in ("requantize", "quantize_output", "only_copy", "pure", "keep_split", "dry_run")] + [
        (n, ctypes.c_void_p) for n in ("imatrix", "kv_overrides", "tt_overrides", "prune")] + [("max_buf", ctypes.c_size_t)]


def tensors(m):
    d, ff, kv = m["dim"], m["ff"], m["dim"] // m["heads"] * m["kv"]
    yield "token_embd.weight", (32, d)
    yield "output_norm.weight", (d,)
    if not m.get("tied"):
        yield "output.weight", (32, d)
    if m["arch"] == "gpt2":
        yield "position_embd.weight", (64, d)
    for i in range(m["layers"]):
        b, e = f"blk.{i}.", m.get("experts")
        yield b + "attn_norm.weight", (d,)
        if m["arch"] in ("gpt2", "falcon"):
            yield b + "attn_qkv.weight", (d + 2 * kv, d)
        elif m["arch"] == "deepseek2":
            yield from ((b + "attn_q.weight", (d, d)), (b + "attn_kv_a_mqa.weight", (48, d)), (b + "attn_kv_b.weight", (2 * d, 32)))
        else:
            yield from ((b + "attn_q.weight", (d, d)), (b + "attn_k.weight", (kv, d)), (b + "attn_v.weight", (kv, d)))
        yield b + "attn_output.weight", (d, d)
        if e and i >= m.get("dense", 0):
            yield from ((b + "ffn_gate_inp.weight", (e, d)), (b + "ffn_gate_exps.weight", (e, ff, d)))
            yield from ((b + "ffn_up_exps.weight", (e, ff, d)), (b + "ffn_down_exps.weight", (e, d, ff)))
            continue
        if m["arch"] not in ("gpt2", "falcon"):
            yield b + "ffn_gate.weight", (ff, d)
        yield from ((b + "ffn_up.weight", (ff, d)), (b + "ffn_down.weight", (d, ff)))


def write(m, path):
    w = gguf.GGUFWriter(path, m["arch"])
    w.add_block_count(m["layers"])
    w.add_context_length(64)
    w.add_embedding_length(m["dim"])
    w.add_feed_forward_length(m["ff"])
    w.add_head_count(m["heads"])
    w.add_head_count_kv(m["kv"])
    w.add_layer_norm_rms_eps(1e-5)
    w.add_layer_norm_eps(1e-5)
    w.add_vocab_size(32)
    w.add_rope_dimension_count(m["dim"] // m["heads"])
    if m.get("experts"):
        w.add_expert_count(m["experts"])
        w.add_expert_used_count(2)
    if m["arch"] == "deepseek2":
        w.add_leading_dense_block_count(m["dense"])
        w.add_q_lora_rank(16)
        w.add_kv_lora_rank(32)
        w.add_expert_feed_forward_length(m["ff"])
        w.add_expert_shared_count(1)
        w.add_expert_weights_scale(1.0)
    w.add_tokenizer_model("no_vocab")
    rng = np.random.default_rng(1)
    for name, shape in tensors(m):
        w.add_tensor(name, rng.normal(size=shape).astype(np.float32) / 50)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def quantise(m, src, dst, ftype):
    p = lib.llama_model_quantize_default_params()
    p.ftype, p.nthread = ftype, 2
    if m.get("imatrix"):
        ones = [(n.encode(), np.ones(s[-1] * (s[0] if len(s) == 3 else 1), dtype=np.float32)) for n, s in tensors(m) if len(s) > 1]
        array = (Imatrix * (len(ones) + 1))()
        for i, (n, x) in enumerate(ones):
            array[i] = Imatrix(n, x.ctypes.data_as(ctypes.POINTER(ctypes.c_float)), x.size)
        p.imatrix = ctypes.cast(array, ctypes.c_void_p)
    if lib.llama_model_quantize(str(src).encode(), str(dst).encode(), ctypes.byref(p)):
        raise RuntimeError(f"{m['name']} as {ftype}")
    r = gguf.GGUFReader(dst)
    kinds = {}
    for t in sorted(r.tensors, key=lambda t: int((re.findall(r"blk\.(\d+)\.", t.name) or [0])[0])):
        kinds.setdefault(re.sub(r"blk\.\d+\.", "", t.name), []).append(t.tensor_type.name)
    return {k: " ".join(f"{t}*{len(list(g))}" for t, g in itertools.groupby(v)) for k, v in kinds.items() if not k.endswith("norm.weight")}


if __name__ == "__main__":
    ctypes.CDLL(str(pathlib.Path(sys.argv[1]).parent / "libggml-base.so"), mode=ctypes.RTLD_GLOBAL)
    lib = ctypes.CDLL(sys.argv[1])
    lib.llama_model_quantize_default_params.restype = Params
    quiet = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(
        lambda level, text, _: level >= 4 and print(text.decode(), end="", file=sys.stderr))
    lib.llama_log_set(quiet, None)
    out = []
    with tempfile.TemporaryDirectory() as tmp:
        src, dst = pathlib.Path(tmp) / "src.gguf", pathlib.Path(tmp) / "dst.gguf"
        for m in MODELS:
            write(m, src)
            shapes = {re.sub(r"blk\.\d+\.", "", n): s for n, s in tensors(m)}
            mixes = {}
            for mix, ftype in MIXES.items():
                if mix == "q2_k_s" and not m.get("imatrix"):
                    continue  # which refuses to be made without
                mixes[mix] = quantise(m, src, dst, ftype)
            out.append({**m, "shapes": shapes, "mixes": mixes})
    print("[\n" + ",\n".join(json.dumps(m) for m in out) + "\n]")
