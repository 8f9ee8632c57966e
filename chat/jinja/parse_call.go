package jinja

import "slices"

func (p *parser) call(line int, e expr) (expr, error) {
	a, err := p.arguments()
	return &callExpr{line, e, a}, err
}

// arguments reads a call's parentheses.
func (p *parser) arguments() (*argsExpr, error) {
	a := &argsExpr{}
	if err := p.expect(tokOp, "("); err != nil {
		return nil, err
	}
	for n := 0; !p.is(tokOp, ")"); n++ {
		if n > 0 {
			if err := p.expect(tokOp, ","); err != nil {
				return nil, err
			}
			if p.is(tokOp, ")") {
				break
			}
		}
		if err := p.argument(a); err != nil {
			return nil, err
		}
	}
	p.next()
	return a, nil
}

func (p *parser) argument(a *argsExpr) (err error) {
	ok := true
	switch {
	case p.skip(tokOp, "*"):
		ok = a.spread == nil && a.spreadNamed == nil
		a.spread, err = p.expression()
	case p.skip(tokOp, "**"):
		ok = a.spreadNamed == nil
		a.spreadNamed, err = p.expression()
	case p.cur().kind == tokName && p.look().kind == tokOp && p.look().text == "=":
		ok = a.spreadNamed == nil && !slices.Contains(a.names, p.cur().text)
		a.names = append(a.names, p.next().text)
		p.next()
		var v expr
		v, err = p.expression()
		a.named = append(a.named, v)
	default:
		ok = a.spread == nil && a.spreadNamed == nil && len(a.named) == 0
		var v expr
		v, err = p.expression()
		a.plain = append(a.plain, v)
	}
	if err == nil && !ok {
		return p.fail("the arguments of the call are out of order")
	}
	return err
}

// filters reads |filters, is-tests and calls of their results.
func (p *parser) filters(e expr) (expr, error) {
	depth := p.depth
	defer func() { p.depth = depth }()
	for {
		t := p.cur()
		var err error
		switch {
		case p.skip(tokOp, "|"):
			e, err = p.filter(t.line, e)
		case p.skip(tokName, "is"):
			e, err = p.test(t.line, e)
		case p.is(tokOp, "("):
			e, err = p.call(t.line, e)
		default:
			return e, nil
		}
		if err != nil {
			return nil, err
		}
		if err := p.deeper(); err != nil {
			return nil, err
		}
	}
}

func (p *parser) filter(line int, e expr) (expr, error) {
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	f := &filterExpr{line, name, e, &argsExpr{}}
	if p.is(tokOp, "(") {
		f.args, err = p.arguments()
	}
	return f, err
}

func (p *parser) test(line int, e expr) (expr, error) {
	negated := p.skip(tokName, "not")
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	t := &testExpr{line, name, e, &argsExpr{}}
	switch {
	case p.is(tokOp, "("):
		t.args, err = p.arguments()
	case p.is(tokName, "is"):
		return nil, p.fail("tests cannot be chained")
	case p.beginsPrimary():
		var a expr
		if a, err = p.primary(); err == nil {
			a, err = p.postfix(a)
		}
		t.args.plain = []expr{a}
	}
	if negated {
		return &notExpr{line, t}, err
	}
	return t, err
}

// beginsPrimary says whether a test's argument without parentheses follows.
func (p *parser) beginsPrimary() bool {
	switch t := p.cur(); t.kind {
	case tokName:
		return t.text != "else" && t.text != "or" && t.text != "and"
	case tokString, tokInt, tokFloat:
		return true
	case tokOp:
		return t.text == "[" || t.text == "{"
	}
	return false
}
