package jinja

import (
	"errors"
	"fmt"
)

// loop is the variable of that name in a for statement, and what runs it. Items
// are fetched as late as possible, since a filter's condition may depend on what
// the body did.
type loop struct {
	in     *interp
	node   *forNode
	sc     *scope
	fetch  func() (Value, bool, error)
	ahead  []Value // fetched, not yet reached
	ended  bool    // nothing is left to fetch
	length int     // -1: not known yet
	index0 int64
	depth0 int64

	previous, current Value
	last              []Value // the arguments of changed
	asked             bool
}

// turnSteps is what a turn of a loop costs beside its body.
const turnSteps = 4

func (n *forNode) exec(in *interp, sc *scope, out *builder) error {
	in.line = n.line
	v, err := in.eval(n.iter, sc)
	if err != nil {
		return err
	}
	return n.run(in, sc, out, v, 0)
}

// run goes over the items of v.
func (n *forNode) run(in *interp, sc *scope, out *builder, v Value, depth int64) error {
	next, err := in.walk(v)
	if err != nil {
		return err
	}
	l := &loop{in: in, node: n, sc: sc, fetch: next, length: -1, index0: -1, depth0: depth}
	if size, err := in.size(v); err == nil && n.test == nil {
		l.length = size
	}
	if n.test != nil {
		l.fetch = n.filtered(in, sc, next)
	}
	through := false
	for {
		item, ok, err := l.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if err := in.work(turnSteps); err != nil {
			return err
		}
		inner := &scope{bound: []binding{{"loop", l}, {}}[:1], parent: sc} // room for the item
		if err := in.assign(n.target, item, inner); err != nil {
			return err
		}
		err = in.exec(n.body, inner, out)
		if err == errBreak {
			break
		}
		if err != nil && err != errContinue {
			return err
		}
		through = through || err == nil
	}
	if !through { // no turn came to its end: break and continue do not count, in Jinja2 neither
		return in.exec(n.otherwise, &scope{parent: sc}, out)
	}
	return nil
}

// filtered leaves out the items for which the condition is false.
func (n *forNode) filtered(in *interp, sc *scope, next func() (Value, bool, error)) func() (Value, bool, error) {
	return func() (Value, bool, error) {
		for {
			item, ok, err := next()
			if err != nil || !ok {
				return nil, false, err
			}
			inner := &scope{parent: sc}
			if err := in.assign(n.target, item, inner); err != nil {
				return nil, false, err
			}
			v, err := in.eval(n.test, inner)
			if err != nil || truth(v) {
				return item, true, err
			}
		}
	}
}

// next goes on to the next item.
func (l *loop) next() (Value, bool, error) {
	if err := l.peek(); err != nil || len(l.ahead) == 0 {
		return nil, false, err
	}
	l.previous, l.current = l.current, l.ahead[0]
	l.ahead = l.ahead[1:]
	l.index0++
	return l.current, true, nil
}

// peek makes sure that the next item, if there is one, is fetched.
func (l *loop) peek() error {
	if l.ended || len(l.ahead) > 0 {
		return nil
	}
	v, ok, err := l.fetch()
	if ok {
		l.ahead = append(l.ahead, v)
	}
	l.ended = !ok
	return err
}

// count fetches all items to say how many there are.
func (l *loop) count() (int64, error) {
	for l.length < 0 {
		v, ok, err := l.fetch()
		if err == nil {
			err = l.in.memory(itemSize)
		}
		if err != nil {
			return 0, err
		}
		if !ok {
			l.ended = true
			l.length = int(l.index0) + 1 + len(l.ahead)
			break
		}
		l.ahead = append(l.ahead, v)
	}
	return int64(l.length), nil
}

func (l *loop) attribute(_ *interp, name string) (Value, bool, error) {
	switch name {
	case "index":
		return l.index0 + 1, true, nil
	case "index0":
		return l.index0, true, nil
	case "first":
		return l.index0 == 0, true, nil
	case "depth":
		return l.depth0 + 1, true, nil
	case "depth0":
		return l.depth0, true, nil
	case "length":
		n, err := l.count()
		return n, true, err
	case "revindex":
		n, err := l.count()
		return n - l.index0, true, err
	case "revindex0":
		n, err := l.count()
		return n - l.index0 - 1, true, err
	case "last":
		err := l.peek()
		return len(l.ahead) == 0, true, err
	case "previtem":
		if l.index0 == 0 {
			return Undefined{"there is no previous item"}, true, nil
		}
		return l.previous, true, nil
	case "nextitem":
		if err := l.peek(); err != nil || len(l.ahead) > 0 {
			return append(l.ahead, nil)[0], true, err
		}
		return Undefined{"there is no next item"}, true, nil
	case "cycle":
		return &function{name, l.cycle}, true, nil
	case "changed":
		return &function{name, l.changed}, true, nil
	}
	return nil, false, nil
}

func (l *loop) cycle(_ *interp, a *args) (Value, error) {
	if len(a.plain) == 0 {
		return nil, errors.New("loop.cycle needs values")
	}
	return a.plain[l.index0%int64(len(a.plain))], nil
}

func (l *loop) changed(in *interp, a *args) (Value, error) {
	same, err := in.equal(tuple(l.last...), tuple(a.plain...))
	if err != nil {
		return nil, err
	}
	same = same && l.asked
	l.last, l.asked = a.plain, true
	return !same, nil
}

// call runs the loop over other items, inside of the loop.
func (l *loop) call(in *interp, a *args) (Value, error) {
	if !l.node.recursive {
		return nil, errors.New("the loop is not marked recursive")
	}
	if len(a.plain) != 1 || len(a.named) > 0 {
		return nil, fmt.Errorf("loop takes one value, got %d", len(a.plain)+len(a.named))
	}
	out := &builder{in: in}
	if err := l.node.run(in, l.sc, out, a.plain[0], l.depth0+1); err != nil {
		return nil, err
	}
	return out.value()
}
