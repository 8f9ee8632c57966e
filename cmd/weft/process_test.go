package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// weftOutput runs weft, which must succeed, and returns its stdout.
func weftOutput(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("weft", args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("weft %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return stdout.String()
}

// TestStop cuts an answer before a text that is known to come.
func TestStop(t *testing.T) {
	args := []string{"run", "-p", "To be, or", "--temp", "0", "--max-tokens", "24", "--json"}
	answer := func(more ...string) (doc struct{ Text, Finish, StopText string }) {
		t.Helper()
		out := weftOutput(t, append(args, more...)...)
		out = strings.Replace(out, `"stop_text"`, `"StopText"`, 1)
		if err := json.Unmarshal([]byte(out), &doc); err != nil {
			t.Fatal(err)
		}
		return doc
	}
	whole := answer().Text
	runes := []rune(whole)
	if len(runes) < 8 {
		t.Fatalf("the answer %q is too short to cut", whole)
	}
	stop := string(runes[len(runes)/2 : len(runes)/2+2])
	before, _, _ := strings.Cut(whole, stop)

	got := answer("--stop", "never, ever: ", "--stop", stop)
	if got.Text != before || got.Finish != "stop" || got.StopText != stop {
		t.Errorf("%q before %q is %+v, want the text %q and finish stop", whole, stop, got, before)
	}
	if got := answer("--stop", "never, ever: "); got.Text != whole || got.Finish != "length" {
		t.Errorf("a stop that does not come: %+v", got)
	}
}

// TestBytesOfArguments: a prompt is bytes, also as an argument.
func TestBytesOfArguments(t *testing.T) {
	const odd = "caf\xe9 \xff\xfe\xc3"
	ids := func(text string) string {
		t.Helper()
		var doc struct{ IDs []int }
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		out, _ := json.Marshal(doc.IDs)
		return string(out)
	}
	tokens := ids(weftOutput(t, "tokenize", "--json", "--no-special", odd))
	if got := weftOutput(t, "tokenize", "--decode", tokens); got != odd {
		t.Errorf("there and back: %q, want %q", got, odd)
	}
	var doc struct {
		PromptTokens []int `json:"prompt_tokens"`
	}
	if err := json.Unmarshal([]byte(weftOutput(t, "run", "--raw", "--json", "--max-tokens", "1", "-p", odd)), &doc); err != nil {
		t.Fatal(err)
	}
	if prompt, _ := json.Marshal(doc.PromptTokens); string(prompt) != tokens {
		t.Errorf("run reads %s, want %s", prompt, tokens)
	}
}
