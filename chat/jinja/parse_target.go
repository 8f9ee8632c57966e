package jinja

import "slices"

// reserved are names that cannot be assigned to.
var reserved = map[string]bool{"true": true, "false": true, "none": true, "True": true, "False": true, "None": true}

// target reads what is assigned to: a name, a namespace's attribute, or several.
func (p *parser) target(until ...string) (target, error) {
	var all []target
	several := false
	for {
		if len(all) > 0 && p.targetEnd(until) {
			break
		}
		t, err := p.oneTarget(len(until) == 0)
		if err != nil {
			return target{}, err
		}
		all = append(all, t)
		if !p.skip(tokOp, ",") {
			break
		}
		several = true
	}
	if !several {
		return all[0], nil
	}
	return target{parts: all}, nil
}

func (p *parser) targetEnd(until []string) bool {
	t := p.cur()
	return t.kind == tokBlockEnd || t.kind == tokOp && (t.text == "=" || t.text == ")") ||
		t.kind == tokName && slices.Contains(until, t.text)
}

func (p *parser) oneTarget(attributes bool) (target, error) {
	if err := p.deeper(); err != nil {
		return target{}, err
	}
	defer func() { p.depth-- }()
	if p.skip(tokOp, "(") {
		t, err := p.target()
		if err != nil {
			return target{}, err
		}
		return t, p.expect(tokOp, ")")
	}
	name, err := p.name()
	if err != nil {
		return target{}, err
	}
	if attributes && p.skip(tokOp, ".") {
		attr, err := p.name()
		return target{name: name, attr: attr}, err
	}
	if reserved[name] {
		return target{}, p.fail("cannot assign to %q", name)
	}
	return target{name: name}, nil
}
