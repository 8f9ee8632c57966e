package jinja

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

type textMethod func(in *interp, s Str, a *args) (Value, error)

// textMethods are the methods of Python's strings.
var textMethods map[string]textMethod

func init() { // str.format finds them through attributes
	textMethods = map[string]textMethod{
		"strip": stripper(true, true), "lstrip": stripper(true, false), "rstrip": stripper(false, true),
		"split": splitter(false), "rsplit": splitter(true), "splitlines": splitlines,
		"partition": partition(strings.Index), "rpartition": partition(strings.LastIndex),
		"startswith": affix(strings.HasPrefix), "endswith": affix(strings.HasSuffix),
		"removeprefix": removePrefix, "removesuffix": removeSuffix,
		"find": finder(strings.Index, false), "rfind": finder(strings.LastIndex, false),
		"index": finder(strings.Index, true), "rindex": finder(strings.LastIndex, true), "count": textCount,
		"replace": textReplace, "join": textJoin, "format": textFormat, "zfill": zfill,
		"center": padder(padBoth), "ljust": padder(padRight), "rjust": padder(padLeft),
		"lower": recased(lower), "casefold": recased(lower), "upper": recased(func(_ string, _ int, r rune) string { return upper(r) }),
		"capitalize": capitalize, "title": titleCase, "swapcase": recased(swapCase),
		"isupper": asked(func(s string) bool { return cased(s, unicode.IsLower) }),
		"islower": asked(func(s string) bool { return cased(s, unicode.IsUpper) }),
		"isalpha": every(unicode.IsLetter), "isspace": every(isSpace), "isnumeric": every(unicode.IsNumber),
		"isdigit": every(isDigit), "isdecimal": every(func(r rune) bool { return unicode.Is(unicode.Nd, r) }),
		"isalnum": every(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }),
	}
}

// isDigit is Python's: decimals, and the digits in superscripts and circles.
func isDigit(r rune) bool {
	return unicode.Is(unicode.Nd, r) || r == '²' || r == '³' || r == '¹' || r == 0x2070 ||
		r >= 0x2074 && r <= 0x2079 || r >= 0x2080 && r <= 0x2089 || r >= 0x2460 && r <= 0x2468
}

func every(is func(rune) bool) textMethod {
	return asked(func(s string) bool {
		return s != "" && strings.IndexFunc(s, func(r rune) bool { return !is(r) }) < 0
	})
}

// asked is a method that answers a question about the text.
func asked(f func(string) bool) textMethod {
	return func(in *interp, s Str, a *args) (Value, error) {
		return f(s.s), errors.Join(none(a), in.scan(len(s.s)))
	}
}

func stripper(left, right bool) textMethod {
	return func(in *interp, s Str, a *args) (Value, error) {
		b, err := a.bind("chars")
		if err != nil {
			return nil, err
		}
		drop := isSpace
		if b.values[0] != nil {
			chars, err := b.text(0, "")
			if err != nil {
				return nil, err
			}
			drop = func(r rune) bool { return strings.ContainsRune(chars.s, r) }
		}
		if left {
			s = s.trim(func(t string) string { return strings.TrimLeftFunc(t, drop) }, true)
		}
		if right {
			s = s.trim(func(t string) string { return strings.TrimRightFunc(t, drop) }, false)
		}
		return s, in.scan(len(s.s))
	}
}

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
		return out, errors.Join(in.scan(len(s.s)), in.items(len(out.items)))
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

func splitLines(s Str, keepEnds bool) []Str {
	var all []Str
	from := 0
	for i := 0; i < len(s.s); {
		n := 0
		for _, b := range lineBreaks {
			if strings.HasPrefix(s.s[i:], b) {
				n = len(b)
				break
			}
		}
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
	return out, errors.Join(in.work(len(s.s)/8), in.items(len(out.items)))
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
			return tuple(s.cut(0, i), s.cut(i, i+len(sep.s)), s.cut(i+len(sep.s), len(s.s))), in.scan(len(s.s))
		case find("aa", "a") == 0:
			return tuple(s, Str{}, Str{}), in.scan(len(s.s))
		}
		return tuple(Str{}, Str{}, s), in.scan(len(s.s))
	}
}

// window cuts the text down to the optional start and end among the arguments,
// and says where it begins, in characters.
func window(s Str, b bound) (Str, int, error) {
	if b.values[1] == nil && b.values[2] == nil {
		return s, 0, nil
	}
	size := s.length()
	from, to, _, err := sliceOf([3]Value{b.values[1], b.values[2]}, int64(size))
	if err != nil {
		return Str{}, 0, err
	}
	at := append(s.offsets(), len(s.s))
	return s.cut(at[from], at[max(from, to)]), int(from), nil
}

func affix(has func(s, part string) bool) textMethod {
	return func(in *interp, s Str, a *args) (Value, error) {
		b, err := a.bind("prefix", "start", "end")
		if err != nil {
			return nil, err
		}
		if s, _, err = window(s, b); err != nil {
			return nil, err
		}
		options := []Value{b.values[0]}
		if l, ok := b.values[0].(*List); ok && l.tuple {
			options = l.items
		}
		for _, o := range options {
			part, ok := o.(Str)
			if !ok {
				return nil, fmt.Errorf("it takes a string or a tuple of strings, not a %s", kind(o))
			}
			if has(s.s, part.s) {
				return true, nil
			}
		}
		return false, in.work(len(options))
	}
}

func removePrefix(_ *interp, s Str, a *args) (Value, error) {
	v, err := one(a)
	if err != nil {
		return nil, err
	}
	part, ok := v.(Str)
	if !ok {
		return nil, operandError("removeprefix", s, v)
	}
	return s.trim(func(t string) string { return strings.TrimPrefix(t, part.s) }, true), nil
}

func removeSuffix(_ *interp, s Str, a *args) (Value, error) {
	v, err := one(a)
	if err != nil {
		return nil, err
	}
	part, ok := v.(Str)
	if !ok {
		return nil, operandError("removesuffix", s, v)
	}
	return s.trim(func(t string) string { return strings.TrimSuffix(t, part.s) }, false), nil
}

func finder(find func(s, part string) int, must bool) textMethod {
	return func(in *interp, s Str, a *args) (Value, error) {
		part, s, from, err := searched(s, a)
		if err != nil {
			return nil, err
		}
		i := find(s.s, part.s)
		if i < 0 {
			if must {
				return nil, errors.New("the substring is not there")
			}
			return int64(-1), in.scan(len(s.s))
		}
		return int64(from + utf8.RuneCountInString(s.s[:i])), in.scan(2 * len(s.s))
	}
}

// searched reads the arguments of methods that look for a part.
func searched(s Str, a *args) (part, in Str, from int, err error) {
	b, err := a.bind("sub", "start", "end")
	if err == nil {
		err = b.need(1)
	}
	if err != nil {
		return Str{}, Str{}, 0, err
	}
	if part, err = b.text(0, ""); err != nil {
		return Str{}, Str{}, 0, err
	}
	in, from, err = window(s, b)
	return part, in, from, err
}

func textCount(in *interp, s Str, a *args) (Value, error) {
	part, s, _, err := searched(s, a)
	if err != nil {
		return nil, err
	}
	return int64(strings.Count(s.s, part.s)), in.scan(len(s.s))
}

func textReplace(in *interp, s Str, a *args) (Value, error) {
	b, err := a.bind("old", "new", "count")
	if err == nil {
		err = b.need(2)
	}
	if err != nil {
		return nil, err
	}
	old, err := b.text(0, "")
	if err != nil {
		return nil, err
	}
	with, err := b.text(1, "")
	if err != nil {
		return nil, err
	}
	count, err := b.int(2, -1)
	if err != nil {
		return nil, err
	}
	return in.replace(s, old, with, count)
}

// replace puts a text for another, count times or, if negative, always. An empty
// one is found between all characters.
func (in *interp) replace(s, old, with Str, count int64) (Value, error) {
	var cuts [][2]int
	if old.s == "" {
		for _, i := range s.offsets() {
			cuts = append(cuts, [2]int{i, i})
		}
	} else {
		cuts = matches(s.s, old.s, false)
	}
	if count >= 0 && count < int64(len(cuts)) {
		cuts = cuts[:count]
	}
	if err := in.work(len(s.s)/64 + len(cuts)); err != nil {
		return nil, err
	}
	if len(cuts) == 0 {
		return s, nil
	}
	b := builder{in: in}
	from := 0
	for _, c := range cuts {
		b.add(s.cut(from, c[0]))
		b.add(with)
		from = c[1]
	}
	b.add(s.cut(from, len(s.s)))
	v, err := b.value()
	return markSafe(v, s.safe), err
}

// textJoin differs from the filter: every item must be a string.
func textJoin(in *interp, s Str, a *args) (Value, error) {
	v, err := one(a)
	if err != nil {
		return nil, err
	}
	all, err := in.list(v)
	if err != nil {
		return nil, err
	}
	b := builder{in: in}
	for i, item := range all {
		part, ok := item.(Str)
		if !ok {
			return nil, fmt.Errorf("item %d is a %s, not a string", i, kind(item))
		}
		if i > 0 {
			b.add(s)
		}
		b.add(part)
	}
	return b.value()
}

func recased(f func(s string, i int, r rune) string) textMethod {
	return func(in *interp, s Str, a *args) (Value, error) {
		if err := none(a); err != nil {
			return nil, err
		}
		return in.mapped(s, func(i int, r rune) string { return f(s.s, i, r) })
	}
}

func swapCase(s string, i int, r rune) string {
	if unicode.IsUpper(r) {
		return lower(s, i, r)
	}
	return upper(r)
}

func capitalize(in *interp, s Str, a *args) (Value, error) {
	if err := none(a); err != nil {
		return nil, err
	}
	return in.mapped(s, func(i int, r rune) string {
		if i == 0 {
			return titled(r)
		}
		return lower(s.s, i, r)
	})
}

func titleCase(in *interp, s Str, a *args) (Value, error) {
	if err := none(a); err != nil {
		return nil, err
	}
	inside := false
	return in.mapped(s, func(i int, r rune) string {
		first := !inside
		inside = isCased(r)
		if first {
			return titled(r)
		}
		return lower(s.s, i, r)
	})
}

// padder fills up to a width.
func padder(where int) textMethod {
	return func(in *interp, s Str, a *args) (Value, error) {
		b, err := a.bind("width", "fillchar")
		if err == nil {
			err = b.need(1)
		}
		if err != nil {
			return nil, err
		}
		width, err := b.int(0, 0)
		if err != nil {
			return nil, err
		}
		fill, err := b.text(1, " ")
		if err != nil || fill.length() != 1 {
			return nil, errors.New("the fill must be one character")
		}
		return in.pad(s, fill, width, where)
	}
}

// Where padding goes.
const (
	padRight = iota
	padLeft
	padBoth
)

func (in *interp) pad(s, fill Str, width int64, where int) (Value, error) {
	size := int64(s.length())
	missing := max(width-size, 0)
	before := int64(0)
	switch where {
	case padLeft:
		before = missing
	case padBoth:
		before = missing/2 + missing&width&1
	}
	first, err := in.times(fill, before)
	if err != nil {
		return nil, err
	}
	after, err := in.times(fill, missing-before)
	if err != nil {
		return nil, err
	}
	return in.join(first.(Str), s, after.(Str))
}

func zfill(in *interp, s Str, a *args) (Value, error) {
	v, err := one(a)
	if err != nil {
		return nil, err
	}
	width, ok := whole(v)
	if !ok {
		return nil, errors.New("the width must be an integer")
	}
	sign := s.cut(0, 0)
	if s.s != "" && strings.IndexByte("+-", s.s[0]) >= 0 {
		sign, s = s.cut(0, 1), s.cut(1, len(s.s))
	}
	v, err = in.pad(s, Trusted("0"), width-int64(len(sign.s)), padLeft)
	if err != nil {
		return nil, err
	}
	return in.join(sign, v.(Str))
}
