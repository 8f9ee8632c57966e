#!/usr/bin/env python3
"""Makes the golden files of ../golden_test.go: what TransformerLens and PyTorch say, in float64.

    python golden.py                 llama and gpt2, the tiny models of ../../model/testdata
    python golden.py NAME FOLDER     a real model, from a folder as transformers saves it (weft convert NAME.gguf FOLDER)

Needs torch, transformers, transformer_lens 4.3, safetensors, numpy; the Go tests need none of them.

NAME.safetensors (F32, rounded once from float64)
    WEIGHT          tiny models only: under GGUF's names, a row per output
    POINT           activations of TransformerLens of the prompt, without the batch
    lens            [depths, positions, vocab] logits: ln_final and unembed of resid_pre 0 and every resid_post
    neurons         [layers, hidden] logit attributions of pair[0] less pair[1], last position
    jacobian        [layers, dim, dim]
    cka.x, cka.y    [40, 12], [40, 9]
NAME.json
    tokens          the prompt; corrupted: another one
    pair            two tokens
    parts           logit attributions of embedding, [position,] and each layer's attention and MLP, and heads' [layers][heads]
    patch           grids, by site; of a real model patch_some, [layer, position, value] of the stream's, and patch_heads,
                    [layer, head, value] of z
    scores          of heads, on sequences: previous, duplicate, induction, first; copy on copied
    gradient, integrated (in so many steps), baseline_value, value
    cka             [biased, debiased], from the Gram matrices
"""

import json
import math
import os
import sys
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import pandas as pd
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformer_lens import TransformerBridge, patching
from transformer_lens.tools.analysis import jacobian_lens

HERE = Path(__file__).parent
MODELS = HERE / "../../model/testdata"
TOKENIZER = HERE / "../../modelfile/testdata/llama"
STEPS, SKIP = 32, 2


def boot(hf, **process):
    """The bridge, and its tokenizer, which nothing uses."""
    m = TransformerBridge.boot_transformers("model", hf_model=hf, dtype=hf.dtype, device="cpu",
                                            tokenizer=transformers.PreTrainedTokenizerFast.from_pretrained(TOKENIZER))
    if process:
        m.enable_compatibility_mode(**process)
    return m.eval()


def tiny(name):
    meta = json.loads((MODELS / f"{name}.json").read_text())
    kind = {"llama": transformers.LlamaForCausalLM, "gpt2": transformers.GPT2LMHeadModel}[name]
    weights = {k: v for k, v in load_file(MODELS / f"{name}.safetensors").items()
               if not k.startswith(("grad.", "act.", "logits"))}

    def make():
        hf = kind._from_config(kind.config_class(**meta["config"]), attn_implementation="eager")
        hf.load_state_dict(weights, strict=name == "llama")
        hf.tie_weights()
        return hf.double().eval()

    return make, meta["tokens"][0], meta["tokens"][1]


def gguf_names(name, hf):
    """The weights as Weft's model package names them."""
    out, s = {}, hf.state_dict()
    if name == "llama":
        names = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
                 "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
                 "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
        out["token_embd.weight"], out["output_norm.weight"], out["output.weight"] = (
            s["model.embed_tokens.weight"], s["model.norm.weight"], s["lm_head.weight"])
        for i in range(hf.config.num_hidden_layers):
            for theirs, ours in names.items():
                out[f"blk.{i}.{ours}.weight"] = s[f"model.layers.{i}.{theirs}.weight"]
        return out
    out["token_embd.weight"], out["position_embd.weight"] = s["transformer.wte.weight"], s["transformer.wpe.weight"]
    for part in ("weight", "bias"):
        out[f"output_norm.{part}"] = s[f"transformer.ln_f.{part}"]
        for i in range(hf.config.n_layer):
            p, b = f"transformer.h.{i}.", f"blk.{i}."
            turn = (lambda t: t.T) if part == "weight" else (lambda t: t)
            out[f"{b}attn_norm.{part}"], out[f"{b}ffn_norm.{part}"] = s[f"{p}ln_1.{part}"], s[f"{p}ln_2.{part}"]
            for ours, t in zip("qkv", s[f"{p}attn.c_attn.{part}"].chunk(3, -1)):
                out[f"{b}attn_{ours}.{part}"] = turn(t)
            out[f"{b}attn_output.{part}"] = turn(s[f"{p}attn.c_proj.{part}"])
            out[f"{b}ffn_up.{part}"] = turn(s[f"{p}mlp.c_fc.{part}"])
            out[f"{b}ffn_down.{part}"] = turn(s[f"{p}mlp.c_proj.{part}"])
    return out


def attributions(make, tokens, pair):
    """On weights with the norms' gains folded in, as TransformerLens needs for this; value biases stay with the heads."""
    m = boot(make(), fold_value_biases=False)
    _, cache = m.run_with_cache(torch.tensor([tokens]))

    def attrs(stack):
        return cache.logit_attrs(stack, tokens=pair[0], incorrect_tokens=pair[1], pos_slice=-1, has_batch_dim=True)[..., 0].reshape(-1)

    layers, heads = m.cfg.n_layers, m.cfg.n_heads
    parts, labels = cache.decompose_resid(layer=layers, mode="all", return_labels=True, pos_slice=-1)
    by_head = cache.stack_head_results(layer=layers, pos_slice=-1)
    neurons = cache.stack_neuron_results(layer=layers, pos_slice=-1)
    return (dict(zip(labels, attrs(parts).tolist())), attrs(by_head).reshape(layers, heads).tolist(),
            attrs(neurons).reshape(layers, -1))


def scores(m, sequences, length):
    _, cache = m.run_with_cache(torch.tensor(sequences), names_filter=lambda n: n.endswith("hook_pattern"))
    out = {}
    for kind, offset, first in (("previous", -1, 2), ("duplicate", -length, length + 1), ("induction", 1 - length, length + 1)):
        rows = []
        for l in range(m.cfg.n_layers):
            p = cache["pattern", l]
            d = p.diagonal(offset, dim1=-2, dim2=-1)  # entry i is query i - offset
            rows.append(d[..., first + offset:].mean(-1).mean(0).tolist())
        out[kind] = rows
    out["first"] = [cache["pattern", l][:, :, 1:, 0].mean(-1).mean(0).tolist() for l in range(m.cfg.n_layers)]
    return out


def copying(m, hf, ids):
    """Which share of the other tokens a token's own logit beats, after one head moved its embedding."""
    rms = hasattr(hf, "model")
    gain = lambda l: (hf.model.layers[l].input_layernorm if rms else hf.transformer.h[l].ln_1).weight
    final = (hf.model.norm if rms else hf.transformer.ln_f).weight
    centre = (lambda x: x) if rms else (lambda x: x - x.mean(-1, keepdim=True))
    emb = m.W_E[ids]
    rows = []
    for l in range(m.cfg.n_layers):
        x = centre(emb)
        x = x / x.square().mean(-1, keepdim=True).sqrt() * gain(l)
        row = []
        for h in range(m.cfg.n_heads):
            w_v = m.W_V[l]
            v = w_v[h * len(w_v) // m.cfg.n_heads]
            logits = (centre(x @ v @ m.W_O[l, h]) * final) @ m.W_U[:, ids]
            own = logits.diagonal()[:, None]
            won = (logits < own).double().sum(-1) + (logits == own).double().sum(-1) / 2 - 0.5
            row.append((won / (len(ids) - 1)).mean().item())
        rows.append(row)
    return rows


def saliency(hf, tokens, pair):
    table = hf.get_input_embeddings().weight.detach()
    x, base = table[tokens], table.mean(0).expand(len(tokens), -1)

    def gradient(e):
        e = e.clone().requires_grad_()
        logits = hf(inputs_embeds=e[None]).logits[0, -1]
        value = logits[pair[0]] - logits[pair[1]]
        return torch.autograd.grad(value, e)[0], value.item()

    g, value = gradient(x)
    nodes, weights = np.polynomial.legendre.leggauss(STEPS)
    total = sum(w / 2 * gradient(base + (1 + a) / 2 * (x - base))[0] for a, w in zip(nodes, weights))
    return {"gradient": (g * x).sum(-1).tolist(), "norms": g.norm(dim=-1).tolist(),
            "steps": STEPS, "integrated": (total * (x - base)).sum(-1).tolist(), "value": value, "baseline_value": gradient(base)[1]}


def jacobians(make, tokens):
    m = boot(make())
    for p in m.parameters():
        p.requires_grad_(False)
    j = jacobian_lens._jacobian_for_prompt(m, torch.tensor([tokens]), source_layers=list(range(m.cfg.n_layers)), dim_batch=8,
                                           skip_first_positions=SKIP, backward_provider=jacobian_lens._ordinary_vjp)
    return torch.stack([j[l] for l in sorted(j)])


def cka():
    """From n × n Gram matrices: HSIC, and its unbiased estimate (Song et al. 2012, equation 5)."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 12)).astype(np.float32)
    y = (x[:, :9] @ rng.normal(size=(9, 9)) + 2 * rng.normal(size=(40, 9)) + 3).astype(np.float32)
    n = len(x)

    def biased(k, l):
        h = np.eye(n) - 1 / n
        return np.trace(h @ k @ h @ l)

    def unbiased(k, l):
        k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
        one = np.ones(n)
        return np.trace(k @ l) + (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ l @ one)

    k, l = (a.astype(np.float64) @ a.T.astype(np.float64) for a in (x, y))
    return x, y, [f(k, l) / math.sqrt(f(k, k) * f(l, l)) for f in (biased, unbiased)]


SITES = {"resid_pre": patching.get_act_patch_resid_pre, "attn_out": patching.get_act_patch_attn_out,
         "mlp_out": patching.get_act_patch_mlp_out, "z": patching.get_act_patch_attn_head_out_all_pos}


def prompt_goldens(make, tokens, corrupted, pair, points, some=None):
    hf = make()
    m = boot(make(), no_processing=True)
    logits, cache = m.run_with_cache(torch.tensor([tokens]))
    tensors = {k: cache[k][0] for k in points(m.cfg.n_layers)}
    doc = {"tokens": tokens, "corrupted": corrupted, "pair": pair}
    depths = [cache["resid_pre", 0]] + [cache["resid_post", l] for l in range(m.cfg.n_layers)]
    lens = torch.stack([m.unembed(m.ln_final(x))[0] for x in depths])
    doc["lens_top"] = lens[:, -1].argmax(-1).tolist()
    logp = lens.log_softmax(-1)
    doc["lens_entropy"] = (-(logp.exp() * logp).sum(-1) / math.log(2)).tolist()
    doc["lens_kl"] = ((logp[-1:].exp() * (logp[-1:] - logp)).sum(-1) / math.log(2)).tolist()
    doc["lens_rank"] = (1 + (lens > lens.gather(-1, lens[-1].argmax(-1)[None, :, None].expand(len(lens), -1, 1))).sum(-1)).tolist()
    doc["parts"], doc["heads"], tensors["neurons"] = attributions(make, tokens, pair)
    bad = m(torch.tensor([corrupted]))

    def difference(x):
        return x[0, -1, pair[0]] - x[0, -1, pair[1]]

    def metric(x):
        return (difference(x) - difference(bad)) / (difference(logits) - difference(bad))

    with torch.no_grad():
        if some:
            for key, site, setter, columns in (("patch_some", "resid_pre", patching.layer_pos_patch_setter, ["layer", "pos"]),
                                               ("patch_heads", "z", patching.layer_head_vector_patch_setter, ["layer", "head"])):
                values = patching.generic_activation_patch(
                    m, torch.tensor([corrupted]), cache, metric, patch_setter=setter, activation_name=site,
                    index_df=pd.DataFrame(some[key], columns=columns))
                doc[key] = [[*at, v] for at, v in zip(some[key], values.tolist())]
        else:
            doc["patch"] = {site: f(m, torch.tensor([corrupted]), cache, metric).tolist() for site, f in SITES.items()}
    doc.update(saliency(hf, tokens, pair))
    return hf, m, doc, tensors, lens


def examine(doc, hf, m, sequences, length, copied, begin=None):
    """Scores of heads on random sequences of a first token and so many others, twice."""
    rng = np.random.default_rng(1)
    parts = [rng.permutation(m.cfg.d_vocab)[:length + 1].tolist() for _ in range(sequences)]
    if begin is not None:
        parts = [[begin] + p[1:] for p in parts]
    doc["sequences"], doc["copied"] = [p[:1] + p[1:] * 2 for p in parts], rng.permutation(m.cfg.d_vocab)[:copied].tolist()
    doc["scores"] = scores(m, doc["sequences"], length)
    doc["scores"]["copy"] = copying(m, hf, doc["copied"])


def main_tiny(name):
    make, tokens, other = tiny(name)
    corrupted = list(tokens)
    corrupted[4], corrupted[9] = other[4], other[9]
    points = lambda layers: [f"blocks.{l}.{p}" for l in range(layers) for p in (
        "hook_resid_pre", "hook_resid_mid", "hook_resid_post", "hook_attn_out", "hook_mlp_out", "attn.hook_pattern", "attn.hook_z",
        "mlp.hook_post")]
    with torch.no_grad():
        change = make()(torch.tensor([tokens, corrupted])).logits[:, -1]
    pair = [(change[0] - change[1]).argmax().item(), (change[0] - change[1]).argmin().item()]
    hf, m, doc, tensors, lens = prompt_goldens(make, tokens, corrupted, pair, points)
    tensors["lens"] = lens
    examine(doc, hf, m, 3, 10, 30)
    tensors["jacobian"] = jacobians(make, tokens)
    x, y, doc["cka"] = cka()
    tensors["cka.x"], tensors["cka.y"] = torch.tensor(x), torch.tensor(y)
    tensors.update(gguf_names(name, hf))
    write(name, doc, tensors)


def main_real(name, folder):
    make = lambda: transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float64).eval()
    tok = transformers.AutoTokenizer.from_pretrained(folder)
    text = "When Mary and John went to the store, {} gave a drink to"
    tokens, corrupted = (tok.encode(text.format(n)) for n in ("John", "Mary"))
    pair = [tok.encode(" Mary")[-1], tok.encode(" John")[-1]]
    points = lambda layers: [f"blocks.{l}.{p}" for l in (0, layers // 2, layers - 1) for p in ("hook_resid_post", "attn.hook_pattern")]
    heads = transformers.AutoConfig.from_pretrained(folder).num_attention_heads
    hf, m, doc, tensors, lens = prompt_goldens(make, tokens, corrupted, pair, points, {
        "patch_some": [(l, p) for l in (0, 11, 20, 29) for p in range(len(tokens))],
        "patch_heads": [(l, h) for l in (11, 20) for h in range(heads)]})
    with torch.no_grad():
        examine(doc, hf, m, 2, 12, 64, hf.config.bos_token_id)
    doc["lens_pair"] = lens[:, -1, pair].tolist()
    del tensors["neurons"]
    write(name, doc, tensors)


def rounded(x):
    if isinstance(x, dict):
        return {k: rounded(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [rounded(v) for v in x]
    return float(f"{x:.9g}") if isinstance(x, float) else x


def write(name, doc, tensors):
    save_file({k: v.detach().float().contiguous().clone() for k, v in tensors.items()}, HERE / f"{name}.safetensors")
    (HERE / f"{name}.json").write_text(json.dumps(rounded(doc)) + "\n")


if len(sys.argv) == 3:
    main_real(*sys.argv[1:])
else:
    for model in ("llama", "gpt2"):
        main_tiny(model)
