package jinja

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// separator reads the arguments of split.
func separator(a *args) (sep Str, bySpace bool, most int64, err error) {
	b, err := a.bind("sep", "maxsplit")
	if err != nil {
		return Str{}, false, 0, err
	}
	if most, err = b.int(1, -1); err != nil {
		return Str{}, false, 0, err
	}
	if b.values[0] == nil {
		return Str{}, true, most, nil
	}
	sep, err = b.text(0, "")
	if err == nil && sep.s == "" {
		err = errors.New("the separator is empty")
	}
	return sep, false, most, err
}

func splitter(fromRight bool) textMethod {
	return func(in *interp, s Str, a *args) (Value, error) {
		sep, bySpace, most, err := separator(a)
		if err != nil {
			return nil, err
		}
		var cuts [][2]int // where the separators are
		from, to := 0, len(s.s)
		if bySpace {
			cuts, from, to = spaces(s.s)
		} else {
			cuts = matches(s.s, sep.s, fromRight)
		}
		if n := len(cuts); most >= 0 && most <= int64(n) { // the part that is left whole keeps its outer white space
			if fromRight {
				cuts, from = cuts[n-int(most):], 0
			} else {
				cuts, to = cuts[:most], len(s.s)
			}
		}
		out := NewList()
		if bySpace && strings.TrimFunc(s.s, isSpace) == "" {
			return out, nil
		}
		for _, c := range append(cuts, [2]int{to, to}) {
			out.items = append(out.items, s.cut(from, c[0]))
			from = c[1]
		}
		return out, in.items(len(out.items))
	}
}

// spaces finds the runs of white space between words, and where words begin and end.
func spaces(s string) (cuts [][2]int, from, to int) {
	from = len(s) - len(strings.TrimLeftFunc(s, isSpace))
	to = max(from, len(strings.TrimRightFunc(s, isSpace)))
	for i, r := range s[from:to] {
		if !isSpace(r) {
			continue
		}
		i += from
		if n := len(cuts); n > 0 && cuts[n-1][1] == i {
			cuts[n-1][1] += utf8.RuneLen(r)
		} else {
			cuts = append(cuts, [2]int{i, i + utf8.RuneLen(r)})
		}
	}
	return cuts, from, to
}

// matches finds the places of part, which do not overlap, from one end.
func matches(s, part string, fromRight bool) [][2]int {
	var all [][2]int
	if fromRight {
		for end := len(s); ; {
			i := strings.LastIndex(s[:end], part)
			if i < 0 {
				break
			}
			all = append(all, [2]int{i, i + len(part)})
			end = i
		}
		for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
			all[i], all[j] = all[j], all[i]
		}
		return all
	}
	for from := 0; ; {
		i := strings.Index(s[from:], part)
		if i < 0 {
			return all
		}
		all = append(all, [2]int{from + i, from + i + len(part)})
		from += i + len(part)
	}
}

// lineBreaks are what splitlines splits at, longest first.
var lineBreaks = []string{"\r\n", "\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\u0085", "\u2028", "\u2029"}

// lineBreak says whether s ends a line.
func lineBreak(s string) bool {
	for _, b := range lineBreaks {
		if strings.HasSuffix(s, b) {
			return true
		}
	}
	return false
}

// breakLen is the length of a line break at the start of s, 0 if there is none.
func breakLen(s string) int {
	if c := s[0]; c > '\r' && (c < 0x1c || c > 0x1e && c < 0x80) {
		return 0 // as nearly always
	}
	for _, b := range lineBreaks {
		if strings.HasPrefix(s, b) {
			return len(b)
		}
	}
	return 0
}

func splitLines(s Str, keepEnds bool) []Str {
	var all []Str
	from := 0
	for i := 0; i < len(s.s); {
		n := breakLen(s.s[i:])
		if n == 0 {
			i++
			continue
		}
		end := i
		if keepEnds {
			end += n
		}
		all = append(all, s.cut(from, end))
		i += n
		from = i
	}
	if from < len(s.s) {
		all = append(all, s.cut(from, len(s.s)))
	}
	return all
}

func splitlines(in *interp, s Str, a *args) (Value, error) {
	b, err := a.bind("keepends")
	if err != nil {
		return nil, err
	}
	out := NewList()
	for _, line := range splitLines(s, b.truth(0, false)) {
		out.items = append(out.items, line)
	}
	return out, in.items(len(out.items))
}

func partition(find func(s, part string) int) textMethod {
	return func(in *interp, s Str, a *args) (Value, error) {
		sep, _, _, err := separator(a)
		if err != nil || len(a.plain) != 1 || sep.s == "" {
			return nil, errors.Join(errors.New("it takes one separator"), err)
		}
		i := find(s.s, sep.s)
		switch {
		case i >= 0:
			return tuple(s.cut(0, i), s.cut(i, i+len(sep.s)), s.cut(i+len(sep.s), len(s.s))), nil
		case find("aa", "a") == 0:
			return tuple(s, s.cut(0, 0), s.cut(0, 0)), nil
		}
		return tuple(s.cut(0, 0), s.cut(0, 0), s), nil
	}
}
