#!/usr/bin/env python3
"""Compares llama.cpp with the goldens, on GGUF files of the same tiny models.

    python check_gguf.py DIR [NAME ...]

DIR holds NAME.gguf for some or all NAME.json beside this script. llama.cpp reads
each and must give the logits of the JSON to 1e-2, in float32 and without flash
attention. So what wrote the files and what llama.cpp understands by them agree,
and both agree with transformers.

Where llama.cpp computes something else than transformers, a file cannot pass;
DIFFERS says why, and such a file must indeed fail or be refused: should a newer
llama.cpp pass it, that is reported too.

Needs llama-cpp-python and numpy. The exit status is 1 if anything was unexpected.
"""

import ctypes
import json
import subprocess
import sys
from pathlib import Path

import llama_cpp
import numpy as np

HERE = Path(__file__).parent
TOLERANCE = 1e-2

WINDOW = "no sliding window"
DIFFERS = {
    "gpt2-scaled": "no exact GELU, no scaling by layer",
    "llama-dynamic": "dynamic RoPE scaling is not in GGUF",
    "mistral-window": WINDOW,
    "qwen2-window": WINDOW,
    "qwen2-yarn": "beta_fast and beta_slow are not read",
    "qwen2_moe-sparse": "all layers have experts, weights are not normalised",
    "qwen3-bias": "no bias of the attention output",
    "qwen3_moe-sparse": "all layers have experts, weights are normalised",
    "gemma2-scalar": "no query_pre_attn_scalar",
    "gemma3_text-scalar": "no query_pre_attn_scalar",
    "phi-qknorm": "no norm of queries and keys",
    "phi3-window": WINDOW,
    "smollm3-layers": "every fourth layer has no RoPE",
    "olmo-clip": "no bias of the attention output",
    "olmoe-topk": "weights are not normalised, as many key as query heads",
    "gpt_neox-serial": "biases everywhere",
    "falcon-serial": "no biases, only parallel",
    "starcoder2-window": WINDOW,
    "starcoder2-nobias": "biases everywhere",
    "deepseek_v2": "groups are chosen as in DeepSeek-V3",
    "deepseek_v3-half": "no biases",
    "gpt_oss": "limit of SwiGLU is 7, YaRN's bounds are rounded",
}


class Refused(Exception):
    pass


class Model:
    def __init__(self, path):
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
        if not self.model:
            raise Refused("it does not load the file")
        self.vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))

    def logits(self, tokens):
        """[len(tokens), vocab], from a fresh context just long enough: LongRoPE goes by its length."""
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = max(len(tokens), 32)
        params.n_threads = params.n_threads_batch = 1
        params.type_k = params.type_v = llama_cpp.GGML_TYPE_F32
        params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        context = llama_cpp.llama_init_from_model(self.model, params)
        if not context:
            raise Refused("it makes no context")
        batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
        try:
            for i, token in enumerate(tokens):
                batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, i, 1, 1
                batch.seq_id[i][0] = 0
            batch.n_tokens = len(tokens)
            if llama_cpp.llama_decode(context, batch):
                raise Refused("it does not decode")
            rows = [llama_cpp.llama_get_logits_ith(context, i)[: self.vocab] for i in range(len(tokens))]
            return np.array(rows)
        finally:
            llama_cpp.llama_batch_free(batch)
            llama_cpp.llama_free(context)

    def close(self):
        llama_cpp.llama_model_free(self.model)


def worst_difference(path, case):
    model = Model(path)
    try:
        vocab = len(case["logits"][0][0])
        if model.vocab != vocab:
            raise Refused(f"it finds {model.vocab} tokens, not {vocab}")
        worst = 0.0
        for tokens, rows, want in zip(case["prompts"], case["rows"], case["logits"], strict=True):
            difference = np.abs(model.logits(tokens)[rows] - np.array(want)).max()
            worst = max(worst, difference if difference == difference else np.inf)  # NaN is no agreement
        return worst
    finally:
        model.close()


def judge(name, path):
    """What to print about a file, and whether it is as expected."""
    case = json.loads((HERE / f"{name}.json").read_text())
    reason = DIFFERS.get(name)
    try:
        worst = worst_difference(path, case)
    except Refused as e:
        return f"refused: {e}" + (f" ({reason})" if reason else ""), reason is not None
    if reason is None:
        return f"differs by {worst:.1e}", worst < TOLERANCE
    if worst < TOLERANCE:
        return f"differs by {worst:.1e}: agrees, though expected: {reason}", False
    return f"differs by {worst:.1e}, as expected: {reason}", True


@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
def collect(level, text, _):
    LOG.append(text.decode(errors="replace"))


LOG = []


def check(path):
    llama_cpp.llama_log_set(collect, ctypes.c_void_p())
    llama_cpp.llama_backend_init()
    said, good = judge(path.stem, path)
    print(f"{'ok  ' if good else 'FAIL'} {path.stem}: {said}")
    if not good:
        sys.stdout.writelines("     | " + line for line in LOG if "error" in line)
    return good


def check_apart(path):
    """In a process of its own, because llama.cpp aborts on some files."""
    status = subprocess.run([sys.executable, __file__, path.parent, path.stem]).returncode
    if status < 0:
        print(f"FAIL {path.stem}: llama.cpp died of signal {-status}")
    return status == 0


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    files = [folder / f"{n}.gguf" for n in names] or sorted(folder.glob("*.gguf"))
    if len(files) == 1:
        sys.exit(not check(files[0]))
    bad = sum(not check_apart(path) for path in files)
    print(f"{len(files)} files, {bad} not as expected")
    sys.exit(bad > 0 or not files)


if __name__ == "__main__":
    main()
