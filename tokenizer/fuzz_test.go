package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse reads files that are nearly right. A tokenizer that comes of one
// must work, and what it writes must read as the same.
func FuzzParse(f *testing.F) {
	whole, err := Bytes("<|end|>").JSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	for _, m := range readGoldenModels(f).Models {
		f.Add([]byte(m.Tokenizer))
	}
	for _, text := range []string{`{}`, `{"model":{"type":"BPE","vocab":{},"merges":[]}}`, `{"model":{"vocab":{"a":-1}}}`, `{"model":{"vocab":{"a":999999999}}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tok, err := Parse(text)
		if err != nil {
			return
		}
		out, err := tok.JSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(out)
		if err != nil {
			t.Fatalf("what was written does not read: %v", err)
		}
		for _, s := range oddities {
			for _, o := range []Encode{{}, {ParseSpecial: true, AddSpecial: true}} {
				ids := tok.Encode(s, o)
				if !slices.Equal(ids, again.Encode(s, o)) {
					t.Fatalf("%q is %v, and %v after reading again", s, ids, again.Encode(s, o))
				}
				streamed(t, tok, ids)
			}
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	toks := learned(f)
	var books []textbook
	for _, tok := range toks {
		books = append(books, textbookOf(tok))
	}
	for _, o := range oddities {
		f.Add([]byte(o))
	}
	f.Add([]byte(strings.Repeat("a", 200)))
	f.Fuzz(func(t *testing.T, text []byte) {
		for i, tok := range toks {
			ids := tok.AppendEncode(nil, text, Encode{})
			if got := tok.Decode(ids); string(got) != string(text) {
				t.Fatalf("%v: %q came back as %q", tok.split, text, got)
			}
			if len(text) < 300 {
				if want := books[i].encode(string(text)); !slices.Equal(ids, want) {
					t.Fatalf("%v: %q is %v, want %v", tok.split, text, ids, want)
				}
			}
			if got := streamed(t, tok.Tokenizer, ids); utf8.Valid(text) && got != string(text) {
				t.Fatalf("%v: %q streamed as %q", tok.split, text, got)
			}
		}
	})
}

func FuzzStream(f *testing.F) {
	toks := learned(f)
	f.Add([]byte{1, 2, 3, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, pairs []byte) {
		var ids []int32
		for i := 0; i+1 < len(pairs); i += 2 {
			ids = append(ids, int32(pairs[i])<<8|int32(pairs[i+1])-1)
		}
		for _, tok := range toks {
			streamed(t, tok.Tokenizer, ids)
		}
	})
}

// small is a tokenizer.json of 256 bytes and some extras, to be changed by tests.
func small(t testing.TB, change func(doc map[string]any)) []byte {
	t.Helper()
	text, err := Bytes("<|end|>").JSON()
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	change(doc)
	if text, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	return text
}

// deepTokens are long tokens that have no beginnings in common.
func deepTokens() (list []any) {
	for i := range 800 {
		list = append(list, map[string]any{"id": 300 + i, "content": fmt.Sprint(i, "-") + strings.Repeat("a", 1000)})
	}
	return list
}

// What Parse does not understand it refuses, and names.
func TestRefusals(t *testing.T) {
	model := func(key string, value any) func(map[string]any) {
		return func(doc map[string]any) { doc["model"].(map[string]any)[key] = value }
	}
	part := func(key string, value any) func(map[string]any) {
		return func(doc map[string]any) { doc[key] = value }
	}
	for name, c := range map[string]struct {
		change      func(map[string]any)
		unsupported bool
		says        string
	}{
		"model type":     {model("type", "WordLevel"), true, `"WordLevel"`},
		"dropout":        {model("dropout", 0.1), true, "dropout"},
		"prefix":         {model("continuing_subword_prefix", "##"), true, "continuing_subword_prefix"},
		"suffix":         {model("end_of_word_suffix", "</w>"), true, "end_of_word_suffix"},
		"merge":          {model("merges", []any{[]any{"a", "nothing"}}), false, "merge 0"},
		"merge's token":  {model("merges", []any{[]any{"a", "b"}}), false, "no token"},
		"merge line":     {model("merges", []any{"ab"}), false, "not two tokens"},
		"byte missing":   {func(d map[string]any) { delete(d["model"].(map[string]any)["vocab"].(map[string]any), "?") }, false, "0x3f"},
		"large ID":       {func(d map[string]any) { d["model"].(map[string]any)["vocab"].(map[string]any)["zz"] = 1 << 30 }, false, "out of range"},
		"ID twice":       {func(d map[string]any) { d["model"].(map[string]any)["vocab"].(map[string]any)["zz"] = 5 }, false, "twice"},
		"normalizer":     {part("normalizer", map[string]any{"type": "Strange"}), true, "Strange"},
		"pre_tokenizer":  {part("pre_tokenizer", map[string]any{"type": "UnicodeScripts"}), true, "UnicodeScripts"},
		"no split":       {part("pre_tokenizer", nil), true, "pre_tokenizer"},
		"post_processor": {part("post_processor", map[string]any{"type": "Strange"}), true, "Strange"},
		"decoder":        {part("decoder", map[string]any{"type": "CTC"}), true, "CTC"},
		"a few too many": {func(d map[string]any) { d["model"].(map[string]any)["vocab"].(map[string]any)["zz"] = maxSize }, false, "out of range"},
		"many parts":     {part("normalizer", map[string]any{"type": "Sequence", "normalizers": slices.Repeat([]any{map[string]any{}}, maxParts+1)}), true, "a Sequence of 257"},
		"long part":      {part("normalizer", map[string]any{"type": "Prepend", "prepend": strings.Repeat("a", maxPart)}), true, "a normalizer of"},
		"many merges":    {model("merges", slices.Repeat([]string{"a b"}, maxMerges+1)), false, "more than 655360 merges"},
		"many added":     {part("added_tokens", slices.Repeat([]any{map[string]any{"id": 300}}, maxAdded+1)), false, "more than 65536"},
		"deep tokens":    {part("added_tokens", deepTokens()), false, "nodes"},
		"no JSON":        {nil, false, "parse tokenizer"},
	} {
		text := []byte("{")
		if c.change != nil {
			text = small(t, c.change)
		}
		_, err := Parse(text)
		if err == nil || errors.Is(err, ErrUnsupported) != c.unsupported || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
