package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// JSON writes the tokenizer as a tokenizer.json that Hugging Face's tokenizers
// library reads.
func (t *Tokenizer) JSON() ([]byte, error) {
	doc := map[string]any{
		"version": "1.0", "truncation": nil, "padding": nil,
		"added_tokens": t.addedJSON(), "normalizer": orNull(t.spec.Normalizer), "pre_tokenizer": orNull(t.spec.PreTokenizer),
		"post_processor": orNull(t.spec.PostProcessor), "decoder": orNull(t.spec.Decoder), "model": t.modelJSON(),
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("write tokenizer: %w", err)
	}
	return out.Bytes(), nil
}

func orNull(raw json.RawMessage) any {
	if isNull(raw) {
		return nil
	}
	return raw
}

func (t *Tokenizer) addedJSON() []fileAdded {
	list := []fileAdded{}
	for _, a := range t.added {
		list = append(list, fileAdded{ID: a.ID, Content: a.Text, SingleWord: a.SingleWord, LStrip: a.LStrip, RStrip: a.RStrip,
			Normalized: a.Normalized, Special: a.Special})
	}
	return list
}

func (t *Tokenizer) modelJSON() map[string]any {
	m := t.spec.Model
	var unk any
	if t.unk >= 0 {
		unk = t.vocab[t.unk]
	}
	switch m.Type {
	case "Unigram":
		vocab := make([][2]any, len(t.vocab))
		for id, text := range t.vocab {
			vocab[id] = [2]any{text, t.scores[id]}
		}
		return map[string]any{"type": m.Type, "unk_id": m.UnkID, "vocab": vocab, "byte_fallback": m.ByteFallback}
	case "WordPiece":
		return map[string]any{"type": m.Type, "unk_token": unk, "continuing_subword_prefix": m.ContinuingSubwordPrefix,
			"max_input_chars_per_word": m.MaxInputChars, "vocab": t.orderedVocab()}
	}
	merges := make([][2]string, len(t.merges))
	for i, m := range t.merges {
		merges[i] = [2]string{t.vocab[m.left], t.vocab[m.right]}
	}
	return map[string]any{"type": m.Type, "dropout": nil, "unk_token": unk, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
		"fuse_unk": m.FuseUnk, "byte_fallback": m.ByteFallback, "ignore_merges": m.IgnoreMerges, "vocab": t.orderedVocab(), "merges": merges}
}

func (t *Tokenizer) orderedVocab() orderedVocab {
	var v orderedVocab
	for id, text := range t.vocab {
		if text != "" {
			v = append(v, entry{text, id})
		}
	}
	return v
}

// orderedVocab is a JSON object whose keys stay in the order of their IDs.
type orderedVocab []entry

type entry struct {
	text string
	id   int
}

// MarshalJSON implements [json.Marshaler].
func (v orderedVocab) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, e := range v {
		if i > 0 {
			out = append(out, ',')
		}
		var key bytes.Buffer
		enc := json.NewEncoder(&key)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(e.text); err != nil {
			return nil, err
		}
		out = append(out, bytes.TrimRight(key.Bytes(), "\n")...)
		out = fmt.Appendf(out, ":%d", e.id)
	}
	return append(out, '}'), nil
}

// raw is a part of tokenizer.json, made of maps that always marshal.
func raw(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic("tokenizer: " + err.Error())
	}
	return text
}

type object = map[string]any

func byteLevel(prefixSpace, useRegex bool) object {
	return object{"type": "ByteLevel", "add_prefix_space": prefixSpace, "trim_offsets": false, "use_regex": useRegex}
}

// splitAt is a pre-tokenizer that cuts at patterns, one after the other.
func splitAt(patterns ...string) json.RawMessage {
	if slices.Equal(patterns, []string{patternGPT2}) {
		return raw(byteLevel(false, true))
	}
	var list []any
	for _, p := range patterns {
		list = append(list, object{"type": "Split", "pattern": object{"Regex": p}, "behavior": "Isolated", "invert": false})
	}
	return raw(object{"type": "Sequence", "pretokenizers": append(list, byteLevel(false, false))})
}

// newByteLevel is a tokenizer that cuts text in a published way and has no tokens yet.
func newByteLevel(s Split) *Tokenizer {
	return &Tokenizer{BOS: -1, EOS: -1, unk: -1, spec: file{
		Model: fileModel{Type: "BPE"}, PreTokenizer: splitAt(s.Pattern()),
		PostProcessor: raw(byteLevel(false, true)), Decoder: raw(byteLevel(false, true)),
	}}
}

// around is a post-processor that puts tokens before and after a text.
func (t *Tokenizer) around(before, after []int32) json.RawMessage {
	single, special := []any{}, object{}
	put := func(ids []int32) {
		for _, id := range ids {
			text := t.vocab[id]
			single = append(single, object{"SpecialToken": object{"id": text, "type_id": 0}})
			special[text] = object{"id": text, "ids": []int32{id}, "tokens": []string{text}}
		}
	}
	put(before)
	single = append(single, object{"Sequence": object{"id": "A", "type_id": 0}})
	put(after)
	pair := append(slices.Clone(single), object{"Sequence": object{"id": "B", "type_id": 1}})
	return raw(object{"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special})
}
