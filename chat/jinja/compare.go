package jinja

import (
	"fmt"
	"math"
	"strings"
)

// compare says whether left op right holds.
func (in *interp) compare(op string, left, right Value) (bool, error) {
	switch op {
	case "==":
		return in.equal(left, right)
	case "!=":
		same, err := in.equal(left, right)
		return !same, err
	case "in":
		return in.contains(right, left)
	case "not in":
		found, err := in.contains(right, left)
		return !found, err
	}
	c, err := in.order(left, right)
	switch {
	case err != nil:
		return false, fmt.Errorf("%s: %w", op, err)
	case c == unordered:
		return false, nil
	}
	return op == "<" && c < 0 || op == "<=" && c <= 0 || op == ">" && c > 0 || op == ">=" && c >= 0, nil
}

// unordered is how NaN compares.
const unordered = 2

// order is negative, zero or positive as a comes before b.
func (in *interp) order(a, b Value) (int, error) {
	if x, ok := asFloat(a); ok {
		if y, ok := asFloat(b); ok {
			return orderNumbers(a, b, x, y), nil
		}
	}
	switch x := a.(type) {
	case Str:
		if y, ok := b.(Str); ok {
			return strings.Compare(x.s, y.s), in.scan(min(len(x.s), len(y.s)))
		}
	case *List:
		if y, ok := b.(*List); ok && x.tuple == y.tuple {
			return in.orderLists(x.items, y.items)
		}
	}
	return 0, operandError("comparing", a, b)
}

func orderNumbers(a, b Value, x, y float64) int {
	i, ok1 := whole(a)
	j, ok2 := whole(b)
	switch {
	case ok1 && ok2 && i == j, x == y && !(ok1 && ok2):
		return 0
	case ok1 && ok2 && i < j, x < y:
		return -1
	case math.IsNaN(x) || math.IsNaN(y):
		return unordered
	}
	return 1
}

func (in *interp) orderLists(a, b []Value) (int, error) {
	if err := in.enter(); err != nil {
		return 0, err
	}
	defer in.leave()
	for i := range min(len(a), len(b)) {
		same, err := in.equal(a[i], b[i])
		if err != nil {
			return 0, err
		}
		if !same {
			return in.order(a[i], b[i])
		}
	}
	return len(a) - len(b), nil
}

// equal is ==. Values of different kinds are simply not equal.
func (in *interp) equal(a, b Value) (bool, error) {
	if err := in.step(); err != nil {
		return false, err
	}
	if x, ok := asFloat(a); ok {
		y, ok := asFloat(b)
		return ok && orderNumbers(a, b, x, y) == 0, nil
	}
	switch x := a.(type) {
	case Str:
		y, ok := b.(Str)
		return ok && x.s == y.s, in.scan(len(x.s))
	case *List:
		y, ok := b.(*List)
		if !ok || x.tuple != y.tuple || len(x.items) != len(y.items) {
			return false, nil
		}
		return in.equalItems(x.items, y.items)
	case *Dict:
		y, ok := b.(*Dict)
		if !ok || len(x.keys) != len(y.keys) {
			return false, nil
		}
		return in.equalDicts(x, y)
	case Undefined:
		_, ok := b.(Undefined)
		return ok, nil
	case span:
		y, ok := b.(span)
		return ok && x.len() == y.len() && (x.len() == 0 || x.from == y.from && (x.len() == 1 || x.step == y.step)), nil
	}
	return a == b, nil
}

func (in *interp) equalItems(a, b []Value) (bool, error) {
	if err := in.enter(); err != nil {
		return false, err
	}
	defer in.leave()
	for i := range a {
		if same, err := in.equal(a[i], b[i]); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

func (in *interp) equalDicts(a, b *Dict) (bool, error) {
	values := make([]Value, len(a.keys))
	for h, i := range a.at {
		v, ok := b.find(h)
		if !ok {
			return false, nil
		}
		values[i] = v
	}
	return in.equalItems(a.values, values)
}

// contains is item in v.
func (in *interp) contains(v, item Value) (bool, error) {
	switch v := v.(type) {
	case Str:
		part, ok := item.(Str)
		if !ok {
			return false, fmt.Errorf("a string can only contain strings, not a %s", kind(item))
		}
		return strings.Contains(v.s, part.s), in.scan(len(v.s))
	case *Dict:
		h, err := hash(item)
		if err != nil {
			return false, err
		}
		_, ok := v.find(h)
		return ok, in.scanValue(item)
	case namespace:
		return false, fmt.Errorf("a %s has no items", kind(v))
	}
	next, err := in.walk(v)
	if err != nil {
		return false, err
	}
	for {
		other, ok, err := next()
		if err != nil || !ok {
			return false, err
		}
		if same, err := in.equal(other, item); err != nil || same {
			return same, err
		}
	}
}
