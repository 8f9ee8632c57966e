package jinja

import (
	"strconv"
	"strings"
)

// number reads an integer or, unless it follows a dot (x.0.1), a float.
func (l *lexer) number(rest string) error {
	afterDot := l.at > 0 && l.src[l.at-1] == '.'
	if n := floatLen(rest); n > 0 && !afterDot {
		f, err := strconv.ParseFloat(strings.ReplaceAll(rest[:n], "_", ""), 64)
		if err != nil && f == 0 {
			return syntax("bad number %q", rest[:n])
		}
		l.tokens = append(l.tokens, token{tokFloat, rest[:n], l.line, f})
		l.move(n)
		return nil
	}
	n := intLen(rest)
	i, err := strconv.ParseInt(strings.ReplaceAll(rest[:n], "_", ""), intBase(rest), 64)
	if intBase(rest) != 10 {
		i, err = strconv.ParseInt(strings.ReplaceAll(rest[2:n], "_", ""), intBase(rest), 64)
	}
	if err != nil {
		return syntax("the integer %s has more than 64 bits", rest[:n])
	}
	l.tokens = append(l.tokens, token{tokInt, rest[:n], l.line, i})
	l.move(n)
	return nil
}

// digits is the length of digits with single underscores between them.
func digits(s string, base int) int {
	n := 0
	for n < len(s) {
		i := n
		if s[i] == '_' && i > 0 && i+1 < len(s) {
			i++
		}
		if _, err := strconv.ParseUint(s[i:i+1], base, 8); err != nil {
			break
		}
		n = i + 1
	}
	return n
}

// floatLen is the length of a float at the start of s, 0 if there is none.
func floatLen(s string) int {
	n := digits(s, 10)
	float := false
	if n < len(s) && s[n] == '.' {
		if d := digits(s[n+1:], 10); d > 0 {
			n, float = n+1+d, true
		}
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		sign := 0
		if n+1 < len(s) && (s[n+1] == '+' || s[n+1] == '-') {
			sign = 1
		}
		if d := digits(s[min(n+1+sign, len(s)):], 10); d > 0 {
			n, float = n+1+sign+d, true
		}
	}
	if !float {
		return 0
	}
	return n
}

func intBase(s string) int {
	if len(s) > 2 && s[0] == '0' {
		for base, c := range map[int]byte{2: 'b', 8: 'o', 16: 'x'} {
			if s[1]|0x20 == c && digits(strings.TrimPrefix(s[2:], "_"), base) > 0 {
				return base
			}
		}
	}
	return 10
}

// intLen is the length of an integer at the start of s; a leading zero stands alone.
func intLen(s string) int {
	if base := intBase(s); base != 10 {
		lead := len(s) - len(strings.TrimPrefix(s[2:], "_"))
		return lead + digits(s[lead:], base)
	}
	if s[0] != '0' {
		return digits(s, 10)
	}
	n := 1
	for n < len(s) && (s[n] == '0' || s[n] == '_' && n+1 < len(s) && s[n+1] == '0') {
		n++
	}
	return n
}
