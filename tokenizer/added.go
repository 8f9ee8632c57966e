package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Added is a token matched as a whole before the text is split.
type Added struct {
	ID         int32
	Text       string
	Special    bool // found only on demand (ParseSpecial), not part of decoded text's meaning
	LStrip     bool // swallows the white space before it
	RStrip     bool // and after it
	SingleWord bool // found only where no letter, digit or _ touches it
	Normalized bool // looked for in normalized text
}

// IsMark says whether a text has this token as a mark: white space and single
// characters are text like any other, everything else may mean something to the
// model that the letters alone do not, such as <think>, whether the file calls
// it special or not.
func (a *Added) IsMark() bool {
	return utf8.RuneCountInString(a.Text) > 1 && strings.Trim(a.Text, " \t\r\n"+lowBlock) != ""
}

// finds says whether a token is looked for.
func (o Encode) finds(a *Added) bool {
	if o.Plain {
		return !a.Special && !a.IsMark()
	}
	return o.ParseSpecial || !a.Special
}

// finder finds added tokens.
type finder struct {
	added  []Added // those of the tokenizer, as values are indexes
	texts  *trie
	begins [256]bool
	some   bool
}

func newFinder(added []Added) *finder { return &finder{added: added, texts: newTrie(0)} }

func (f *finder) add(text string, index int) error {
	if text == "" {
		return nil
	}
	f.begins[text[0]], f.some = true, true
	return f.texts.add(text, int32(index))
}

// next finds the first added token, the longest at its place: ordinary text
// ends at at, the token (nil: none) at end, stripped white space included.
func (f *finder) next(text []byte, o Encode) (at, end int, found *Added) {
	if !f.some {
		return len(text), len(text), nil
	}
	for i := 0; i < len(text); i++ {
		if !f.begins[text[i]] {
			continue
		}
		a, n := f.longest(text, i, o)
		if a == nil {
			continue
		}
		at, end = i, i+n
		if a.LStrip {
			at = trimRight(text[:at])
		}
		if a.RStrip {
			end += spaceRun(text[end:])
		}
		return at, end, a
	}
	return len(text), len(text), nil
}

// longest is the longest token at a place.
func (f *finder) longest(text []byte, i int, o Encode) (found *Added, n int) {
	node, ok := int32(0), true
	for end := i; end < len(text); {
		if node, ok = f.texts.step(node, text[end]); !ok {
			break
		}
		end++
		if k := f.texts.value[node]; k >= 0 {
			a := &f.added[k]
			if o.finds(a) && (!a.SingleWord || alone(text, i, end)) {
				found, n = a, end-i
			}
		}
	}
	return found, n
}

// alone says whether no word character touches text[i:end].
func alone(text []byte, i, end int) bool {
	before, _ := utf8.DecodeLastRune(text[:i])
	after, _ := utf8.DecodeRune(text[end:])
	return !(i > 0 && isWord(before)) && !(end < len(text) && isWord(after))
}

// isWord is \w.
func isWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Join_Control, unicode.Other_Alphabetic)
}
