package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func request(body string) *http.Request {
	return httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(body))
}

const hello = `"messages": [{"role": "user", "content": "x"}]`

// TestRefused: what cannot be done is said, with the field to look at.
func TestRefused(t *testing.T) {
	r := start(t, Options{Context: 100})
	for _, c := range []struct {
		body        string
		status      int
		param, code string
		says        string
	}{
		{`{`, 400, "", "", "JSON"},
		{``, 400, "", "", "JSON"},
		{`[]`, 400, "", "", "JSON"},
		{`{` + hello + `} {}`, 400, "", "", "JSON"},
		{strings.Repeat("[", 1e6), 400, "", "", "depth"},
		{`{}`, 400, "messages", "", "empty"},
		{`{"messages": []}`, 400, "messages", "", "empty"},
		{`{"messages": [null]}`, 400, "messages[0].role", "", "must be"},
		{`{"messages": "x"}`, 400, "messages", "", "list"},
		{`{"messages": [{"role": "user"}]}`, 400, "messages[0].content", "", "missing"},
		{`{"messages": [{"role": "user", "content": ""}]}`, 400, "messages", "", "nothing to answer"},
		{`{"messages": [{"role": "user", "content": 3}]}`, 400, "messages[0].content", "", "string or a list"},
		{`{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}`, 400, "messages[0].content", "", "image_url"},
		{`{"messages": [{"role": "king", "content": "x"}]}`, 400, "messages[0].role", "", "king"},
		{`{"messages": [{"role": "tool", "content": "x"}]}`, 400, "messages[0].tool_call_id", "", "which call"},
		{`{"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]}`, 400, "messages", "", "tool"},
		{`{"messages": [{"role": "user", "content": "x", "tool_calls": [{}]}]}`, 400, "messages[0].tool_calls", "", "assistant"},
		{`{"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[]"}}]}]}`, 400, "messages[0].tool_calls[0].function.arguments", "", "object"},
		{`{"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "", "arguments": "{}"}}]}]}`, 400, "messages[0].tool_calls[0].function.name", "", "missing"},
		{`{"messages": [{"role": "assistant", "tool_calls": [{"type": "custom"}]}]}`, 400, "messages[0].tool_calls[0].type", "", "custom"},
		{`{"messages": [{"role": "assistant", "content": "x", "audio": {"id": "1"}}]}`, 400, "messages[0].audio", "unsupported_parameter", "audio"},
		{`{"messages": [{"role": "assistant", "content": "x", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]}`, 400, "messages", "", "form"},
		{`{"messages": [{"role": "user", "content": "` + strings.Repeat("many words ", 100) + `"}]}`, 400, "messages", "context_length_exceeded", "the context holds 100; send less, or serve"},
		{`{"messages": [{"role": "user", "content": "` + strings.Repeat("many words ", 1e5) + `"}]}`, 400, "messages", "context_length_exceeded", "far too many"},
		{`{"model": "gpt-5", ` + hello + `}`, 404, "model", "model_not_found", "built-in"},
		{`{"model": 3, ` + hello + `}`, 400, "model", "", "string"},
		{`{"temprature": 1, ` + hello + `}`, 400, "temprature", "unknown_parameter", "temprature"},
		{`{"Temperature": 1, ` + hello + `}`, 400, "Temperature", "unknown_parameter", "Temperature"},
		{`{"temperature": -1, ` + hello + `}`, 400, "temperature", "", "between 0 and 2"},
		{`{"temperature": 1e99, ` + hello + `}`, 400, "temperature", "", "number"},
		{`{"temperature": "hot", ` + hello + `}`, 400, "temperature", "", "number"},
		{`{"top_p": 0, ` + hello + `}`, 400, "top_p", "", "no token"},
		{`{"top_p": 2, ` + hello + `}`, 400, "top_p", "", "between"},
		{`{"top_k": -1, ` + hello + `}`, 400, "", "", "top-k"},
		{`{"presence_penalty": 3, ` + hello + `}`, 400, "presence_penalty", "", "between"},
		{`{"max_tokens": 0, ` + hello + `}`, 400, "max_tokens", "", "1 or more"},
		{`{"max_completion_tokens": -1, ` + hello + `}`, 400, "max_completion_tokens", "", "1 or more"},
		{`{"max_tokens": 0, "max_completion_tokens": 0, ` + hello + `}`, 400, "max_tokens", "", "max_tokens is 0"},
		{`{"max_tokens": 1.5, ` + hello + `}`, 400, "max_tokens", "", "whole number"},
		{`{"seed": 1e30, ` + hello + `}`, 400, "seed", "", "whole number"},
		{`{"stop": "", ` + hello + `}`, 400, "stop", "", "between 1 and"},
		{`{"stop": [` + strings.Repeat(`"x",`, 16) + `"x"], ` + hello + `}`, 400, "stop", "", "17 stop texts"},
		{`{"stop": 3, ` + hello + `}`, 400, "stop", "", "list"},
		{`{"top_logprobs": 2, ` + hello + `}`, 400, "top_logprobs", "", "logprobs"},
		{`{"logprobs": true, "top_logprobs": 21, ` + hello + `}`, 400, "top_logprobs", "", "between 0 and 20"},
		{`{"logprobs": 1, ` + hello + `}`, 400, "logprobs", "", "true or false"},
		{`{"stream_options": {"include_usage": true}, ` + hello + `}`, 400, "stream_options", "", "stream: true"},
		{`{"n": 2, ` + hello + `}`, 400, "n", "unsupported_parameter", "except 1"},
		{`{"n": 1, "user": "u", "store": false, "logit_bias": { }, "metadata": {}, "response_format": {"type": "text"}, ` + hello + `}`, 200, "", "", ""},
		{`{"logit_bias": {"50": 1}, ` + hello + `}`, 400, "logit_bias", "unsupported_parameter", "logit_bias"},
		{`{"response_format": {"type": "json_object"}, ` + hello + `}`, 400, "response_format", "unsupported_parameter", "response_format"},
		{`{"functions": [{"name": "f"}], ` + hello + `}`, 400, "functions", "unsupported_parameter", "functions"},
		{`{"tools": [{"type": "function", "function": {"name": "f"}}], ` + hello + `}`, 400, "tools", "unsupported_parameter", "does not call tools"},
		{`{"tools": [{"type": "custom"}], ` + hello + `}`, 400, "tools[0].type", "unsupported_parameter", "custom"},
		{`{"tools": [3], ` + hello + `}`, 400, "tools[0]", "", "no"},
		{`{"tools": [{"type": "function", "function": {"name": "f", "strict": true}}], ` + hello + `}`, 400, "tools[0].function.strict", "unsupported_parameter", "strict"},
		{`{"tool_choice": "required", ` + hello + `}`, 400, "tool_choice", "unsupported_parameter", "required"},
		{`{"reasoning_effort": "high", ` + hello + `}`, 400, "reasoning_effort", "unsupported_parameter", "no such setting"},
		{`{"chat_template_kwargs": {"x": 1}, ` + hello + `}`, 400, "chat_template_kwargs", "", "variable"},
	} {
		res := r.do(t, "POST", "/v1/chat/completions", c.body)
		name := c.body[:min(len(c.body), 150)]
		if res.status != c.status {
			t.Errorf("%s: status %d, want %d: %s", name, res.status, c.status, res.body)
			continue
		}
		if c.status == 200 {
			continue
		}
		if e := res.wrong(t); e.Param != c.param || e.Code != c.code || !strings.Contains(e.Message, c.says) || e.Type != invalidRequest {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestPaths: what is not there, and what is asked in the wrong way.
func TestPaths(t *testing.T) {
	r := start(t, Options{})
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/v1/chat/completions", 405}, {"POST", "/v1/models", 405}, {"DELETE", "/v1/models/built-in", 405}, {"POST", "/health", 405},
		{"GET", "/v1/embeddings", 404}, {"GET", "/v1/models/", 404}, {"GET", "/v1/models/other", 404}, {"GET", "/v1/", 404}, {"GET", "/etc/passwd", 404},
		{"GET", "/v1/models", 200}, {"HEAD", "/v1/models", 200}, {"GET", "/health", 200}, {"GET", "/", 200},
	} {
		res := r.do(t, c.method, c.path, "")
		if res.status != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, res.status, c.status)
		}
		if c.status >= 400 {
			res.wrong(t)
		}
		if c.status == 405 && res.header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", c.method, c.path)
		}
		for name, want := range headers {
			if got := res.header.Get(name); got != want {
				t.Errorf("%s %s: %s is %q", c.method, c.path, name, got)
			}
		}
	}
}

// TestOptions: a server that makes no sense is not made.
func TestOptions(t *testing.T) {
	m := []Model{{"m", builtIn()}}
	for name, o := range map[string]Options{
		"no model": {}, "no name": {Models: []Model{{"", builtIn()}}}, "one name": {Models: append(m, m...)}, "parallel": {Models: m, Parallel: -1},
		"context": {Models: m, Context: -1}, "queue": {Models: m, Queue: -1}, "drain": {Models: m, Drain: -1}, "exposed": {Models: m, Addr: ":8080"},
	} {
		if _, err := New(o); err == nil || !strings.HasPrefix(err.Error(), ErrOptions.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, o := range []Options{{Models: m, Addr: ":8080", Insecure: true}, {Models: m, Addr: "0.0.0.0:1", Keys: []string{"k"}}, {Models: m, Addr: "[::1]:1"}} {
		if _, err := New(o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
