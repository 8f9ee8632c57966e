package jinja

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonWriter writes JSON as Python's json.dumps does.
type jsonWriter struct {
	b           *builder
	in          *interp
	indent      Str
	indented    bool
	comma, then Str // between items, and after a key
	ascii, sort bool
}

func toJSON(in *interp, v Value, a *args) (Value, error) {
	b, err := a.bind("ensure_ascii", "indent", "separators", "sort_keys")
	if err != nil {
		return nil, err
	}
	w := jsonWriter{b: &builder{in: in}, in: in, ascii: b.truth(0, false), sort: b.truth(3, false), comma: Text(", "), then: Text(": ")}
	switch indent := b.values[1].(type) {
	case nil:
	case Str:
		w.indented, w.indent = true, indent
	default:
		n, err := b.int(1, 0)
		if err != nil || n > 1000 {
			return nil, fmt.Errorf("%v cannot be an indent", kind(indent))
		}
		w.indented, w.indent = true, Text(strings.Repeat(" ", int(max(n, 0))))
	}
	if w.indented {
		w.comma = Text(",")
	}
	if s := b.values[2]; s != nil {
		if err := w.separators(s); err != nil {
			return nil, err
		}
	}
	if err := w.value(v, 0); err != nil {
		return nil, err
	}
	return w.b.value()
}

func (w *jsonWriter) separators(v Value) error {
	items, err := w.in.list(v)
	if err != nil {
		return err
	}
	if len(items) == 2 {
		comma, ok1 := items[0].(Str)
		then, ok2 := items[1].(Str)
		if ok1 && ok2 {
			w.comma, w.then = comma, then
			return nil
		}
	}
	return errors.New("separators must be two strings")
}

func (w *jsonWriter) value(v Value, depth int) error {
	if err := w.in.step(); err != nil {
		return err
	}
	switch v := v.(type) {
	case Str:
		w.text(v)
		return w.b.err
	case *List:
		return w.list(v, depth)
	case *Dict:
		return w.dict(v, depth)
	}
	s, err := jsonScalar(v)
	if err != nil {
		return err
	}
	w.b.data(s)
	return w.b.err
}

func jsonScalar(v Value) (string, error) {
	switch v := v.(type) {
	case nil:
		return "null", nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case number:
		return string(v), nil
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN", nil
		case math.IsInf(v, 1):
			return "Infinity", nil
		case math.IsInf(v, -1):
			return "-Infinity", nil
		}
		return floatRepr(v), nil
	}
	return "", fmt.Errorf("a %s cannot be written as JSON", kind(v))
}

func (w *jsonWriter) line(depth int) {
	if !w.indented {
		return
	}
	w.b.data("\n")
	for range depth {
		w.b.add(w.indent)
	}
}

func (w *jsonWriter) list(l *List, depth int) error {
	if err := w.in.enter(); err != nil {
		return err
	}
	defer w.in.leave()
	if len(l.items) == 0 {
		w.b.data("[]")
		return w.b.err
	}
	w.b.data("[")
	for i, v := range l.items {
		if i > 0 {
			w.b.add(w.comma)
		}
		w.line(depth + 1)
		if err := w.value(v, depth+1); err != nil {
			return err
		}
	}
	w.line(depth)
	w.b.data("]")
	return w.b.err
}

func (w *jsonWriter) dict(d *Dict, depth int) error {
	if err := w.in.enter(); err != nil {
		return err
	}
	defer w.in.leave()
	if len(d.keys) == 0 {
		w.b.data("{}")
		return w.b.err
	}
	order, err := w.order(d)
	if err != nil {
		return err
	}
	w.b.data("{")
	for n, i := range order {
		if n > 0 {
			w.b.add(w.comma)
		}
		w.line(depth + 1)
		if err := w.key(d.keys[i]); err != nil {
			return err
		}
		w.b.add(w.then)
		if err := w.value(d.values[i], depth+1); err != nil {
			return err
		}
	}
	w.line(depth)
	w.b.data("}")
	return w.b.err
}

// order is the entries' order.
func (w *jsonWriter) order(d *Dict) ([]int, error) {
	order := make([]int, len(d.keys))
	for i := range order {
		order[i] = i
	}
	if !w.sort {
		return order, nil
	}
	var failed error
	slices.SortStableFunc(order, func(i, j int) int {
		c, err := w.in.order(d.keys[i], d.keys[j])
		if err != nil {
			failed = err
		}
		return c
	})
	return order, failed
}

func (w *jsonWriter) key(k Value) error {
	if s, ok := k.(Str); ok {
		w.text(s)
		return w.b.err
	}
	s, err := jsonScalar(k)
	if err != nil {
		return err
	}
	w.b.data(`"` + s + `"`)
	return w.b.err
}

// text writes a string in quotes.
func (w *jsonWriter) text(s Str) {
	w.b.data(`"`)
	for _, p := range s.pieces() {
		var e strings.Builder
		for i, r := range p.Text {
			_, size := utf8.DecodeRuneInString(p.Text[i:])
			e.WriteString(w.char(r, p.Text[i:i+size]))
		}
		w.b.part(e.String(), p.Written)
	}
	w.b.data(`"`)
}

var jsonEscapes = map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}

func (w *jsonWriter) char(r rune, raw string) string {
	if e, ok := jsonEscapes[r]; ok {
		return e
	}
	switch {
	case r < 0x20:
		return fmt.Sprintf(`\u%04x`, r)
	case !w.ascii || r < 0x7f || r == 0x7f:
		return raw
	case r > 0xffff:
		r -= 0x10000
		return fmt.Sprintf(`\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
	}
	return fmt.Sprintf(`\u%04x`, r)
}
