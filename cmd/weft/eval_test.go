package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"weft/cmd/weft/internal/view"
	"weft/tokenizer"
)

// TestScored: windows are those of llama-perplexity, where a start token is one of the text's.
func TestScored(t *testing.T) {
	v := tokenizer.Vocabulary{Model: "llama", BOS: 0, EOS: -1, SEP: -1, Unknown: -1, SpacePrefix: new(bool), AddBOS: new(bool)}
	v.Tokens, v.Kinds = []string{"<s>"}, []int32{tokenizer.ControlToken}
	for b := range 256 {
		v.Tokens, v.Kinds = append(v.Tokens, fmt.Sprintf("<0x%02X>", b)), append(v.Kinds, tokenizer.ByteToken)
	}
	v.Scores = make([]float32, len(v.Tokens))
	for _, begins := range []bool{false, true} {
		*v.AddBOS = begins
		tok, err := tokenizer.FromVocabulary(&v)
		if err != nil {
			t.Fatal(err)
		}
		want := []int32{'a' + 1, '<' + 1, 's' + 1, '>' + 1}
		if begins {
			want = append([]int32{0}, want...)
		}
		tokens, o := scored(tok, []byte("a<s>"))
		if !slices.Equal(tokens, want) || o.Begin != begins || o.First != 0 {
			t.Errorf("begins %v: tokens %v, want %v; %+v", begins, tokens, want, o)
		}
	}
}

func TestNotText(t *testing.T) {
	for text, want := range map[string]int{"": 0, "naïve\n日本": 0, "a\x00b\xff": 2, "\xe6\x97": 2, "\ufffd": 0} {
		if got := notText([]byte(text)); got != want {
			t.Errorf("%q has %d bytes that are no text, want %d", text, got, want)
		}
	}
}

// TestTell: notes are as wide as the terminal, but for words that are wider.
func TestTell(t *testing.T) {
	var out strings.Builder
	talk := talk{ui: &out, paint: view.Paint{Width: 10}}
	talk.tell("one two three incomprehensible é é é")
	if want := "one two\nthree\nincomprehensible\né é é\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
