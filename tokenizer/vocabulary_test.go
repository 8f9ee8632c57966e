package tokenizer

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

// goldenModel reads the SentencePiece model of a name, and what SentencePiece makes of the texts.
func goldenModel(t testing.TB, name string) (m *spModel, texts []string, ids [][]int32) {
	t.Helper()
	g := readGoldenModels(t)
	for _, s := range g.SentencePiece {
		if s.Name == name {
			m = &spModel{}
			if err := m.read(s.Model); err != nil {
				t.Fatal(err)
			}
			return m, g.Texts, s.IDs
		}
	}
	t.Fatalf("no model %q", name)
	return nil, nil, nil
}

func TestVocabularyOfSentencePiece(t *testing.T) {
	yes, no := true, false
	for name, kind := range map[string]string{"bpe": "llama", "unigram bytes": "t5"} {
		m, texts, ids := goldenModel(t, name)
		v := m.Vocabulary
		v.Model, v.SpacePrefix, v.AddBOS, v.AddEOS = kind, &yes, &no, &no
		v.BOS, v.EOS, v.SEP, v.Unknown = 1, 2, -1, 0
		tok, err := FromVocabulary(&v)
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range texts {
			if got := tok.Encode(text, Encode{}); !slices.Equal(got, ids[i]) {
				t.Errorf("%s: %q is %v, want %v", name, text, got, ids[i])
			}
			if got := tok.Encode(text, Encode{AddSpecial: true}); !slices.Equal(got, ids[i]) {
				t.Errorf("%s: %q has tokens around it: %v", name, text, got)
			}
			if got := string(tok.Decode(ids[i])); got != strings.ReplaceAll(text, lowBlock, " ") {
				t.Errorf("%s: %q came back as %q", name, text, got)
			}
		}
		sameAfterWriting(t, tok, texts)
		v.AddBOS, v.AddEOS = nil, nil
		if tok, err = FromVocabulary(&v); err != nil {
			t.Fatal(err)
		}
		got, want := tok.Encode("", Encode{AddSpecial: true}), map[string][]int32{"llama": {1}, "t5": {2}}[kind]
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v stand around a text, want %v", name, got, want)
		}
	}
}

func TestVocabularyOfBERT(t *testing.T) {
	g := readGoldenModels(t)
	for name, keep := range map[string]bool{"wordpiece": false, "wordpiece cased": true} {
		want, err := Parse(g.Models[name].Tokenizer)
		if err != nil {
			t.Fatal(err)
		}
		v := Vocabulary{Model: "bert", KeepCase: keep, BOS: 2, EOS: -1, SEP: 3, Unknown: 1}
		for id, text := range want.vocab {
			kind := NormalToken
			if rest, inner := strings.CutPrefix(text, "##"); inner {
				text = rest
			} else if id < 4 {
				kind = ControlToken
			} else {
				text = lowBlock + text
			}
			v.Tokens, v.Kinds = append(v.Tokens, text), append(v.Kinds, kind)
		}
		got, err := FromVocabulary(&v)
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range g.Texts {
			if ids := got.Encode(text, Encode{ParseSpecial: true}); !slices.Equal(ids, g.Models[name].IDs[i]) {
				t.Errorf("%s: %q is %v, want %v", name, text, ids, g.Models[name].IDs[i])
			}
		}
		if ids := got.Encode("hello", Encode{AddSpecial: true}); !slices.Equal(ids, g.Models[name].Around) {
			t.Errorf("%s: around: %v", name, ids)
		}
	}
}

// ofGPT2 is a byte-level tokenizer as a GGUF file has it.
func ofGPT2(t testing.TB, tok *Tokenizer, pre string) *Vocabulary {
	v := &Vocabulary{Model: "gpt2", Pre: pre, BOS: 0, EOS: 0, SEP: -1, Unknown: -1}
	for id, text := range tok.vocab {
		kind := NormalToken
		if tok.IsSpecial(int32(id)) {
			kind = ControlToken
		}
		v.Tokens, v.Kinds = append(v.Tokens, text), append(v.Kinds, kind)
	}
	for _, m := range tok.merges {
		v.Merges = append(v.Merges, tok.vocab[m.left]+" "+tok.vocab[m.right])
	}
	return v
}

func TestVocabularyOfGPT2(t *testing.T) {
	g := readGoldenModels(t)
	for i, name := range []string{"gpt-2", "dbrx", "gpt-4o", "qwen2"} {
		want := learned(t)[i]
		got, err := FromVocabulary(ofGPT2(t, want.Tokenizer, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range g.Texts {
			if a, b := got.Encode(text, Encode{ParseSpecial: true}), want.Encode(text, Encode{ParseSpecial: true}); !slices.Equal(a, b) {
				t.Errorf("%s: %q is %v, want %v", name, text, a, b)
			}
		}
		if pre, ok := got.Pre(); !ok || pre != name {
			t.Errorf("%s is written as %q", name, pre)
		}
	}
	for name := range pres {
		tok, err := FromVocabulary(ofGPT2(t, learned(t)[0].Tokenizer, name))
		if err != nil {
			t.Fatal(name, err)
		}
		for _, text := range g.Texts {
			if got := string(tok.Decode(tok.Encode(text, Encode{}))); got != text {
				t.Errorf("%s: %q came back as %q", name, text, got)
			}
		}
		if pre, ok := tok.Pre(); name != "granite-embed-multi-97m" && (!ok || !slices.Equal(pres[pre].patterns, pres[name].patterns)) {
			t.Errorf("%s is written as %q", name, pre)
		}
	}
}

func TestVocabularyRefusals(t *testing.T) {
	yes := true
	for says, change := range map[string]func(*Vocabulary){
		`"rwkv"`:                func(v *Vocabulary) { v.Model = "rwkv" },
		`"nonesuch"`:            func(v *Vocabulary) { v.Pre = "nonesuch" },
		"0 tokens":              func(v *Vocabulary) { v.Tokens = nil },
		"3 types":               func(v *Vocabulary) { v.Kinds = v.Kinds[:3] },
		"1 scores":              func(v *Vocabulary) { v.Scores = []float32{1} },
		"no scores":             func(v *Vocabulary) { v.Model = "llama" },
		"the token 9999":        func(v *Vocabulary) { v.EOS = 9999 },
		"type 7":                func(v *Vocabulary) { v.Kinds[5] = 7 },
		"type 6":                func(v *Vocabulary) { v.Kinds[5] = ByteToken },
		"or nothing":            func(v *Vocabulary) { v.Tokens[5] = v.Tokens[6] },
		"merge 0":               func(v *Vocabulary) { v.Merges = []string{"ab"} },
		"not both tokens":       func(v *Vocabulary) { v.Merges = []string{"a nothing"} },
		"none is named":         func(v *Vocabulary) { v.BOS, v.AddBOS = -1, &yes },
		"unknown token":         func(v *Vocabulary) { v.Model, v.Unknown = "bert", -1 },
		"no token for the byte": func(v *Vocabulary) { v.Tokens, v.Kinds, v.Merges = v.Tokens[:5], v.Kinds[:5], nil },
	} {
		v := ofGPT2(t, learned(t)[0].Tokenizer, "gpt-2")
		change(v)
		_, err := FromVocabulary(v)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
		named := strings.HasPrefix(says, `"`) || strings.HasPrefix(says, "type")
		if named != errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v should wrap ErrUnsupported: %v", says, err, named)
		}
	}
}

// FuzzModel reads tokenizer.model files that are nearly right.
func FuzzModel(f *testing.F) {
	for _, m := range readGoldenModels(f).SentencePiece {
		f.Add(m.Model)
		f.Add(m.Model[:len(m.Model)/2])
		f.Add(m.Model[len(m.Model)-400:])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := FromModel(data)
		if err != nil {
			return
		}
		for _, s := range oddities {
			ids := tok.Encode(s, Encode{ParseSpecial: true, AddSpecial: true})
			streamed(t, tok, ids)
		}
		if _, err := tok.JSON(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzParts puts parts into a small tokenizer.json.
func FuzzParts(f *testing.F) {
	g := readGoldenModels(f)
	for _, m := range g.Models {
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(m.Tokenizer, &doc); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(doc["normalizer"]), []byte(doc["pre_tokenizer"]), []byte(doc["post_processor"]), []byte(doc["decoder"]), uint8(0), "<s>'s a")
		f.Add([]byte("null"), []byte(doc["pre_tokenizer"]), []byte("null"), []byte(doc["decoder"]), uint8(255), "ǅ\xff ")
	}
	for i, n := range g.Normalizers {
		p := g.Pre[i%len(g.Pre)]
		f.Add([]byte(n.JSON), []byte(p.JSON), []byte("null"), []byte(`{"type":"ByteLevel"}`), uint8(i), "a  b")
	}
	vocab := map[string]int32{"<unk>": 0, "<s>": 1}
	for _, b := range runeOfByte {
		vocab[string(b)] = int32(len(vocab))
	}
	vocab["##a"], vocab["ab"] = int32(len(vocab)), int32(len(vocab)+1)
	f.Fuzz(func(t *testing.T, normalizer, pre, post, decoder []byte, flags uint8, text string) {
		model := object{"type": "BPE", "vocab": vocab, "merges": []any{"a b"}, "unk_token": "<unk>", "fuse_unk": flags&1 > 0,
			"byte_fallback": flags&2 > 0, "ignore_merges": flags&4 > 0}
		if flags&8 > 0 {
			model["type"] = "WordPiece"
		}
		doc, err := json.Marshal(object{"model": model, "normalizer": json.RawMessage(normalizer), "pre_tokenizer": json.RawMessage(pre),
			"post_processor": json.RawMessage(post), "decoder": json.RawMessage(decoder),
			"added_tokens": []any{object{"id": 1, "content": "<s>", "special": flags&16 > 0, "lstrip": flags&32 > 0, "normalized": flags&64 > 0, "single_word": flags&128 > 0}}})
		if err != nil {
			return
		}
		tok, err := Parse(doc)
		if err != nil {
			return
		}
		text = text[:min(len(text), 200)]
		ids := tok.Encode(text, Encode{ParseSpecial: true, AddSpecial: true})
		streamed(t, tok, ids)
		written, err := tok.JSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(written)
		if err != nil {
			t.Fatalf("what was written does not read: %v\n%s", err, written)
		}
		if b := again.Encode(text, Encode{ParseSpecial: true, AddSpecial: true}); !slices.Equal(ids, b) {
			t.Fatalf("%q is %v, and %v after reading again", text, ids, b)
		}
	})
}
