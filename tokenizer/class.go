package tokenizer

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// class is what the splits want to know of a character, as bits. Bytes that
// are no UTF-8 have none.
type class uint16

const (
	letter   class = 1 << iota // \p{L}
	number                     // \p{N}
	space                      // \s
	newline                    // \r \n
	upper                      // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
	lower                      // [\p{Ll}\p{Lm}\p{Lo}\p{M}]
	mark                       // \p{M}
	punct                      // \p{P}
	symbolic                   // \p{S}
	han                        // \p{Han}
	upperX                     // upper without Han
	lowerX                     // lower without Han
)

// classes has the class of every rune, filled once from Go's Unicode tables.
var classes = sync.OnceValue(func() *[unicode.MaxRune + 1]class {
	all := new([unicode.MaxRune + 1]class)
	add := func(c class, tables ...*unicode.RangeTable) {
		for _, t := range tables {
			eachRune(t, func(r rune) { all[r] |= c })
		}
	}
	add(letter, unicode.L)
	add(number, unicode.N)
	add(space, unicode.White_Space)
	add(mark, unicode.M)
	add(punct, unicode.P)
	add(symbolic, unicode.S)
	add(upper|upperX, unicode.Lu, unicode.Lt, unicode.Lm, unicode.Lo, unicode.M)
	add(lower|lowerX, unicode.Ll, unicode.Lm, unicode.Lo, unicode.M)
	add(han, unicode.Han)
	eachRune(unicode.Han, func(r rune) { all[r] &^= upperX | lowerX })
	all['\r'] |= newline
	all['\n'] |= newline
	return all
})

func eachRune(t *unicode.RangeTable, f func(rune)) {
	for _, r := range t.R16 {
		for x := rune(r.Lo); x <= rune(r.Hi); x += rune(r.Stride) {
			f(x)
		}
	}
	for _, r := range t.R32 {
		for x := rune(r.Lo); x <= rune(r.Hi); x += rune(r.Stride) {
			f(x)
		}
	}
}

var ascii = func() (a [utf8.RuneSelf]class) {
	for b := range a {
		switch r := rune(b); {
		case unicode.IsUpper(r):
			a[b] = letter | upper | upperX
		case unicode.IsLower(r):
			a[b] = letter | lower | lowerX
		case unicode.IsDigit(r):
			a[b] = number
		case unicode.IsSpace(r):
			a[b] = space
		case unicode.IsPunct(r):
			a[b] = punct
		case unicode.IsSymbol(r):
			a[b] = symbolic
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
