package server

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"testing"
)

// FuzzChatRequest: whatever comes is understood or refused, and what is refused is
// refused with a status of the client's.
func FuzzChatRequest(f *testing.F) {
	for _, seed := range []string{
		`{"messages": [{"role": "user", "content": "x"}], "stop": ["a"], "seed": -1, "stream": true, "stream_options": {}}`,
		`{"messages": [{"role": "developer", "content": [{"type": "text", "text": "x"}]}, {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{\"a\": [1, {}]}"}}]}, {"role": "tool", "tool_call_id": "1", "content": "3"}]}`,
		`{"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}], "tool_choice": "none", "chat_template_kwargs": {"loudness": [1]}, "temperature": 0.5, "n": 1}`,
		`{"messages": [{"role": "assistant", "refusal": "no", "name": "<|go|>"}], "logprobs": true, "top_logprobs": 3, "logit_bias": {}}`,
	} {
		f.Add([]byte(seed))
	}
	e, err := newEngine(Model{"m", scripted(f, "x")}, 1, 200, 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		req := &chatRequest{}
		bad := chatFields.decode(httptest.NewRequest("POST", "/", bytes.NewReader(body)), req)
		var a *ask
		if bad == nil {
			a, bad = e.understand(req)
		}
		switch {
		case bad == nil && (len(a.prompt) == 0 || len(a.prompt) > 200):
			t.Errorf("a prompt of %d tokens", len(a.prompt))
		case bad != nil && (bad.status < 400 || bad.status >= 500 || bad.Message == ""):
			t.Errorf("refused with %+v", bad)
		case bad == nil && !json.Valid(body):
			t.Error("it was no JSON")
		}
	})
}
