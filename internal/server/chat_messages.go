package server

import (
	"encoding/json"
	"fmt"
	"strings"

	"weft/chat"
)

// messages are the conversation.
func (req *chatRequest) messages() ([]chat.Message, *apiError) {
	if len(req.Messages) == 0 {
		return nil, invalid("messages", "", "messages is empty: there is nothing to answer")
	}
	tools := map[string]string{} // the tool of each call, by ID
	all := make([]chat.Message, len(req.Messages))
	for i, in := range req.Messages {
		where := fmt.Sprintf("messages[%d]", i)
		m, err := in.message(where)
		if err != nil {
			return nil, err
		}
		for _, c := range m.ToolCalls {
			tools[c.ID] = c.Name
		}
		if m.Role == chat.Tool && m.Name == "" {
			m.Name = tools[m.ToolCallID]
		}
		all[i] = m
	}
	return all, nil
}

// roles are those that may speak. Developer is the newer name of the system.
var roles = map[string]chat.Role{
	"system": chat.System, "developer": chat.System, "user": chat.User, "assistant": chat.Assistant, "tool": chat.Tool,
}

func (in *chatMessage) message(where string) (m chat.Message, err *apiError) {
	role, ok := roles[in.Role]
	if !ok {
		return m, invalid(where+".role", "", "%s.role is %.100q, must be system, developer, user, assistant or tool", where, in.Role)
	}
	m = chat.Message{Role: role, Reasoning: in.Reasoning, Name: in.Name, ToolCallID: in.ToolCallID}
	if m.Content, err = in.text(where + ".content"); err != nil {
		return m, err
	}
	for _, p := range []struct {
		name  string
		value json.RawMessage
	}{{"audio", in.Audio}, {"function_call", in.FunctionCall}} {
		if len(p.value) > 0 && string(p.value) != "null" {
			return m, invalid(where+"."+p.name, "unsupported_parameter", "%s.%s is not supported", where, p.name)
		}
	}
	switch {
	case role == chat.Assistant:
		m.Content += in.Refusal
	case len(in.ToolCalls) > 0:
		return m, invalid(where+".tool_calls", "", "%s.tool_calls: only the assistant calls tools", where)
	case role == chat.Tool && in.ToolCallID == "":
		return m, invalid(where+".tool_call_id", "", "%s.tool_call_id is missing: which call does it answer?", where)
	}
	for i, c := range in.ToolCalls {
		call, err := c.call(fmt.Sprintf("%s.tool_calls[%d]", where, i))
		if err != nil {
			return m, err
		}
		m.ToolCalls = append(m.ToolCalls, call)
	}
	return m, nil
}

// text is a message's content: a text, or parts that are texts, one after the other
// with nothing between.
func (in *chatMessage) text(where string) (string, *apiError) {
	switch {
	case len(in.Content) == 0 || string(in.Content) == "null":
		if in.Role != "assistant" || len(in.ToolCalls) == 0 && in.Refusal == "" {
			return "", invalid(where, "", "%s is missing", where)
		}
		return "", nil
	case in.Content[0] == '"':
		var text string
		if err := json.Unmarshal(in.Content, &text); err != nil {
			return "", malformed(err)
		}
		return text, nil
	}
	var parts []contentPart
	if err := json.Unmarshal(in.Content, &parts); err != nil {
		return "", invalid(where, "", "%s must be a string or a list of parts", where)
	}
	var all strings.Builder
	for i, p := range parts {
		switch p.Type {
		case "text":
			all.WriteString(p.Text)
		case "refusal":
			all.WriteString(p.Refusal)
		default:
			return "", invalid(where, "", "%s[%d] is of type %.100q; this server reads text only", where, i, p.Type)
		}
	}
	return all.String(), nil
}

func (c *toolCall) call(where string) (chat.ToolCall, *apiError) {
	if c.Type != "function" && c.Type != "" {
		return chat.ToolCall{}, invalid(where+".type", "", "%s.type is %.100q, must be function", where, c.Type)
	}
	args := orElse(strings.TrimSpace(c.Function.Arguments), "{}")
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(args), &object) != nil || object == nil {
		return chat.ToolCall{}, invalid(where+".function.arguments", "", "%s.function.arguments is not the text of a JSON object", where)
	}
	if c.Function.Name == "" {
		return chat.ToolCall{}, invalid(where+".function.name", "", "%s.function.name is missing", where)
	}
	return chat.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: json.RawMessage(args)}, nil
}
