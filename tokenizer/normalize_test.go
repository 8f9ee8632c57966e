package tokenizer

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

// The way for texts with long runs of marks must be norm.Form's where that
// needs no joiner, and must not add one where it does.
func TestUnicodeForms(t *testing.T) {
	for name, f := range unicodeForms {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			text := anyText().Draw(t, "text")
			got := string(slowForm(f, []byte(text)))
			want := f.String(text)
			if strings.Count(want, string(joiner)) == strings.Count(text, string(joiner)) && got != want {
				t.Fatalf("%q is %q, want %q", text, got, want)
			}
			if whole := string(unicodeForm(f)([]byte(text))); whole != got {
				t.Fatalf("%q is %q, and %q the other way", text, whole, got)
			}
			marks := rapid.SliceOfN(rapid.SampledFrom([]rune{'\u0301', '\u0327', '\u0345', '\u05b0'}), 31, 80).Draw(t, "marks")
			long := string(slowForm(f, []byte("e"+string(marks))))
			if strings.Contains(long, string(joiner)) || string(slowForm(f, []byte(long))) != long {
				t.Fatalf("%q is %q", string(marks), long)
			}
		}))
	}
	if norm.NFC.String(strings.Repeat("\u0301", 31)) == strings.Repeat("\u0301", 31) {
		t.Error("norm.Form does without a joiner now; slowForm can go")
	}
}
