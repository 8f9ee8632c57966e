package jinja

import (
	"errors"
	"slices"
	"strings"
)

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
