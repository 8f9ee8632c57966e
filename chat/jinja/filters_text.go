package jinja

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// onText is a filter that calls a string's method on whatever it is given.
func onText(method string, params ...string) filterFunc {
	return func(in *interp, v Value, a *args) (Value, error) {
		b, err := a.bind(params...)
		if err != nil {
			return nil, err
		}
		s, err := in.str(v)
		if err != nil {
			return nil, err
		}
		return textMethods[method](in, s, &args{plain: b.values})
	}
}

// title differs from the method of that name: words begin after white space,
// a hyphen or an opening bracket.
func title(in *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind(); err != nil {
		return nil, err
	}
	s, err := in.str(v)
	if err != nil {
		return nil, err
	}
	begins := true
	return in.mapped(s, func(i int, r rune) string {
		first := begins
		if begins = isSpace(r) || strings.ContainsRune("-({[<", r); begins {
			return string(r)
		}
		if first {
			return upper(r)
		}
		return lower(s.s, i, r)
	})
}

func replace(in *interp, v Value, a *args) (Value, error) {
	b, err := a.bind("old", "new", "count")
	if err == nil {
		err = b.need(2)
	}
	if err != nil {
		return nil, err
	}
	var parts [3]Str
	for i, v := range []Value{v, b.values[0], b.values[1]} {
		if parts[i], err = in.str(v); err != nil {
			return nil, err
		}
	}
	count := int64(-1)
	if b.values[2] != nil {
		if count, err = b.int(2, -1); err != nil {
			return nil, err
		}
	}
	return in.replace(parts[0], parts[1], parts[2], count)
}

func join(in *interp, v Value, a *args) (Value, error) {
	b, err := a.bind("d", "attribute")
	if err != nil {
		return nil, err
	}
	between, err := in.str(b.or(0, Str{}))
	if err != nil {
		return nil, err
	}
	next, err := in.walk(v)
	if err != nil {
		return nil, err
	}
	out := builder{in: in}
	for n := 0; ; n++ {
		item, ok, err := next()
		if err != nil {
			return nil, err
		}
		if !ok {
			return out.value()
		}
		if path := b.values[1]; path != nil {
			if item, err = in.path(item, path, nil); err != nil {
				return nil, err
			}
		}
		s, err := in.str(item)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			out.add(between)
		}
		out.add(s)
	}
}

func indent(in *interp, v Value, a *args) (Value, error) {
	b, err := a.bind("width", "first", "blank")
	if err != nil {
		return nil, err
	}
	s, ok := v.(Str)
	if !ok {
		return nil, operandError("indent", v, v)
	}
	by, ok := b.or(0, int64(4)).(Str)
	if !ok {
		n, err := b.int(0, 4)
		if err != nil || n > 10_000 {
			return nil, errors.New("the width must be an integer or a string")
		}
		by = Trusted(strings.Repeat(" ", int(max(n, 0))))
	}
	out := builder{in: in}
	if b.truth(1, false) {
		out.add(by)
	}
	for i, line := range append(splitLines(s, false), endLine(s)...) {
		if i > 0 {
			out.part("\n", true)
			if line.s != "" || b.truth(2, false) {
				out.add(by)
			}
		}
		out.add(line)
	}
	return out.value()
}

// endLine is the empty line after a final line break.
func endLine(s Str) []Str {
	if lines := splitLines(s, true); len(lines) == 0 || lineBreak(lines[len(lines)-1].s) {
		return []Str{{}}
	}
	return nil
}

var htmlEscapes = map[rune]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '\'': "&#39;", '"': "&#34;"}

func (in *interp) escape(s Str) (Value, error) {
	v, err := in.mapped(s, func(_ int, r rune) string {
		if e, ok := htmlEscapes[r]; ok {
			return e
		}
		return string(r)
	})
	return markSafe(v, true), err
}

func forceEscape(in *interp, v Value, a *args) (Value, error) {
	s, err := in.str(v)
	if err != nil {
		return nil, err
	}
	if _, err := a.bind(); err != nil {
		return nil, err
	}
	return in.escape(s)
}

func escape(in *interp, v Value, a *args) (Value, error) {
	if s, ok := v.(Str); ok && s.safe {
		return s, nil
	}
	return forceEscape(in, v, a)
}

func safe(in *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind(); err != nil {
		return nil, err
	}
	s, err := in.str(v)
	s.safe = true
	return s, err
}

// format is the % operator.
func format(in *interp, v Value, a *args) (Value, error) {
	s, err := in.str(v)
	if err != nil {
		return nil, err
	}
	if len(a.named) == 0 {
		return in.percent(s, tuple(a.plain...))
	}
	if len(a.plain) > 0 {
		return nil, errors.New("it takes either positions or names")
	}
	d := NewDict()
	for _, name := range a.order {
		d.Set(name, a.named[name])
	}
	return in.percent(s, d)
}

func center(in *interp, v Value, a *args) (Value, error) {
	b, err := a.bind("width")
	if err != nil {
		return nil, err
	}
	s, err := in.str(v)
	if err != nil {
		return nil, err
	}
	return textMethods["center"](in, s, &args{plain: []Value{b.or(0, int64(80))}})
}

func truncate(in *interp, v Value, a *args) (Value, error) {
	b, err := a.bind("length", "killwords", "end", "leeway")
	if err != nil {
		return nil, err
	}
	size, err := in.size(v)
	if err != nil {
		return nil, err
	}
	end, err := b.text(2, "...")
	if err != nil {
		return nil, err
	}
	most, err := b.int(0, 255)
	if err != nil {
		return nil, err
	}
	leeway := int64(5)
	if b.values[3] != nil {
		if leeway, err = b.int(3, 5); err != nil {
			return nil, err
		}
	}
	keep := most - int64(end.length())
	if keep < 0 || leeway < 0 {
		return nil, errors.New("the length must be at least that of the end")
	}
	s, ok := v.(Str)
	switch {
	case int64(size) <= most+leeway:
		return v, nil
	case !ok:
		return nil, operandError("truncate", v, v)
	}
	kept := s.cut(0, s.offset(int(keep)))
	if i := strings.LastIndexByte(kept.s, ' '); i >= 0 && !b.truth(1, false) {
		kept = kept.cut(0, i)
	}
	return in.join(kept, end)
}

func wordCount(in *interp, v Value, a *args) (Value, error) {
	s, err := in.str(v)
	if err != nil {
		return nil, err
	}
	if _, err := a.bind(); err != nil {
		return nil, err
	}
	words := strings.FieldsFunc(s.s, func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r) && !unicode.IsNumber(r)
	})
	return int64(len(words)), nil
}

// urlEncode quotes a string for a path, or pairs for a query.
func urlEncode(in *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind(); err != nil {
		return nil, err
	}
	if _, isText := v.(Str); isText || !isIterable(v) {
		s, err := in.str(v)
		if err != nil {
			return nil, err
		}
		return in.percentCoded(s, "/")
	}
	d, ok := v.(*Dict)
	if ok {
		v = NewList(d.items()...)
	}
	pairs, err := in.list(v)
	if err != nil {
		return nil, err
	}
	out := builder{in: in}
	for i, p := range pairs {
		two, err := in.list(p)
		if err != nil || len(two) != 2 {
			return nil, errors.Join(errors.New("a query is made of pairs"), err)
		}
		if i > 0 {
			out.part("&", true)
		}
		for j, v := range two {
			if j > 0 {
				out.part("=", true)
			}
			if err := in.queryCoded(&out, v); err != nil {
				return nil, err
			}
		}
	}
	return out.value()
}

// queryCoded writes a key or value of a query, with + for a space.
func (in *interp) queryCoded(out *builder, v Value) error {
	s, err := in.str(v)
	if err != nil {
		return err
	}
	coded, err := in.percentCoded(s, "")
	if err != nil {
		return err
	}
	plus, err := in.replace(coded.(Str), Trusted("%20"), Trusted("+"), -1)
	if err == nil {
		out.add(plus.(Str))
	}
	return err
}

func (in *interp) percentCoded(s Str, keep string) (Value, error) {
	return in.mapped(s, func(_ int, r rune) string {
		if r < 0x80 && (r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' || strings.ContainsRune("_.-~"+keep, r)) {
			return string(r)
		}
		var b strings.Builder
		for _, c := range []byte(string(r)) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
		return b.String()
	})
}
