package tokenizer

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dlclark/regexp2/v2"
	"pgregory.net/rapid"
)

// goldenModels is what testdata/models.py wrote.
type goldenModels struct {
	Texts  []string
	Models map[string]struct { // Hugging Face's
		Tokenizer json.RawMessage
		IDs       [][]int32
		Around    []int32 // "hello" with special tokens
		Decoded   []string
	}
	SentencePiece []struct {
		Name    string
		Model   []byte
		IDs     [][]int32
		Decoded []string
	}
	Normalizers []struct {
		JSON  json.RawMessage
		Texts []string
	}
	Pre []struct {
		JSON   json.RawMessage
		Pieces [][]string
	}
}

func readGoldenModels(t testing.TB) goldenModels {
	t.Helper()
	text, err := os.ReadFile("testdata/models.json")
	if err != nil {
		t.Fatal(err)
	}
	var g goldenModels
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func spell(t *Tokenizer, ids []int32) (list []string) {
	for _, id := range ids {
		list = append(list, t.vocab[id])
	}
	return list
}

func TestModelsAreHuggingFaces(t *testing.T) {
	g := readGoldenModels(t)
	for name, m := range g.Models {
		t.Run(name, func(t *testing.T) {
			tok, err := Parse(m.Tokenizer)
			if err != nil {
				t.Fatal(err)
			}
			for i, text := range g.Texts {
				if name == "unigram bytes" && strings.Contains(text, "<0x41>") {
					continue // Hugging Face lets text spell byte tokens; SentencePiece does not, and neither do we
				}
				got := tok.Encode(text, Encode{ParseSpecial: true})
				if !slices.Equal(got, m.IDs[i]) {
					t.Errorf("%q is %v %q\n want %v %q", text, got, spell(tok, got), m.IDs[i], spell(tok, m.IDs[i]))
				}
				if name == "added" || len(m.IDs[i]) > 0 && tok.IsSpecial(m.IDs[i][0]) {
					continue // our text begins after special tokens, Hugging Face's with them
				}
				if got := strings.ToValidUTF8(string(tok.Decode(m.IDs[i])), "\ufffd"); got != m.Decoded[i] {
					t.Errorf("%v decodes as %q, want %q", m.IDs[i], got, m.Decoded[i])
				}
			}
			if got := tok.Encode("hello", Encode{AddSpecial: true}); !slices.Equal(got, m.Around) {
				t.Errorf("around: %v, want %v", got, m.Around)
			}
			sameAfterWriting(t, tok, g.Texts)
		})
	}
}

// sameAfterWriting writes a tokenizer and reads it again.
func sameAfterWriting(t *testing.T, tok *Tokenizer, texts []string) {
	t.Helper()
	text, err := tok.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		o := Encode{ParseSpecial: true, AddSpecial: true}
		if a, b := tok.Encode(text, o), again.Encode(text, o); !slices.Equal(a, b) {
			t.Errorf("%q is %v, and %v after writing and reading", text, a, b)
		}
	}
}

func TestModelsAreSentencePieces(t *testing.T) {
	g := readGoldenModels(t)
	for _, m := range g.SentencePiece {
		t.Run(m.Name, func(t *testing.T) {
			tok, err := FromModel(m.Model)
			if err != nil {
				t.Fatal(err)
			}
			for i, text := range g.Texts {
				got := tok.Encode(text, Encode{})
				if !slices.Equal(got, m.IDs[i]) {
					t.Errorf("%q is %v %q\n want %v %q", text, got, spell(tok, got), m.IDs[i], spell(tok, m.IDs[i]))
				}
				if slices.Contains(m.IDs[i], tok.unk) { // SentencePiece writes it as ⁇
					continue
				}
				if got := strings.ToValidUTF8(string(tok.Decode(m.IDs[i])), "\ufffd"); got != m.Decoded[i] {
					t.Errorf("%v decodes as %q, want %q", m.IDs[i], got, m.Decoded[i])
				}
			}
		})
	}
}

func TestNormalizers(t *testing.T) {
	g := readGoldenModels(t)
	for _, c := range g.Normalizers {
		tok := &Tokenizer{spec: file{Normalizer: c.JSON}}
		if err := tok.buildNormalizer(); err != nil {
			t.Errorf("%s: %v", c.JSON, err)
			continue
		}
		for i, text := range g.Texts {
			if got := string(tok.normalize([]byte(text))); got != c.Texts[i] {
				t.Errorf("%s: %q is %q, want %q", c.JSON, text, got, c.Texts[i])
			}
		}
	}
}

func TestPreTokenizers(t *testing.T) {
	g := readGoldenModels(t)
	for _, c := range g.Pre {
		tok := &Tokenizer{spec: file{PreTokenizer: c.JSON}, decoder: decoder{byteLevel: strings.Contains(string(c.JSON), "ByteLevel")}}
		if err := tok.buildCutters(); err != nil {
			t.Errorf("%.300s: %v", c.JSON, err)
			continue
		}
		for i, text := range g.Texts {
			if got := cutPieces(tok, text); !slices.Equal(got, c.Pieces[i]) {
				t.Errorf("%.300s: %q is %q, want %q", c.JSON, text, got, c.Pieces[i])
			}
		}
	}
}

// A text that goes on gets no space before it, and none is taken from it.
func TestContinue(t *testing.T) {
	tok, err := Parse(readGoldenModels(t).Models["first"].Tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	start, goesOn := tok.Encode("a", Encode{}), tok.Encode("a", Encode{Continue: true})
	if got := string(tok.Decode(start)); slices.Equal(start, goesOn) || got != "a" {
		t.Errorf("%v and %v, decoded as %q", start, goesOn, got)
	}
	s := tok.Continue()
	if got := s.Push(start[0]) + s.Flush(); !strings.HasPrefix(got, " ") {
		t.Errorf("in the middle of a text, the first token is %q", got)
	}
	s = tok.Stream()
	if got := s.Push(start[0]) + s.Flush(); strings.HasPrefix(got, " ") {
		t.Errorf("at the beginning of a text, the first token is %q", got)
	}
}

// recorder is a model that notes the pieces it is given.
type recorder struct{ pieces *[]string }

func (r recorder) encode(dst []int32, _ *encoder, p []byte) []int32 {
	*r.pieces = append(*r.pieces, string(p))
	return append(dst, make([]int32, cacheIDs+1)...) // too many to be remembered
}

func cutPieces(tok *Tokenizer, text string) []string {
	pieces := []string{}
	tok.model = recorder{&pieces}
	e := newEncoder(tok)
	e.first = true
	e.text([]byte(text))
	if tok.byteLevel {
		for i, p := range pieces {
			pieces[i] = printable([]byte(p))
		}
	}
	return pieces
}

// Every pattern that GGUF has a name for cuts as it does as a regular expression.
func TestNamedPatterns(t *testing.T) {
	seen := map[string]bool{}
	for name, p := range pres {
		for _, pattern := range p.patterns {
			if seen[pattern] || strings.Contains(pattern, "&&") || strings.Contains(pattern, "++") { // Oniguruma's; see TestPreTokenizers
				continue
			}
			seen[pattern] = true
			s, err := patternStage(pattern)
			if _, slow := s.(regex); err != nil || slow {
				t.Errorf("%s: no scanner for %q (%v)", name, pattern, err)
				continue
			}
			c, err := behave(s, "Isolated", false)
			if err != nil {
				t.Fatal(err)
			}
			// regexp2's $ also matches before a last newline, and its ſ does not fold.
			re := regexp2.MustCompile(strings.NewReplacer(`\s+$`, `\s+\z`, "(?i:'s|", "(?i:'s|'\u017f|").Replace(pattern))
			t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
				text := anyText().Draw(t, "text")
				var got []string
				c([]byte(text), true, func(p []byte) {
					if len(p) > 0 {
						got = append(got, string(p))
					}
				})
				if want := regexPieces(t, re, text); !slices.Equal(got, want) {
					t.Fatalf("%q: %q\n got %q\nwant %q", pattern, text, got, want)
				}
			}))
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d patterns", len(seen))
	}
}
