"""A GGUF model in llama.cpp, for the scripts that compare Weft with it. Needs numpy and llama-cpp-python.

Keys, values and their products are float32 unless f16 asks for llama.cpp's
default, there is no flash attention, and two threads: what is left of a
difference is llama.cpp's arithmetic.
"""

import ctypes

import llama_cpp as L
import numpy as np

_quiet = L.llama_log_callback(lambda level, text, data: None)
L.llama_log_set(_quiet, ctypes.c_void_p(0))
L.llama_backend_init()


class Llama:
    def __init__(self, path, ctx=512, f16=False):
        params = L.llama_model_default_params()
        params.n_gpu_layers = 0
        params.use_extra_bufts = False  # no repacked weights: one product per type
        self.model = L.llama_model_load_from_file(str(path).encode(), params)
        if not self.model:
            raise RuntimeError(f"llama.cpp cannot load {path}")
        c = L.llama_context_default_params()
        c.n_ctx = c.n_batch = c.n_ubatch = ctx
        c.n_seq_max = 1
        c.n_threads = c.n_threads_batch = 2
        c.type_k = c.type_v = int(f16)  # GGML_TYPE_F32 or GGML_TYPE_F16
        c.flash_attn_type = L.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.ctx, self.size = L.llama_init_from_model(self.model, c), ctx
        if not self.ctx:
            raise RuntimeError(f"llama.cpp cannot run {path}")
        self.vocab = L.llama_model_get_vocab(self.model)
        self.n_vocab = L.llama_vocab_n_tokens(self.vocab)
        self.batch = L.llama_batch_init(ctx, 0, 1)
        bos = L.llama_vocab_bos(self.vocab)
        self.bos = bos if L.llama_vocab_get_add_bos(self.vocab) else None

    def close(self):
        L.llama_batch_free(self.batch)
        L.llama_free(self.ctx)
        L.llama_model_free(self.model)

    def ends(self, token):
        return L.llama_vocab_is_eog(self.vocab, token)

    def tokenize(self, text, special=True):
        """Token IDs; special puts the model's own tokens around. Text never spells a special token."""
        raw = text.encode()
        out = (L.llama_token * (len(raw) + 16))()
        n = L.llama_tokenize(self.vocab, raw, len(raw), out, len(out), special, False)
        if n < 0:
            raise RuntimeError(f"llama.cpp needs room for {-n} tokens")
        return list(out[:n])

    def logits(self, ids, first=0):
        """Logits of the positions from first on, float32 [len(ids)-first, vocabulary], valid until the next call."""
        if len(ids) > self.size:
            raise ValueError(f"{len(ids)} tokens, room for {self.size}")
        L.llama_memory_clear(L.llama_get_memory(self.ctx), True)
        b = self.batch
        b.n_tokens = len(ids)
        for i, token in enumerate(ids):
            b.token[i], b.pos[i], b.n_seq_id[i], b.seq_id[i][0], b.logits[i] = token, i, 1, 0, i >= first
        if code := L.llama_decode(self.ctx, b):
            raise RuntimeError(f"llama_decode: {code}")
        return np.ctypeslib.as_array(L.llama_get_logits(self.ctx), (len(ids) - first, self.n_vocab))


def perplexity(llama, tokens, windows):
    """(mean NLL, scored) of the first windows of 512 tokens, the second half of each scored, as llama-perplexity does it."""
    n, half, total, scored = 512, 256, 0.0, 0
    for w in range(min(windows, len(tokens) // n)):
        text = tokens[w * n:(w + 1) * n]
        x = llama.logits([llama.bos if llama.bos is not None else text[0]] + text[1:], half)[:-1]
        top = x.max(1, keepdims=True)
        norm = top[:, 0].astype(np.float64) + np.log(np.exp(x - top).sum(1, dtype=np.float64))
        total += float((norm - x[np.arange(n - half - 1), text[half + 1:]]).sum())
        scored += n - half - 1
    return total / scored, scored
