package jinja

import (
	"strconv"
	"strings"
	"unicode"
)

// isSpace is Python's str.isspace for one character: Unicode's white space and
// the separators 1C to 1F.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// simple are the escapes of one character in Python's string literals.
var simple = map[byte]string{
	'\n': "", '\\': `\`, '\'': "'", '"': `"`, 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
}

// unescape decodes a string literal as Python does: unknown escapes stay.
func unescape(s string) (string, error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+1 == len(s) {
			b.WriteString(s)
			return b.String(), nil
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		if out, ok := simple[s[0]]; ok {
			b.WriteString(out)
			s = s[1:]
			continue
		}
		r, n, err := coded(s)
		if err != nil {
			return "", err
		}
		if n == 0 {
			b.WriteByte('\\')
			continue
		}
		if n2, low := lowSurrogate(r, s[n:]); n2 > 0 {
			r, n = low, n+n2
		}
		b.WriteRune(r)
		s = s[n:]
	}
}

// coded reads an escape that gives a character's number; n is 0 if it is none.
func coded(s string) (r rune, n int, err error) {
	want := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	switch {
	case want > 0:
		if len(s) <= want {
			return 0, 0, syntax(`the escape \%s is cut short`, s)
		}
		v, err := strconv.ParseUint(s[1:1+want], 16, 32)
		if err != nil || v > unicode.MaxRune {
			return 0, 0, syntax(`bad escape \%s`, s[:1+want])
		}
		return rune(v), 1 + want, nil
	case s[0] == 'N':
		return 0, 0, syntax(`characters by name (\N) are not supported`)
	case s[0] >= '0' && s[0] <= '7':
		for n < 3 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
			r = r<<3 | rune(s[n]-'0')
			n++
		}
	}
	return r, n, nil
}

// lowSurrogate joins a surrogate pair that was written as two escapes.
func lowSurrogate(high rune, rest string) (n int, r rune) {
	if high < 0xd800 || high > 0xdbff || len(rest) < 6 || rest[:2] != `\u` {
		return 0, 0
	}
	low, err := strconv.ParseUint(rest[2:6], 16, 16)
	if err != nil || low < 0xdc00 || low > 0xdfff {
		return 0, 0
	}
	return 6, (high-0xd800)<<10 | rune(low) - 0xdc00 + 0x10000
}

// printable says whether repr shows a character as it is.
func printable(r rune) bool { return unicode.IsPrint(r) }
