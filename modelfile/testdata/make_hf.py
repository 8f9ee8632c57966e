"""Writes the folders llama/ and gpt2/ as transformers saves them: tiny random models with a tokenizer, and the logits
that transformers computes for a prompt (logits.safetensors: "ids", "logits"). Made with transformers 5.23.0, tokenizers
0.23.3, torch 2.15.0.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers import PreTrainedTokenizerFast

HERE = Path(__file__).parent
TEXT = "To be, or not to be, that is the question: whether 'tis nobler in the mind to suffer the slings and arrows. "
PROMPT = "To be, or not to bé — 42!\n"


def tokenizer():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.train_from_iterator([TEXT], trainers.BpeTrainer(
        vocab_size=290, special_tokens=["<|endoftext|>"], initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False))
    return PreTrainedTokenizerFast(tokenizer_object=t, bos_token="<|endoftext|>", eos_token="<|endoftext|>")


def save(name, model, generation):
    torch.manual_seed(0)
    for p in model.parameters():  # gains and biases too: a model fresh from its class has ones and zeros there
        torch.nn.init.normal_(p, std=0.3)
        if p.dim() == 1:
            p.data += 0.7
    folder = HERE / name
    t = tokenizer()
    model.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=generation.pop("eos", 0), **generation)
    model.save_pretrained(folder)
    t.save_pretrained(folder)
    ids = torch.tensor(t.encode(PROMPT))
    with torch.no_grad():
        logits = model.eval()(ids[None]).logits[0]
    save_file({"ids": ids.int(), "logits": logits.contiguous()}, folder / "logits.safetensors")
    (folder / "prompt.json").write_text(json.dumps(PROMPT) + "\n")


save("llama", LlamaForCausalLM(LlamaConfig(
    vocab_size=296, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, rope_theta=50000.0, bos_token_id=0,
    eos_token_id=0, tie_word_embeddings=False, attention_bias=True, mlp_bias=True, head_dim=10)),
    dict(do_sample=True, temperature=0.6, top_p=0.9, top_k=40, repetition_penalty=1.1, eos=[0, 5]))
save("gpt2", GPT2LMHeadModel(GPT2Config(
    vocab_size=290, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=0, eos_token_id=0)), {})
