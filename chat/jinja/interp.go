package jinja

import (
	"fmt"
	"time"
)

// interp runs one template once.
type interp struct {
	limits Limits
	now    time.Time
	line   int // of what runs
	steps  int
	bytes  int
	depth  int
}

// itemSize is what an item of a list or dict counts for in memory.
const itemSize = 64

func newInterp(o Options) *interp {
	in := &interp{limits: o.Limits, now: o.Now, line: 1}
	for _, d := range []struct {
		limit *int
		value int
	}{
		{&in.limits.Steps, 20_000_000}, {&in.limits.Depth, 100},
		{&in.limits.Output, 16 << 20}, {&in.limits.Memory, 256 << 20},
	} {
		if *d.limit == 0 {
			*d.limit = d.value
		}
	}
	if in.now.IsZero() {
		in.now = time.Now()
	}
	return in
}

// step counts a unit of work.
func (in *interp) step() error { return in.work(1) }

func (in *interp) work(n int) error {
	if in.steps += n; in.steps > in.limits.Steps {
		return fmt.Errorf("%w: it took more than %d steps", ErrLimit, in.limits.Steps)
	}
	return nil
}

// scan counts the work of reading n bytes of text.
func (in *interp) scan(n int) error { return in.work(n / 16) }

// scanValue counts the reading of a value that may be a text.
func (in *interp) scanValue(v Value) error {
	s, _ := v.(Str)
	return in.scan(len(s.s))
}

// memory counts bytes that were made.
func (in *interp) memory(n int) error {
	if in.bytes += n; in.bytes > in.limits.Memory {
		return in.tooLarge()
	}
	return nil
}

func (in *interp) tooLarge() error {
	return fmt.Errorf("%w: it used more than %d bytes of memory", ErrLimit, in.limits.Memory)
}

// items counts a list of n items.
func (in *interp) items(n int) error {
	if err := in.work(n); err != nil {
		return err
	}
	return in.memory(n * itemSize)
}

// enter goes one call deeper; leave comes back.
func (in *interp) enter() error {
	if in.depth++; in.depth > in.limits.Depth {
		return fmt.Errorf("%w: calls or values nest deeper than %d", ErrLimit, in.limits.Depth)
	}
	return nil
}

func (in *interp) leave() { in.depth-- }

// walk gives the items of a value one after the other.
func (in *interp) walk(v Value) (func() (Value, bool, error), error) {
	if it, ok := v.(*iterator); ok {
		return it.next, nil
	}
	if l, ok := v.(*loop); ok {
		return l.next, nil
	}
	at := func(int) Value { return nil }
	length := func() int { return 0 }
	switch v := v.(type) {
	case *List:
		at, length = func(i int) Value { return v.items[i] }, func() int { return len(v.items) }
	case *Dict:
		at, length = func(i int) Value { return v.keys[i] }, func() int { return len(v.keys) }
	case *view:
		at, length = func(i int) Value { return v.items[i] }, func() int { return len(v.items) }
	case span:
		at, length = v.at, v.len
	case Str:
		if err := in.items(len(v.s)); err != nil {
			return nil, err
		}
		chars := v.chars()
		at, length = func(i int) Value { return chars[i] }, func() int { return len(chars) }
	case Undefined:
	default:
		return nil, fmt.Errorf("a %s has no items", kind(v))
	}
	i := -1
	return func() (Value, bool, error) {
		if i++; i >= length() {
			return nil, false, nil
		}
		return at(i), true, in.step()
	}, nil
}

// list is all items of a value, in a list of its own.
func (in *interp) list(v Value) ([]Value, error) {
	next, err := in.walk(v)
	if err != nil {
		return nil, err
	}
	all := []Value{}
	for {
		item, ok, err := next()
		if err != nil || !ok {
			return all, err
		}
		if err := in.memory(itemSize); err != nil {
			return nil, err
		}
		all = append(all, item)
	}
}

// once is an iterator over values, which are made when the first is asked for.
func once(name string, all func() ([]Value, error)) *iterator {
	var items []Value
	i := -1
	return &iterator{name, func() (Value, bool, error) {
		if i++; i == 0 {
			var err error
			if items, err = all(); err != nil {
				return nil, false, err
			}
		}
		if i >= len(items) {
			return nil, false, nil
		}
		return items[i], true, nil
	}}
}
