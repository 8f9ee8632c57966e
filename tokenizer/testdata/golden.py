"""Writes golden.json: what Python's regex module, Hugging Face tokenizers and tiktoken make of texts.

    pip install tokenizers==0.23.3 tiktoken==0.14.0 regex
    python golden.py

The patterns stand here again, as published, so that a slip in ours is seen.
"""

import json
import random
import regex
import tiktoken
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
CL100K = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
PATTERNS = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "cl100k": CL100K,
    "o200k": r"[^\r\n\p{L}\p{N}]?" + UPPER + "*" + LOWER + "+" + CONTRACTIONS + r"?|[^\r\n\p{L}\p{N}]?" + UPPER + "+" + LOWER + "*"
    + CONTRACTIONS + r"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen2": CL100K.replace("{1,3}", ""),
}

ODD = """It's we'RE they'LL I'D 'S 'ſ don’t|a\r\n\r\n  b \n\t c\n |x\u00a0y\u3000z\u2028 \u0085|12345 6789٣٤² ⅷ 〇〡|naïve NAÏVE a\u0301\u0301b ǅungla ʰa
中文字カタカナ ひらがな 한국어 עברית العربية हिन्दी ไทย|😀👨\u200d👩\u200d👧\u200d👦🏳\ufe0f\u200d🌈🇩🇪|//a/b\n/ c#include <x>\n//\r\n|HTTPServer getHTTPResponse XMLs IOs aB Ab|     four  |\n\n\n   \n  end   
$100 €5 +1 _x_ — … !!??|a\ufeffb\u200bc\u00adf \x00\x7f|'''s ''re 'x""".split("|")


def corpus():
    """Text with many equally frequent pairs, for the order among them is what trainers differ in."""
    r = random.Random(1)
    stems = ["".join(r.choice("aeiou" if i % 2 else "bcdfglmnprst") for i in range(r.randint(2, 7))) for _ in range(150)]
    lines = []
    for _ in range(250):
        words = [r.choice(stems) + r.choice(["", "", "s", "ed", "ing", "'s", "'LL"]) for _ in range(r.randint(2, 9))]
        words = [w.capitalize() if r.random() < 0.2 else w for w in words]
        words += [str(r.randint(0, 99999))] * (r.random() < 0.3) + [r.choice(["naïve", "北京", "😀", "....", "aaaaaaa", "ababab"])] * (r.random() < 0.3)
        lines.append(r.choice([" ", "  ", "\t"]).join(words) + r.choice([".", "!", "\r", " "]))
    return "\n".join(lines)


def pre_tokenizer(split):
    if split == "gpt2":
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    cut = pre_tokenizers.Split(Regex(PATTERNS[split]), "isolated")
    return pre_tokenizers.Sequence([cut, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def train(split, text, vocab, least):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer, t.decoder = pre_tokenizer(split), decoders.ByteLevel()
    t.train_from_iterator([text], trainers.BpeTrainer(
        vocab_size=vocab, min_frequency=least, show_progress=False, special_tokens=["<|endoftext|>", "<|pad|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return t


def ranks(tokenizer):
    """tiktoken's form of a vocabulary: bytes and their rank. Special tokens come first with Hugging Face, so ranks are IDs."""
    chars = {c: b for b, c in enumerate_bytes()}
    special = set(a["content"] for a in json.loads(tokenizer.to_str())["added_tokens"])
    return {bytes(chars[c] for c in token): i for token, i in tokenizer.get_vocab().items() if token not in special}


def enumerate_bytes():
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return [(b, chr(b)) for b in printable] + [(b, chr(256 + i)) for i, b in enumerate(others)]


def main():
    text = corpus()
    out = {"corpus": text, "texts": ODD, "splits": {}, "trained": []}
    for split, pattern in PATTERNS.items():
        out["splits"][split] = [regex.findall(pattern, t) for t in ODD]
        for vocab, least in [(700, 0), (2000, 5)]:
            t = train(split, text, vocab, least)
            ids = [t.encode(s).ids for s in ODD]
            enc = tiktoken.Encoding("made", pat_str=PATTERNS[split], mergeable_ranks=ranks(t), special_tokens={})
            assert ids == [enc.encode(s) for s in ODD], split
            out["trained"].append({"split": split, "vocab": vocab, "min_count": least, "tokenizer": json.loads(t.to_str()), "ids": ids})
    with open("golden.json", "w", encoding="utf-8") as f:
        json.dump(out, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
