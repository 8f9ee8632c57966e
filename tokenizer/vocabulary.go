package tokenizer

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The kinds of tokens, with the numbers that SentencePiece and GGUF give them.
const (
	NormalToken  int32 = 1
	UnknownToken int32 = 2
	ControlToken int32 = 3
	UserToken    int32 = 4 // matched as a whole, and text like any other
	UnusedToken  int32 = 5
	ByteToken    int32 = 6
)

// Vocabulary is a tokenizer as a GGUF file describes it.
type Vocabulary struct {
	Model         string    // tokenizer.ggml.model: "gpt2", "llama", "t5" or "bert"
	Pre           string    // tokenizer.ggml.pre: how "gpt2" cuts text
	Tokens        []string  // by ID
	Scores        []float32 // by ID; "llama" and "t5" need them
	Kinds         []int32   // by ID; nil: all are normal
	Merges        []string  // "left right"; "gpt2" needs them
	Charsmap      []byte    // "t5": SentencePiece's compiled normalization, or nil
	BOS, EOS      int32     // -1: none
	SEP, Unknown  int32     // -1: none
	AddBOS        *bool     // nil here and below: what is usual for the model
	AddEOS        *bool
	AddSEP        *bool
	SpacePrefix   *bool // a space is put before the text
	CollapseSpace bool  // "t5": of several spaces one is left, at the ends none
	KeepCase      bool  // "bert": capitals stay, and accents
	NFC           bool  // "gpt2": texts are brought into that Unicode form
}

// FromVocabulary makes a tokenizer of what a GGUF file says. It keeps v's lists
// but the merges, and they must not change afterwards.
func FromVocabulary(v *Vocabulary) (*Tokenizer, error) {
	fill, ok := map[string]func(*Vocabulary, *Tokenizer) error{
		"gpt2": (*Vocabulary).gpt2, "llama": (*Vocabulary).llama, "t5": (*Vocabulary).t5, "bert": (*Vocabulary).bert,
	}[v.Model]
	if !ok {
		return nil, unsupported("a vocabulary for the model %q", v.Model)
	}
	kept := *v
	kept.Merges = nil // the tokenizer has them in a shorter form
	t := &Tokenizer{BOS: v.BOS, EOS: v.EOS, unk: -1, source: &kept}
	if err := v.check(); err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	if err := fill(v, t); err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	if err := t.build(); err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	return t, nil
}

func (v *Vocabulary) check() error {
	n := len(v.Tokens)
	switch {
	case n == 0 || n > maxSize:
		return fmt.Errorf("there are %d tokens", n)
	case v.Kinds != nil && len(v.Kinds) != n:
		return fmt.Errorf("%d tokens have %d types", n, len(v.Kinds))
	case v.Scores != nil && len(v.Scores) != n:
		return fmt.Errorf("%d tokens have %d scores", n, len(v.Scores))
	}
	for _, id := range []int32{v.BOS, v.EOS, v.SEP, v.Unknown} {
		if id < -1 || int(id) >= n {
			return fmt.Errorf("the token %d is not one of %d", id, n)
		}
	}
	return nil
}

func (v *Vocabulary) kind(id int) int32 {
	if v.Kinds == nil {
		return NormalToken
	}
	return v.Kinds[id]
}

// tokens fills in the vocabulary; rename, if set, changes what normal tokens are called.
func (v *Vocabulary) tokens(t *Tokenizer, rename func(string) string) error {
	t.vocab = v.Tokens
	if rename != nil || slices.Contains(v.Kinds, UnusedToken) {
		t.vocab = make([]string, len(v.Tokens))
	}
	t.ids = newIndex(t.written, len(v.Tokens))
	for i, text := range v.Tokens {
		kind := v.kind(i)
		if kind < NormalToken || kind > ByteToken || kind == ByteToken && v.Model != "llama" && v.Model != "t5" {
			return unsupported("token %d (%q) of type %d", i, text, kind)
		}
		if kind == UnusedToken {
			continue
		}
		if rename != nil && kind == NormalToken {
			text = rename(text)
		}
		if other, ok := t.ids.get(text); ok || text == "" {
			return fmt.Errorf("token %d is %q, as is %d, or nothing", i, text, other)
		}
		if t.vocab[i] != text {
			t.vocab[i] = text
		}
		t.ids.put(text, int32(i))
		if kind == UnknownToken || kind == ControlToken || kind == UserToken {
			t.added = append(t.added, Added{ID: int32(i), Text: text, Special: kind != UserToken})
		}
	}
	return nil
}

// ends has the tokens put around a text that the vocabulary asks for.
func (v *Vocabulary) ends(t *Tokenizer, bos, eos, sep bool) error {
	var before, after []int32
	for _, e := range []struct {
		asked *bool
		usual bool
		id    int32
		list  *[]int32
	}{{v.AddBOS, bos, v.BOS, &before}, {v.AddEOS, eos, v.EOS, &after}, {v.AddSEP, sep, v.SEP, &after}} {
		if e.asked == nil && !e.usual || e.asked != nil && !*e.asked {
			continue
		}
		if e.id < 0 && e.asked == nil {
			continue
		}
		if e.id < 0 || t.vocab[e.id] == "" {
			return errors.New("a token should start or end each text, and none is named")
		}
		*e.list = append(*e.list, e.id)
	}
	if len(before)+len(after) > 0 {
		t.spec.PostProcessor = t.around(before, after)
	}
	return nil
}

// gpt2 is byte-level BPE.
func (v *Vocabulary) gpt2(t *Tokenizer) error {
	pre, ok := pres[v.Pre]
	if !ok {
		return unsupported("the pre-tokenizer %q", v.Pre)
	}
	t.spec = file{PreTokenizer: splitAt(pre.patterns...), PostProcessor: raw(byteLevel(false, true)), Decoder: raw(byteLevel(false, true)),
		Model: fileModel{Type: "BPE", IgnoreMerges: pre.whole}}
	if v.NFC {
		t.spec.Normalizer = raw(object{"type": "NFC"})
	}
	if err := v.tokens(t, nil); err != nil {
		return err
	}
	for i, line := range v.Merges {
		at := strings.IndexByte(line[min(1, len(line)):], ' ') + 1 // a token is not empty
		if at < 1 {
			return fmt.Errorf("merge %d is %q, not two tokens", i, line)
		}
		if err := t.addMerge(line[:at], line[at+1:]); err != nil {
			return err
		}
	}
	return v.ends(t, pre.bos, false, false)
}

// llama is SentencePiece's BPE, as llama.cpp does it: each stretch of text
// between special tokens gets its own space.
func (v *Vocabulary) llama(t *Tokenizer) error {
	if v.Scores == nil {
		return errors.New("there are no scores")
	}
	prefix := v.SpacePrefix == nil || *v.SpacePrefix
	t.spec = file{Normalizer: sentencePieceNormalizer(nil, false, prefix), Decoder: sentencePieceDecoder(false, prefix),
		Model: fileModel{Type: "BPE", FuseUnk: true, ByteFallback: true}}
	if err := v.sentencePieces(t); err != nil {
		return err
	}
	if err := t.mergesByScore(v.Scores); err != nil {
		return err
	}
	return v.ends(t, true, false, false)
}

// t5 is SentencePiece's unigram model.
func (v *Vocabulary) t5(t *Tokenizer) error {
	if v.Scores == nil {
		return errors.New("there are no scores")
	}
	prefix := v.SpacePrefix != nil && *v.SpacePrefix
	t.spec = file{Normalizer: sentencePieceNormalizer(v.Charsmap, v.CollapseSpace, prefix), Decoder: sentencePieceDecoder(v.CollapseSpace, prefix),
		Model: fileModel{Type: "Unigram"}}
	if err := v.sentencePieces(t); err != nil {
		return err
	}
	if t.unk >= 0 {
		t.spec.Model.UnkID = &t.unk
	}
	_, t.spec.Model.ByteFallback = t.ids.get("<0x00>")
	t.scores = make([]float64, len(v.Scores))
	for i, s := range v.Scores {
		t.scores[i] = float64(s)
	}
	return v.ends(t, false, true, false)
}

// sentencePieces fills in the vocabulary of a SentencePiece model.
func (v *Vocabulary) sentencePieces(t *Tokenizer) error {
	if err := v.tokens(t, nil); err != nil {
		return err
	}
	if t.kinds = v.Kinds; t.kinds == nil {
		t.kinds = slices.Repeat([]int32{NormalToken}, len(v.Tokens))
	}
	for i, kind := range t.kinds {
		if kind == UnknownToken {
			t.unk = int32(i)
		}
	}
	if v.Unknown >= 0 {
		t.unk = v.Unknown
	}
	return nil
}

// bert is WordPiece. GGUF marks the words' beginnings, where BERT marks the
// pieces that go on with a word.
func (v *Vocabulary) bert(t *Tokenizer) error {
	joiner := "##"
	t.spec = file{
		Normalizer:   raw(object{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": nil, "lowercase": !v.KeepCase}),
		PreTokenizer: raw(object{"type": "BertPreTokenizer"}),
		Decoder:      raw(object{"type": "WordPiece", "prefix": joiner, "cleanup": true}),
		Model:        fileModel{Type: "WordPiece", ContinuingSubwordPrefix: &joiner},
	}
	err := v.tokens(t, func(text string) string {
		if word, ok := strings.CutPrefix(text, lowBlock); ok {
			return word
		}
		if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
			return text
		}
		return joiner + text
	})
	if err != nil {
		return err
	}
	t.unk = v.Unknown
	return v.ends(t, true, false, true)
}

// sentencePieceNormalizer does what SentencePiece does before it looks for tokens.
func sentencePieceNormalizer(charsmap []byte, collapse, prefix bool) []byte {
	var list []any
	if len(charsmap) > 0 {
		list = append(list, object{"type": "Precompiled", "precompiled_charsmap": base64.StdEncoding.EncodeToString(charsmap)})
	}
	if collapse {
		list = append(list, object{"type": "Replace", "pattern": object{"Regex": patternLeading}, "content": ""},
			object{"type": "Replace", "pattern": object{"Regex": " {2,}"}, "content": " "})
	}
	if prefix {
		list = append(list, object{"type": "Prepend", "prepend": lowBlock})
	}
	list = append(list, object{"type": "Replace", "pattern": object{"String": " "}, "content": lowBlock})
	if collapse {
		list = append(list, object{"type": "Replace", "pattern": object{"Regex": patternTrailing}, "content": ""})
	}
	return raw(object{"type": "Sequence", "normalizers": list})
}

// sentencePieceDecoder takes away the spaces that a text cannot begin with.
func sentencePieceDecoder(collapse, prefix bool) []byte {
	list := []any{object{"type": "Replace", "pattern": object{"String": lowBlock}, "content": " "},
		object{"type": "ByteFallback"}, object{"type": "Fuse"}}
	if strip := map[bool]int{true: 1 << 20, false: 1}[collapse]; prefix || collapse {
		list = append(list, object{"type": "Strip", "content": " ", "start": strip, "stop": 0})
	}
	return raw(object{"type": "Sequence", "decoders": list})
}

// mergesByScore has every pair of tokens that makes a token merge: the higher
// the score of what it makes, the earlier. Pairs with equal scores have equal
// ranks, so that the leftmost goes first; a tokenizer.json cannot say that, and
// has them one after the other, as Hugging Face's converter does.
func (t *Tokenizer) mergesByScore(scores []float32) error {
	type made struct {
		pair
		score float32
	}
	var list []made
	for id, text := range t.vocab {
		if text == "" || !t.mergeable(int32(id)) {
			continue
		}
		if len(text) > maxPieceLength {
			return fmt.Errorf("token %d has %d bytes", id, len(text))
		}
		for at := range text {
			left, ok := t.ids.get(text[:at])
			right, ok2 := t.ids.get(text[at:])
			if at > 0 && ok && ok2 && t.mergeable(left) && t.mergeable(right) {
				if len(list) == maxMerges {
					return fmt.Errorf("more than %d pairs of tokens make a token", maxMerges)
				}
				list = append(list, made{pair{left, right}, scores[id]})
			}
		}
	}
	slices.SortFunc(list, func(a, b made) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.left, b.left), cmp.Compare(a.right, b.right))
	})
	t.merges, t.ranks = make([]pair, len(list)), make([]int32, len(list))
	for i, m := range list {
		t.merges[i] = m.pair
		if i > 0 {
			t.ranks[i] = t.ranks[i-1]
			if m.score != list[i-1].score {
				t.ranks[i]++
			}
		}
	}
	return nil
}
