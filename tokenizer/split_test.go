package tokenizer

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
	"pgregory.net/rapid"
)

// oddities are what patterns stumble over: contractions in every case, with
// the letter that folds to an s and with a curly quote, ends of lines, white
// space that is not ASCII, joined emoji, combining marks, and no UTF-8 at all.
var oddities = []string{
	"'s", "'S", "'\u017f", "'t", "'re", "'RE", "'rE", "'ve", "'VE", "'m", "'ll", "'lL", "'d", "'D", "''", "'", "\u2019s", "\u2019re", "'r", "'l", "'v",
	" ", "  ", "   ", "\n", "\r\n", "\r", "\t", "\v", "\f", "\u0085", "\u00a0", "\u2028", "\u3000", "\u200b", "\ufeff", " \n", "\n ", "/", "//", "\r\n/",
	"a", "B", "Ab", "aB", "\u01c5", "\u02b0", "\u05d0", "\u4e2d\u6587", "\u30ab\u30bf", "\u3042", "\ud55c", "\u0301", "\u0903", "\u0e01\u0e33", "\u00aa", "\u0130", "\u00df",
	"0", "12", "123", "1234", "\u00b2", "\u2163", "\u0663", "\u3007", "\U0001d7d8", "\u2460",
	"!", "?!", "...", "\u2026", "$", "+", "\u20ac", "_", "-", "\u2014", "\u3002", "\uff0c", "#include", "<|x|>",
	"\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "\U0001f3f3\ufe0f\u200d\U0001f308", "\U0001f1e9\U0001f1ea",
	"\x00", "\x7f", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xed\xa0\x80", "\xc0\x80", "\x80", "\ue000", "\U000e0001", "\U0010ffff",
}

// categories are the general categories, Cs apart: it is no UTF-8.
var categories = func() []*unicode.RangeTable {
	var list []*unicode.RangeTable
	for name, table := range unicode.Categories {
		if len(name) == 2 && name != "Cs" {
			list = append(list, table)
		}
	}
	return list
}()

// anyText draws text of oddities, and of characters of every category.
func anyText() *rapid.Generator[string] {
	odd := rapid.SampledFrom(oddities)
	char := rapid.Custom(func(t *rapid.T) string {
		return string(rapid.RuneFrom(nil, rapid.SampledFrom(categories).Draw(t, "category")).Draw(t, "rune"))
	})
	long := rapid.Custom(func(t *rapid.T) string {
		return strings.Repeat(odd.Draw(t, "unit"), rapid.IntRange(1, 300).Draw(t, "times"))
	})
	piece := rapid.OneOf(odd, odd, odd, char, char, long, rapid.StringN(0, 8, -1), rapid.StringMatching(`[a-z ]{0,9}`))
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 0, 20).Draw(t, "pieces"), "")
	})
}

// regexPieces cuts text with a regular expression, what lies between two
// matches being a piece too. A byte that is no UTF-8 becomes a surrogate, which
// is in none of the patterns' classes.
func regexPieces(t interface{ Fatal(...any) }, re *regexp2.Regexp, text string) []string {
	var runes []rune
	var starts []int
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n == 1 {
			r = 0xDC00 + rune(text[i])
		}
		runes, starts = append(runes, r), append(starts, i)
		i += n
	}
	starts = append(starts, len(text))
	found, err := re.FindAllRunesIndex(runes, -1)
	if err != nil {
		t.Fatal(err)
	}
	var pieces []string
	at := 0
	for _, m := range found {
		if at < m[0] {
			pieces = append(pieces, text[starts[at]:starts[m[0]]])
		}
		if m[0] < m[1] {
			pieces = append(pieces, text[starts[m[0]]:starts[m[1]]])
		}
		at = m[1]
	}
	if at < len(runes) {
		pieces = append(pieces, text[starts[at]:])
	}
	return pieces
}

func scannerPieces(s Split, text string) []string {
	var pieces []string
	for rest := []byte(text); len(rest) > 0; {
		n, _ := published[s.Pattern()](rest)
		pieces = append(pieces, string(rest[:n]))
		rest = rest[n:]
	}
	return pieces
}

// reference compiles a pattern. regexp2 does not know that the long s folds to
// an s, which Python's, Rust's and Oniguruma's regular expressions do (see
// testdata/golden.json).
func reference(s Split) *regexp2.Regexp {
	return regexp2.MustCompile(strings.ReplaceAll(s.Pattern(), "(?i:'s|", "(?i:'s|'\u017f|"))
}

func splits() []Split { return []Split{GPT2, CL100K, O200K, Qwen2} }

func TestScannersDoTheirPatterns(t *testing.T) {
	for _, s := range splits() {
		re := reference(s)
		t.Run(s.String(), rapid.MakeCheck(func(t *rapid.T) {
			text := anyText().Draw(t, "text")
			got, want := scannerPieces(s, text), regexPieces(t, re, text)
			if !slices.Equal(got, want) {
				t.Fatalf("%q\n got %q\nwant %q", text, got, want)
			}
		}))
	}
}

func FuzzScanners(f *testing.F) {
	for _, o := range oddities {
		f.Add(o + " " + o)
	}
	f.Add(strings.Join(oddities, ""))
	re := map[Split]*regexp2.Regexp{}
	for _, s := range splits() {
		re[s] = reference(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = text[:min(len(text), 500)] // regexp2 is quadratic
		for _, s := range splits() {
			if got, want := scannerPieces(s, text), regexPieces(t, re[s], text); !slices.Equal(got, want) {
				t.Fatalf("%v: %q\n got %q\nwant %q", s, text, got, want)
			}
		}
	})
}
