package chat

import (
	"bytes"
	"strings"
)

// maxCall bounds how much of an answer is held back because it looks like a call,
// maxFailed how often that may be in vain: then markers are content.
const (
	maxCall   = 1 << 20
	maxFailed = 64
)

// Part is a stretch of an answer: one of its fields is set.
type Part struct {
	Reasoning string
	Content   string
	Call      *ToolCall
}

// Parser takes an answer apart while it is generated. What looks like the begin of
// a call is held back until it is one or turns out not to be; then it is content.
// Arguments end where their JSON ends, whatever their strings contain. White space
// around thoughts and before calls is left out.
type Parser struct {
	f     Format
	buf   []byte // not yet decided
	state state
	form  *callForm // of the call being read
	scan  jsonScan
	space []byte // white space at the end of what was given out
	fresh bool   // nothing came yet since the last marker
	begun bool   // the answer has begun
	calls int
	vain  int // what looked like calls and was none
	parts []Part
}

type state int

const (
	inContent state = iota
	inThought
	inHeader // between <|channel|> and <|message|>
	inCall
	afterCall
)

// Parser begins an answer. opened says that the prompt has begun a thought
// already (see [Format.Opened]).
func (f Format) Parser(opened bool) *Parser {
	p := &Parser{f: f}
	if opened {
		p.enter(inThought)
		p.begun = true
	}
	return p
}

// Parse takes a whole answer apart.
func (f Format) Parse(text string, opened bool) Message {
	p := f.Parser(opened)
	return message(append(p.Add(text), p.End()...))
}

// message puts the parts of an answer together.
func message(parts []Part) Message {
	m := Message{Role: Assistant}
	var reasoning, content strings.Builder
	for _, part := range parts {
		reasoning.WriteString(part.Reasoning)
		content.WriteString(part.Content)
		if part.Call != nil {
			m.ToolCalls = append(m.ToolCalls, *part.Call)
		}
	}
	m.Reasoning, m.Content = reasoning.String(), content.String()
	return m
}

// Add takes more of the answer and returns what is certain by now.
func (p *Parser) Add(text string) []Part {
	p.buf = append(p.buf, text...)
	for p.step(false) {
	}
	return p.take()
}

// End returns the rest. A call that is not complete is content.
func (p *Parser) End() []Part {
	for p.step(true) {
	}
	if p.state == inContent && p.calls == 0 && len(p.space) > 0 {
		p.parts = append(p.parts, Part{Content: string(p.space)})
	}
	p.space = nil
	return p.take()
}

func (p *Parser) take() []Part {
	parts := p.parts
	p.parts = nil
	return parts
}

// step decides about the begin of the buffer; false: it takes more text to do so.
func (p *Parser) step(final bool) bool {
	switch p.state {
	case inContent:
		if !p.begun && p.f.bare {
			return p.begin(final)
		}
		return p.flow(p.f.content, final)
	case inThought:
		return p.flow(p.f.thinking, final)
	case inHeader:
		return p.header(final)
	case inCall:
		return p.call(final)
	}
	return p.after(final)
}

func (p *Parser) enter(s state) {
	p.state, p.fresh, p.space = s, true, nil
}

// begin looks whether the answer begins with a brace.
func (p *Parser) begin(final bool) bool {
	rest := bytes.TrimLeft(p.buf, white)
	if len(rest) == 0 && !final {
		return false
	}
	p.begun = true
	if len(rest) > 0 && rest[0] == '{' {
		p.open(&callForm{})
	}
	return true
}

func (p *Parser) open(form *callForm) {
	space := p.space
	p.enter(inCall)
	p.space = space // comes back if it is no call
	p.form, p.scan = form, jsonScan{}
}

// flow gives out text up to the next marker.
func (p *Parser) flow(markers []marker, final bool) bool {
	if len(p.buf) == 0 {
		return false
	}
	at, found := len(p.buf), -1
	for i, m := range markers {
		if n := bytes.Index(p.buf[:min(len(p.buf), at+len(m.text))], []byte(m.text)); n >= 0 && n < at {
			at, found = n, i
		}
	}
	if found < 0 && !final {
		at -= held(p.buf, markers)
	}
	p.text(p.buf[:at])
	p.buf = p.buf[at:]
	if found < 0 {
		return false
	}
	m := markers[found]
	if !final && longer(p.buf, m, markers) {
		return false
	}
	p.buf = p.buf[len(m.text):]
	if m.form != nil {
		p.open(m.form)
	} else {
		p.enter(m.to)
	}
	return true
}

// held is how many bytes at the end of b may be the begin of a marker.
func held(b []byte, markers []marker) int {
	most := 0
	for _, m := range markers {
		for n := min(len(m.text)-1, len(b)); n > most; n-- {
			if strings.HasPrefix(m.text, string(b[len(b)-n:])) {
				most = n
			}
		}
	}
	return most
}

// longer says whether b, which begins with the marker m, may become a longer one.
func longer(b []byte, m marker, markers []marker) bool {
	for _, other := range markers {
		if len(other.text) > len(b) && len(other.text) > len(m.text) && strings.HasPrefix(other.text, string(b)) {
			return true
		}
	}
	return false
}

const white = " \t\r\n"

// text gives out text, but holds back white space at its end.
func (p *Parser) text(b []byte) {
	if p.fresh {
		b = bytes.TrimLeft(b, white)
	}
	body := bytes.TrimRight(b, white)
	if len(body) > 0 {
		s := string(p.space) + string(body)
		p.fresh, p.begun, p.space = false, true, nil
		if p.state == inThought {
			p.parts = append(p.parts, Part{Reasoning: s})
		} else {
			p.parts = append(p.parts, Part{Content: s})
		}
	}
	p.space = append(p.space, b[len(body):]...)
}

// header reads a channel's name and, maybe, whom a message is addressed to.
func (p *Parser) header(final bool) bool {
	const end = "<|message|>"
	i := bytes.Index(p.buf, []byte(end))
	if i < 0 {
		if final || len(p.buf) > 1024 {
			p.enter(inContent)
			return true
		}
		return false
	}
	head := string(p.buf[:i])
	p.buf = p.buf[i+len(end):]
	if _, to, ok := strings.Cut(head, "to=functions."); ok {
		name, _, _ := strings.Cut(strings.TrimLeft(to, white), "<")
		name, _, _ = strings.Cut(name, " ")
		p.open(&callForm{sep: end, ends: []string{"<|call|>"}})
		p.buf = append([]byte(name+end), p.buf...)
		return true
	}
	if strings.Contains(head, "analysis") {
		p.enter(inThought)
	} else {
		p.enter(inContent)
	}
	return true
}

// call reads a call, or finds that it is none.
func (p *Parser) call(final bool) bool {
	calls, n, verdict := p.form.read(p.buf, &p.scan)
	switch {
	case verdict == more && !final && len(p.buf) <= maxCall:
		return false
	case verdict != done:
		p.state, p.fresh = inContent, false
		p.text([]byte(p.form.open))
		if p.vain++; p.vain > maxFailed {
			p.f = Format{}
		}
		return true
	}
	for i := range calls {
		p.parts = append(p.parts, Part{Call: &calls[i]})
	}
	p.calls += len(calls)
	p.buf = p.buf[n:]
	p.enter(afterCall)
	return true
}

// after passes the marks that end a call.
func (p *Parser) after(final bool) bool {
	p.buf = bytes.TrimLeft(p.buf, white)
	for _, end := range p.form.ends {
		if rest, ok := bytes.CutPrefix(p.buf, []byte(end)); ok {
			p.buf = rest
			return true
		}
		if !final && strings.HasPrefix(end, string(p.buf)) {
			return false
		}
	}
	if p.form.open == "" && p.form.sep == "" { // another bare call may follow
		if rest := bytes.TrimLeft(p.buf, white+";"); len(rest) > 0 && rest[0] == '{' {
			p.buf = rest
			p.open(p.form)
			return true
		}
		if len(bytes.Trim(p.buf, white+";")) == 0 && !final {
			return false
		}
	}
	p.enter(inContent)
	return true
}
