package jinja

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

var errOverflow = errors.New("the integer has more than 64 bits")

// err is what doing something with an undefined value gives.
func (u Undefined) err() error { return errors.New(u.what) }

func operandError(op string, a, b Value) error {
	for _, v := range []Value{a, b} {
		if u, ok := v.(Undefined); ok {
			return u.err()
		}
	}
	return fmt.Errorf("%s does not work with %s and %s", op, kind(a), kind(b))
}

// whole is a value as an integer, if it is one; True and False are.
func whole(v Value) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case bool:
		return integer(v), true
	}
	return 0, false
}

func isNumber(v Value) bool {
	_, ok := asFloat(v)
	return ok
}

// asFloat is a number as a float.
func asFloat(v Value) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case bool:
		return float64(integer(v)), true
	case float64:
		return v, true
	}
	return 0, false
}

// binary computes left op right.
func (in *interp) binary(op string, left, right Value) (Value, error) {
	if op == "~" {
		return in.concat(left, right)
	}
	if a, ok := whole(left); ok {
		if b, ok := whole(right); ok {
			return integers(op, a, b)
		}
	}
	if a, ok := asFloat(left); ok {
		if b, ok := asFloat(right); ok {
			return floats(op, a, b)
		}
	}
	switch op {
	case "+":
		return in.plus(left, right)
	case "*":
		if n, ok := whole(right); ok {
			return in.times(left, n)
		}
		if n, ok := whole(left); ok {
			return in.times(right, n)
		}
	case "%":
		if s, ok := left.(Str); ok {
			return in.percent(s, right)
		}
	}
	return nil, operandError(op, left, right)
}

func (in *interp) concat(left, right Value) (Value, error) {
	a, err := in.str(left)
	if err != nil {
		return nil, err
	}
	b, err := in.str(right)
	if err != nil {
		return nil, err
	}
	return in.join(a, b)
}

func (in *interp) plus(left, right Value) (Value, error) {
	switch a := left.(type) {
	case Str:
		b, ok := right.(Str)
		if !ok {
			break
		}
		if a.safe == b.safe {
			v, err := in.join(a, b)
			return markSafe(v, a.safe), err
		}
		return in.plusSafe(a, b)
	case *List:
		if b, ok := right.(*List); ok && a.tuple == b.tuple {
			items := append(append(make([]Value, 0, len(a.items)+len(b.items)), a.items...), b.items...)
			return &List{items: items, tuple: a.tuple}, in.items(len(items))
		}
	}
	return nil, operandError("+", left, right)
}

// plusSafe joins two strings one of which is safe: the other is escaped.
func (in *interp) plusSafe(a, b Str) (Value, error) {
	for _, s := range []*Str{&a, &b} {
		if !s.safe {
			v, err := in.escape(*s)
			if err != nil {
				return nil, err
			}
			*s = v.(Str)
		}
	}
	v, err := in.join(a, b)
	return markSafe(v, true), err
}

func markSafe(v Value, safe bool) Value {
	if s, ok := v.(Str); ok {
		s.safe = safe
		return s
	}
	return v
}

// times repeats a string or list.
func (in *interp) times(v Value, n int64) (Value, error) {
	n = max(n, 0)
	switch v := v.(type) {
	case Str:
		if hi, size := bits.Mul64(uint64(n), uint64(len(v.s))); hi != 0 || size > uint64(in.limits.Memory) {
			return nil, in.tooLarge()
		}
		b := builder{in: in}
		for range n {
			if b.add(v); len(v.s) == 0 {
				break
			}
		}
		out, err := b.value()
		return markSafe(out, v.safe), err
	case *List:
		if hi, size := bits.Mul64(uint64(n), uint64(len(v.items))); hi != 0 || size > uint64(in.limits.Memory/itemSize) {
			return nil, in.tooLarge()
		}
		if err := in.items(int(n) * len(v.items)); err != nil {
			return nil, err
		}
		var items []Value
		for range n {
			if items = append(items, v.items...); len(v.items) == 0 {
				break
			}
		}
		return &List{items: items, tuple: v.tuple}, nil
	}
	return nil, operandError("*", v, n)
}

func integers(op string, a, b int64) (Value, error) {
	switch op {
	case "+":
		if c := a + b; (c > a) == (b > 0) {
			return c, nil
		}
		return nil, errOverflow
	case "-":
		if c := a - b; (c < a) == (b > 0) {
			return c, nil
		}
		return nil, errOverflow
	case "*":
		return multiply(a, b)
	case "**":
		return power(a, b)
	}
	if b == 0 {
		return nil, errors.New("division by zero")
	}
	if a == math.MinInt64 && b == -1 && op != "/" {
		if op == "%" {
			return int64(0), nil
		}
		return nil, errOverflow
	}
	switch op {
	case "/":
		return float64(a) / float64(b), nil
	case "//":
		q := a / b
		if a%b != 0 && (a < 0) != (b < 0) {
			q--
		}
		return q, nil
	default: // "%"
		r := a % b
		if r != 0 && (r < 0) != (b < 0) {
			r += b
		}
		return r, nil
	}
}

func multiply(a, b int64) (Value, error) {
	c := a * b
	if a != 0 && (c/a != b || a == -1 && b == math.MinInt64) {
		return nil, errOverflow
	}
	return c, nil
}

func power(a, b int64) (Value, error) {
	if b < 0 {
		return floats("**", float64(a), float64(b))
	}
	if (a == 0 || a == 1 || a == -1) && b > 2 {
		b = 2 - b%2
		if a == -1 && b == 1 {
			return int64(-1), nil
		}
	}
	c := Value(int64(1))
	for range b {
		var err error
		if c, err = multiply(c.(int64), a); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func floats(op string, a, b float64) (Value, error) {
	switch op {
	case "+":
		return a + b, nil
	case "-":
		return a - b, nil
	case "*":
		return a * b, nil
	case "**":
		c := math.Pow(a, b)
		switch {
		case a == 0 && b < 0:
			return nil, errors.New("zero to a negative power")
		case math.IsInf(c, 0) && !math.IsInf(a, 0) && !math.IsInf(b, 0):
			return nil, errors.New("the power is too large")
		case math.IsNaN(c) && !math.IsNaN(a) && !math.IsNaN(b):
			return nil, errors.New("the power is a complex number")
		}
		return c, nil
	}
	if b == 0 {
		return nil, errors.New("division by zero")
	}
	switch op {
	case "/":
		return a / b, nil
	case "//":
		return floorDiv(a, b), nil
	default: // "%"
		return floatMod(a, b), nil
	}
}

// floatMod has the sign of b, as in Python.
func floatMod(a, b float64) float64 {
	r := math.Mod(a, b)
	switch {
	case r == 0:
		return math.Copysign(0, b)
	case (r < 0) != (b < 0):
		return r + b
	}
	return r
}

func floorDiv(a, b float64) float64 {
	q := (a - floatMod(a, b)) / b
	f := math.Floor(q)
	if q-f > 0.5 {
		f++
	}
	if f == 0 {
		return math.Copysign(0, a/b)
	}
	return f
}
