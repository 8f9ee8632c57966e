#!/usr/bin/env python3
"""Checks that a folder written by `weft train` is what transformers thinks it is.

    python scripts/check_hf.py R --weft ./weft

Loads R with AutoModelForCausalLM and AutoTokenizer as they are, and compares 50
prompts: token IDs of `weft tokenize` and of `weft run` (all of the prompt, a
megabyte of spaces too), the way back to the text, and the log-probabilities of
the next token over the whole vocabulary (of as much of the prompt as fits the
context), which may differ by 1e-4 at most. Exits 1 if anything differs.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

LIMIT = 1e-4

GO = 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfor i := range 10 {\n\t\tfmt.Printf("%d\\n", i)\n\t}\n}\n'
PYTHON = "def f(x, *, y=None):\n    \"\"\"Doc.\"\"\"\n    return {k: v**2 for k, v in x.items() if v != 0} or y\n"
C = "#include <stdio.h>\nint main(void) { return printf(\"%s\\n\", \"hi\") < 0; } /* ok */\r\n"
VERSE = "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\nSpeak, speak.\n"

PROMPTS = {
    # plain
    "one letter": "a",
    "one space": " ",
    "one newline": "\n",
    "words": "To be, or not to be, that is the question",
    "verse": VERSE,
    "verse, long": VERSE * 20,
    "sentence with trailing space": "The quick brown fox ",
    "leading spaces": "   three spaces first",
    "capitals": "MACBETH AND THE THREE WITCHES",
    "mixed case": "camelCaseIsNOTSnake_case",
    "contractions": "I'm you're he'll we've it's they'd I'M YOU'RE HE'LL 's't'S'T",
    "curly apostrophes": "I’m you’re he’ll ‘tis “so”",
    "digits": "0 12 123 1234 12345 1234567890 3.14159 1,000,000 ½ ² ٣ 四",
    "digits and letters": "a1b2c3 x86_64 utf8 2nd 10th v1.2.3-rc4",
    "punctuation": "!?.,;:-–—…()[]{}<>/\\|@#$%^&*~`'\"",
    "punctuation runs": "......!!!!????----====####____....",
    "url": "https://user:pw@example.org:8080/a/b.html?q=1&r=%20#top",
    "letter run": "a" * 3000,
    "words without spaces": "abc" * 700 + "def" * 50,
    # white space
    "empty lines": "\n\n\n\n",
    "empty lines inside": "one\n\n\ntwo\n \n\t\nthree\n",
    "CRLF": "one\r\ntwo\r\n\r\nthree\r\n",
    "lone CR": "one\rtwo\r\rthree",
    "tabs": "a\tb\t\tc\t\t\td\t",
    "tabs and spaces": " \t \t  x \t\n \t y",
    "spaces before newline": "end   \n   start  \n\n   x   ",
    "odd spaces": "a\u00a0b\u2003c\u3000d\u2009e\u200bf\ufeffg\u2028h\u2029i\u0085j\u000bk\u000cl",
    "many spaces, a word, many": " " * 999 + "x" + " " * 1000,
    "a megabyte of spaces": " " * (1 << 20),
    # scripts
    "accents": "Éléphant, naïve façade, Ångström, Größe, señor, ČŠŽ",
    "combining": "e\u0301 a\u0308 n\u0303 o\u0302\u0323 Z\u0351\u036b\u0343a\u0321l\u0322g\u0335o\u0338",
    "CJK": "你好,世界。今日はいい天気ですね。안녕하세요 세계",
    "CJK with Latin": "GPT模型在2024年は한국어 and 中文mixed文字列",
    "Arabic and Hebrew": "مرحبا بالعالم ١٢٣ שלום עולם",
    "Devanagari and Thai": "नमस्ते दुनिया สวัสดีชาวโลก",
    "Cyrillic and Greek": "Привет, мир! Γειά σου Κόσμε ΑΒΓ αβγ",
    "Turkish and sharp s": "İstanbul ılık ISPARTA straße STRASSE ﬁ ŉ",
    "rare planes": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 𓀀 𠜎 \U000e0041 \U0010ffff",
    # emoji and joiners
    "emoji": "😀🎉🚀 ok 👍",
    "emoji, skins and families": "👩🏽‍💻 👨‍👩‍👧‍👦 🏳️‍🌈 👍🏿",
    "emoji, flags and keycaps": "🇩🇪🇯🇵 1️⃣ #️⃣ ☺️ ☺",
    "zero-width joiners": "a\u200db\u200cc\u200d\u200d \u200d क्\u200dष",
    "directions": "abc \u202edef\u202c \u2066ghi\u2069",
    # code
    "Go": GO,
    "Python": PYTHON,
    "C": C,
    "JSON": '{"a": [1, 2.5, -3e10, null, true], "b\\u00e9": "x\\ny", "": {}}',
    # text that looks like something else
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\x00end",
    "text of special tokens": "<|endoftext|> <s> </s> <|im_start|>user <unk> [INST] <0x41>",
    "replacement characters": "\ufffd\ufffd x \ufffe \uffff Ġ Ċ ▁",
}
assert len(PROMPTS) == 50, len(PROMPTS)


class Weft:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def __call__(self, command, *args, stdin=""):
        stdin += "\n"  # weft takes one line break at the end for the shell's
        r = subprocess.run([self.binary, command, self.folder, *args], input=stdin.encode(), capture_output=True)
        if r.returncode != 0:
            raise RuntimeError(f"weft {command} {' '.join(args)}: exit {r.returncode}: {r.stderr.decode()[-300:].strip()}")
        return r.stdout

    def ids(self, text, *args):
        return json.loads(self("tokenize", "-", "--json", *args, stdin=text))["ids"]

    def decode(self, ids):
        return self("tokenize", "-", "--decode", stdin=" ".join(map(str, ids)))

    def next_token(self, text, vocab):
        out = json.loads(self("run", "-p", "-", "--json", "--exact", "--temp", "0", "--max-tokens", "1", "--top-logprobs",
                              str(vocab), stdin=text))
        return out["prompt_tokens"], {t["id"]: t["logprob"] for t in out["tokens"][0]["top"]}


def fitting(text, tok, room):
    """The longest prefix of the text that makes at most room tokens."""
    if len(tok(text)["input_ids"]) <= room:
        return text
    low, high = 0, min(len(text), 16 * room)  # characters; growing the text by one hardly ever makes fewer tokens
    while low + 1 < high:
        mid = (low + high) // 2
        low, high = (mid, high) if len(tok(text[:mid])["input_ids"]) <= room else (low, mid)
    return text[:low]


def check_tokens(weft, tok, text, say):
    want = tok(text)["input_ids"]
    if (got := weft.ids(text, "--parse-special")) != want:
        say(f"token IDs differ from number {first_difference(got, want)}: {len(got)} and {len(want)}")
    plain = tok(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    if (got := weft.ids(text, "--no-special")) != plain:
        say(f"token IDs without special ones differ from number {first_difference(got, plain)}")
    if (back := weft.decode(plain)) not in (text.encode(), text.encode() + b"\n"):
        say(f"decoded to {back[:40]!r}…, {len(back)} bytes of {len(text.encode())}")
    return len(want)


def first_difference(a, b):
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


@torch.no_grad()
def check_logits(weft, tok, model, text, say):
    """Largest difference of a log-probability, and how many tokens were run."""
    vocab, room = model.config.vocab_size, model.config.max_position_embeddings - 1
    text = fitting(text, tok, room)
    ids, got = weft.next_token(text, vocab)
    want_ids = tok(text, split_special_tokens=True)["input_ids"]
    if ids != want_ids:
        say(f"weft run saw other tokens, from number {first_difference(ids, want_ids)}")
    want = model(torch.tensor([ids])).logits[0, -1].double().log_softmax(-1)
    if sorted(got) != list(range(vocab)):
        say(f"weft run gave {len(got)} of {vocab} log-probabilities")
        return float("nan"), len(ids)
    worst = (torch.tensor([got[i] for i in range(vocab)]).double() - want).abs().max().item()
    if not worst <= LIMIT:
        say(f"log-probabilities differ by {worst:.2g}")
    return worst, len(ids)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder")
    p.add_argument("--weft", default="./weft", help="the binary")
    p.add_argument("--dtype", default="auto", help="of the model in transformers")
    p.add_argument("--only", default="", help="prompts whose name contains this")
    args = p.parse_args()
    weft = Weft(str(Path(args.weft).resolve()), args.folder)
    model, info = AutoModelForCausalLM.from_pretrained(args.folder, dtype=args.dtype, output_loading_info=True)
    model.eval()
    tok = AutoTokenizer.from_pretrained(args.folder)
    failures = []
    if left := {k: sorted(v) for k, v in info.items() if v}:
        failures.append(f"loading: {left}")
    if len(tok) > model.config.vocab_size:
        failures.append(f"the tokenizer has {len(tok)} tokens, the model {model.config.vocab_size}")
    generation = GenerationConfig.from_pretrained(args.folder)
    print(f"{type(model).__name__} {model.dtype}, {model.num_parameters():,} parameters, {type(tok).__name__}, "
          f"{len(tok)} tokens, eos {tok.eos_token!r} {tok.eos_token_id}, generation eos {generation.eos_token_id}")
    worst = 0.0
    chosen = {name: text for name, text in PROMPTS.items() if args.only in name}
    for name, text in chosen.items():
        def say(what, name=name):
            failures.append(f"{name}: {what}")
        before = len(failures)
        try:
            count = check_tokens(weft, tok, text, say)
            diff, ran = check_logits(weft, tok, model, text, say)
            worst = max(worst, diff) if diff == diff else diff
            print(f"{'FAIL' if len(failures) > before else 'ok  '} {name}: {count} tokens, {ran} run, largest difference {diff:.2g}",
                  flush=True)
        except (RuntimeError, KeyError, IndexError, json.JSONDecodeError) as e:
            say(repr(e))
            print(f"FAIL {name}: {e!r}")
    print(f"{len(chosen)} prompts, largest difference of a log-probability {worst:.2g}, {len(failures)} failures")
    print("\n".join(failures), file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
