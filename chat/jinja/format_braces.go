package jinja

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// textFormat is str.format.
func textFormat(in *interp, s Str, a *args) (Value, error) {
	f := bracesFormat{in: in, a: a}
	b := builder{in: in}
	if err := f.write(&b, s, 0); err != nil {
		return nil, err
	}
	return b.value()
}

type bracesFormat struct {
	in   *interp
	a    *args
	next int // the number of the next field that has none
}

// write fills in the fields between braces.
func (f *bracesFormat) write(b *builder, s Str, depth int) error {
	if depth > 2 {
		return errors.New("the fields of the format nest too deep")
	}
	for at := 0; at < len(s.s); {
		i := strings.IndexAny(s.s[at:], "{}")
		if i < 0 {
			b.add(s.cut(at, len(s.s)))
			break
		}
		b.add(s.cut(at, at+i))
		at += i
		if at+1 < len(s.s) && s.s[at+1] == s.s[at] {
			b.add(s.cut(at, at+1))
			at += 2
			continue
		}
		n := fieldLen(s.s[at:])
		if n == 0 {
			return errors.New("the braces of the format do not match")
		}
		if err := f.field(b, s.cut(at+1, at+n-1), depth); err != nil {
			return err
		}
		at += n
	}
	return b.err
}

// fieldLen is the length of a field in braces at the start of s, 0 if there is none.
func fieldLen(s string) int {
	open := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			open++
		case '}':
			if open--; open <= 0 {
				return max(i+1+2*open, 0)
			}
		}
	}
	return 0
}

// field writes "name.attribute[index]!conversion:spec".
func (f *bracesFormat) field(b *builder, s Str, depth int) error {
	name, rest := s.s, Str{}
	if i := strings.IndexAny(name, "!:"); i >= 0 {
		name, rest = s.s[:i], s.cut(i, len(s.s))
	}
	v, err := f.value(name)
	if err != nil {
		return err
	}
	if strings.HasPrefix(rest.s, "!") {
		if len(rest.s) < 2 || len(rest.s) > 2 && rest.s[2] != ':' {
			return errors.New("bad conversion in the format")
		}
		if v, err = f.in.converted(v, rest.s[1]); err != nil {
			return err
		}
		rest = rest.cut(2, len(rest.s))
	}
	text := &builder{in: f.in}
	if rest.s != "" {
		if err := f.write(text, rest.cut(1, len(rest.s)), depth+1); err != nil {
			return err
		}
	}
	return f.in.formatted(b, v, text.text().s)
}

func (in *interp) converted(v Value, how byte) (Value, error) {
	switch how {
	case 's':
		return in.str(v)
	case 'r', 'a':
		return in.repr(v)
	}
	return nil, fmt.Errorf("unknown conversion %q in the format", how)
}

// value looks up a field's name.
func (f *bracesFormat) value(name string) (Value, error) {
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	v, err := f.argument(name[:end])
	for rest := name[end:]; err == nil && rest != ""; {
		if rest[0] == '[' {
			i := strings.IndexByte(rest, ']')
			if i < 0 {
				return nil, errors.New("a bracket in the format has no end")
			}
			var key Value = Trusted(rest[1:i])
			if n, ok := parseDigits(rest[1:i]); ok {
				key = n
			}
			v, err = f.in.index(v, key)
			rest = rest[i+1:]
			continue
		}
		if rest[0] != '.' {
			return nil, errors.New("bad name in the format")
		}
		i := strings.IndexAny(rest[1:], ".[") + 1
		if i == 0 {
			i = len(rest)
		}
		v, err = f.in.attribute(v, rest[1:i])
		rest = rest[i:]
	}
	return v, err
}

func (f *bracesFormat) argument(name string) (Value, error) {
	if name == "" {
		name = strconv.Itoa(f.next)
		f.next++
	}
	if n, ok := parseDigits(name); ok {
		if n >= int64(len(f.a.plain)) {
			return nil, errors.New("the format needs more arguments")
		}
		return f.a.plain[n], nil
	}
	v, ok := f.a.named[name]
	if !ok {
		return nil, fmt.Errorf("the format's argument %q is missing", name)
	}
	return v, nil
}

// parseDigits reads what consists of digits only.
func parseDigits(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// formatted is format(v, spec).
func (in *interp) formatted(b *builder, v Value, text string) error {
	sp, err := parseSpec(text)
	if err != nil {
		return err
	}
	_, isText := v.(Str)
	if text == "" || isText || !isNumber(v) && !isInteger(v) {
		s, err := in.str(v)
		if err != nil {
			return err
		}
		if text != "" && !isText || sp.verb != 0 && sp.verb != 's' || sp.align == '=' || sp.sign != 0 || sp.comma != "" {
			return fmt.Errorf("a %s cannot have the format %q", kind(v), text)
		}
		if sp.align == 0 {
			sp.align = '<'
		}
		if sp.zero && sp.fill == "" {
			sp.fill = "0"
		}
		return sp.text(in, b, s)
	}
	if sp.align == 0 {
		sp.align = '>'
	} else {
		sp.zero = false
	}
	f, isFloat := v.(float64)
	switch {
	case sp.verb == 'n':
		sp.verb = 'd'
	case sp.verb == 'c':
		s, err := character(v)
		if err != nil {
			return err
		}
		return sp.text(in, b, s)
	case sp.verb == 0 && isFloat && sp.precision < 0:
		return sp.shortest(in, b, f)
	case sp.verb == 0 && isFloat:
		sp.verb = 'g'
	case sp.verb == 0:
		sp.verb = 'd'
	}
	if isFloat && strings.IndexByte("dxXob", sp.verb) >= 0 || sp.verb == 's' || sp.precision >= 0 && strings.IndexByte("dxXob", sp.verb) >= 0 {
		return fmt.Errorf("a %s cannot have the format %q", kind(v), text)
	}
	return sp.number(in, b, v)
}

// shortest writes a float as print does.
func (sp *spec) shortest(in *interp, b *builder, f float64) error {
	digits, negative := strings.CutPrefix(floatRepr(f), "-")
	sign := ""
	if negative {
		sign = "-"
	} else if sp.sign == '+' || sp.sign == ' ' {
		sign = string(sp.sign)
	}
	if sp.comma != "" {
		digits = sp.grouped(digits)
	}
	if missing := int(sp.width) - len(sign) - len(digits); sp.zero && missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	return sp.text(in, b, Text(sign+digits))
}

// parseSpec reads "[[fill]align][sign][#][0][width][,][.precision][type]".
func parseSpec(s string) (spec, error) {
	sp := spec{precision: -1}
	if first := firstChar(s); len(s) > len(first) && strings.IndexByte("<>^=", s[len(first)]) >= 0 {
		sp.fill, sp.align = first, s[len(first)]
		s = s[len(first)+1:]
	} else if s != "" && strings.IndexByte("<>^=", s[0]) >= 0 {
		sp.align, s = s[0], s[1:]
	}
	take := func(chars string) byte {
		if s == "" || strings.IndexByte(chars, s[0]) < 0 {
			return 0
		}
		c := s[0]
		s = s[1:]
		return c
	}
	if c := take("+- "); c != 0 {
		sp.sign = c
	}
	sp.alt = take("#") != 0
	sp.zero = take("0") != 0
	number := func() int64 {
		n := len(s) - len(strings.TrimLeft(s, "0123456789"))
		v, _ := strconv.ParseInt("0"+s[:n], 10, 32)
		s = s[n:]
		return v
	}
	sp.width = number()
	if c := take(",_"); c != 0 {
		sp.comma = string(c)
	}
	if take(".") != 0 {
		sp.precision = number()
	}
	sp.verb = take("bcdeEfFgGnosxX%")
	if s != "" || sp.width > maxWidth || sp.precision > maxWidth {
		return sp, errors.New("bad specification in the format")
	}
	return sp, nil
}
