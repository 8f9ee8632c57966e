package jinja

import (
	"errors"
	"fmt"
	"math"
)

// globals are the names that every template has.
func (in *interp) globals() map[string]Value {
	all := map[string]Value{}
	for name, f := range map[string]func(in *interp, a *args) (Value, error){
		"namespace": makeNamespace, "dict": makeDict, "range": makeRange, "cycler": makeCycler, "joiner": makeJoiner,
		"raise_exception": raise, "strftime_now": strftimeNow,
	} {
		all[name] = &function{name, f}
	}
	return all
}

func makeNamespace(in *interp, a *args) (Value, error) {
	d, err := makeDict(in, a)
	if err != nil {
		return nil, err
	}
	return namespace{d.(*Dict)}, nil
}

// makeDict is dict(other, name=value).
func makeDict(in *interp, a *args) (Value, error) {
	d := NewDict()
	if len(a.plain) > 1 {
		return nil, errors.New("a dict is made of one dict or list of pairs")
	}
	for _, v := range a.plain {
		if other, ok := v.(*Dict); ok {
			if err := in.merge(d, other); err != nil {
				return nil, err
			}
			continue
		}
		if err := in.pairs(d, v); err != nil {
			return nil, err
		}
	}
	for _, name := range a.order {
		d.Set(name, a.named[name])
	}
	return d, in.items(2 * len(a.order))
}

func (in *interp) pairs(d *Dict, v Value) error {
	all, err := in.list(v)
	if err != nil {
		return err
	}
	for _, item := range all {
		two, err := in.list(item)
		if err != nil {
			return err
		}
		if len(two) != 2 {
			return fmt.Errorf("an entry of a dict is a pair, not %d items", len(two))
		}
		if err := d.set(two[0], two[1]); err != nil {
			return err
		}
	}
	return nil
}

func makeRange(_ *interp, a *args) (Value, error) {
	if len(a.named) > 0 || len(a.plain) < 1 || len(a.plain) > 3 {
		return nil, errors.New("range takes one to three integers")
	}
	n := [3]int64{2: 1}
	for i, v := range a.plain {
		var ok bool
		if n[i], ok = whole(v); !ok {
			return nil, fmt.Errorf("range takes integers, not a %s", kind(v))
		}
		if n[i] > math.MaxInt32 || n[i] < -math.MaxInt32 {
			return nil, fmt.Errorf("%w: a range stays within 31 bits", ErrLimit)
		}
	}
	r := span{n[0], n[1], n[2]}
	if len(a.plain) == 1 {
		r.from, r.to = 0, n[0]
	}
	switch {
	case r.step == 0:
		return nil, errors.New("a range cannot have step zero")
	case r.len() > maxRange:
		return nil, fmt.Errorf("%w: a range has at most %d items", ErrLimit, maxRange)
	}
	return r, nil
}

// cycler goes round a list of values.
type cycler struct {
	values []Value
	at     int
}

func makeCycler(_ *interp, a *args) (Value, error) {
	if len(a.plain) == 0 || len(a.named) > 0 {
		return nil, errors.New("a cycler needs values")
	}
	return &cycler{values: a.plain}, nil
}

func (c *cycler) attribute(_ *interp, name string) (Value, bool, error) {
	switch name {
	case "current":
		return c.values[c.at], true, nil
	case "next":
		return &function{name, func(*interp, *args) (Value, error) {
			v := c.values[c.at]
			c.at = (c.at + 1) % len(c.values)
			return v, nil
		}}, true, nil
	case "reset":
		return &function{name, func(*interp, *args) (Value, error) {
			c.at = 0
			return nil, nil
		}}, true, nil
	}
	return nil, false, nil
}

// joiner gives nothing the first time and a separator from then on.
func makeJoiner(_ *interp, a *args) (Value, error) {
	b, err := a.bind("sep")
	if err != nil {
		return nil, err
	}
	used := false
	return &function{"joiner", func(*interp, *args) (Value, error) {
		if !used {
			used = true
			return Str{}, nil
		}
		return b.or(0, Trusted(", ")), nil
	}}, nil
}

func raise(in *interp, a *args) (Value, error) {
	b, err := a.bind("message")
	if err == nil {
		err = b.need(1)
	}
	if err != nil {
		return nil, err
	}
	s, err := in.str(b.values[0])
	if err != nil {
		return nil, err
	}
	return nil, &Raised{s.s}
}

func strftimeNow(in *interp, a *args) (Value, error) {
	b, err := a.bind("format")
	if err == nil {
		err = b.need(1)
	}
	if err != nil {
		return nil, err
	}
	layout, err := b.text(0, "")
	if err != nil {
		return nil, err
	}
	return in.strftime(layout)
}
