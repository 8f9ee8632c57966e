package jinja

import "fmt"

// node is a statement, or text.
type node interface {
	exec(in *interp, sc *scope, out *builder) error
}

type (
	dataNode   struct{ text string }
	outputNode struct {
		line int
		e    expr
	}
	branch struct {
		line int
		test expr
		body []node
	}
	ifNode struct {
		branches  []branch
		otherwise []node
	}
	forNode struct {
		line            int
		target          target
		iter, test      expr
		recursive       bool
		body, otherwise []node
	}
	jumpNode struct{ err error }
	setNode  struct {
		line   int
		target target
		e      expr
	}
	// captureNode runs a body and filters its output, which a filter block
	// writes and a set block assigns.
	captureNode struct {
		line    int
		target  target // without a name: write
		filters expr   // over captured
		body    []node
	}
	withNode struct {
		line    int
		targets []target
		values  []expr
		body    []node
	}
	scopeNode struct {
		line int
		body []node
	}
	macroNode struct{ def *macroDef }
	callNode  struct {
		line int
		call *callExpr
		def  *macroDef
	}
)

// target is what is assigned to: a name, the attribute of a namespace, or parts.
type target struct {
	name, attr string
	parts      []target
}

// scope holds the names of a block. Bodies of if have none of their own. Most
// scopes have two or three names, for which a list is faster than a map.
type scope struct {
	given  map[string]Value // of the outermost two: what is never set
	bound  []binding
	parent *scope
}

type binding struct {
	name  string
	value Value
}

func (sc *scope) find(name string) (Value, bool) {
	for ; sc != nil; sc = sc.parent {
		for i := range sc.bound {
			if sc.bound[i].name == name {
				return sc.bound[i].value, true
			}
		}
		if v, ok := sc.given[name]; ok {
			return v, true
		}
	}
	return nil, false
}

func (sc *scope) set(name string, v Value) {
	for i := range sc.bound {
		if sc.bound[i].name == name {
			sc.bound[i].value = v
			return
		}
	}
	sc.bound = append(sc.bound, binding{name, v})
}

func (in *interp) exec(body []node, sc *scope, out *builder) error {
	for _, n := range body {
		if err := n.exec(in, sc, out); err != nil {
			return err
		}
	}
	return nil
}

// write adds to the output what a value prints as.
func (in *interp) write(out *builder, v Value) error {
	s, err := in.str(v)
	if err != nil {
		return err
	}
	out.add(s)
	return in.grown(out)
}

// grown checks the length of an output.
func (in *interp) grown(out *builder) error {
	if out.err == nil && out.s.Len() > in.limits.Output {
		return fmt.Errorf("%w: the output has more than %d bytes", ErrLimit, in.limits.Output)
	}
	return out.err
}

func (n *dataNode) exec(in *interp, _ *scope, out *builder) error {
	out.part(n.text, true)
	return in.grown(out)
}

func (n *outputNode) exec(in *interp, sc *scope, out *builder) error {
	v, err := in.eval(n.e, sc)
	if err != nil {
		return err
	}
	in.line = n.line
	return in.write(out, v)
}

func (n *ifNode) exec(in *interp, sc *scope, out *builder) error {
	for _, b := range n.branches {
		in.line = b.line
		v, err := in.eval(b.test, sc)
		if err != nil {
			return err
		}
		if truth(v) {
			return in.exec(b.body, sc, out)
		}
	}
	return in.exec(n.otherwise, sc, out)
}

func (n *jumpNode) exec(in *interp, _ *scope, _ *builder) error {
	if err := in.step(); err != nil {
		return err
	}
	return n.err
}

func (n *setNode) exec(in *interp, sc *scope, _ *builder) error {
	in.line = n.line
	v, err := in.eval(n.e, sc)
	if err != nil {
		return err
	}
	return in.assign(n.target, v, sc)
}

// assign gives a target its value.
func (in *interp) assign(t target, v Value, sc *scope) error {
	switch {
	case t.parts != nil:
		return in.unpack(t.parts, v, sc)
	case t.attr == "":
		sc.set(t.name, v)
		return nil
	}
	held, _ := sc.find(t.name)
	ns, ok := held.(namespace)
	if !ok {
		return fmt.Errorf("cannot set the attribute %q of %q, which is no namespace", t.attr, t.name)
	}
	ns.put(Trusted(t.attr), t.attr, v)
	return in.memory(itemSize)
}

func (in *interp) unpack(parts []target, v Value, sc *scope) error {
	items, err := in.list(v)
	if err != nil {
		return err
	}
	if len(items) != len(parts) {
		return fmt.Errorf("cannot unpack %d values into %d names", len(items), len(parts))
	}
	for i, t := range parts {
		if err := in.assign(t, items[i], sc); err != nil {
			return err
		}
	}
	return nil
}

// capture runs a body and returns its output.
func (in *interp) capture(body []node, sc *scope) (Value, error) {
	out := &builder{in: in}
	if err := in.exec(body, sc, out); err != nil {
		return nil, err
	}
	return out.value()
}

func (n *captureNode) exec(in *interp, sc *scope, out *builder) error {
	v, err := in.capture(n.body, &scope{parent: sc})
	if err != nil {
		return err
	}
	in.line = n.line
	if v, err = in.eval(n.filters, &scope{bound: []binding{{capturedName, v}}, parent: sc}); err != nil {
		return err
	}
	if n.target.name == "" && n.target.parts == nil {
		return in.write(out, v)
	}
	return in.assign(n.target, v, sc)
}

func (n *withNode) exec(in *interp, sc *scope, out *builder) error {
	in.line = n.line
	inner := &scope{parent: sc}
	for i, e := range n.values {
		v, err := in.eval(e, sc)
		if err != nil {
			return err
		}
		if err := in.assign(n.targets[i], v, inner); err != nil {
			return err
		}
	}
	return in.exec(n.body, inner, out)
}

func (n *scopeNode) exec(in *interp, sc *scope, out *builder) error {
	return in.exec(n.body, &scope{parent: sc}, out)
}

func (n *macroNode) exec(in *interp, sc *scope, _ *builder) error {
	sc.set(n.def.name, &macro{n.def, sc})
	return in.memory(itemSize)
}

func (n *callNode) exec(in *interp, sc *scope, out *builder) error {
	in.line = n.line
	f, a, err := n.call.prepare(in, sc)
	if err != nil {
		return err
	}
	if err := a.name("caller", &macro{n.def, sc}); err != nil {
		return err
	}
	v, err := in.call(f, a)
	if err != nil {
		return err
	}
	return in.write(out, v)
}
