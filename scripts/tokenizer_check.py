"""Compares Weft's tokenizer training with Hugging Face's on real text: tokens, merges and IDs must be the same.

    pip install tokenizers==0.23.3
    python scripts/tokenizer_check.py TEXT...

Each TEXT is a text file, or a folder whose Go sources are taken, up to 20 MB.
"""

import base64
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tokenizer", "testdata"))
from golden import PATTERNS, pre_tokenizer, ranks  # noqa: E402, F401
from tokenizers import Tokenizer, models, pre_tokenizers, trainers  # noqa: E402

GO = ["go", "run", os.path.join(os.path.dirname(__file__), "tokenizer.go")]


def files(path, most=20 << 20):
    if os.path.isfile(path):
        return [path]
    found, size = [], 0
    for folder, _, names in sorted(os.walk(path)):
        for name in sorted(names):
            file = os.path.join(folder, name)
            if not name.endswith(".go") or size + os.path.getsize(file) > most:
                continue
            try:
                open(file, encoding="utf-8").read()
            except UnicodeDecodeError:
                continue
            found.append(file)
            size += os.path.getsize(file)
    return found


def text_of(file):
    return open(file, "rb").read().decode()  # not as text: that would change the ends of lines


def train(split, vocab, texts):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizer(split)
    t.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=vocab, show_progress=False, special_tokens=["<|endoftext|>"],
                                                     initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return t


def weft_ids(path, texts):
    lines = "".join(base64.b64encode(t.encode()).decode() + "\n" for t in texts)
    out = subprocess.run(GO + ["encode", path], input=lines, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def compare(source, split, vocab):
    names = files(source)
    texts = [text_of(f) for f in names]
    start = time.time()
    theirs = train(split, vocab, texts)
    seconds = time.time() - start
    ours = subprocess.run(GO + ["train", split, str(vocab)] + names, capture_output=True, text=True, check=True)
    a, b = json.loads(theirs.to_str())["model"], json.loads(ours.stdout)["model"]
    path = "/dev/shm/weft-tokenizer.json" if os.path.isdir("/dev/shm") else "weft-tokenizer.json"
    open(path, "w", encoding="utf-8").write(ours.stdout)
    ids = weft_ids(path, texts)
    os.remove(path)
    same = {"vocab": a["vocab"] == b["vocab"], "merges": a["merges"] == b["merges"],
            "ids": all(theirs.encode(t).ids == i for t, i in zip(texts, ids))}
    print(f"{source} ({sum(map(len, texts)) / 1e6:.1f}M characters) {split} {vocab}: {same}, {sum(map(len, ids))} tokens; "
          f"Hugging Face {seconds:.1f}s, Weft: {ours.stderr.strip()}", flush=True)
    return all(same.values())


if __name__ == "__main__":
    good = [compare(source, split, vocab) for source in sys.argv[1:] for split in PATTERNS for vocab in (500, 4096, 30000)]
    sys.exit(not all(good))
