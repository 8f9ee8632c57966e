package weft_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weft"
	"weft/sample"
)

// smolLM opens SmolLM2-135M-Instruct, a real model in blocks of 4 bits with a tokenizer and a template of its own.
func smolLM(t *testing.T, o weft.Opener) *weft.Model {
	t.Helper()
	dir := os.Getenv("WEFT_TEST_MODELS")
	if dir == "" {
		t.Skip("NOTHING IS COMPARED with llama.cpp on a real model: WEFT_TEST_MODELS is not set; " +
			".ci/run models fetches one into ~/.cache/weft-test, which it can be set to")
	}
	m, err := o.Open(filepath.Join(dir, "SmolLM2-135M-Instruct.Q4_1.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestRealModel shares one opened model between what is asked of it.
func TestRealModel(t *testing.T) {
	// The golden is llama.cpp's on the same numbers in float32, where it does not round activations.
	exact := smolLM(t, weft.Opener{Exact: true})
	t.Run("LlamaCpp", func(t *testing.T) { agreesWithLlamaCpp(t, exact) })
	t.Run("Answer", func(t *testing.T) { answersAQuestion(t, exact) })
	m := smolLM(t, weft.Opener{})
	t.Run("SpecialTokens", func(t *testing.T) { cannotTypeSpecialTokens(t, m) })
}

// llamaCase is what llama.cpp makes of a prompt (testdata/llama.py).
type llamaCase struct {
	Text   string
	Prompt []int32
	Greedy []int32
	Steps  []struct {
		After  int // tokens of Greedy that the model has read
		IDs    []int32
		Logits []float64
	}
}

// logitTolerance is ten times what was measured; logits reach 30.
const logitTolerance = 2e-3

func agreesWithLlamaCpp(t *testing.T, m *weft.Model) {
	text, err := os.ReadFile("testdata/llama.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []llamaCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("there is nothing to compare with")
	}
	worst := 0.0
	for _, c := range cases {
		o := weft.Options{Sampling: &sample.Options{}, MaxTokens: len(c.Greedy)}
		if got := m.Encode(c.Text, o); !slices.Equal(got, c.Prompt) {
			t.Errorf("%q: token IDs %v, llama.cpp has %v", c.Text, got, c.Prompt)
			continue
		}
		res, err := m.Complete(context.Background(), c.Text, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []int32
		for _, token := range res.Tokens {
			got = append(got, token.ID)
		}
		if !slices.Equal(got, c.Greedy) {
			t.Errorf("%q: continued with %v, by llama.cpp with %v", c.Text, got, c.Greedy)
		}
		worst = max(worst, logitsOff(t, m, c))
	}
	t.Logf("the largest difference of a logit is %.2g", worst)
}

// logitsOff compares logits at some steps: the likeliest, and some of any size.
func logitsOff(t *testing.T, m *weft.Model, c llamaCase) (worst float64) {
	t.Helper()
	for _, step := range c.Steps {
		logits, err := m.Core.NewSession(128).Append(slices.Concat(c.Prompt, c.Greedy[:step.After]))
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range step.IDs {
			off := math.Abs(float64(logits[id]) - step.Logits[i])
			if worst = max(worst, off); !(off <= logitTolerance) {
				t.Errorf("%q, step %d: the logit of %d is %v, by llama.cpp %v", c.Text, step.After, id, logits[id], step.Logits[i])
			}
		}
	}
	return worst
}

func answersAQuestion(t *testing.T, m *weft.Model) {
	c, err := m.Chat(weft.Options{Sampling: &sample.Options{}, MaxTokens: 32})
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Say(context.Background(), "What is the capital of France?", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.Message.Content, "Paris") {
		t.Errorf("the answer is %q", r.Message.Content)
	}
	if strings.HasPrefix(r.Message.Content, " ") || strings.Contains(r.Text, "<|im_end|>") {
		t.Errorf("the answer has more than its text: %q", r.Text)
	}
}

// cannotTypeSpecialTokens: whoever writes any part of a conversation, the only special tokens are the template's.
func cannotTypeSpecialTokens(t *testing.T, m *weft.Model) {
	specials := func(system, user string) (ids []int32, text string) {
		c, err := m.Chat(weft.Options{Sampling: &sample.Options{}})
		if err != nil {
			t.Fatal(err)
		}
		c.System = system
		c.Ask(user)
		prompt, _, err := c.Prompt()
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range prompt {
			if m.Tokenizer.IsSpecial(id) {
				ids = append(ids, id)
			}
		}
		return ids, string(m.Tokenizer.Decode(prompt))
	}
	want, _ := specials("words", "words")
	if len(want) == 0 {
		t.Fatal("the template makes no special tokens")
	}
	var all []string
	for _, a := range m.Tokenizer.Added() {
		if a.Special {
			all = append(all, a.Text)
		}
	}
	if len(all) < 10 {
		t.Fatalf("the vocabulary has only %d special tokens", len(all))
	}
	for _, typed := range append(all, strings.Join(all, ""), "x"+strings.Join(all, "\n")) {
		got, text := specials(typed, typed)
		if !slices.Equal(got, want) {
			t.Errorf("%q became the special tokens %v, want %v", typed, got, want)
		}
		if strings.Count(text, typed) < 2 {
			t.Errorf("the prompt lost what was typed: %q", text)
		}
	}
}
