package jinja

import (
	"fmt"
)

// expr is an expression.
type expr interface {
	eval(in *interp, sc *scope) (Value, error)
}

type (
	constExpr struct{ v Value }
	nameExpr  struct {
		line int
		name string
	}
	captured struct{} // the output of the block that a filter or set statement encloses
	listExpr struct {
		line  int
		items []expr
		tuple bool
	}
	dictExpr struct {
		line         int
		keys, values []expr
	}
	ifExpr struct {
		line                  int
		test, then, otherwise expr
	}
	binaryExpr struct {
		line        int
		op          string
		left, right expr
	}
	notExpr struct {
		line int
		e    expr
	}
	signExpr struct {
		line  int
		minus bool
		e     expr
	}
	compareExpr struct {
		line  int
		first expr
		ops   []string
		rest  []expr
	}
	attrExpr struct {
		line int
		of   expr
		name string
	}
	indexExpr struct {
		line      int
		of, index expr
	}
	sliceExpr struct {
		line   int
		of     expr
		bounds [3]expr
	}
	callExpr struct {
		line int
		f    expr
		args *argsExpr
	}
	filterExpr struct {
		line int
		name string
		of   expr
		args *argsExpr
	}
	testExpr filterExpr
)

// capturedName holds a captured output; no template can spell it.
const capturedName = "(captured)"

// eval counts a step and evaluates.
func (in *interp) eval(e expr, sc *scope) (Value, error) {
	if err := in.step(); err != nil {
		return nil, err
	}
	return e.eval(in, sc)
}

func (e *constExpr) eval(*interp, *scope) (Value, error) { return e.v, nil }

func (*captured) eval(_ *interp, sc *scope) (Value, error) {
	v, _ := sc.find(capturedName)
	return v, nil
}

func (e *nameExpr) eval(in *interp, sc *scope) (Value, error) {
	in.line = e.line
	if v, ok := sc.find(e.name); ok {
		return v, nil
	}
	return Undefined{fmt.Sprintf("%q is undefined", e.name)}, nil
}

func (in *interp) evalAll(all []expr, sc *scope) ([]Value, error) {
	values := make([]Value, len(all))
	for i, e := range all {
		v, err := in.eval(e, sc)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, in.memory(itemSize * len(all))
}

func (e *listExpr) eval(in *interp, sc *scope) (Value, error) {
	items, err := in.evalAll(e.items, sc)
	return &List{items: items, tuple: e.tuple}, err
}

func (e *dictExpr) eval(in *interp, sc *scope) (Value, error) {
	d := NewDict()
	for i := range e.keys {
		k, err := in.eval(e.keys[i], sc)
		if err != nil {
			return nil, err
		}
		v, err := in.eval(e.values[i], sc)
		if err != nil {
			return nil, err
		}
		in.line = e.line
		if err := in.scanValue(k); err != nil {
			return nil, err
		}
		if err := d.set(k, v); err != nil {
			return nil, err
		}
	}
	return d, in.memory(2 * itemSize * len(e.keys))
}

func (e *ifExpr) eval(in *interp, sc *scope) (Value, error) {
	v, err := in.eval(e.test, sc)
	switch {
	case err != nil:
		return nil, err
	case truth(v):
		return in.eval(e.then, sc)
	case e.otherwise == nil:
		return Undefined{"the inline if has no else"}, nil
	}
	return in.eval(e.otherwise, sc)
}

func (e *binaryExpr) eval(in *interp, sc *scope) (Value, error) {
	left, err := in.eval(e.left, sc)
	if err != nil {
		return nil, err
	}
	if (e.op == "and" || e.op == "or") && truth(left) == (e.op == "or") {
		return left, nil
	}
	right, err := in.eval(e.right, sc)
	if err != nil || e.op == "and" || e.op == "or" {
		return right, err
	}
	in.line = e.line
	return in.binary(e.op, left, right)
}

func (e *notExpr) eval(in *interp, sc *scope) (Value, error) {
	v, err := in.eval(e.e, sc)
	return !truth(v), err
}

func (e *signExpr) eval(in *interp, sc *scope) (Value, error) {
	v, err := in.eval(e.e, sc)
	if err != nil {
		return nil, err
	}
	in.line = e.line
	op := "+"
	if e.minus {
		op = "-"
	}
	if _, ok := v.(float64); ok && e.minus {
		return in.binary("*", int64(-1), v) // 0 - 0.0 would lose the sign
	}
	if !isNumber(v) {
		return nil, operandError(op, v, v)
	}
	return in.binary(op, int64(0), v)
}

// eval of a comparison is a chain: a < b < c is a < b and b < c.
func (e *compareExpr) eval(in *interp, sc *scope) (Value, error) {
	left, err := in.eval(e.first, sc)
	if err != nil {
		return nil, err
	}
	for i, op := range e.ops {
		right, err := in.eval(e.rest[i], sc)
		if err != nil {
			return nil, err
		}
		in.line = e.line
		if yes, err := in.compare(op, left, right); err != nil || !yes {
			return false, err
		}
		left = right
	}
	return true, nil
}

func (e *attrExpr) eval(in *interp, sc *scope) (Value, error) {
	of, err := in.eval(e.of, sc)
	if err != nil {
		return nil, err
	}
	in.line = e.line
	return in.attribute(of, e.name)
}

func (e *indexExpr) eval(in *interp, sc *scope) (Value, error) {
	of, err := in.eval(e.of, sc)
	if err != nil {
		return nil, err
	}
	i, err := in.eval(e.index, sc)
	if err != nil {
		return nil, err
	}
	in.line = e.line
	return in.index(of, i)
}

func (e *sliceExpr) eval(in *interp, sc *scope) (Value, error) {
	of, err := in.eval(e.of, sc)
	if err != nil {
		return nil, err
	}
	var bounds [3]Value
	for i, b := range e.bounds {
		if b != nil {
			if bounds[i], err = in.eval(b, sc); err != nil {
				return nil, err
			}
		}
	}
	in.line = e.line
	return in.slice(of, bounds)
}

func (e *callExpr) eval(in *interp, sc *scope) (Value, error) {
	f, a, err := e.prepare(in, sc)
	if err != nil {
		return nil, err
	}
	return in.call(f, a)
}

// prepare evaluates everything but the call itself.
func (e *callExpr) prepare(in *interp, sc *scope) (Value, *args, error) {
	f, err := in.eval(e.f, sc)
	if err != nil {
		return nil, nil, err
	}
	a, err := e.args.eval(in, sc)
	in.line = e.line
	return f, a, err
}

// call calls a function, a macro or a loop.
func (in *interp) call(f Value, a *args) (Value, error) {
	if err := in.enter(); err != nil {
		return nil, err
	}
	defer in.leave()
	switch f := f.(type) {
	case *function:
		return f.call(in, a)
	case callable:
		return f.call(in, a)
	case Undefined:
		return nil, f.err()
	}
	return nil, fmt.Errorf("a %s cannot be called", kind(f))
}

func (e *filterExpr) eval(in *interp, sc *scope) (Value, error) {
	of, err := in.eval(e.of, sc)
	if err != nil {
		return nil, err
	}
	a, err := e.args.eval(in, sc)
	if err != nil {
		return nil, err
	}
	in.line = e.line
	return in.filter(e.name, of, a)
}

// filter applies a filter by its name.
func (in *interp) filter(name string, of Value, a *args) (Value, error) {
	f, ok := filters[name]
	if !ok {
		return nil, fmt.Errorf("there is no filter %q", name)
	}
	if err := in.enter(); err != nil {
		return nil, err
	}
	defer in.leave()
	if err := in.scanValue(of); err != nil {
		return nil, err
	}
	v, err := f(in, of, a)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

func (e *testExpr) eval(in *interp, sc *scope) (Value, error) {
	of, err := in.eval(e.of, sc)
	if err != nil {
		return nil, err
	}
	a, err := e.args.eval(in, sc)
	if err != nil {
		return nil, err
	}
	in.line = e.line
	return in.test(e.name, of, a)
}

// test applies a test by its name.
func (in *interp) test(name string, of Value, a *args) (bool, error) {
	f, ok := tests[name]
	if !ok {
		return false, fmt.Errorf("there is no test %q", name)
	}
	if err := in.scanValue(of); err != nil {
		return false, err
	}
	yes, err := f(in, of, a)
	if err != nil {
		return false, fmt.Errorf("is %s: %w", name, err)
	}
	return yes, nil
}
