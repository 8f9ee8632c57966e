package chat

import (
	"bytes"
	"encoding/json"
	"strings"
)

// verdict is what is known of a call that is being read.
type verdict int

const (
	more verdict = iota // it may become one
	done
	none
)

// maxName bounds a tool's name with what is around it.
const maxName = 512

// jsonScan finds the end of a JSON object or list that arrives in parts.
type jsonScan struct {
	at, depth       int
	quoted, escaped bool
}

// end is where the value that begins at from ends, 0 if that has not come yet.
func (s *jsonScan) end(b []byte, from int) int {
	for s.at = max(s.at, from); s.at < len(b); s.at++ {
		switch c := b[s.at]; {
		case s.escaped:
			s.escaped = false
		case s.quoted:
			s.escaped = c == '\\'
			s.quoted = c != '"'
		case c == '"':
			s.quoted = true
		case c == '{' || c == '[':
			s.depth++
		case c == '}' || c == ']':
			if s.depth--; s.depth == 0 {
				return s.at + 1
			}
		}
	}
	return 0
}

// read reads a call from the begin of b, which follows the opening marker, and
// says how many bytes it takes.
func (f *callForm) read(b []byte, scan *jsonScan) (calls []ToolCall, n int, v verdict) {
	start := len(b) - len(bytes.TrimLeft(b, white))
	rest := b[start:]
	switch {
	case len(rest) == 0:
		return nil, 0, more
	case rest[0] == '{' || rest[0] == '[':
		if f.open == "" && otherKey(rest) {
			return nil, 0, none
		}
		end := scan.end(b, start)
		if end == 0 {
			return nil, 0, more
		}
		if calls = objects(b[start:end], f.open == ""); calls == nil {
			return nil, 0, none
		}
		return calls, end, done
	case f.sep != "":
		return f.named(b, scan)
	case f.open == "<tool_call>":
		return tagged(b, start, scan)
	}
	return nil, 0, none
}

// otherKey says whether an object begins with a key that no call begins with, so
// that an answer in JSON need not wait for its end.
func otherKey(b []byte) bool {
	parts := strings.SplitN(string(b[:min(len(b), 64)]), `"`, 3)
	if len(parts) < 3 {
		return false
	}
	switch parts[1] {
	case "id", "type", "name", "function", "arguments", "parameters":
		return false
	}
	return true
}

// named reads a name, the separator, and arguments.
func (f *callForm) named(b []byte, scan *jsonScan) (calls []ToolCall, n int, v verdict) {
	i := bytes.Index(b[:min(len(b), maxName)], []byte(f.sep))
	if i < 0 {
		if len(b) >= maxName {
			return nil, 0, none
		}
		return nil, 0, more
	}
	c, ok := heading(string(b[:i]))
	if !ok {
		return nil, 0, none
	}
	start := i + len(f.sep)
	start += len(b[start:]) - len(bytes.TrimLeft(b[start:], white))
	if start == len(b) {
		return nil, 0, more
	}
	if b[start] != '{' {
		return nil, 0, none
	}
	end := scan.end(b, start)
	if end == 0 {
		return nil, 0, more
	}
	if c.Arguments = b[start:end]; !json.Valid(c.Arguments) {
		return nil, 0, none
	}
	c.Arguments = bytes.Clone(c.Arguments)
	return []ToolCall{c}, end, done
}

// heading reads what stands for the name: "name", "name[CALL_ID]id" (Mistral) or
// "functions.name:0" (Kimi, where all of it is the ID).
func heading(s string) (ToolCall, bool) {
	s = strings.TrimSpace(s)
	name, id, _ := strings.Cut(s, "[CALL_ID]")
	if rest, ok := strings.CutPrefix(name, "functions."); ok {
		if i := strings.LastIndexByte(rest, ':'); i > 0 {
			rest, id = rest[:i], s
		}
		name = rest
	}
	return ToolCall{ID: strings.TrimSpace(id), Name: name}, nameable(name)
}

// nameable says whether a tool may have the name.
func nameable(name string) bool {
	return name != "" && len(name) <= maxName && !strings.ContainsAny(name, white+"<>{}[]\"'()|")
}

// objects reads one call or a list of calls as JSON objects; nil: it is something else.
func objects(raw []byte, needArguments bool) []ToolCall {
	type object struct {
		ID, Name                        string
		Arguments, Parameters, Function json.RawMessage
	}
	var all []object
	if raw[0] == '{' {
		all = make([]object, 1)
		if json.Unmarshal(raw, &all[0]) != nil {
			return nil
		}
	} else if json.Unmarshal(raw, &all) != nil {
		return nil
	}
	var calls []ToolCall
	for _, o := range all {
		if o.Name == "" && len(o.Function) > 0 { // {"type": "function", "function": {…}}
			_ = json.Unmarshal(o.Function, &o) // what does not fit fails below
		}
		if o.Arguments == nil {
			o.Arguments = o.Parameters
		}
		if o.Arguments == nil && !needArguments {
			o.Arguments = json.RawMessage("{}")
		}
		args, ok := arguments(o.Arguments)
		if !ok || !nameable(o.Name) {
			return nil
		}
		calls = append(calls, ToolCall{ID: o.ID, Name: o.Name, Arguments: args})
	}
	return calls
}

// arguments are a JSON object, or a string that holds one.
func arguments(raw json.RawMessage) (json.RawMessage, bool) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(strings.TrimSpace(text))
	}
	return raw, len(raw) > 0 && raw[0] == '{' && json.Valid(raw)
}

// tagged reads Qwen3-Coder's form: <function=name><parameter=key>value</parameter>…
// </function>. A value that is JSON but no string is taken as that, anything else as
// text, since the form does not tell.
func tagged(b []byte, start int, scan *jsonScan) (calls []ToolCall, n int, v verdict) {
	const open, end = "<function=", "</function>"
	rest := b[start:]
	if !bytes.HasPrefix(rest, []byte(open)) {
		if len(rest) < len(open) && strings.HasPrefix(open, string(rest)) {
			return nil, 0, more
		}
		return nil, 0, none
	}
	from := max(scan.at-len(end), 0) // searched up to here before
	i := bytes.Index(rest[from:], []byte(end))
	if i < 0 {
		scan.at = len(rest)
		return nil, 0, more
	}
	i += from
	name, body, ok := strings.Cut(string(rest[len(open):i]), ">")
	if !ok || !nameable(name) {
		return nil, 0, none
	}
	args, ok := parameters(body)
	if !ok {
		return nil, 0, none
	}
	return []ToolCall{{Name: name, Arguments: args}}, start + i + len(end), done
}

// parameters makes a JSON object of <parameter=key>value</parameter>.
func parameters(body string) (json.RawMessage, bool) {
	out := []byte("{")
	for {
		body = strings.TrimLeft(body, white)
		if body == "" {
			return append(out, '}'), true
		}
		rest, ok := strings.CutPrefix(body, "<parameter=")
		if !ok {
			return nil, false
		}
		key, rest, ok1 := strings.Cut(rest, ">")
		value, rest, ok2 := strings.Cut(rest, "</parameter>")
		if !ok1 || !ok2 {
			return nil, false
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(out, quoted(key)...), ':')
		out = append(out, parameter(strings.TrimSuffix(strings.TrimPrefix(value, "\n"), "\n"))...)
		body = rest
	}
}

func parameter(value string) []byte {
	if b := []byte(strings.TrimSpace(value)); len(b) > 0 && b[0] != '"' && json.Valid(b) {
		return b
	}
	return quoted(value)
}

func quoted(s string) []byte {
	b, _ := json.Marshal(s) // a string always can be
	return b
}
