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
		return f(s.s), none(a)
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
		return s, nil
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
			return int64(-1), nil
		}
		return int64(from + utf8.RuneCountInString(s.s[:i])), nil
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
	return int64(strings.Count(s.s, part.s)), nil
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
	if err := in.work(len(cuts)); err != nil {
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
