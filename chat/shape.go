package chat

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"weft/chat/jinja"
)

// shape is how a template wants messages with calls. Templates differ in what they
// expect where nothing is said, and in whether arguments are an object or text;
// given the other, they write nonsense or nothing.
type shape struct {
	noneContent bool // no content is None, not ""
	textArgs    bool // arguments are the text of their JSON
}

// message is a message as a template sees it.
func (s shape) message(m Message) (jinja.Value, error) {
	d := jinja.NewDict()
	d.Set("role", roleValue(m.Role))
	d.Set("content", jinja.Text(m.Content))
	if m.Reasoning != "" {
		d.Set("reasoning_content", jinja.Text(m.Reasoning))
		d.Set("thinking", jinja.Text(m.Reasoning)) // gpt-oss
	}
	if m.ToolCallID != "" {
		d.Set("tool_call_id", jinja.Text(m.ToolCallID))
	}
	if m.Name != "" {
		d.Set("name", jinja.Text(m.Name))
	}
	if len(m.ToolCalls) == 0 {
		return d, nil
	}
	if m.Content == "" && s.noneContent {
		d.Set("content", nil)
	}
	calls := make([]jinja.Value, len(m.ToolCalls))
	for i, c := range m.ToolCalls {
		v, err := s.call(c)
		if err != nil {
			return nil, err
		}
		calls[i] = v
	}
	d.Set("tool_calls", jinja.NewList(calls...))
	return d, nil
}

// roleValue lets templates make tokens of the known roles, as in '<|' + role + '|>'.
func roleValue(r Role) jinja.Value {
	if slices.Contains([]Role{System, User, Assistant, Tool}, r) {
		return jinja.Trusted(string(r))
	}
	return jinja.Text(string(r))
}

func (s shape) call(c ToolCall) (jinja.Value, error) {
	f := jinja.NewDict()
	f.Set("name", jinja.Text(c.Name))
	args, err := jinja.JSON(c.Arguments)
	if err != nil {
		return nil, fmt.Errorf("the arguments of %s: %w", c.Name, err)
	}
	if s.textArgs {
		args = jinja.Text(string(c.Arguments))
	}
	f.Set("arguments", args)
	d := jinja.NewDict()
	if c.ID != "" {
		d.Set("id", jinja.Text(c.ID))
	}
	d.Set("type", jinja.Trusted("function"))
	d.Set("function", f)
	return d, nil
}

// What the probes are made of; no template has it.
const probeName, probeKey = "probe_qzx", "key_qzx"

var (
	probeTool = json.RawMessage(`{"type": "function", "function": {"name": "` + probeName + `", "description": "d",
		"parameters": {"type": "object", "properties": {"` + probeKey + `": {"type": "integer", "description": "d"}}}}}`)
	probeTalk = []Message{
		{Role: User, Content: "a"},
		{Role: Assistant, ToolCalls: []ToolCall{{ID: "abcdef123", Name: probeName, Arguments: json.RawMessage(`{"` + probeKey + `": 1}`)}}},
		{Role: Tool, Name: probeName, ToolCallID: "abcdef123", Content: "b"},
		{Role: Assistant, Content: "c"}, {Role: User, Content: "d"},
	}
)

// findShape tries the shapes on a small conversation and takes the first that the
// template writes properly.
func (p *program) findShape() (shape, error) {
	for _, tools := range [][]json.RawMessage{nil, {probeTool}} {
		m := &modelTemplate{program: p, extra: Extra{Tools: tools}}
		for _, s := range []shape{{}, {noneContent: true}, {textArgs: true}, {true, true}} {
			prompt, err := m.render(probeTalk, s)
			if err == nil && written(prompt, len(tools)) {
				return s, nil
			}
		}
	}
	return shape{}, fmt.Errorf("%w: it leaves the calls out", ErrTools)
}

// findLost tries whether the template writes what the system and the user say. Some
// leave it out without a word.
func (p *program) findLost() (system, user bool) {
	const said, asked = "said_qzx", "asked_qzx"
	m := &modelTemplate{program: p}
	prompt, err := m.render([]Message{{Role: System, Content: said}, {Role: User, Content: asked}}, shape{})
	if err != nil {
		return false, false // it says so itself
	}
	return !prompt.has(said), !prompt.has(asked)
}

// heard makes sure that no message is left out.
func (p *program) heard(messages []Message) error {
	system, user := p.lost()
	for i, m := range messages {
		if system && m.Role == System && strings.TrimSpace(m.Content) != "" || user && m.Role == User {
			return fmt.Errorf("%w: the chat template leaves number %d out, which is from the %s", ErrMessages, i+1, m.Role)
		}
	}
	return nil
}

func (p Prompt) text() string {
	var all strings.Builder
	for _, piece := range p.Pieces {
		all.WriteString(piece.Text)
	}
	return all.String()
}

func (p Prompt) has(s string) bool { return strings.Contains(p.text(), s) }

// written says whether a prompt has the probe's call in good form: the name and
// the key once more than the tools have them, not as a Python literal ('key') nor
// as JSON within JSON (\"key\").
func written(p Prompt, tools int) bool {
	text := p.text()
	return strings.Count(text, probeName) > tools && strings.Count(text, probeKey) > tools &&
		!strings.Contains(text, "'"+probeKey) && !strings.Contains(text, `\"`+probeKey) && !strings.Contains(text, "None")
}

// checkTools makes sure that the template writes the tools.
func (m *modelTemplate) checkTools() error {
	if len(m.extra.Tools) == 0 {
		return nil
	}
	probe := &modelTemplate{program: m.program, extra: Extra{Tools: []json.RawMessage{probeTool}}}
	p, err := probe.render(probeTalk[:1], shape{})
	if err != nil {
		return err
	}
	if !p.has(probeName) {
		return ErrTools
	}
	return nil
}

// checkVars makes sure that the template knows the variables.
func (m *modelTemplate) checkVars() error {
	for name := range m.extra.Vars {
		if !strings.Contains(m.source, name) {
			return fmt.Errorf("the chat template has no variable %q", name)
		}
	}
	return nil
}
