package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// textbook is byte-pair encoding as Sennrich et al. write it down.
type textbook struct {
	*Tokenizer
	split Split
	ranks map[pair]int
}

func textbookOf(t learner) textbook {
	b := textbook{t.Tokenizer, t.split, map[pair]int{}}
	for r, m := range t.merges {
		b.ranks[m] = r
	}
	return b
}

// merge joins the pair that was learned first, leftmost place first, until
// none is left.
func (t textbook) merge(piece []byte) []int32 {
	ids := make([]int32, len(piece))
	for i, b := range piece {
		ids[i], _ = t.ids.get(string(runeOfByte[b]))
	}
	for {
		at, best := -1, len(t.merges)
		for i := range len(ids) - 1 {
			if r, ok := t.ranks[pair{ids[i], ids[i+1]}]; ok && r < best {
				at, best = i, r
			}
		}
		if at < 0 {
			return ids
		}
		joined, _ := t.ids.get(t.vocab[ids[at]] + t.vocab[ids[at+1]])
		ids = slices.Replace(ids, at, at+2, joined)
	}
}

func (t textbook) encode(text string) []int32 {
	var ids []int32
	for _, piece := range scannerPieces(t.split, text) {
		ids = append(ids, t.merge([]byte(piece))...)
	}
	return ids
}

// learner is a tokenizer and how it cuts text.
type learner struct {
	*Tokenizer
	split Split
}

// learned are tokenizers with many merges that overlap, one for each split.
func learned(t testing.TB) []learner {
	t.Helper()
	list, err := learnOnce()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

var learnOnce = sync.OnceValues(func() (list []learner, err error) {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		return nil, err
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		return nil, err
	}
	text := g.Corpus + strings.Repeat("aaaaaaaaaaaaaaaaaaaaaaaaaa abababababababababcabcabcabc\n        \n\n\n\n\t\t\t\t", 20)
	for _, s := range splits() {
		tok, err := Train(corpus(text), TrainOptions{Vocab: 1500, Split: s, Specials: []string{"<|endoftext|>", "<|end|>"}})
		if err != nil {
			return nil, err
		}
		list = append(list, learner{tok, s})
	}
	return list, nil
})

func TestEncodeIsTheTextbooks(t *testing.T) {
	for _, tok := range learned(t) {
		book := textbookOf(tok)
		t.Run(tok.split.String(), rapid.MakeCheck(func(t *rapid.T) {
			words := rapid.SliceOf(rapid.SampledFrom([]string{"a", "aa", "b", "c", "abab", "abc", "ing", "est", "s", "ed", "the", "北", "\xff"}))
			for _, text := range []string{anyText().Draw(t, "text"), strings.Join(words.Draw(t, "words"), "")} {
				got, want := tok.Encode(text, Encode{}), book.encode(text)
				if !slices.Equal(got, want) {
					t.Fatalf("%q is %v, want %v", text, got, want)
				}
			}
		}))
	}
}

// The long pieces go another way through the code; the border is crossed byte by byte.
func TestLongPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, tok := range learned(t) {
		book := textbookOf(tok)
		for n := 1; n < 3*shortPiece; n++ {
			same := bytes.Repeat([]byte("a"), n)
			some := make([]byte, n)
			for i := range some {
				some[i] = "aabcest"[r.IntN(7)]
			}
			for _, p := range [][]byte{same, some} {
				if got, want := tok.AppendEncode(nil, p, Encode{}), book.merge(p); !slices.Equal(got, want) {
					t.Fatalf("%v: %q is %v, want %v", tok.split, p, got, want)
				}
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for _, tok := range learned(t) {
		text, err := tok.JSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(t *rapid.T) {
			s := anyText().Draw(t, "text")
			ids := tok.Encode(s, Encode{})
			if got := string(tok.Decode(ids)); got != s {
				t.Fatalf("%q came back as %q", s, got)
			}
			if got := again.Encode(s, Encode{}); !slices.Equal(got, ids) {
				t.Fatalf("%q: the reread tokenizer gives %v, not %v", s, got, ids)
			}
			if got := tok.AppendEncode([]int32{7}, []byte(s), Encode{}); !slices.Equal(got[1:], ids) || got[0] != 7 {
				t.Fatalf("%q: appended as %v", s, got)
			}
		})
	}
}

func TestTextCannotSpellSpecials(t *testing.T) {
	for _, tok := range learned(t) {
		const end, mark = "<|endoftext|>", "<|end|>"
		eot, _ := tok.SpecialID(end)
		other, _ := tok.SpecialID(mark)
		rapid.Check(t, func(t *rapid.T) {
			parts := rapid.SliceOf(rapid.OneOf(anyText(), rapid.SampledFrom([]string{end, mark, "<|end", "oftext|>", "|>", "<<|end|>>"}))).Draw(t, "parts")
			text := strings.Join(parts, "")
			for _, id := range tok.Encode(text, Encode{}) {
				if tok.IsSpecial(id) {
					t.Fatalf("%q gave the special token %d", text, id)
				}
			}
			ids := tok.Encode(text, Encode{ParseSpecial: true})
			count := func(want int32) (n int) {
				for _, id := range ids {
					if id == want {
						n++
					}
				}
				return n
			}
			// The leftmost is taken, the longest at its place; the two cannot overlap.
			if count(eot) != strings.Count(text, end) || count(other) != strings.Count(text, mark) {
				t.Fatalf("%q gave %v", text, ids)
			}
			if string(tok.Decode(ids)) != text {
				t.Fatalf("%q came back as %q", text, tok.Decode(ids))
			}
		})
	}
}

// streamed pushes IDs one by one and holds the stream to its promise.
func streamed(t interface{ Fatalf(string, ...any) }, tok *Tokenizer, ids []int32) string {
	var out strings.Builder
	s := tok.Stream()
	for _, id := range ids {
		part := s.Push(id)
		if !utf8.ValidString(part) {
			t.Fatalf("%v: %q is no UTF-8", ids, part)
		}
		out.WriteString(part)
	}
	last := s.Flush()
	if !utf8.ValidString(last) {
		t.Fatalf("%v: %q is no UTF-8", ids, last)
	}
	return out.String() + last
}

func TestStream(t *testing.T) {
	for _, tok := range learned(t) {
		rapid.Check(t, func(t *rapid.T) {
			ids := rapid.SliceOf(rapid.Int32Range(-1, int32(tok.Size()))).Draw(t, "ids")
			text := anyText().Draw(t, "text")
			whole := tok.Decode(tok.Encode(text, Encode{}))
			if got, want := streamed(t, tok.Tokenizer, tok.Encode(text, Encode{})), strings.ToValidUTF8(string(whole), "\ufffd"); utf8.ValidString(text) && got != want {
				t.Fatalf("%q streamed as %q", text, got)
			}
			got, want := streamed(t, tok.Tokenizer, ids), string([]rune(string(tok.Decode(ids))))
			if strings.ReplaceAll(got, "\ufffd", "") != strings.ReplaceAll(want, "\ufffd", "") {
				t.Fatalf("%v streamed as %q, want %q", ids, got, want)
			}
		})
	}
}

// hostile is input that other tokenizers take quadratic time for.
func hostile(n int) map[string][]byte {
	r := rand.New(rand.NewPCG(3, 4))
	letters := make([]byte, n)
	for i := range letters {
		letters[i] = 'a' + byte(r.IntN(26))
	}
	return map[string][]byte{
		"a":        bytes.Repeat([]byte("a"), n),
		"spaces":   bytes.Repeat([]byte(" "), n),
		"newlines": append(bytes.Repeat([]byte("\n"), n), 'x'),
		"blank":    bytes.Repeat([]byte(" \n\t"), n/3),
		"letters":  letters,
		"capitals": bytes.ToUpper(letters),
		"digits":   bytes.Repeat([]byte("7"), n),
		"quotes":   bytes.Repeat([]byte("'"), n),
		"marks":    bytes.Repeat([]byte("\u0301"), n/2),
		"invalid":  bytes.Repeat([]byte("\xe2"), n),
		"angles":   bytes.Repeat([]byte("<|end"), n/5),
	}
}

// BenchmarkHostile shows that these take time in proportion to their length.
func TestHostileInput(t *testing.T) {
	for _, tok := range learned(t) {
		for name, text := range hostile(1 << 16) {
			ids := tok.AppendEncode(nil, text, Encode{ParseSpecial: true})
			if !bytes.Equal(tok.Decode(ids), text) {
				t.Errorf("%v: %s did not come back", tok.split, name)
			}
		}
	}
}

func BenchmarkHostile(b *testing.B) {
	for _, tok := range learned(b) {
		for _, n := range []int{1 << 19, 1 << 20} {
			for name, text := range hostile(n) {
				b.Run(fmt.Sprintf("%v/%s/%d", tok.split, name, n), func(b *testing.B) {
					b.SetBytes(int64(len(text)))
					var ids []int32
					for b.Loop() {
						ids = tok.AppendEncode(ids[:0], text, Encode{ParseSpecial: true})
					}
				})
			}
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	text := []byte(readGolden(b).Corpus)
	for _, tok := range learned(b) {
		b.Run(tok.split.String(), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			var ids []int32
			for b.Loop() {
				ids = tok.AppendEncode(ids[:0], text, Encode{})
			}
		})
	}
}
