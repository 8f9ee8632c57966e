package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"weft/chat"
)

// template is the model's, with the request's tools and variables.
func (req *chatRequest) template(t chat.Template) (chat.Template, *apiError) {
	tools, err := req.offered()
	if err != nil {
		return nil, err
	}
	vars := maps.Clone(req.TemplateVars)
	if len(req.ReasoningEffort) > 0 && string(req.ReasoningEffort) != "null" {
		if vars == nil {
			vars = map[string]json.RawMessage{}
		}
		vars["reasoning_effort"] = req.ReasoningEffort
	}
	with, bad := chat.With(t, chat.Extra{Tools: tools, Vars: vars})
	switch {
	case errors.Is(bad, chat.ErrTools):
		return nil, unwritten(bad)
	case bad != nil && len(req.TemplateVars) == 0:
		return nil, invalid("reasoning_effort", "unsupported_parameter", "this model has no such setting: %s", bad)
	case bad != nil:
		return nil, invalid("chat_template_kwargs", "", "%s", bad)
	}
	return with, nil
}

// offered are the tools that the model is told of.
func (req *chatRequest) offered() ([]json.RawMessage, *apiError) {
	for i, raw := range req.Tools {
		if err := checkTool(fmt.Sprintf("tools[%d]", i), raw); err != nil {
			return nil, err
		}
	}
	switch choice := compact(req.ToolChoice); choice {
	case "", "null", `"auto"`:
		return req.Tools, nil
	case `"none"`:
		return nil, nil
	default:
		return nil, invalid("tool_choice", "unsupported_parameter", "tool_choice %.100s is not supported, except auto and none", choice)
	}
}

// checkTool refuses what is no tool, and what is asked of one that cannot be held.
func checkTool(where string, raw json.RawMessage) *apiError {
	var tool struct {
		Type     string
		Function struct {
			Name   string
			Strict bool
		}
	}
	if err := json.Unmarshal(raw, &tool); err != nil {
		return invalid(where, "", "%s is not a tool: %s", where, err)
	}
	switch {
	case tool.Type != "function":
		return invalid(where+".type", "unsupported_parameter", "%s.type is %.100q, must be function", where, tool.Type)
	case tool.Function.Name == "":
		return invalid(where+".function.name", "", "%s.function.name is missing", where)
	case tool.Function.Strict:
		return invalid(where+".function.strict", "unsupported_parameter",
			"%s.function.strict is not supported: a model here may call a tool with other arguments than it has", where)
	}
	return nil
}
