package tokenizer

import (
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

// finder finds added tokens.
type finder struct {
	added  []Added // those of the tokenizer, as values are indexes
	texts  *trie
	begins [256]bool
	some   bool
}

func newFinder(added []Added) *finder { return &finder{added: added, texts: newTrie()} }

func (f *finder) add(text string, index int) {
	if text != "" {
		f.texts.add(text, int32(index))
		f.begins[text[0]], f.some = true, true
	}
}

// next finds the first added token, the longest at its place: ordinary text
// ends at at, the token (nil: none) at end, stripped white space included.
func (f *finder) next(text []byte, special bool) (at, end int, found *Added) {
	if !f.some {
		return len(text), len(text), nil
	}
	for i := 0; i < len(text); i++ {
		if !f.begins[text[i]] {
			continue
		}
		a, n := f.longest(text, i, special)
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
func (f *finder) longest(text []byte, i int, special bool) (found *Added, n int) {
	node, ok := int32(0), true
	for end := i; end < len(text); {
		if node, ok = f.texts.step(node, text[end]); !ok {
			break
		}
		end++
		if k := f.texts.value[node]; k >= 0 {
			a := &f.added[k]
			if (special || !a.Special) && (!a.SingleWord || alone(text, i, end)) {
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
