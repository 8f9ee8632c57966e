package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// attribute is v.name: a method or, failing that, an entry.
func (in *interp) attribute(v Value, name string) (Value, error) {
	switch v := v.(type) {
	case Undefined:
		return nil, v.err()
	case namespace:
		if held, ok := v.find(name); ok {
			return held, nil
		}
	case object:
		if a, ok, err := v.attribute(in, name); ok || err != nil {
			return a, err
		}
	case Str:
		if m, ok := textMethods[name]; ok {
			return &function{name, func(in *interp, a *args) (Value, error) {
				if err := in.scan(len(v.s)); err != nil {
					return nil, err
				}
				return m(in, v, a)
			}}, nil
		}
	case *List:
		if i := slices.Index(v.names, name); i >= 0 {
			return v.items[i], nil
		}
		if m, ok := listMethods[name]; ok && (!v.tuple || name == "count" || name == "index") {
			return &function{name, func(in *interp, a *args) (Value, error) { return m(in, v, a) }}, nil
		}
	case *Dict:
		if m, ok := dictMethods[name]; ok {
			return &function{name, func(in *interp, a *args) (Value, error) { return m(in, v, a) }}, nil
		}
		if held, ok := v.find(name); ok {
			return held, nil
		}
	}
	return missing(v, name), nil
}

func missing(v Value, what string) Undefined {
	return Undefined{fmt.Sprintf("a %s has no %q", kind(v), what)}
}

// index is v[i]: an entry or, failing that, a method.
func (in *interp) index(v, i Value) (Value, error) {
	if u, ok := v.(Undefined); ok {
		return nil, u.err()
	}
	if err := in.scanValue(i); err != nil {
		return nil, err
	}
	if d, ok := v.(*Dict); ok {
		if held, ok := d.get(i); ok {
			return held, nil
		}
	}
	if name, ok := i.(Str); ok {
		return in.attribute(v, name.s)
	}
	if n, ok := whole(i); ok {
		if item, ok, err := in.item(v, n); ok || err != nil {
			return item, err
		}
	}
	what, err := in.repr(i)
	return missing(v, what.s), err
}

// item is the n-th item of a sequence, from the end if n is negative.
func (in *interp) item(v Value, n int64) (Value, bool, error) {
	size, err := in.sequence(v)
	if err != nil {
		return nil, false, nil
	}
	if n < 0 {
		n += int64(size)
	}
	if n < 0 || n >= int64(size) {
		return nil, false, nil
	}
	i := int(n)
	switch v := v.(type) {
	case *List:
		return v.items[i], true, nil
	case span:
		return v.at(i), true, nil
	}
	s := v.(Str)
	if s.ascii() {
		return s.cut(i, i+1), true, in.scan(len(s.s))
	}
	from := s.offset(i)
	return s.cut(from, from+len(firstChar(s.s[from:]))), true, in.scan(2 * len(s.s))
}

// firstChar is the first character of s.
func firstChar(s string) string {
	for i := range s {
		if i > 0 {
			return s[:i]
		}
	}
	return s
}

// sequence is the length of what can be indexed by numbers.
func (in *interp) sequence(v Value) (int, error) {
	switch v.(type) {
	case Str, *List, span:
		return in.size(v)
	}
	return 0, fmt.Errorf("a %s cannot be indexed by numbers", kind(v))
}

// size is len(v).
func (in *interp) size(v Value) (int, error) {
	switch v := v.(type) {
	case Str:
		return v.length(), in.scan(len(v.s))
	case *List:
		return len(v.items), nil
	case *Dict:
		return len(v.keys), nil
	case *view:
		return len(v.items), nil
	case span:
		return v.len(), nil
	case Undefined:
		return 0, nil
	case *loop:
		n, err := v.count()
		return int(n), err
	}
	return 0, fmt.Errorf("a %s has no length", kind(v))
}

// slice is v[a:b:c].
func (in *interp) slice(v Value, bounds [3]Value) (Value, error) {
	if u, ok := v.(Undefined); ok {
		return nil, u.err()
	}
	size, err := in.sequence(v)
	if err != nil {
		return nil, errors.New("a " + kind(v) + " cannot be sliced")
	}
	from, to, step, err := sliceOf(bounds, int64(size))
	if err != nil {
		return nil, err
	}
	count := int64(span{from, to, step}.len())
	switch v := v.(type) {
	case Str:
		return in.sliceText(v, from, step, count)
	case *List:
		items := make([]Value, count)
		for i := range items {
			items[i] = v.items[from+int64(i)*step]
		}
		return &List{items: items, tuple: v.tuple}, in.items(int(count))
	}
	r := v.(span)
	return span{r.from + from*r.step, r.from + to*r.step, r.step * step}, nil
}

// sliceOf is where a slice begins, before what it ends, and by how much it steps.
func sliceOf(bounds [3]Value, size int64) (from, to, step int64, err error) {
	var n [3]int64
	for i, b := range bounds {
		if b == nil {
			continue
		}
		var ok bool
		if n[i], ok = whole(b); !ok {
			return 0, 0, 0, fmt.Errorf("the bounds of a slice must be integers, not %s", kind(b))
		}
	}
	from, to, step = n[0], n[1], n[2]
	if bounds[2] == nil {
		step = 1
	}
	if step == 0 {
		return 0, 0, 0, errors.New("a slice cannot have step zero")
	}
	step = max(min(step, size+1), -size-1)
	low, high := int64(0), size
	if step < 0 {
		low, high = -1, size-1
	}
	clamp := func(b Value, v, absent int64) int64 {
		if b == nil {
			return absent
		}
		if v < 0 {
			v += size
		}
		return max(low, min(v, high))
	}
	if step > 0 {
		from, to = clamp(bounds[0], from, low), clamp(bounds[1], to, high)
	} else {
		from, to = clamp(bounds[0], from, high), clamp(bounds[1], to, low)
	}
	return from, to, step, nil
}

func (in *interp) sliceText(s Str, from, step, count int64) (Value, error) {
	if count == 0 {
		return Str{safe: s.safe}, nil
	}
	if step == 1 {
		if s.ascii() {
			return s.cut(int(from), int(from+count)), in.scan(len(s.s))
		}
		i := s.offset(int(from))
		rest := s.cut(i, len(s.s))
		return rest.cut(0, rest.offset(int(count))), in.scan(3 * len(s.s))
	}
	if err := in.items(len(s.s)); err != nil {
		return nil, err
	}
	at := s.offsets()
	b := builder{in: in}
	for i := from; count > 0; i, count = i+step, count-1 {
		b.add(s.cut(at[i], at[i+1]))
	}
	v, err := b.value()
	return markSafe(v, s.safe), err
}

// path looks up "a.b.0", as the filters that take an attribute do. A default that
// is not None stands for whatever is missing on the way.
func (in *interp) path(v, attribute, absent Value) (Value, error) {
	parts := []Value{attribute}
	if s, ok := attribute.(Str); ok {
		parts = nil
		for part := range strings.SplitSeq(s.s, ".") {
			if n, ok := parseDigits(part); ok {
				parts = append(parts, n)
			} else {
				parts = append(parts, Trusted(part))
			}
		}
	}
	for _, key := range parts {
		var err error
		if v, err = in.index(v, key); err != nil {
			return nil, err
		}
		if _, ok := v.(Undefined); ok && absent != nil {
			v = absent
		}
	}
	return v, nil
}
