package jinja

import (
	"fmt"
	"unicode"
)

type testFunc func(in *interp, v Value, a *args) (bool, error)

// tests are what can follow "is".
var tests map[string]testFunc

func init() { // tests and filters name each other
	tests = map[string]testFunc{
		"defined":     plainTest(func(v Value) bool { _, ok := v.(Undefined); return !ok }),
		"undefined":   plainTest(func(v Value) bool { _, ok := v.(Undefined); return ok }),
		"none":        plainTest(func(v Value) bool { return v == nil }),
		"boolean":     plainTest(func(v Value) bool { _, ok := v.(bool); return ok }),
		"true":        plainTest(func(v Value) bool { return v == true }),
		"false":       plainTest(func(v Value) bool { return v == false }),
		"integer":     plainTest(isInteger),
		"float":       plainTest(func(v Value) bool { _, ok := v.(float64); return ok }),
		"number":      plainTest(func(v Value) bool { return isNumber(v) || isInteger(v) }),
		"string":      plainTest(func(v Value) bool { _, ok := v.(Str); return ok }),
		"mapping":     plainTest(func(v Value) bool { _, ok := v.(*Dict); return ok }),
		"sequence":    plainTest(isSequence),
		"iterable":    plainTest(isIterable),
		"callable":    plainTest(isCallable),
		"escaped":     plainTest(func(v Value) bool { s, _ := v.(Str); return s.safe }),
		"lower":       caseTest(unicode.IsUpper),
		"upper":       caseTest(unicode.IsLower),
		"odd":         remainder(2, 1),
		"even":        remainder(2, 0),
		"divisibleby": divisible,
		"sameas":      sameAs,
		"in":          operand("seq", func(in *interp, v, of Value) (bool, error) { return in.contains(of, v) }),
		"filter":      named(func(name string) bool { _, ok := filters[name]; return ok }),
		"test":        named(func(name string) bool { _, ok := tests[name]; return ok }),
	}
	for op, names := range map[string][]string{
		"==": {"eq", "equalto", "=="}, "!=": {"ne", "!="}, "<": {"lt", "lessthan", "<"}, "<=": {"le", "<="},
		">": {"gt", "greaterthan", ">"}, ">=": {"ge", ">="},
	} {
		for _, name := range names {
			tests[name] = operand("other", func(in *interp, v, of Value) (bool, error) { return in.compare(op, v, of) })
		}
	}
}

func plainTest(f func(Value) bool) testFunc {
	return func(_ *interp, v Value, a *args) (bool, error) {
		_, err := a.bind()
		return f(v), err
	}
}

// operand is a test with one argument.
func operand(name string, f func(in *interp, v, of Value) (bool, error)) testFunc {
	return func(in *interp, v Value, a *args) (bool, error) {
		b, err := a.bind(name)
		if err == nil {
			err = b.need(1)
		}
		if err != nil {
			return false, err
		}
		return f(in, v, b.values[0])
	}
}

func isInteger(v Value) bool {
	switch v.(type) {
	case int64, number:
		return true
	}
	return false
}

func isSequence(v Value) bool {
	switch v.(type) {
	case Str, *List, *Dict, span, Undefined:
		return true
	}
	return false
}

func isIterable(v Value) bool {
	switch v.(type) {
	case *iterator, *view, *loop:
		return true
	}
	return isSequence(v)
}

func isCallable(v Value) bool {
	switch v.(type) {
	case *function, callable, Undefined:
		return true
	}
	return false
}

// caseTest is str.islower or isupper: at least one letter with case, none of the wrong.
func caseTest(wrong func(rune) bool) testFunc {
	return func(in *interp, v Value, a *args) (bool, error) {
		s, err := in.str(v)
		if err != nil {
			return false, err
		}
		return cased(s.s, wrong), none(a)
	}
}

func cased(s string, wrong func(rune) bool) bool {
	some := false
	for _, r := range s {
		if wrong(r) || unicode.IsTitle(r) {
			return false
		}
		some = some || unicode.IsUpper(r) || unicode.IsLower(r)
	}
	return some
}

func remainder(by, want int64) testFunc {
	return func(in *interp, v Value, a *args) (bool, error) {
		if _, err := a.bind(); err != nil {
			return false, err
		}
		return in.leaves(v, by, want)
	}
}

func divisible(in *interp, v Value, a *args) (bool, error) {
	b, err := a.bind("num")
	if err != nil {
		return false, err
	}
	by, err := b.int(0, 0)
	if err != nil {
		return false, err
	}
	return in.leaves(v, by, 0)
}

// leaves says whether v % by == want.
func (in *interp) leaves(v Value, by, want int64) (bool, error) {
	rest, err := in.binary("%", v, by)
	if err != nil {
		return false, err
	}
	return in.equal(rest, want)
}

func sameAs(in *interp, v Value, a *args) (bool, error) {
	b, err := a.bind("other")
	if err == nil {
		err = b.need(1)
	}
	if err != nil {
		return false, err
	}
	if s, ok := v.(Str); ok { // which strings are one object is CPython's affair
		return in.equal(s, b.values[0])
	}
	if _, ok := b.values[0].(Str); ok {
		return false, nil
	}
	return v == b.values[0], nil
}

func named(known func(string) bool) testFunc {
	return func(_ *interp, v Value, a *args) (bool, error) {
		s, ok := v.(Str)
		if !ok {
			return false, fmt.Errorf("a name must be a string, not a %s", kind(v))
		}
		_, err := a.bind()
		return known(s.s), err
	}
}
