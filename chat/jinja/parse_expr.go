package jinja

import "slices"

// tuple reads an expression, or several with commas, which make a tuple.
// Without inline if, a following "if" belongs to the statement.
func (p *parser) tuple(inlineIf bool, until ...string) (expr, error) {
	line := p.cur().line
	var items []expr
	several := false
	for {
		if p.tupleEnd(until) {
			break
		}
		e, err := p.conditional(inlineIf)
		if err != nil {
			return nil, err
		}
		items = append(items, e)
		if !p.skip(tokOp, ",") {
			break
		}
		several = true
	}
	switch {
	case several:
		return &listExpr{line, items, true}, nil
	case len(items) == 0:
		return nil, p.fail("expected an expression, got %s", p.cur())
	}
	return items[0], nil
}

func (p *parser) tupleEnd(until []string) bool {
	t := p.cur()
	return t.kind == tokVarEnd || t.kind == tokBlockEnd || t.kind == tokOp && t.text == ")" ||
		t.kind == tokName && slices.Contains(until, t.text)
}

func (p *parser) expression() (expr, error) { return p.conditional(true) }

func (p *parser) conditional(inlineIf bool) (expr, error) {
	depth := p.depth
	defer func() { p.depth = depth }()
	if err := p.deeper(); err != nil {
		return nil, err
	}
	e, err := p.binary(0)
	for err == nil && inlineIf && p.is(tokName, "if") {
		c := &ifExpr{line: p.next().line, then: e}
		if err = p.deeper(); err != nil {
			break
		}
		if c.test, err = p.binary(0); err != nil {
			break
		}
		if p.skip(tokName, "else") {
			c.otherwise, err = p.conditional(true)
		}
		e = c
	}
	return e, err
}

// levels are the binary operators, from the loosest to the tightest.
var levels = [][]string{{"or"}, {"and"}, {"not"}, {"compare"}, {"+", "-"}, {"~"}, {"*", "/", "//", "%"}, {"**"}}

// binary reads operators of a level and tighter ones. All bind to the left.
func (p *parser) binary(level int) (expr, error) {
	if level == len(levels) {
		return p.unary(true)
	}
	switch levels[level][0] {
	case "not":
		return p.not(level)
	case "compare":
		return p.compare(level)
	}
	depth := p.depth
	defer func() { p.depth = depth }()
	left, err := p.binary(level + 1)
	for err == nil {
		op := p.cur()
		if op.kind != tokOp && op.kind != tokName || !slices.Contains(levels[level], op.text) {
			break
		}
		p.next()
		if err = p.deeper(); err != nil {
			break
		}
		var right expr
		right, err = p.binary(level + 1)
		left = &binaryExpr{op.line, op.text, left, right}
	}
	return left, err
}

func (p *parser) not(level int) (expr, error) {
	if !p.is(tokName, "not") {
		return p.binary(level + 1)
	}
	line := p.next().line
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	e, err := p.not(level)
	return &notExpr{line, e}, err
}

var comparisons = []string{"==", "!=", "<", "<=", ">", ">="}

func (p *parser) compare(level int) (expr, error) {
	first, err := p.binary(level + 1)
	if err != nil {
		return nil, err
	}
	c := &compareExpr{line: p.cur().line, first: first}
	for {
		var op string
		switch t := p.cur(); {
		case t.kind == tokOp && slices.Contains(comparisons, t.text), t.kind == tokName && t.text == "in":
			op = p.next().text
		case p.is(tokName, "not") && p.look().kind == tokName && p.look().text == "in":
			p.next()
			p.next()
			op = "not in"
		case len(c.ops) == 0:
			return first, nil
		default:
			return c, nil
		}
		right, err := p.binary(level + 1)
		if err != nil {
			return nil, err
		}
		c.ops, c.rest = append(c.ops, op), append(c.rest, right)
	}
}

func (p *parser) unary(filters bool) (expr, error) {
	depth := p.depth
	defer func() { p.depth = depth }()
	if err := p.deeper(); err != nil {
		return nil, err
	}
	var e expr
	var err error
	if t := p.cur(); t.kind == tokOp && (t.text == "-" || t.text == "+") {
		p.next()
		e, err = p.unary(false)
		e = &signExpr{t.line, t.text == "-", e}
	} else {
		e, err = p.primary()
	}
	if err == nil {
		e, err = p.postfix(e)
	}
	if err == nil && filters {
		e, err = p.filters(e)
	}
	return e, err
}

func (p *parser) primary() (expr, error) {
	t := p.next()
	switch t.kind {
	case tokName:
		switch t.text {
		case "true", "True":
			return &constExpr{true}, nil
		case "false", "False":
			return &constExpr{false}, nil
		case "none", "None":
			return &constExpr{nil}, nil
		}
		if p.used != nil {
			p.used[t.text] = true
		}
		return &nameExpr{t.line, t.text}, nil
	case tokString:
		text := t.text
		for p.cur().kind == tokString {
			text += p.next().text
		}
		return &constExpr{Trusted(text)}, nil
	case tokInt, tokFloat:
		return &constExpr{t.value}, nil
	case tokOp:
		switch t.text {
		case "(":
			return p.parens(t.line)
		case "[":
			items, err := p.items("]")
			return &listExpr{t.line, items, false}, err
		case "{":
			return p.dict(t.line)
		}
	}
	if t.kind != tokEOF {
		p.at--
	}
	return nil, p.fail("unexpected %s", t)
}

func (p *parser) parens(line int) (expr, error) {
	if p.skip(tokOp, ")") {
		return &listExpr{line, nil, true}, nil
	}
	e, err := p.tuple(true)
	if err != nil {
		return nil, err
	}
	return e, p.expect(tokOp, ")")
}

// items reads expressions up to a closing bracket.
func (p *parser) items(end string) ([]expr, error) {
	var all []expr
	for !p.is(tokOp, end) {
		if len(all) > 0 {
			if err := p.expect(tokOp, ","); err != nil {
				return nil, err
			}
			if p.is(tokOp, end) {
				break
			}
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	p.next()
	return all, nil
}

func (p *parser) dict(line int) (expr, error) {
	d := &dictExpr{line: line}
	for !p.is(tokOp, "}") {
		if len(d.keys) > 0 {
			if err := p.expect(tokOp, ","); err != nil {
				return nil, err
			}
			if p.is(tokOp, "}") {
				break
			}
		}
		k, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.expect(tokOp, ":"); err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		d.keys, d.values = append(d.keys, k), append(d.values, v)
	}
	p.next()
	return d, nil
}

// postfix reads attributes, subscripts and calls.
func (p *parser) postfix(e expr) (expr, error) {
	depth := p.depth
	defer func() { p.depth = depth }()
	for {
		t := p.cur()
		if t.kind != tokOp {
			return e, nil
		}
		var err error
		switch t.text {
		case ".":
			p.next()
			e, err = p.attribute(t.line, e)
		case "[":
			p.next()
			e, err = p.subscript(t.line, e)
		case "(":
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

func (p *parser) attribute(line int, e expr) (expr, error) {
	switch t := p.next(); t.kind {
	case tokName:
		return &attrExpr{line, e, t.text}, nil
	case tokInt:
		return &indexExpr{line, e, &constExpr{t.value}}, nil
	}
	return nil, p.fail("expected a name or a number after the dot")
}

func (p *parser) subscript(line int, e expr) (expr, error) {
	var first expr
	var err error
	if !p.is(tokOp, ":") {
		if first, err = p.expression(); err != nil {
			return nil, err
		}
		if p.is(tokOp, ",") {
			p.next()
			rest, err := p.items("]")
			return &indexExpr{line, e, &listExpr{line, append([]expr{first}, rest...), true}}, err
		}
		if p.skip(tokOp, "]") {
			return &indexExpr{line, e, first}, nil
		}
	}
	s := &sliceExpr{line: line, of: e}
	s.bounds[0] = first
	for i := 1; i < 3 && p.skip(tokOp, ":"); i++ {
		if !p.is(tokOp, ":") && !p.is(tokOp, "]") {
			if s.bounds[i], err = p.expression(); err != nil {
				return nil, err
			}
		}
	}
	return s, p.expect(tokOp, "]")
}
