package tokenizer

import (
	"bytes"
	"cmp"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// joiner is U+034F. norm.Form puts it into runs of more than 30 marks, to keep
// texts "stream safe" (UAX 15, section 13), which is not part of the forms.
var joiner = []byte("\u034f")

// unicodeForm is a Unicode normalization form.
func unicodeForm(f norm.Form) normalizer {
	return func(s []byte) []byte {
		if ascii := bytes.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0; ascii {
			return s
		}
		if out := f.Bytes(s); bytes.Count(out, joiner) == bytes.Count(s, joiner) {
			return out
		}
		return slowForm(f, s)
	}
}

// combining is a character with its canonical combining class, which is 0 for
// those that others combine with. Bytes that are no UTF-8 are negative.
type combining struct {
	r   rune
	ccc uint8
}

// slowForm normalizes as UAX 15 describes it: decompose, put marks in order, compose.
func slowForm(f norm.Form, s []byte) []byte {
	compose := f == norm.NFC || f == norm.NFKC
	apart := norm.NFD
	if f == norm.NFKC || f == norm.NFKD {
		apart = norm.NFKD
	}
	chars := decompose(apart, s)
	for i := 0; i < len(chars); i++ {
		start := i
		for i < len(chars) && chars[i].ccc > 0 {
			i++
		}
		slices.SortStableFunc(chars[start:i], func(a, b combining) int { return cmp.Compare(a.ccc, b.ccc) })
	}
	if compose {
		chars = composed(chars)
	}
	var out []byte
	for _, c := range chars {
		if c.r < 0 {
			out = append(out, byte(-c.r))
		} else {
			out = utf8.AppendRune(out, c.r)
		}
	}
	return out
}

func decompose(f norm.Form, s []byte) (chars []combining) {
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		if r == utf8.RuneError && n == 1 {
			chars = append(chars, combining{r: -rune(s[0])})
		} else {
			for _, r := range string(f.Bytes(s[:n])) {
				chars = append(chars, combining{r, norm.NFD.PropertiesString(string(r)).CCC()})
			}
		}
		s = s[n:]
	}
	return chars
}

// composed joins each mark with the last character that is none, if nothing of
// its own class or a higher one stands between them.
func composed(chars []combining) []combining {
	out := chars[:0]
	starter := -1
	for _, c := range chars {
		if starter >= 0 && c.r >= 0 {
			last := out[len(out)-1]
			if adjacent := len(out)-1 == starter; adjacent || last.ccc != 0 && last.ccc < c.ccc {
				if r, ok := join(out[starter].r, c.r); ok {
					out[starter].r = r
					continue
				}
			}
		}
		if c.ccc == 0 && c.r >= 0 {
			starter = len(out)
		} else if c.ccc == 0 {
			starter = -1
		}
		out = append(out, c)
	}
	return out
}

func join(a, b rune) (rune, bool) {
	both := norm.NFC.String(string(a) + string(b))
	r, n := utf8.DecodeRuneInString(both)
	return r, n == len(both)
}
