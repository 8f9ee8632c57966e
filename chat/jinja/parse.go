package jinja

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// maxNest bounds how deep a template nests, also by long chains of operators.
const maxNest = 500

type parser struct {
	tokens []token
	at     int
	depth  int
	loops  int             // for statements around, for break and continue
	used   map[string]bool // names that macros have without being given them
}

func (p *parser) cur() token  { return p.tokens[p.at] }
func (p *parser) look() token { return p.tokens[min(p.at+1, len(p.tokens)-1)] }

// next passes a token; the last, tokEOF, stays.
func (p *parser) next() token {
	t := p.cur()
	if p.at < len(p.tokens)-1 {
		p.at++
	}
	return t
}

func (p *parser) is(k tokenKind, text string) bool {
	t := p.cur()
	return t.kind == k && t.text == text
}

func (p *parser) skip(k tokenKind, text string) bool {
	if p.is(k, text) {
		p.next()
		return true
	}
	return false
}

// fail is a syntax error at the current token.
func (p *parser) fail(format string, a ...any) error {
	return &Error{p.cur().line, syntax(format, a...)}
}

func (p *parser) expect(k tokenKind, text string) error {
	if !p.skip(k, text) {
		return p.fail("expected %q, got %s", text, p.cur())
	}
	return nil
}

func (p *parser) name() (string, error) {
	if p.cur().kind != tokName {
		return "", p.fail("expected a name, got %s", p.cur())
	}
	return p.next().text, nil
}

// blockEnd passes the end of a block tag.
func (p *parser) blockEnd() error {
	if p.cur().kind != tokBlockEnd {
		return p.fail("expected the end of the tag, got %s", p.cur())
	}
	p.next()
	return nil
}

func (t token) String() string {
	switch t.kind {
	case tokEOF:
		return "the end of the template"
	case tokVarEnd, tokBlockEnd:
		return "the end of the tag"
	}
	return fmt.Sprintf("%q", t.text)
}

// deeper goes one level down; the caller must come up again.
func (p *parser) deeper() error {
	if p.depth++; p.depth > maxNest {
		return &Error{p.cur().line, fmt.Errorf("%w: it nests deeper than %d", ErrLimit, maxNest)}
	}
	return nil
}

// body reads text and tags up to a tag that begins with one of the names, whose
// name token stays the current one. Without names it reads to the end.
func (p *parser) body(until ...string) ([]node, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	var nodes []node
	for {
		t := p.next()
		var n node
		var err error
		switch t.kind {
		case tokEOF:
			if len(until) > 0 {
				return nil, p.fail("the template ends without %s", until[len(until)-1])
			}
			return nodes, nil
		case tokData:
			n = &dataNode{t.text}
		case tokVarBegin:
			n, err = p.output(t.line)
		case tokBlockBegin:
			if p.cur().kind == tokName && slices.Contains(until, p.cur().text) {
				return nodes, nil
			}
			n, err = p.statement()
		}
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
}

func (p *parser) output(line int) (node, error) {
	e, err := p.tuple(true)
	if err != nil {
		return nil, err
	}
	if p.cur().kind != tokVarEnd {
		return nil, p.fail("expected the end of the tag, got %s", p.cur())
	}
	p.next()
	return &outputNode{line, e}, nil
}

// block reads the rest of a tag, a body, and the name that ended it.
func (p *parser) block(until ...string) (nodes []node, end string, err error) {
	p.skip(tokOp, ":")
	if err = p.blockEnd(); err != nil {
		return nil, "", err
	}
	if nodes, err = p.body(until...); err != nil {
		return nil, "", err
	}
	return nodes, p.next().text, nil
}

// apart reads a block that break and continue cannot leave.
func (p *parser) apart(until string) ([]node, error) {
	loops := p.loops
	p.loops = 0
	nodes, _, err := p.block(until)
	p.loops = loops
	return nodes, err
}

func (p *parser) statement() (node, error) {
	line := p.cur().line
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	var n node
	switch name {
	case "if":
		n, err = p.ifStatement()
	case "for":
		n, err = p.forStatement(line)
	case "set":
		n, err = p.setStatement(line)
	case "macro":
		n, err = p.macroStatement(line)
	case "call":
		n, err = p.callStatement(line)
	case "filter":
		n, err = p.filterStatement(line)
	case "with":
		n, err = p.withStatement(line)
	case "generation":
		var body []node
		body, err = p.apart("endgeneration")
		n = &scopeNode{line: line, body: body}
	case "break", "continue":
		if p.loops == 0 {
			return nil, p.fail("%s outside of a loop", name)
		}
		n = &jumpNode{map[string]error{"break": errBreak, "continue": errContinue}[name]}
	default:
		return nil, p.fail("unknown tag %q", name)
	}
	if err != nil {
		return nil, err
	}
	return n, p.blockEnd()
}

func (p *parser) ifStatement() (node, error) {
	n := &ifNode{}
	for {
		line := p.cur().line
		test, err := p.tuple(false)
		if err != nil {
			return nil, err
		}
		body, end, err := p.block("elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		n.branches = append(n.branches, branch{line, test, body})
		switch end {
		case "elif":
			continue
		case "else":
			n.otherwise, _, err = p.block("endif")
		}
		return n, err
	}
}

func (p *parser) forStatement(line int) (node, error) {
	n := &forNode{line: line}
	var err error
	if n.target, err = p.target("in"); err != nil {
		return nil, err
	}
	if err = p.expect(tokName, "in"); err != nil {
		return nil, err
	}
	if n.iter, err = p.tuple(false, "recursive"); err != nil {
		return nil, err
	}
	if p.skip(tokName, "if") {
		if n.test, err = p.expression(); err != nil {
			return nil, err
		}
	}
	n.recursive = p.skip(tokName, "recursive")
	p.loops++
	body, end, err := p.block("endfor", "else")
	p.loops--
	if n.body = body; err == nil && end == "else" {
		n.otherwise, _, err = p.block("endfor")
	}
	return n, err
}

func (p *parser) setStatement(line int) (node, error) {
	target, err := p.target()
	if err != nil {
		return nil, err
	}
	if p.skip(tokOp, "=") {
		e, err := p.tuple(true)
		return &setNode{line, target, e}, err
	}
	n := &captureNode{line: line, target: target}
	if n.filters, err = p.filters(&captured{}); err != nil {
		return nil, err
	}
	n.body, err = p.apart("endset")
	return n, err
}

func (p *parser) filterStatement(line int) (node, error) {
	first, err := p.filter(line, &captured{})
	if err != nil {
		return nil, err
	}
	n := &captureNode{line: line}
	if n.filters, err = p.filters(first); err != nil {
		return nil, err
	}
	n.body, err = p.apart("endfilter")
	return n, err
}

func (p *parser) withStatement(line int) (node, error) {
	n := &withNode{line: line}
	for p.cur().kind != tokBlockEnd {
		if len(n.targets) > 0 {
			if err := p.expect(tokOp, ","); err != nil {
				return nil, err
			}
		}
		t, err := p.target()
		if err != nil {
			return nil, err
		}
		if err := p.expect(tokOp, "="); err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		n.targets, n.values = append(n.targets, t), append(n.values, v)
	}
	var err error
	n.body, _, err = p.block("endwith")
	return n, err
}

func (p *parser) macroStatement(line int) (node, error) {
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	if reserved[name] {
		return nil, p.fail("%q cannot be the name of a macro", name)
	}
	def := &macroDef{name: name, line: line}
	if err := p.signature(def); err != nil {
		return nil, err
	}
	return &macroNode{def}, p.macroBody(def, "endmacro")
}

func (p *parser) callStatement(line int) (node, error) {
	def := &macroDef{name: "caller", line: line}
	if p.is(tokOp, "(") {
		if err := p.signature(def); err != nil {
			return nil, err
		}
	}
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	call, ok := e.(*callExpr)
	if !ok {
		return nil, p.fail("expected a call")
	}
	return &callNode{line, call, def}, p.macroBody(def, "endcall")
}

// macroBody reads a macro's body, and which of the names it uses that stand for
// arguments without a parameter. Macros within count as well.
func (p *parser) macroBody(def *macroDef, end string) (err error) {
	outer := p.used
	p.used = map[string]bool{}
	def.body, err = p.apart(end)
	def.varargs, def.kwargs, def.caller = p.used["varargs"], p.used["kwargs"], p.used["caller"]
	maps.Copy(p.used, outer)
	return err
}

// signature reads a macro's parameters.
func (p *parser) signature(def *macroDef) error {
	if err := p.expect(tokOp, "("); err != nil {
		return err
	}
	for !p.is(tokOp, ")") {
		if len(def.params) > 0 {
			if err := p.expect(tokOp, ","); err != nil {
				return err
			}
		}
		name, err := p.name()
		if err != nil {
			return err
		}
		if slices.Contains(def.params, name) || reserved[name] {
			return p.fail("%q cannot be a parameter here", name)
		}
		def.params = append(def.params, name)
		if p.skip(tokOp, "=") {
			value, err := p.expression()
			if err != nil {
				return err
			}
			def.defaults = append(def.defaults, value)
		} else if len(def.defaults) > 0 {
			return p.fail("a parameter without a default follows one with a default")
		}
	}
	p.next()
	return nil
}

// errBreak and errContinue leave a loop's body.
var errBreak, errContinue = errors.New("break"), errors.New("continue")
