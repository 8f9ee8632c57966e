package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// longUpper are the characters whose upper case is several. (The Greek ones with
// an iota and the Armenian ligatures are missing: they keep one character.)
var longUpper = map[rune]string{
	'ß': "SS", 'ŉ': "ʼN", 'ǰ': "J̌", 'ﬀ': "FF", 'ﬁ': "FI", 'ﬂ': "FL", 'ﬃ': "FFI", 'ﬄ': "FFL", 'ﬅ': "ST", 'ﬆ': "ST",
	'ẖ': "H̱", 'ẗ': "T̈", 'ẘ': "W̊", 'ẙ': "Y̊", 'ẚ': "Aʾ",
}

func upper(r rune) string {
	if s, ok := longUpper[r]; ok {
		return s
	}
	return string(unicode.ToUpper(r))
}

// titled is a character as the first of a word.
func titled(r rune) string {
	if s, ok := longUpper[r]; ok {
		_, n := utf8.DecodeRuneInString(s)
		return s[:n] + strings.ToLower(s[n:])
	}
	return string(unicode.ToTitle(r))
}

// lower is the lower case of the character r, which is at s[i:]. A sigma that
// ends a word has a form of its own.
func lower(s string, i int, r rune) string {
	switch r {
	case 'İ':
		return "i̇"
	case 'Σ':
		before, _ := utf8.DecodeLastRuneInString(s[:i])
		after, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
		if isCased(before) && !isCased(after) {
			return "ς"
		}
	}
	return string(unicode.ToLower(r))
}

func isCased(r rune) bool { return unicode.IsUpper(r) || unicode.IsLower(r) || unicode.IsTitle(r) }
