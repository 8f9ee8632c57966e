package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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

// sortKey is what items are sorted by: a list with an attribute or, with commas
// between them, several, or with the item itself.
func (in *interp) sortKey(item, path Value, caseSensitive bool) (Value, error) {
	paths := []Value{path}
	if s, ok := path.(Str); ok {
		paths = nil
		for part := range strings.SplitSeq(s.s, ",") {
			paths = append(paths, Trusted(part))
		}
	}
	keys := NewList()
	for _, path := range paths {
		k, err := in.oneKey(item, path, caseSensitive)
		if err != nil {
			return nil, err
		}
		keys.items = append(keys.items, k)
	}
	return keys, nil
}

// oneKey is an attribute of an item or the item itself; strings without regard to case.
func (in *interp) oneKey(item, path Value, caseSensitive bool) (Value, error) {
	if path != nil {
		var err error
		if item, err = in.path(item, path, nil); err != nil {
			return nil, err
		}
	}
	if s, ok := item.(Str); ok && !caseSensitive {
		return in.mapped(s, func(i int, r rune) string { return lower(s.s, i, r) })
	}
	return item, nil
}

type keyed struct{ key, item Value }

// sorted sorts items by their keys; those with equal keys stay in order.
func (in *interp) sorted(items []Value, reverse bool, key func(Value) (Value, error)) ([]keyed, error) {
	all := make([]keyed, len(items))
	for i, item := range items {
		k, err := key(item)
		if err != nil {
			return nil, err
		}
		all[i] = keyed{k, item}
	}
	var failed error
	slices.SortStableFunc(all, func(a, b keyed) int {
		if failed != nil {
			return 0
		}
		c, err := in.order(a.key, b.key)
		if err == nil {
			err = in.step()
		}
		failed = err
		if reverse {
			return -c
		}
		return c
	})
	return all, failed
}

func sortItems(in *interp, v Value, a *args) (Value, error) {
	b, err := a.bind("reverse", "case_sensitive", "attribute")
	if err != nil {
		return nil, err
	}
	all, err := in.list(v)
	if err != nil {
		return nil, err
	}
	done, err := in.sorted(all, b.truth(0, false), func(item Value) (Value, error) {
		return in.sortKey(item, b.values[2], b.truth(1, false))
	})
	for i, k := range done {
		all[i] = k.item
	}
	return NewList(all...), err
}

func dictSort(in *interp, v Value, a *args) (Value, error) {
	b, err := a.bind("case_sensitive", "by", "reverse")
	if err != nil {
		return nil, err
	}
	by, err := b.text(1, "key")
	at := slices.Index([]string{"key", "value"}, by.s)
	if err != nil || at < 0 {
		return nil, errors.New(`it sorts by "key" or "value"`)
	}
	d, ok := v.(*Dict)
	if !ok {
		return nil, operandError("dictsort", v, v)
	}
	all := d.items()
	done, err := in.sorted(all, b.truth(2, false), func(item Value) (Value, error) {
		return in.oneKey(item.(*List).items[at], nil, b.truth(0, false))
	})
	for i, k := range done {
		all[i] = k.item
	}
	if err != nil {
		return nil, err
	}
	return NewList(all...), in.items(3 * len(all))
}

func groupBy(in *interp, v Value, a *args) (Value, error) {
	b, err := a.bind("attribute", "default", "case_sensitive")
	if err == nil {
		err = b.need(1)
	}
	if err != nil {
		return nil, err
	}
	value := func(item Value) (Value, error) {
		return in.path(item, b.values[0], b.values[1])
	}
	all, err := in.list(v)
	if err != nil {
		return nil, err
	}
	done, err := in.sorted(all, false, func(item Value) (Value, error) {
		k, err := value(item)
		if err != nil {
			return nil, err
		}
		return in.oneKey(k, nil, b.truth(2, false))
	})
	if err != nil {
		return nil, err
	}
	return in.groups(done, value)
}

// groups gathers neighbours with the same key.
func (in *interp) groups(sorted []keyed, value func(Value) (Value, error)) (Value, error) {
	out := NewList()
	var group *List
	var key Value
	for _, k := range sorted {
		same := false
		if group != nil {
			var err error
			if same, err = in.equal(key, k.key); err != nil {
				return nil, err
			}
		}
		if !same {
			shown, err := value(k.item)
			if err != nil {
				return nil, err
			}
			key, group = k.key, NewList()
			out.items = append(out.items, &List{[]Value{shown, group}, true, []string{"grouper", "list"}})
		}
		group.items = append(group.items, k.item)
	}
	return out, in.items(3 * len(sorted))
}

func unique(in *interp, v Value, a *args) (Value, error) {
	b, err := a.bind("case_sensitive", "attribute")
	if err != nil {
		return nil, err
	}
	seen := map[any]bool{}
	return once("unique", func() ([]Value, error) {
		all, err := in.list(v)
		if err != nil {
			return nil, err
		}
		kept := all[:0]
		for _, item := range all {
			k, err := in.oneKey(item, b.values[1], b.truth(0, false))
			if err != nil {
				return nil, err
			}
			h, err := hash(k)
			if err != nil {
				return nil, err
			}
			if !seen[h] {
				seen[h] = true
				kept = append(kept, item)
			}
		}
		return kept, nil
	}), nil
}

// extreme is max (sign 1) or min (sign -1).
func extreme(sign int) filterFunc {
	return func(in *interp, v Value, a *args) (Value, error) {
		b, err := a.bind("case_sensitive", "attribute")
		if err != nil {
			return nil, err
		}
		all, err := in.list(v)
		if err != nil {
			return nil, err
		}
		if len(all) == 0 {
			return Undefined{"there is no item"}, nil
		}
		best := keyed{item: all[0]}
		for i, item := range all {
			k, err := in.oneKey(item, b.values[1], b.truth(0, false))
			if err != nil {
				return nil, err
			}
			c := sign
			if i > 0 {
				if c, err = in.order(k, best.key); err != nil {
					return nil, err
				}
			}
			if c*sign > 0 && c != unordered {
				best = keyed{k, item}
			}
		}
		return best.item, nil
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

// slices_ cuts items into a number of lists of about the same length.
func slices_(in *interp, v Value, a *args) (Value, error) {
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
