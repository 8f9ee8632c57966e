package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"weft/chat/jinja"
	"weft/tokenizer"
)

// ErrTools is wrapped when a template has no place for tools or their calls.
var ErrTools = errors.New("the chat template does not support tools")

// JinjaOptions belong to the template of a model.
type JinjaOptions struct {
	Name     string    // what people call it; "": jinja
	BOS, EOS string    // the texts of these tokens, "" if there are none
	End      []string  // the tokens that end the model's turn; nil: EOS
	Now      time.Time // what the template takes for now; zero: the time of rendering
}

// Extra is what a template is given beside the messages.
type Extra struct {
	Tools  []json.RawMessage          // which the model may call: {"type": "function", "function": {…}}
	Vars   map[string]json.RawMessage // more variables, such as enable_thinking
	Closed bool                       // do not open the assistant's turn
}

// modelTemplate is a template that came with a model.
type modelTemplate struct {
	*program
	extra Extra
}

// program is the template itself; what modelTemplates share.
type program struct {
	o      JinjaOptions
	source string
	t      *jinja.Template
	format Format
	shape  func() (shape, error)      // how the template wants calls
	lost   func() (system, user bool) // whether it leaves out what they say
}

// Jinja is the template that came with a model, as its files have it. What a
// template refuses when it renders (an order of roles, a system message) is an
// error that wraps [ErrMessages] and a [jinja.Raised].
func Jinja(source string, o JinjaOptions) (Template, error) {
	t, err := jinja.Parse(source)
	if err != nil {
		return nil, fmt.Errorf("chat template: %w", err)
	}
	p := &program{o: o, source: source, t: t, format: FormatOf(source)}
	p.shape, p.lost = sync.OnceValues(p.findShape), sync.OnceValues(p.findLost)
	return &modelTemplate{program: p}, nil
}

// ForModel is the template for a model: source, if its files have one, or what its
// tokenizer's special tokens call for (see [For]).
func ForModel(source string, t *tokenizer.Tokenizer) (Template, error) {
	if source == "" {
		return For(t), nil
	}
	tm, err := Jinja(source, JinjaOptions{BOS: string(t.Piece(t.BOS)), EOS: string(t.Piece(t.EOS))})
	if err != nil {
		return nil, err
	}
	p := tm.(*modelTemplate).program
	p.o.End = turnEnds(tm, t)
	return tm, nil
}

// turnEnds is what ends the model's turn: the first special token after an answer
// that the template writes, and the token that ends texts.
func turnEnds(tm Template, t *tokenizer.Tokenizer) []string {
	ends := []string{}
	if t.EOS >= 0 {
		ends = append(ends, string(t.Piece(t.EOS)))
	}
	const answer = "xyzzy"
	p, err := tm.Render([]Message{{Role: User, Content: "x"}, {Role: Assistant, Content: answer}, {Role: User, Content: "x"}})
	if err != nil {
		return ends
	}
	after := false
	for _, piece := range p.Pieces {
		if after && piece.Markup {
			for _, id := range t.Encode(piece.Text, tokenizer.Encode{ParseSpecial: true}) {
				if s := string(t.Piece(id)); t.IsSpecial(id) && id != t.BOS && strings.HasPrefix(strings.TrimSpace(piece.Text), s) {
					return append(ends, s)
				}
			}
			break
		}
		after = strings.HasSuffix(strings.TrimSpace(piece.Text), answer)
	}
	return ends
}

// With is a template with tools and variables. It is an error if the template has
// no use for them, which wraps [ErrTools] for tools.
func With(t Template, x Extra) (Template, error) {
	if len(x.Tools) == 0 && len(x.Vars) == 0 && !x.Closed {
		return t, nil
	}
	m, ok := t.(*modelTemplate)
	if !ok {
		if len(x.Tools) > 0 {
			return nil, fmt.Errorf("template %s: %w", t.Name(), ErrTools)
		}
		return nil, fmt.Errorf("template %s has no variables", t.Name())
	}
	w := &modelTemplate{program: m.program, extra: x}
	if err := w.checkVars(); err != nil {
		return nil, err
	}
	return w, w.checkTools()
}

func (m *modelTemplate) Name() string {
	if m.o.Name == "" {
		return "jinja"
	}
	return m.o.Name
}

func (m *modelTemplate) End() []string {
	if m.o.End == nil && m.o.EOS != "" {
		return []string{m.o.EOS}
	}
	return m.o.End
}

// Render runs the template.
func (m *modelTemplate) Render(messages []Message) (Prompt, error) {
	if err := m.heard(messages); err != nil {
		return Prompt{}, err
	}
	s := shape{}
	if slices.ContainsFunc(messages, func(m Message) bool { return len(m.ToolCalls) > 0 }) {
		var err error
		if s, err = m.shape(); err != nil {
			return Prompt{}, err
		}
	}
	return m.render(messages, s)
}

func (m *modelTemplate) render(messages []Message, s shape) (Prompt, error) {
	vars, err := m.variables(messages, s)
	if err != nil {
		return Prompt{}, err
	}
	pieces, err := m.t.Render(vars, jinja.Options{Now: m.o.Now})
	var refused *jinja.Raised
	switch {
	case errors.As(err, &refused):
		return Prompt{}, fmt.Errorf("%w: the chat template refuses them: %w", ErrMessages, err)
	case err != nil:
		return Prompt{}, fmt.Errorf("chat template: %w", err)
	}
	p := Prompt{AddSpecial: true}
	for i, piece := range pieces {
		if i == 0 && piece.Written && m.o.BOS != "" && strings.HasPrefix(piece.Text, m.o.BOS) {
			p.AddSpecial = false
		}
		p.Pieces = append(p.Pieces, Piece{Text: piece.Text, Markup: piece.Written})
	}
	return p, nil
}

// variables are what the template sees.
func (m *modelTemplate) variables(messages []Message, s shape) (map[string]jinja.Value, error) {
	vars := map[string]jinja.Value{
		"bos_token":             jinja.Trusted(m.o.BOS),
		"eos_token":             jinja.Trusted(m.o.EOS),
		"tools":                 nil,
		"documents":             nil,
		"add_generation_prompt": !m.extra.Closed,
	}
	if len(m.extra.Tools) > 0 {
		tools := make([]jinja.Value, len(m.extra.Tools))
		for i, raw := range m.extra.Tools {
			v, err := jinja.JSON(raw)
			if err != nil {
				return nil, fmt.Errorf("tool %d: %w", i+1, err)
			}
			tools[i] = v
		}
		vars["tools"] = jinja.NewList(tools...)
	}
	for name, raw := range m.extra.Vars {
		v, err := jinja.JSON(raw)
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", name, err)
		}
		vars[name] = v
	}
	list := make([]jinja.Value, len(messages))
	for i, msg := range messages {
		v, err := s.message(msg)
		if err != nil {
			return nil, fmt.Errorf("%w: number %d: %w", ErrMessages, i+1, err)
		}
		list[i] = v
	}
	vars["messages"] = jinja.NewList(list...)
	return vars, nil
}

// FormatFor is how a model with the template writes its answers.
func FormatFor(t Template) Format {
	if m, ok := t.(*modelTemplate); ok {
		return m.format
	}
	return Format{}
}
