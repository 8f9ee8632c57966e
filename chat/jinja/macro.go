package jinja

import (
	"fmt"
	"maps"
	"slices"
)

// macroDef is a macro, or the body of a call block.
type macroDef struct {
	name     string
	line     int
	params   []string
	defaults []expr // of the last parameters
	body     []node

	// Which of the names are used, that stand for arguments without a parameter.
	varargs, kwargs, caller bool
}

// macro is a macroDef where it was defined.
type macro struct {
	def *macroDef
	sc  *scope
}

func (m *macro) attribute(_ *interp, name string) (Value, bool, error) {
	switch name {
	case "name":
		return Trusted(m.def.name), true, nil
	case "arguments":
		l := tuple()
		for _, p := range m.def.params {
			l.items = append(l.items, Trusted(p))
		}
		return l, true, nil
	case "catch_kwargs":
		return m.def.kwargs, true, nil
	case "catch_varargs":
		return m.def.varargs, true, nil
	case "caller":
		return m.def.caller, true, nil
	}
	return nil, false, nil
}

func (m *macro) call(in *interp, a *args) (Value, error) {
	sc, err := m.bind(in, a)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.def.name, err)
	}
	return in.capture(m.def.body, sc)
}

// bind makes the macro's scope of a call's arguments.
func (m *macro) bind(in *interp, a *args) (*scope, error) {
	d := m.def
	sc := &scope{parent: m.sc}
	left := maps.Clone(a.named)
	for i, p := range d.params {
		named, isNamed := left[p]
		delete(left, p)
		switch {
		case i < len(a.plain) && isNamed:
			return nil, fmt.Errorf("the argument %q is given twice", p)
		case i < len(a.plain):
			sc.set(p, a.plain[i])
		case isNamed:
			sc.set(p, named)
		case i >= len(d.params)-len(d.defaults):
			v, err := in.eval(d.defaults[i-len(d.params)+len(d.defaults)], sc)
			if err != nil {
				return nil, err
			}
			sc.set(p, v)
		default:
			sc.set(p, Undefined{fmt.Sprintf("the argument %q is not given", p)})
		}
	}
	return sc, m.extra(sc, a, left)
}

// extra is for arguments without a parameter.
func (m *macro) extra(sc *scope, a *args, left map[string]Value) error {
	d := m.def
	if over := len(a.plain) - len(d.params); over > 0 && !d.varargs {
		return fmt.Errorf("%d arguments too many", over)
	}
	if d.varargs {
		sc.set("varargs", tuple(a.plain[min(len(d.params), len(a.plain)):]...))
	}
	if d.caller && !slices.Contains(d.params, "caller") {
		sc.set("caller", Undefined{"there is no caller"})
		if v, ok := left["caller"]; ok {
			sc.set("caller", v)
			delete(left, "caller")
		}
	}
	if len(left) > 0 && !d.kwargs {
		return fmt.Errorf("unknown argument %q", slices.Sorted(maps.Keys(left))[0])
	}
	if d.kwargs {
		rest := NewDict()
		for _, name := range a.order {
			if v, ok := left[name]; ok {
				rest.Set(name, v)
			}
		}
		sc.set("kwargs", rest)
	}
	return nil
}
