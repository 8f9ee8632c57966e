package jinja

import (
	"errors"
	"fmt"
	"slices"
)

// firstText is an argument that names a filter or a test.
func firstText(plain []Value, what string) (string, error) {
	if len(plain) == 0 {
		return "", fmt.Errorf("it needs %s", what)
	}
	s, ok := plain[0].(Str)
	if !ok {
		return "", fmt.Errorf("%s must be a string, not a %s", what, kind(plain[0]))
	}
	return s.s, nil
}

// each makes an iterator over the items of v. What is false has none.
func (in *interp) each(name string, v Value, f func(item Value) (out Value, keep bool, err error)) Value {
	return once(name, func() ([]Value, error) {
		if !truth(v) {
			return nil, nil
		}
		all, err := in.list(v)
		if err != nil {
			return nil, err
		}
		kept := all[:0]
		for _, item := range all {
			out, keep, err := f(item)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if keep {
				kept = append(kept, out)
			}
		}
		return kept, nil
	})
}

// mapItems applies a filter to every item, or looks up an attribute.
func mapItems(in *interp, v Value, a *args) (Value, error) {
	path, byAttribute := a.named["attribute"]
	if byAttribute && len(a.plain) == 0 {
		b, err := a.bind("attribute", "default")
		if err != nil {
			return nil, err
		}
		return in.each("map", v, func(item Value) (Value, bool, error) {
			out, err := in.path(item, path, b.values[1])
			return out, true, err
		}), nil
	}
	name, err := firstText(a.plain, "the name of a filter")
	if err != nil {
		return nil, err
	}
	rest := &args{a.plain[1:], a.named, a.order}
	return in.each("map", v, func(item Value) (Value, bool, error) {
		out, err := in.filter(name, item, rest)
		return out, true, err
	}), nil
}

// choose keeps the items for which a test has the answer want. With attr, the
// first argument names the attribute to test.
func choose(want, attr bool) filterFunc {
	return func(in *interp, v Value, a *args) (Value, error) {
		plain := a.plain
		var path Value
		if attr {
			if len(plain) == 0 {
				return nil, errors.New("it needs the name of an attribute")
			}
			path, plain = plain[0], plain[1:]
		}
		check := func(v Value) (bool, error) { return truth(v), nil }
		if len(plain) > 0 {
			name, err := firstText(plain, "the name of a test")
			if err != nil {
				return nil, err
			}
			rest := &args{plain[1:], a.named, a.order}
			check = func(v Value) (bool, error) { return in.test(name, v, rest) }
		}
		return in.each("select", v, func(item Value) (Value, bool, error) {
			tested := item
			if attr {
				var err error
				if tested, err = in.path(item, path, nil); err != nil {
					return nil, false, err
				}
			}
			yes, err := check(tested)
			return item, yes == want, err
		}), nil
	}
}

func sum(in *interp, v Value, a *args) (Value, error) {
	b, err := a.bind("attribute", "start")
	if err != nil {
		return nil, err
	}
	all, err := in.list(v)
	if err != nil {
		return nil, err
	}
	total := b.or(1, int64(0))
	for _, item := range all {
		if path := b.values[0]; path != nil {
			if item, err = in.path(item, path, nil); err != nil {
				return nil, err
			}
		}
		if total, err = in.binary("+", total, item); err != nil {
			return nil, err
		}
	}
	return total, nil
}

// rows reads the arguments of the filters that cut items into lists.
func rows(a *args, number string) (n int, fill Value, err error) {
	b, err := a.bind(number, "fill_with")
	if err == nil {
		err = b.need(1)
	}
	if err != nil {
		return 0, nil, err
	}
	size, err := b.int(0, 0)
	if err == nil && (size < 1 || size > maxRange) {
		err = fmt.Errorf("%d is no good number of items", size)
	}
	return int(size), b.values[1], err
}

// batch cuts items into lists of a length.
func batch(in *interp, v Value, a *args) (Value, error) {
	size, fill, err := rows(a, "linecount")
	if err != nil {
		return nil, err
	}
	return once("batch", func() ([]Value, error) {
		all, err := in.list(v)
		if err != nil {
			return nil, err
		}
		var out []Value
		for chunk := range slices.Chunk(all, size) {
			row := NewList(slices.Clone(chunk)...)
			for fill != nil && len(row.items) < size {
				row.items = append(row.items, fill)
			}
			out = append(out, row)
			if err := in.items(len(row.items)); err != nil {
				return nil, err
			}
		}
		return out, nil
	}), nil
}

// cutInto cuts items into a number of lists of about the same length.
func cutInto(in *interp, v Value, a *args) (Value, error) {
	n, fill, err := rows(a, "slices")
	if err != nil {
		return nil, err
	}
	return once("slice", func() ([]Value, error) {
		all, err := in.list(v)
		if err != nil {
			return nil, err
		}
		size, longer := len(all)/n, len(all)%n
		var out []Value
		for i := range n {
			take := size
			if i < longer {
				take++
			}
			row := NewList(slices.Clone(all[:take])...)
			all = all[take:]
			if i >= longer && fill != nil {
				row.items = append(row.items, fill)
			}
			out = append(out, row)
		}
		return out, in.items(2 * n)
	}), nil
}
