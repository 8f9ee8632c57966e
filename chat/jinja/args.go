package jinja

import (
	"fmt"
	"maps"
	"slices"
)

// argsExpr are the arguments of a call as written.
type argsExpr struct {
	plain               []expr
	names               []string
	named               []expr
	spread, spreadNamed expr
}

// args are the arguments of a call.
type args struct {
	plain []Value
	named map[string]Value
	order []string // of named
}

func (e *argsExpr) eval(in *interp, sc *scope) (*args, error) {
	a := &args{}
	var err error
	if a.plain, err = in.evalAll(e.plain, sc); err != nil {
		return nil, err
	}
	for i, name := range e.names {
		v, err := in.eval(e.named[i], sc)
		if err != nil {
			return nil, err
		}
		if err := a.name(name, v); err != nil {
			return nil, err
		}
	}
	if e.spread == nil && e.spreadNamed == nil {
		return a, nil
	}
	return a, e.evalSpread(in, sc, a)
}

func (e *argsExpr) evalSpread(in *interp, sc *scope, a *args) error {
	if e.spread != nil {
		v, err := in.eval(e.spread, sc)
		if err != nil {
			return err
		}
		items, err := in.list(v)
		if err != nil {
			return err
		}
		a.plain = append(a.plain, items...)
	}
	if e.spreadNamed == nil {
		return nil
	}
	v, err := in.eval(e.spreadNamed, sc)
	if err != nil {
		return err
	}
	d, ok := v.(*Dict)
	if !ok {
		return fmt.Errorf("** needs a dict, not a %s", kind(v))
	}
	for i, k := range d.keys {
		name, ok := k.(Str)
		if !ok {
			return fmt.Errorf("an argument's name cannot be a %s", kind(k))
		}
		if err := a.name(name.s, d.values[i]); err != nil {
			return err
		}
	}
	return in.items(len(d.keys))
}

func (a *args) name(name string, v Value) error {
	if _, twice := a.named[name]; twice {
		return fmt.Errorf("the argument %q is given twice", name)
	}
	if a.named == nil {
		a.named = map[string]Value{}
	}
	a.named[name] = v
	a.order = append(a.order, name)
	return nil
}

// bind sorts arguments by the parameters of a built-in function; those not given
// are nil and false.
func (a *args) bind(params ...string) (bound, error) {
	b := bound{values: make([]Value, len(params)), given: make([]bool, len(params)), names: params}
	if len(a.plain) > len(params) {
		return b, fmt.Errorf("it takes at most %d arguments, got %d", len(params), len(a.plain))
	}
	for i, v := range a.plain {
		b.values[i], b.given[i] = v, true
	}
	for _, name := range slices.Sorted(maps.Keys(a.named)) {
		i := slices.Index(params, name)
		if i < 0 {
			return b, fmt.Errorf("unknown argument %q", name)
		}
		if b.given[i] {
			return b, fmt.Errorf("the argument %q is given twice", name)
		}
		b.values[i], b.given[i] = a.named[name], true
	}
	return b, nil
}

// bound are arguments in the order of their parameters.
type bound struct {
	values []Value
	given  []bool
	names  []string
}

// need checks that the first n are given.
func (b bound) need(n int) error {
	for i := range n {
		if !b.given[i] {
			return fmt.Errorf("the argument %q is missing", b.names[i])
		}
	}
	return nil
}

func (b bound) or(i int, d Value) Value {
	if b.given[i] {
		return b.values[i]
	}
	return d
}

// truth is an argument that switches something.
func (b bound) truth(i int, d bool) bool {
	if b.given[i] {
		return truth(b.values[i])
	}
	return d
}

// text is an argument that must be a string.
func (b bound) text(i int, d string) (Str, error) {
	v := b.or(i, Trusted(d))
	s, ok := v.(Str)
	if !ok {
		return Str{}, fmt.Errorf("the argument %q must be a string, not a %s", b.names[i], kind(v))
	}
	return s, nil
}

// int is an argument that must be an integer.
func (b bound) int(i int, d int64) (int64, error) {
	v := b.or(i, d)
	n, ok := whole(v)
	if !ok {
		return 0, fmt.Errorf("the argument %q must be an integer, not a %s", b.names[i], kind(v))
	}
	return n, nil
}
