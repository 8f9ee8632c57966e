package tokenizer

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalizer rewrites text before it is cut. It does not change its input, but
// may return it.
type normalizer func(s []byte) []byte

// chain does one normalizer after the other.
func chain(list []normalizer) normalizer {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return func(s []byte) []byte {
		for _, n := range list {
			s = n(s)
		}
		return s
	}
}

const lowBlock = "\u2581" // ▁, which stands for a space in SentencePiece's vocabularies

func replaceText(from, to string) normalizer {
	return func(s []byte) []byte { return bytes.ReplaceAll(s, []byte(from), []byte(to)) }
}

func prepend(text string) normalizer {
	return func(s []byte) []byte {
		if len(s) == 0 {
			return s
		}
		return append([]byte(text), s...)
	}
}

// replaceMatches puts a text in the place of every match.
func replaceMatches(p stage, to string) normalizer {
	return func(s []byte) []byte {
		var out []byte
		p.cut(s, func(piece []byte, match bool) {
			if match {
				out = append(out, to...)
			} else {
				out = append(out, piece...)
			}
		})
		return out
	}
}

// mapRunes rewrites characters one by one; f appends what a character becomes.
// Bytes that are no UTF-8 stay.
func mapRunes(f func(out []byte, r rune) []byte) normalizer {
	return func(s []byte) []byte {
		out := make([]byte, 0, len(s)+8)
		for len(s) > 0 {
			r, n := utf8.DecodeRune(s)
			if r == utf8.RuneError && n == 1 {
				out = append(out, s[0])
			} else {
				out = f(out, r)
			}
			s = s[n:]
		}
		return out
	}
}

// lowercase is Unicode's full mapping of single characters; only İ becomes two.
func lowercase(out []byte, r rune) []byte {
	if r == '\u0130' {
		return append(out, "i\u0307"...)
	}
	return utf8.AppendRune(out, unicode.ToLower(r))
}

// without leaves out the characters of a table.
func without(table *unicode.RangeTable) normalizer {
	return mapRunes(func(out []byte, r rune) []byte {
		if unicode.Is(table, r) {
			return out
		}
		return utf8.AppendRune(out, r)
	})
}

// strip removes white space at the ends.
func strip(left, right bool) normalizer {
	return func(s []byte) []byte {
		if left {
			s = s[spaceRun(s):]
		}
		if right {
			s = s[:trimRight(s)]
		}
		return s
	}
}

// nmt is what SentencePiece calls so, as Hugging Face does it: control
// characters go, white space of all kinds becomes a space.
func nmt(out []byte, r rune) []byte {
	switch {
	case r >= 1 && r <= 8, r == 0xB, r >= 0xE && r <= 0x1F, r == 0x7F, r == 0x8F, r == 0x9F:
		return out
	case strings.ContainsRune("\t\n\f\r\u1680\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u2581\ufeff\ufffd", r):
		return append(out, ' ')
	}
	return utf8.AppendRune(out, r)
}

// bert is BERT's normalizer.
type bert struct {
	CleanText    bool  `json:"clean_text"`
	Chinese      bool  `json:"handle_chinese_chars"`
	StripAccents *bool `json:"strip_accents"`
	Lowercase    bool  `json:"lowercase"`
}

func (b bert) normalizer() normalizer {
	var list []normalizer
	if b.CleanText {
		list = append(list, mapRunes(cleanText))
	}
	if b.Chinese {
		list = append(list, mapRunes(spaceChinese))
	}
	if b.StripAccents == nil && b.Lowercase || b.StripAccents != nil && *b.StripAccents {
		list = append(list, unicodeForm(norm.NFD), without(unicode.Mn))
	}
	if b.Lowercase {
		list = append(list, mapRunes(lowercase))
	}
	if len(list) == 0 {
		return func(s []byte) []byte { return s }
	}
	return chain(list)
}

func cleanText(out []byte, r rune) []byte {
	control := r != '\t' && r != '\n' && r != '\r' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co)
	switch {
	case r == 0 || r == utf8.RuneError || control:
		return out
	case unicode.IsSpace(r):
		return append(out, ' ')
	}
	return utf8.AppendRune(out, r)
}

func spaceChinese(out []byte, r rune) []byte {
	if !isChinese(r) {
		return utf8.AppendRune(out, r)
	}
	return append(utf8.AppendRune(append(out, ' '), r), ' ')
}

// chinese are the blocks of CJK ideographs that BERT puts spaces around.
var chinese = [][2]rune{
	{0x4E00, 0x9FFF}, {0x3400, 0x4DBF}, {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F},
	{0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0xF900, 0xFAFF}, {0x2F800, 0x2FA1F},
}

func isChinese(r rune) bool {
	return slices.ContainsFunc(chinese, func(b [2]rune) bool { return b[0] <= r && r <= b[1] })
}
