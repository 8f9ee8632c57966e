"""Measures Weft's tokenizer beside Hugging Face's tokenizers and tiktoken: one thread, the same vocabulary, the same text, in turns.

    pip install tokenizers==0.23.3 tiktoken==0.14.0
    python scripts/tokenizer_speed.py TEXT...

Each TEXT is a text file, or a folder whose Go sources are taken, up to 20 MB. Weft trains a vocabulary on the text; the others
load it. All encode the same documents of about 16 kB, one after the other. A round is one pass of each over the whole text;
CPU seconds are taken, so that a busy machine does not count, and the best of ROUNDS (default 3).
"""

import json
import os
import subprocess
import sys
import tempfile
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["GOMAXPROCS"] = "1"
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from tokenizer_check import files, ranks, text_of, PATTERNS  # noqa: E402
import tiktoken  # noqa: E402
import tokenizers  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", 3))


class Weft:
    """A process that encodes the file once for every line it reads."""

    def __init__(self, binary, vocabulary, text):
        self.process = subprocess.Popen([binary, "speed", vocabulary, text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        seconds, count = self.process.stdout.readline().split()
        return float(seconds), int(count)


def documents(text, size=16 << 10):
    """As scripts/tokenizer.go cuts them, in bytes."""
    docs, data, at = [], text.encode(), 0
    while len(data) - at > size and (end := data.find(b"\n", at + size)) >= 0:
        docs.append(data[at:end + 1].decode())
        at = end + 1
    return docs + [data[at:].decode()]


def timed(docs, encode):
    def once():
        start = time.process_time()
        count = sum(len(encode(d)) for d in docs)
        return time.process_time() - start, count
    return once


def measure(folder, binary, source, split):
    text = "".join(text_of(f) for f in files(source))
    corpus, vocabulary = os.path.join(folder, "text"), os.path.join(folder, "tokenizer.json")
    open(corpus, "wb").write(text.encode())
    trained = subprocess.run([binary, "train", split, "32000", corpus], capture_output=True, check=True).stdout
    open(vocabulary, "wb").write(trained)
    hf = tokenizers.Tokenizer.from_file(vocabulary)
    tk = tiktoken.Encoding("made", pat_str=PATTERNS[split], mergeable_ranks=ranks(hf), special_tokens={})
    docs = documents(text)
    runs = {"weft": Weft(binary, vocabulary, corpus), "tokenizers": timed(docs, lambda d: hf.encode(d).ids),
            "tiktoken": timed(docs, tk.encode_ordinary)}
    best, counts = {}, set()
    for _ in range(ROUNDS):
        for name, run in runs.items():
            seconds, count = run()
            best[name] = min(seconds, best.get(name, seconds))
            counts.add(count)
    runs["weft"].process.stdin.close()
    size = len(text.encode()) / 1e6
    print(json.dumps({"text": source, "MB": round(size, 1), "split": split, "same_count": len(counts) == 1,
                      "MB/s": {name: round(size / s, 1) for name, s in best.items()},
                      "weft_times": {name: round(s / best["weft"], 1) for name, s in best.items() if name != "weft"}}), flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        binary = os.path.join(folder, "weft-tokenizer")
        subprocess.run(["go", "build", "-o", binary, os.path.join(HERE, "tokenizer.go")], cwd=HERE, check=True)
        for source in sys.argv[1:]:
            for split in PATTERNS:
                measure(folder, binary, source, split)
