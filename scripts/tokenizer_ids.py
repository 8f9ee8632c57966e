"""Compares the IDs that Weft gives with those of the libraries that the files are for, on hostile texts.

    pip install tokenizers==0.23.3 sentencepiece==0.2.3 llama-cpp-python
    python scripts/tokenizer_ids.py TOKENIZER.json... TOKENIZER.model... MODEL.gguf...

The texts are made with a seed: characters of every category, scripts mixed, emoji joined, long runs, contractions, ends of lines,
the tokenizer's own added tokens, stretches of source code and prose.
"""

import base64
import json
import os
import random
import subprocess
import sys
import unicodedata
# Libraries know different versions of Unicode; OLD=1 keeps to characters that all have known for long.
UNICODE = unicodedata.ucd_3_2_0 if os.environ.get("OLD") else unicodedata
HERE = os.path.dirname(os.path.abspath(__file__))
ODD = """'s|'S|'ſ|'t|'RE|'ve|'LL|'d|''|’s|'| |  |   |\n|\r\n|\r|\t|\v|\f|\u0085|\u00a0|\u2028|\u3000|\u200b|\ufeff| \n|\n |/|//|a|B|Ab|aB|ǅ|ʰ|א|中文
|カタ|あ|한|\u0301|\u0903|กำ|ª|İ|ß|ﬁ|Å|é|e\u0301|0|12|123|1234|²|Ⅷ|٣|〇|𝟘|①|½|!|?!|...|…|$|+|€|_|-|—|。|，|#include|<|x|>|😀|👨\u200d👩\u200d👧\u200d👦
|🏳\ufe0f\u200d🌈|🇩🇪|\x00|\x7f|\ue000|\U000e0001|\U0010ffff|▁|▁▁|<0x41>|##s|[CLS]|hello world|The quick brown fox|func main() {\n\t|don't|naïve|ﷺ|Ǆ|ＡＢＣ""".split("|")


def characters():
    by_category = {}
    for code in range(0x110000):
        category = UNICODE.category(chr(code))
        if category not in ("Cs", "Cn"):
            by_category.setdefault(category, []).append(chr(code))
    return list(by_category.values())


def texts(count, added, seed=1):
    r = random.Random(seed)
    categories = characters()
    common = [chr(c) for block in [(32, 127), (0xC0, 0x250), (0x370, 0x500), (0x5D0, 0x5EA), (0x621, 0x64A), (0x905, 0x939), (0xE01, 0xE30),
                                   (0x3041, 0x30FF), (0x4E00, 0x9000), (0xAC00, 0xD7A3)] for c in range(*block)]
    def piece():
        kind = r.randrange(10)
        if kind < 3:
            return r.choice(ODD)
        if kind == 3:
            return "".join(r.choice(r.choice(categories)) for _ in range(r.randint(1, 6)))
        if kind == 4:
            return "".join(r.choice(common) for _ in range(r.randint(1, 10)))
        if kind == 5:
            return r.choice(ODD) * r.choice([2, 3, 7, 40])
        if kind == 6 and added:
            return r.choice(added)
        return "".join(r.choice("etaoinshrdlu ETAOIN.,\n") for _ in range(r.randint(1, 12)))
    out = [""] + ODD + added[:300]
    while len(out) < count:
        out.append("".join(piece() for _ in range(r.randint(1, 14))))
    return out


def weft(binary, path, lines):
    data = "".join(base64.b64encode(t.encode()).decode() + "\n" for t in lines)
    run = subprocess.run([binary, "encode", path], input=data, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(run.stderr)
    return [json.loads(line) for line in run.stdout.splitlines()]


class HuggingFace:
    def __init__(self, path):
        from tokenizers import Tokenizer
        self.tokenizer = Tokenizer.from_file(path)
        self.added = [a["content"] for a in json.load(open(path, encoding="utf-8"))["added_tokens"]]

    def encode(self, lines):
        return [e.ids for e in self.tokenizer.encode_batch(lines, add_special_tokens=False)]


class SentencePiece:
    """Its texts cannot spell control tokens, so there are none of them among ours."""

    def __init__(self, path):
        import sentencepiece
        self.model, self.added = sentencepiece.SentencePieceProcessor(model_file=path), []

    def encode(self, lines):
        return [self.model.encode(t) for t in lines]


class LlamaCpp:
    def __init__(self, path):
        import llama_cpp
        self.model = llama_cpp.Llama(path, vocab_only=True, verbose=False)
        self.added = [t for t in ("<bos>", "<eos>", "<start_of_turn>", "<|im_start|>", "<|endoftext|>", "<s>", "</s>")
                      if len(self.model.tokenize(t.encode(), add_bos=False, special=True)) == 1]

    def encode(self, lines):
        return [self.model.tokenize(t.encode(), add_bos=False, special=True) if t else [] for t in lines]


def main():
    binary = os.path.join(os.environ.get("TMPDIR", "/dev/shm"), f"weft-tokenizer-ids-{os.getpid()}")
    subprocess.run(["go", "build", "-o", binary, os.path.join(HERE, "tokenizer.go")], cwd=HERE, check=True)
    good = True
    for path in sys.argv[1:]:
        path = os.path.abspath(path)
        oracle = {".json": HuggingFace, ".model": SentencePiece, ".gguf": LlamaCpp}[os.path.splitext(path)[1]](path)
        lines = texts(int(os.environ.get("TEXTS", 10000)), oracle.added)
        bad = [(t, g, w) for t, g, w in zip(lines, weft(binary, path, lines), oracle.encode(lines)) if g != w]
        print(f"{path}: {len(lines) - len(bad)} of {len(lines)} texts have the same IDs", flush=True)
        for t, g, w in sorted(bad, key=lambda b: len(b[0]))[:5]:
            print(f"    {t!r}\n        weft   {g}\n        oracle {w}")
        good = good and not bad
    os.remove(binary)
    sys.exit(not good)


if __name__ == "__main__":
    main()
