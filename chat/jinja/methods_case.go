package jinja

import (
	"errors"
	"strings"
	"unicode"
)

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
