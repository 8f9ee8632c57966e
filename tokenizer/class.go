package tokenizer

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// class is what the splits want to know of a character, as bits. Bytes that
// are no UTF-8 have none.
type class uint8

const (
	letter  class = 1 << iota // \p{L}
	number                    // \p{N}
	space                     // \s
	newline                   // \r \n
	upper                     // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
	lower                     // [\p{Ll}\p{Lm}\p{Lo}\p{M}]
)

// classes has the class of every rune, filled once from Go's Unicode tables.
var classes = sync.OnceValue(func() *[unicode.MaxRune + 1]class {
	all := new([unicode.MaxRune + 1]class)
	mark := func(t *unicode.RangeTable, c class) {
		for _, r := range t.R16 {
			for x := rune(r.Lo); x <= rune(r.Hi); x += rune(r.Stride) {
				all[x] |= c
			}
		}
		for _, r := range t.R32 {
			for x := rune(r.Lo); x <= rune(r.Hi); x += rune(r.Stride) {
				all[x] |= c
			}
		}
	}
	mark(unicode.L, letter)
	mark(unicode.N, number)
	mark(unicode.White_Space, space)
	for _, t := range []*unicode.RangeTable{unicode.Lu, unicode.Lt, unicode.Lm, unicode.Lo, unicode.M} {
		mark(t, upper)
	}
	for _, t := range []*unicode.RangeTable{unicode.Ll, unicode.Lm, unicode.Lo, unicode.M} {
		mark(t, lower)
	}
	all['\r'] |= newline
	all['\n'] |= newline
	return all
})

var ascii = func() (a [utf8.RuneSelf]class) {
	for b := range a {
		switch r := rune(b); {
		case unicode.IsUpper(r):
			a[b] = letter | upper
		case unicode.IsLower(r):
			a[b] = letter | lower
		case unicode.IsDigit(r):
			a[b] = number
		case unicode.IsSpace(r):
			a[b] = space
		}
	}
	a['\r'] |= newline
	a['\n'] |= newline
	return a
}()

// at is the class and the length of the character that s begins with; the
// length is 0 at the end of s.
func at(s []byte) (class, int) {
	if len(s) == 0 {
		return 0, 0
	}
	if s[0] < utf8.RuneSelf {
		return ascii[s[0]], 1
	}
	r, n := utf8.DecodeRune(s)
	if r == utf8.RuneError && n == 1 {
		return 0, 1
	}
	return classes()[r], n
}

// run is the length of the characters at the start of s that have one of the
// classes.
func run(s []byte, c class) int {
	i := 0
	for i < len(s) {
		if b := s[i]; b < utf8.RuneSelf {
			if ascii[b]&c == 0 {
				return i
			}
			i++
			continue
		}
		k, n := at(s[i:])
		if k&c == 0 {
			return i
		}
		i += n
	}
	return i
}

// runOther is the length of the characters that have none of the classes.
func runOther(s []byte, c class) int {
	i := 0
	for i < len(s) {
		k, n := at(s[i:])
		if k&c != 0 {
			return i
		}
		i += n
	}
	return i
}

func spaceRun(s []byte) int { return run(s, space) }

// trimRight is the length of s without the white space at its end.
func trimRight(s []byte) int {
	for len(s) > 0 {
		r, n := utf8.DecodeLastRune(s)
		if !unicode.IsSpace(r) {
			break
		}
		s = s[:len(s)-n]
	}
	return len(s)
}
