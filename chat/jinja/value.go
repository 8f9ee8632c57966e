package jinja

import (
	"fmt"
	"math"
	"strings"
)

// Value is what templates compute with: nil (None), bool, int64, float64, [Str],
// [*List], [*Dict], or one of the kinds that only templates make. Only strings
// know who wrote them; the text that other values turn into counts as outside.
type Value any

// List is a Python list, or a tuple if it cannot be changed.
type List struct {
	items []Value
	tuple bool
	names []string // of a named tuple's items
}

// NewList is a list of values.
func NewList(items ...Value) *List { return &List{items: items} }

// Dict is a Python dict: it keeps the order in which keys came.
type Dict struct {
	keys, values []Value
	at           map[any]int
}

// NewDict is an empty dict.
func NewDict() *Dict { return &Dict{at: map[any]int{}} }

// Set adds an entry whose key is the template's own text.
func (d *Dict) Set(key string, v Value) { d.put(Trusted(key), key, v) }

// Undefined is a name or an attribute that does not exist. It is false and prints
// nothing; doing more with it is an error.
type Undefined struct{ what string }

// number is an integer that does not fit 64 bits, in digits.
type number string

// iterator is what filters like map return: it can be walked once.
type iterator struct {
	name string
	next func() (Value, bool, error)
}

// view is a dict's keys, values or items.
type view struct {
	name  string
	items []Value
}

// span is a range.
type span struct{ from, to, step int64 }

func (r span) len() int {
	switch {
	case r.step > 0 && r.to > r.from:
		return int((uint64(r.to-r.from)-1)/uint64(r.step)) + 1
	case r.step < 0 && r.from > r.to:
		return int((uint64(r.from-r.to)-1)/uint64(-r.step)) + 1
	}
	return 0
}

func (r span) at(i int) Value { return r.from + int64(i)*r.step }

// function is anything that can be called.
type function struct {
	name string
	call func(in *interp, a *args) (Value, error)
}

// namespace is the one object whose attributes templates can set.
type namespace struct{ *Dict }

// object has attributes that are computed: loops, macros, cyclers.
type object interface {
	attribute(in *interp, name string) (Value, bool, error)
}

// callable is an object that can also be called.
type callable interface {
	call(in *interp, a *args) (Value, error)
}

// hash is what a value is found by in a dict. Numbers that are equal are one key.
func hash(v Value) (any, error) {
	switch v := v.(type) {
	case nil:
		return struct{}{}, nil
	case bool:
		return integer(v), nil
	case int64, number, Undefined:
		return v, nil
	case float64:
		if i := int64(v); float64(i) == v && math.Abs(v) < 1<<63 {
			return i, nil
		}
		return v, nil
	case Str:
		return v.s, nil
	case *List:
		if v.tuple {
			return hashTuple(v)
		}
		return nil, errKey(v)
	case *Dict, *view:
		return nil, errKey(v)
	}
	return v, nil
}

func errKey(v Value) error { return fmt.Errorf("a %s cannot be the key of a dict", kind(v)) }

type tupleHash string

func hashTuple(l *List) (any, error) {
	var b strings.Builder
	for _, item := range l.items {
		h, err := hash(item)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%T%q,", h, fmt.Sprint(h))
		if b.Len() > 1<<16 {
			return nil, fmt.Errorf("%w: a tuple that long cannot be the key of a dict", ErrLimit)
		}
	}
	return tupleHash(b.String()), nil
}

func (d *Dict) put(key Value, h any, v Value) {
	if i, ok := d.at[h]; ok {
		d.values[i] = v
		return
	}
	d.at[h] = len(d.keys)
	d.keys = append(d.keys, key)
	d.values = append(d.values, v)
}

func (d *Dict) set(key, v Value) error {
	h, err := hash(key)
	if err == nil {
		d.put(key, h, v)
	}
	return err
}

func (d *Dict) get(key Value) (Value, bool) {
	h, err := hash(key)
	if err != nil {
		return nil, false
	}
	return d.find(h)
}

func (d *Dict) find(h any) (Value, bool) {
	i, ok := d.at[h]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// remove takes out the i-th entry.
func (d *Dict) remove(i int) {
	d.keys = append(d.keys[:i:i], d.keys[i+1:]...)
	d.values = append(d.values[:i:i], d.values[i+1:]...)
	for h, at := range d.at {
		switch {
		case at == i:
			delete(d.at, h)
		case at > i:
			d.at[h] = at - 1
		}
	}
}

func (d *Dict) items() []Value {
	all := make([]Value, len(d.keys))
	for i := range d.keys {
		all[i] = pair(d.keys[i], d.values[i])
	}
	return all
}

// integer is a bool as a number.
func integer(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func pair(a, b Value) *List { return &List{items: []Value{a, b}, tuple: true} }

func tuple(items ...Value) *List { return &List{items: items, tuple: true} }

// kind names a value's type as Python does.
func kind(v Value) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, number:
		return "int"
	case float64:
		return "float"
	case Str:
		return "str"
	case *List:
		if v.tuple {
			return "tuple"
		}
		return "list"
	case *Dict:
		return "dict"
	case Undefined:
		return "Undefined"
	case *iterator:
		return "generator"
	case *view:
		return v.name
	case span:
		return "range"
	case namespace:
		return "Namespace"
	case *macro:
		return "Macro"
	case *loop:
		return "LoopContext"
	}
	return "function"
}

// truth is what if thinks of a value.
func truth(v Value) bool {
	switch v := v.(type) {
	case nil, Undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case Str:
		return v.s != ""
	case *List:
		return len(v.items) > 0
	case *Dict:
		return len(v.keys) > 0
	case *view:
		return len(v.items) > 0
	case span:
		return v.len() > 0
	case *loop:
		return true
	}
	return true
}
