package jinja

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

type filterFunc func(in *interp, v Value, a *args) (Value, error)

// filters are what can follow "|".
var filters map[string]filterFunc

func init() { // tests and filters name each other
	filters = map[string]filterFunc{
		"abs": abs, "attr": attr, "batch": batch, "capitalize": onText("capitalize"), "center": center,
		"count": length, "d": defaultTo, "default": defaultTo, "dictsort": dictSort, "e": escape, "escape": escape,
		"first": first, "float": toFloat, "forceescape": forceEscape, "format": format, "groupby": groupBy, "indent": indent,
		"int": toInt, "items": items, "join": join, "last": last, "length": length, "list": list, "lower": onText("lower"),
		"map": mapItems, "max": extreme(1), "min": extreme(-1), "reject": choose(false, false),
		"rejectattr": choose(false, true), "replace": replace, "reverse": reverse, "round": round, "safe": safe,
		"select": choose(true, false), "selectattr": choose(true, true), "slice": cutInto, "sort": sortItems,
		"string": str, "sum": sum, "title": title, "tojson": toJSON, "trim": onText("strip", "chars"),
		"truncate": truncate, "unique": unique, "upper": onText("upper"), "urlencode": urlEncode, "wordcount": wordCount,
	}
}

func abs(in *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind(); err != nil {
		return nil, err
	}
	if f, ok := v.(float64); ok {
		return math.Abs(f), nil
	}
	n, ok := whole(v)
	switch {
	case !ok:
		return nil, operandError("abs", v, v)
	case n < 0:
		return integers("-", 0, n)
	}
	return n, nil
}

// attr looks at methods and attributes only, never at the entries of a dict.
func attr(in *interp, v Value, a *args) (Value, error) {
	b, err := a.bind("name")
	if err != nil {
		return nil, err
	}
	name, err := b.text(0, "")
	if err != nil {
		return nil, err
	}
	if d, ok := v.(*Dict); ok && dictMethods[name.s] == nil {
		return missing(d, name.s), nil
	}
	return in.attribute(v, name.s)
}

func defaultTo(_ *interp, v Value, a *args) (Value, error) {
	b, err := a.bind("default_value", "boolean")
	if err != nil {
		return nil, err
	}
	if _, undefined := v.(Undefined); undefined || b.truth(1, false) && !truth(v) {
		return b.or(0, Str{}), nil
	}
	return v, nil
}

func length(in *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind(); err != nil {
		return nil, err
	}
	n, err := in.size(v)
	return int64(n), err
}

func list(in *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind(); err != nil {
		return nil, err
	}
	all, err := in.list(v)
	return NewList(all...), err
}

func str(in *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind(); err != nil {
		return nil, err
	}
	return in.str(v)
}

func items(_ *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind(); err != nil {
		return nil, err
	}
	return once("items", func() ([]Value, error) {
		switch v := v.(type) {
		case *Dict:
			return v.items(), nil
		case Undefined:
			return nil, nil
		}
		return nil, fmt.Errorf("a %s has no items by name", kind(v))
	}), nil
}

func first(in *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind(); err != nil {
		return nil, err
	}
	next, err := in.walk(v)
	if err != nil {
		return nil, err
	}
	item, ok, err := next()
	if !ok {
		return Undefined{"there is no first item"}, err
	}
	return item, err
}

func last(in *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind(); err != nil {
		return nil, err
	}
	if _, ok := v.(*iterator); ok {
		return nil, errors.New("a generator has no last item")
	}
	all, err := in.list(v)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return Undefined{"there is no last item"}, nil
	}
	return all[len(all)-1], nil
}

func reverse(in *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind(); err != nil {
		return nil, err
	}
	if s, ok := v.(Str); ok {
		return in.slice(s, [3]Value{nil, nil, int64(-1)})
	}
	all, err := in.list(v)
	if err != nil {
		return nil, err
	}
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return once("reversed", func() ([]Value, error) { return all, nil }), nil
}

func toInt(in *interp, v Value, a *args) (Value, error) {
	b, err := a.bind("default", "base")
	if err != nil {
		return nil, err
	}
	base, err := b.int(1, 10)
	if err != nil || base != 0 && base < 2 || base > 36 {
		return nil, errors.New("the base of a number is between 2 and 36")
	}
	switch v := v.(type) {
	case Undefined:
		return nil, v.err()
	case number:
		return v, nil
	case Str:
		if n, ok := parseInt(v.s, int(base)); ok {
			return n, nil
		}
	}
	if n, ok := whole(v); ok {
		return n, nil
	}
	f, ok := parseFloat(v)
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
		return b.or(0, int64(0)), nil
	}
	if f = math.Trunc(f); math.Abs(f) >= 1<<63 {
		return number(strconv.FormatFloat(f, 'f', 0, 64)), nil
	}
	return int64(f), nil
}

func toFloat(_ *interp, v Value, a *args) (Value, error) {
	b, err := a.bind("default")
	if err != nil {
		return nil, err
	}
	if u, ok := v.(Undefined); ok {
		return nil, u.err()
	}
	if f, ok := parseFloat(v); ok {
		return f, nil
	}
	return b.or(0, 0.0), nil
}

// parseInt is Python's int(s, base).
func parseInt(s string, base int) (int64, bool) {
	s = strings.TrimFunc(s, isSpace)
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || strings.HasPrefix(digits, "_") || strings.HasSuffix(digits, "_") || strings.Contains(digits, "__") {
		return 0, false
	}
	if base != 0 {
		if prefix := map[int]string{2: "0b", 8: "0o", 16: "0x"}[base]; prefix != "" && strings.HasPrefix(strings.ToLower(digits), prefix) {
			s = strings.Replace(s, digits, digits[2:], 1)
		}
		s = strings.ReplaceAll(s, "_", "")
	}
	n, err := strconv.ParseInt(s, base, 64)
	return n, err == nil
}

// parseFloat is Python's float(v).
func parseFloat(v Value) (float64, bool) {
	switch v := v.(type) {
	case number:
		f, err := strconv.ParseFloat(string(v), 64)
		return f, err == nil
	case Str:
		s := strings.TrimFunc(v.s, isSpace)
		if strings.ContainsAny(s, "xXpP") || strings.HasPrefix(s, "_") || strings.Contains(s, "__") {
			return 0, false
		}
		f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
		return f, err == nil || errors.Is(err, strconv.ErrRange)
	}
	return asFloat(v)
}

func round(_ *interp, v Value, a *args) (Value, error) {
	b, err := a.bind("precision", "method")
	if err != nil {
		return nil, err
	}
	digits, err := b.int(0, 0)
	if err != nil || digits > 300 || digits < -300 {
		return nil, errors.New("the precision must be a small integer")
	}
	method, err := b.text(1, "common")
	if err != nil {
		return nil, err
	}
	f, ok := asFloat(v)
	if !ok {
		return nil, operandError("round", v, v)
	}
	n, isInt := whole(v)
	scale := math.Pow(10, float64(digits))
	switch method.s {
	case "common":
		if isInt && digits >= 0 {
			return n, nil
		}
		f = roundTo(f, int(digits))
		if isInt {
			return int64(f), nil
		}
	case "ceil":
		f = math.Ceil(f*scale) / scale
	case "floor":
		f = math.Floor(f*scale) / scale
	default:
		return nil, errors.New("the method must be common, ceil or floor")
	}
	return f, nil
}

// roundTo rounds to a number of decimals, exact halves to even.
func roundTo(f float64, digits int) float64 {
	if digits < 0 {
		scale := math.Pow(10, float64(-digits))
		return math.RoundToEven(f/scale) * scale
	}
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return f
	}
	r, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
	return r
}
