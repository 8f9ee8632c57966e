#!/usr/bin/env python3
"""Makes the models that bench_peers.py measures. Needs numpy and gguf (gguf-py), and a built weft.

    python scripts/bench_models.py DIR --smollm2 smollm2.gguf --weft weft [--only NAME ...]

From SmolLM2-135M (any GGUF of it): itself in Q8_0 and Q4_K_M, decoded and
quantised again, which costs quality and no speed. And models with random
weights (normal, standard deviation 0.02, from a fixed seed) in the shape of
Llama 3.2 1B and Llama 3 8B, with SmolLM2's tokenizer filled up to their
vocabulary. What exists already stays. The 8B shape needs 16 GB more for a while.
"""

import argparse
import subprocess
from pathlib import Path

import gguf
import numpy as np

SHAPES = {
    "llama-1.2b": dict(dim=2048, layers=16, heads=32, kv_heads=8, head=64, hidden=8192, vocab=128256, tied=True),
    "llama-8b": dict(dim=4096, layers=32, heads=32, kv_heads=8, head=128, hidden=14336, vocab=128256, tied=False),
}
TYPES = {
    "llama-1.2b": ["f16", "bf16", "q4_0", "q4_k_m", "q8_0", "q6_k"],
    "llama-8b": ["q4_k_m"],
}
CONTEXT = 32768


def tensors(s):
    """Names and shapes (rows, columns) of a Llama's parameters, in a file's order."""
    q, kv = s["heads"] * s["head"], s["kv_heads"] * s["head"]
    yield "token_embd.weight", (s["vocab"], s["dim"])
    for i in range(s["layers"]):
        for name, shape in {
            "attn_norm": (s["dim"],),
            "attn_q": (q, s["dim"]),
            "attn_k": (kv, s["dim"]),
            "attn_v": (kv, s["dim"]),
            "attn_output": (s["dim"], q),
            "ffn_norm": (s["dim"],),
            "ffn_gate": (s["hidden"], s["dim"]),
            "ffn_up": (s["hidden"], s["dim"]),
            "ffn_down": (s["dim"], s["hidden"]),
        }.items():
            yield f"blk.{i}.{name}.weight", shape
    yield "output_norm.weight", (s["dim"],)
    if not s["tied"]:
        yield "output.weight", (s["vocab"], s["dim"])


def numbers(shape, rng, kind):
    """A tensor as it is stored. Norms are ones in float32."""
    if len(shape) == 1:
        return np.ones(shape, np.float32)
    x = rng.standard_normal(shape, dtype=np.float32)
    x *= np.float32(0.02)
    if kind == "f16":
        return x.astype(np.float16)
    bits = x.view(np.uint32)  # to the nearest, ties to even; there is no NaN
    bits += 0x7FFF + ((bits >> 16) & 1)
    return (bits >> 16).astype(np.uint16)


def metadata(w, s, source):
    w.add_context_length(CONTEXT)
    w.add_embedding_length(s["dim"])
    w.add_block_count(s["layers"])
    w.add_feed_forward_length(s["hidden"])
    w.add_head_count(s["heads"])
    w.add_head_count_kv(s["kv_heads"])
    w.add_rope_dimension_count(s["head"])
    w.add_rope_freq_base(500000.0)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_vocab_size(s["vocab"])
    get = lambda key: source.fields[key].contents()
    tokens, kinds = get("tokenizer.ggml.tokens"), get("tokenizer.ggml.token_type")
    for i in range(len(tokens), s["vocab"]):
        tokens.append(f"<|filler_{i}|>")
        kinds.append(gguf.TokenType.UNUSED)
    w.add_tokenizer_model(get("tokenizer.ggml.model"))
    w.add_tokenizer_pre(get("tokenizer.ggml.pre"))
    w.add_token_list(tokens)
    w.add_token_types(kinds)
    w.add_token_merges(get("tokenizer.ggml.merges"))
    w.add_bos_token_id(get("tokenizer.ggml.bos_token_id"))
    w.add_eos_token_id(get("tokenizer.ggml.eos_token_id"))


def write(path, name, kind, source):
    """Writes a model, one tensor in memory at a time."""
    s, rng = SHAPES[name], np.random.Generator(np.random.SFC64(1))
    part = path.with_suffix(".part")
    w = gguf.GGUFWriter(part, "llama")
    w.add_name(f"{name}, random")
    metadata(w, s, source)
    stored = {"f16": gguf.GGMLQuantizationType.F16, "bf16": gguf.GGMLQuantizationType.BF16}[kind]
    for tensor, shape in tensors(s):
        t, width = (gguf.GGMLQuantizationType.F32, 4) if len(shape) == 1 else (stored, 2)
        w.add_tensor_info(tensor, shape, np.dtype(np.float16), width * int(np.prod(shape)), raw_dtype=t)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_ti_data_to_file()
    for _, shape in tensors(s):
        w.write_tensor_data(numbers(shape, rng, kind))
    w.close()
    part.rename(path)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("dir", type=Path)
    p.add_argument("--smollm2", type=Path, required=True, help="a GGUF file of SmolLM2-135M")
    p.add_argument("--weft", default="weft")
    p.add_argument("--only", nargs="*", metavar="NAME", help="these files: llama-1.2b-q4_0, smollm2-q8_0 ...")
    args = p.parse_args()

    def wanted(stem):
        return (not args.only or stem in args.only) and not (args.dir / f"{stem}.gguf").exists()

    def convert(source, stem):
        out = args.dir / f"{stem}.gguf"
        print(out, flush=True)
        subprocess.run([args.weft, "convert", source, out, "--type", stem.rsplit("-", 1)[1], "-q"], check=True)

    for stem in ["smollm2-q8_0", "smollm2-q4_k_m"]:
        if wanted(stem):
            convert(args.smollm2, stem)
    source = gguf.GGUFReader(args.smollm2)
    for name, types in TYPES.items():
        todo = [t for t in types if wanted(f"{name}-{t}")]
        for kind in ["f16", "bf16"]:
            if kind in todo:
                write(args.dir / f"{name}-{kind}.gguf", name, kind, source)
        todo = [t for t in todo if t not in ("f16", "bf16")]
        if not todo:
            continue
        base = args.dir / f"{name}-f16.gguf"
        kept = base.exists()
        if not kept:
            write(base, name, "f16", source)
        for t in todo:
            convert(base, f"{name}-{t}")
        if not kept:
            base.unlink()


if __name__ == "__main__":
    main()
