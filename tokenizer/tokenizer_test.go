package tokenizer

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func corpus(texts ...string) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for _, t := range texts {
			if !yield([]byte(t)) {
				return
			}
		}
	}
}

var sample = strings.Repeat("The quick brown fox, it's 12345 years old!\n\n  Don't you see?\tnaïve 北京 😀 \r\n", 50)

func trained(t testing.TB, split Split) *Tokenizer {
	t.Helper()
	tok, err := Train(corpus(sample), TrainOptions{Vocab: 400, Split: split, Specials: []string{"<|endoftext|>"}})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestRoundTrip(t *testing.T) {
	for _, split := range []Split{GPT2, CL100K, O200K, Qwen2} {
		tok := trained(t, split)
		text, err := tok.JSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{"", "a", sample, "\xff\xfe a\xe2\x82", strings.Repeat(" ", 1000), strings.Repeat("a", 5000) + "<|endoftext|>"} {
			ids := tok.Encode(s, Encode{})
			if !bytes.Equal(tok.Decode(ids), []byte(s)) {
				t.Errorf("%v: %.20q came back as %.20q", split, s, tok.Decode(ids))
			}
			if got := again.Encode(s, Encode{}); !slices.Equal(got, ids) {
				t.Errorf("%v: %.20q: reread tokenizer differs", split, s)
			}
		}
	}
}
