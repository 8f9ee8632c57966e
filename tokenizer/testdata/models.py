"""Writes models.json: what Hugging Face tokenizers and SentencePiece make of texts, with tiny models of every kind.

    pip install tokenizers==0.23.3 sentencepiece==0.2.3
    python models.py
"""

import base64
import io
import json

import sentencepiece
from golden import ODD, PATTERNS, corpus, pre_tokenizer, train
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers as n, pre_tokenizers as p, processors, trainers

TEXTS = ODD + ["", " ", "  a  b  ", "hello", " hello", "<s>hi</s> there", "a<mark>b <mark> c<mark>", "xmark mark markx mark", "İSTANBUL ẞ Σς",
               "ﬁ ① Å Ａ ㍿", "<0x41><0x0A>", "▁a ▁▁b", "a\n\nb", "résumé Ünïcödé", "你好world", "x" * 120, "[CLS] hello [SEP]", "a\U0010ffffb\ue000c\u00adf", "'s don't won't"]


def entry(tokenizer):
    out = {"tokenizer": json.loads(tokenizer.to_str()), "ids": [tokenizer.encode(t, add_special_tokens=False).ids for t in TEXTS]}
    out["around"] = tokenizer.encode("hello").ids
    out["decoded"] = [tokenizer.decode(ids, skip_special_tokens=False) for ids in out["ids"]]
    return out


BYTES = [f"<0x{b:02X}>" for b in range(256)]


def llama(text, gemma=False, fallback=True):
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=fallback))
    t.pre_tokenizer = p.Metaspace()
    t.train_from_iterator([text], trainers.BpeTrainer(vocab_size=620, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"] + BYTES))
    doc = json.loads(t.to_str())
    doc["added_tokens"] = [a for a in doc["added_tokens"] if a["id"] < 3]
    t = Tokenizer.from_str(json.dumps(doc))
    space = n.Replace(" ", "▁")
    t.normalizer = space if gemma else n.Sequence([n.Prepend("▁"), space])
    t.pre_tokenizer = p.Split(" ", "merged_with_previous") if gemma else None
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    t.decoder = decoders.Sequence(steps if gemma else steps + [decoders.Strip(" ", 1, 0)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return t


def metaspace_bpe(text, scheme):
    t = llama(text)
    t.normalizer, t.pre_tokenizer, t.decoder = None, p.Metaspace(prepend_scheme=scheme, split=False), decoders.Metaspace(prepend_scheme=scheme)
    return t


def unigram(text, fallback):
    t = Tokenizer(models.Unigram())
    t.normalizer = n.Sequence([n.Nmt(), n.NFKC(), n.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer, t.decoder = p.Metaspace(), decoders.Metaspace()
    t.train_from_iterator([text], trainers.UnigramTrainer(vocab_size=250, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"] + BYTES * fallback,
                                                         unk_token="<unk>"))
    doc = json.loads(t.to_str())
    doc["model"]["byte_fallback"] = fallback
    doc["added_tokens"] = [a for a in doc["added_tokens"] if a["id"] < 3]
    t = Tokenizer.from_str(json.dumps(doc))
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 1))
    return t


def wordpiece(text, lowercase):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer, t.pre_tokenizer = n.BertNormalizer(lowercase=lowercase), p.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.train_from_iterator([text], trainers.WordPieceTrainer(vocab_size=300, show_progress=False, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"]))
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return t


def added(text):
    t = train("cl100k", text, 400, 0)
    t.normalizer = n.Lowercase()
    t.add_tokens([AddedToken("<mark>", lstrip=True, rstrip=True, normalized=False), AddedToken("Mark", single_word=True, normalized=True),
                  AddedToken("hello", normalized=True), AddedToken("don't", normalized=False)])
    t.add_special_tokens([AddedToken("</s>", rstrip=True)])
    return t


NORMALIZERS = [n.NFC(), n.NFD(), n.NFKC(), n.NFKD(), n.Lowercase(), n.Sequence([n.NFD(), n.StripAccents()]), n.Strip(), n.Strip(left=False), n.Nmt(),
               n.BertNormalizer(), n.BertNormalizer(lowercase=False), n.BertNormalizer(strip_accents=False), n.BertNormalizer(clean_text=False),
               n.Prepend("▁"), n.Replace("a", "bb"), n.Replace(Regex(" {2,}"), "▁"), n.Replace(Regex(r"\s+"), " "), n.Replace(Regex(r"(\w)\1"), "!")]

KANA, ASIAN = "[一-龥\u3040-ゟ゠-ヿ]+", "[一-龥ࠀ-一가-\ud7ff]+"


def split(*patterns):
    return p.Sequence([p.Split(Regex(x), "isolated") for x in patterns])


UP, LOW = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
DEEPSEEK = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
TEKKEN = (rf"[^\r\n\p{{L}}\p{{N}}]?{UP}*{LOW}+|[^\r\n\p{{L}}\p{{N}}]?{UP}+{LOW}*|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN35 = PATTERNS["qwen2"].replace(r"]?\p{L}+", r"]?[\p{L}\p{M}]+").replace(r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{M}\p{N}]")
SPELLED = PATTERNS["cl100k"].replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)", "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])")
KIMI = PATTERNS["o200k"].replace("[\\r\\n/]", "[\\r\\n]").replace(r"\p{M}]", r"\p{M}&&[^\p{Han}]]")
PRE = [split(r"\p{N}{1,3}", KANA, DEEPSEEK), split("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", ASIAN, r"\p{N}"), split(TEKKEN), split(QWEN35), split(SPELLED),
       split(r"[\p{Han}]+|" + KIMI), split("[\r\n]", "\\s?[!-/:-~！-／：-～‘-‟　-。]+", r"\s+$", ASIAN, r"\p{N}+"), split(r" ?[^(\s|.,!?…。，、।۔،)]+"),
       split(r"\p{N}+", r"(?=(\d{3})+(?!\d))"), split(r"[^\n]+|[\n]+"), split(r"(?<=[a-z])[aeiou]+(?![a-z]s)"),
       p.Sequence([p.Punctuation("contiguous"), p.ByteLevel(add_prefix_space=False), p.Digits(), p.Split(Regex("[0-9][0-9][0-9]"), "isolated")]),
       p.Sequence([p.Digits(individual_digits=True), p.ByteLevel(add_prefix_space=False)]), p.ByteLevel(add_prefix_space=True),
       p.Digits(), p.Punctuation(), p.Punctuation("removed"), p.Whitespace(), p.WhitespaceSplit(), p.BertPreTokenizer(), p.CharDelimiterSplit("a"),
       p.Metaspace(), p.Metaspace(prepend_scheme="never"), p.Metaspace(prepend_scheme="first", split=False), p.Sequence([p.WhitespaceSplit(), p.Metaspace()]),
       *[p.Split(" ", b, invert) for b in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous") for invert in (False, True)]]


def pieces(pre, text):
    return [piece for piece, _ in pre.pre_tokenize_str(text)]


def sentencepieces(text):
    out = []
    for name, options in {
        "bpe": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity", vocab_size=560, remove_extra_whitespaces=False),
        "bpe symbols": dict(model_type="bpe", normalization_rule_name="identity", vocab_size=300, user_defined_symbols=["<mark>", "▁▁", "hello"]),
        "bpe plain": dict(model_type="bpe", vocab_size=300, add_dummy_prefix=False, normalization_rule_name="identity", control_symbols=["<ctl>"]),
        "unigram": dict(model_type="unigram", vocab_size=280, normalization_rule_tsv="rules.tsv", user_defined_symbols=["<mark>"]),
        "unigram bytes": dict(model_type="unigram", byte_fallback=True, vocab_size=520, normalization_rule_name="identity", remove_extra_whitespaces=False),
    }.items():
        made = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(text.split("\n")), model_writer=made, minloglevel=2, hard_vocab_limit=False,
                                                 num_threads=1, **options)
        s = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
        ids = [s.encode(t) for t in TEXTS]
        out.append({"name": name, "model": base64.b64encode(made.getvalue()).decode(), "ids": ids, "decoded": [s.decode(i) for i in ids]})
    return out


def main():
    text = corpus()
    hf = {"llama": llama(text), "gemma": llama(text, gemma=True), "no bytes": llama(text, fallback=False), "first": metaspace_bpe(text, "first"),
          "always": metaspace_bpe(text, "always"), "unigram": unigram(text, False), "unigram bytes": unigram(text, True),
          "wordpiece": wordpiece(text, True), "wordpiece cased": wordpiece(text, False), "added": added(text)}
    out = {"texts": TEXTS, "models": {k: entry(t) for k, t in hf.items()}, "sentencepiece": sentencepieces(text),
           "normalizers": [{"json": json.loads(x.__getstate__()), "texts": [x.normalize_str(t) for t in TEXTS]} for x in NORMALIZERS],
           "pre": [{"json": json.loads(x.__getstate__()), "pieces": [pieces(x, t) for t in TEXTS]} for x in PRE]}
    with open("models.json", "w", encoding="utf-8") as f:
        json.dump(out, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


main()
