package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// str is str(v): what a value prints as.
func (in *interp) str(v Value) (Str, error) {
	switch v := v.(type) {
	case Str:
		return v, nil
	case Undefined:
		return Str{}, nil
	}
	return in.repr(v)
}

// repr is repr(v): as str, but strings are quoted.
func (in *interp) repr(v Value) (Str, error) {
	b := &builder{in: in}
	if err := in.writeRepr(b, v); err != nil {
		return Str{}, err
	}
	return b.text(), b.err
}

func (in *interp) writeRepr(b *builder, v Value) error {
	if err := in.step(); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		b.data("None")
	case bool:
		b.data(map[bool]string{true: "True", false: "False"}[v])
	case int64:
		b.data(strconv.FormatInt(v, 10))
	case number:
		b.data(string(v))
	case float64:
		b.data(floatRepr(v))
	case Str:
		if v.safe {
			b.data("Markup(")
		}
		writeQuoted(b, v)
		if v.safe {
			b.data(")")
		}
	case *List:
		return in.writeList(b, v)
	case *Dict:
		return in.writeDict(b, v)
	case *view:
		b.data(v.name + "(")
		if err := in.writeList(b, NewList(v.items...)); err != nil {
			return err
		}
		b.data(")")
	case span:
		b.data(fmt.Sprintf("range(%d, %d", v.from, v.to))
		if v.step != 1 {
			b.data(fmt.Sprintf(", %d", v.step))
		}
		b.data(")")
	case Undefined:
		b.data("Undefined")
	case namespace:
		b.data("<Namespace ")
		if err := in.writeDict(b, v.Dict); err != nil {
			return err
		}
		b.data(">")
	default:
		b.data("<" + kind(v) + ">")
	}
	return b.err
}

func (in *interp) writeList(b *builder, l *List) error {
	if err := in.enter(); err != nil {
		return err
	}
	defer in.leave()
	open, end := "[", "]"
	if l.tuple {
		open, end = "(", ")"
	}
	b.data(open)
	for i, v := range l.items {
		if i > 0 {
			b.data(", ")
		}
		if err := in.writeRepr(b, v); err != nil {
			return err
		}
	}
	if l.tuple && len(l.items) == 1 {
		b.data(",")
	}
	b.data(end)
	return b.err
}

func (in *interp) writeDict(b *builder, d *Dict) error {
	if err := in.enter(); err != nil {
		return err
	}
	defer in.leave()
	b.data("{")
	for i, k := range d.keys {
		if i > 0 {
			b.data(", ")
		}
		if err := in.writeRepr(b, k); err != nil {
			return err
		}
		b.data(": ")
		if err := in.writeRepr(b, d.values[i]); err != nil {
			return err
		}
	}
	b.data("}")
	return b.err
}

// writeQuoted writes a string as a Python literal.
func writeQuoted(b *builder, s Str) {
	quote := "'"
	if strings.Contains(s.s, "'") && !strings.Contains(s.s, `"`) {
		quote = `"`
	}
	b.data(quote)
	for _, p := range s.pieces() {
		var e strings.Builder
		for i, r := range p.Text {
			_, size := utf8.DecodeRuneInString(p.Text[i:])
			e.WriteString(quoteRune(r, p.Text[i:i+size], quote))
		}
		b.part(e.String(), p.Written)
	}
	b.data(quote)
}

// quoteRune is a character in a literal; raw are its bytes.
func quoteRune(r rune, raw, quote string) string {
	switch {
	case r == utf8.RuneError && len(raw) == 1:
		return raw
	case raw == quote || raw == `\`:
		return `\` + raw
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case printable(r):
		return raw
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// floatRepr is the shortest text that reads back as f, in Python's form.
func floatRepr(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
