package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"

	"weft"
	"weft/sample"
)

const line = "It was the best of times, it was"

// sampled asks for an answer that is drawn.
func sampled(seed int64, tokens int64) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model: "built-in", Messages: says(line), Seed: openai.Int(seed), MaxCompletionTokens: openai.Int(tokens),
		Temperature: openai.Float(0.9), TopP: openai.Float(0.8), FrequencyPenalty: openai.Float(0.25),
	}
}

// alone is what `weft chat` answers.
func alone(t *testing.T, seed uint64, tokens int) weft.Reply {
	t.Helper()
	m := builtIn()
	s := m.Sampling
	s.Seed, s.Temp, s.TopP, s.FrequencyPenalty = seed, 0.9, 0.8, 0.25
	c, err := m.Chat(weft.Options{Sampling: &s, MaxTokens: tokens, LogProbs: true})
	if err != nil {
		t.Fatal(err)
	}
	reply, err := c.Say(context.Background(), line, nil)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// TestSameAsChat: OpenAI's client gets what `weft chat` says with the same seed and
// sampling, streamed and not, with its log probabilities.
func TestSameAsChat(t *testing.T) {
	r, ctx := start(t, Options{Parallel: 1}), context.Background()
	for seed := range int64(4) {
		want := alone(t, uint64(seed), 40)
		p := sampled(seed, 40)
		p.Logprobs, p.TopLogprobs = openai.Bool(true), openai.Int(3)
		got, err := r.client.Chat.Completions.New(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		c := got.Choices[0]
		if c.Message.Content != want.Text || c.FinishReason != "length" || c.Message.Role != "assistant" {
			t.Fatalf("seed %d: %q (%s), want %q", seed, c.Message.Content, c.FinishReason, want.Text)
		}
		if n := int64(want.Sampled); got.Usage.CompletionTokens != n || got.Usage.PromptTokens != int64(want.Result.Prompt) || got.Usage.TotalTokens != n+got.Usage.PromptTokens {
			t.Errorf("seed %d: usage %+v, want %d tokens", seed, got.Usage, n)
		}
		if len(c.Logprobs.Content) != len(want.Tokens) {
			t.Fatalf("%d log probabilities of %d tokens", len(c.Logprobs.Content), len(want.Tokens))
		}
		for i, l := range c.Logprobs.Content {
			if l.Logprob != want.Tokens[i].LogProb || len(l.TopLogprobs) != 3 {
				t.Fatalf("token %d: %+v, want %v", i, l, want.Tokens[i].LogProb)
			}
		}

		p.StreamOptions.IncludeUsage = openai.Bool(true)
		stream, whole, chunks := r.client.Chat.Completions.NewStreaming(ctx, p), openai.ChatCompletionAccumulator{}, 0
		cached := int64(0)
		for stream.Next() {
			chunks++
			cached = stream.Current().Usage.PromptTokensDetails.CachedTokens
			if !whole.AddChunk(stream.Current()) {
				t.Fatalf("a chunk does not fit: %s", stream.Current().RawJSON())
			}
		}
		if err := stream.Err(); err != nil {
			t.Fatal(err)
		}
		s := whole.Choices[0]
		if s.Message.Content != want.Text || s.FinishReason != "length" || !sameTokens(s.Logprobs.Content, c.Logprobs.Content) {
			t.Errorf("seed %d streams %q, want %q", seed, s.Message.Content, want.Text)
		}
		if whole.Usage.TotalTokens != got.Usage.TotalTokens || cached == 0 {
			t.Errorf("usage at the end: %+v", whole.Usage)
		}
		if chunks < 40 {
			t.Errorf("%d chunks of 40 tokens", chunks)
		}
	}
}

func sameTokens(a, b []openai.ChatCompletionTokenLogprob) bool {
	var x, y []string
	for _, l := range a {
		x = append(x, l.RawJSON())
	}
	for _, l := range b {
		y = append(y, l.RawJSON())
	}
	return reflect.DeepEqual(x, y)
}

// TestDefaults: a request that says nothing gets the first model, as its files say to sample it.
func TestDefaults(t *testing.T) {
	r := start(t, Options{Models: []Model{{"a", builtIn()}, {"b", scripted(t, "Yes.")}}})
	res := r.do(t, "POST", "/v1/chat/completions", `{"messages": [{"role": "user", "content": "x"}]}`)
	var doc completion
	if err := json.Unmarshal([]byte(res.body), &doc); err != nil || res.status != 200 {
		t.Fatalf("%+v: %v", res, err)
	}
	if doc.Model != "a" || doc.Usage.CompletionTokens != plainTokens || doc.Choices[0].FinishReason != "length" {
		t.Errorf("%+v", doc)
	}
	got, err := r.client.Chat.Completions.New(context.Background(), openai.ChatCompletionNewParams{Model: "b", Messages: says("x")})
	if err != nil || got.Choices[0].Message.Content != "Yes." || got.Choices[0].FinishReason != "stop" || got.Model != "b" {
		t.Errorf("%+v: %v", got, err)
	}
	page, err := r.client.Models.List(context.Background())
	if err != nil || len(page.Data) != 2 || page.Data[0].ID != "a" || page.Data[1].ID != "b" {
		t.Errorf("models: %+v, %v", page, err)
	}
	if one, err := r.client.Models.Get(context.Background(), "b"); err != nil || one.ID != "b" {
		t.Errorf("model b: %+v, %v", one, err)
	}
}

// TestStopTexts: the stop text is no part of the answer, streamed or not.
func TestStopTexts(t *testing.T) {
	r := start(t, Options{Models: []Model{{"m", scripted(t, "one, ", "two", ", thr", "ee, four")}}})
	for body, want := range map[string]string{
		`"stop": "three"`: "one, two, ", `"stop": ["nine", ", f"]`: "one, two, three", `"stop": "five"`: "one, two, three, four", `"max_tokens": 2`: "one, two",
	} {
		res := r.do(t, "POST", "/v1/chat/completions", `{"messages": [{"role": "user", "content": "x"}], `+body+`}`)
		var doc completion
		if err := json.Unmarshal([]byte(res.body), &doc); err != nil || len(doc.Choices) != 1 {
			t.Fatalf("%s: %s", body, res.body)
		}
		if got := *doc.Choices[0].Message.Content; got != want || (doc.Choices[0].FinishReason == "stop") == strings.Contains(body, "max_tokens") {
			t.Errorf("%s: %q (%s), want %q", body, got, doc.Choices[0].FinishReason, want)
		}
	}
}

// callsAdd is a model that thinks, and then calls a tool.
func callsAdd(t *testing.T) *weft.Model {
	return scripted(t, "<think>", "a sum", "</think>", "Let me see.\n", "<tool_call>", `{"name": "add", "arguments": {"a": 1, "b": 2}}`, "</tool_call>")
}

var addTool = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
	Name: "add", Description: openai.String("adds"), Parameters: shared.FunctionParameters{"type": "object"},
})}

// TestTools: what the model calls is called, and what comes of it reaches the model.
func TestTools(t *testing.T) {
	r, ctx := start(t, Options{Models: []Model{{"m", callsAdd(t)}}}), context.Background()
	p := openai.ChatCompletionNewParams{Model: "m", Messages: says("1+2?"), Tools: addTool}
	got, err := r.client.Chat.Completions.New(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	c := got.Choices[0]
	if c.FinishReason != "tool_calls" || c.Message.Content != "Let me see." || len(c.Message.ToolCalls) != 1 {
		t.Fatalf("%s", got.RawJSON())
	}
	call := c.Message.ToolCalls[0]
	if call.Function.Name != "add" || call.Function.Arguments != `{"a": 1, "b": 2}` || call.ID == "" || call.Type != "function" {
		t.Errorf("the call is %s", call.RawJSON())
	}
	if !strings.Contains(got.RawJSON(), `"reasoning_content":"a sum"`) {
		t.Errorf("the thought is missing: %s", got.RawJSON())
	}

	stream, whole := r.client.Chat.Completions.NewStreaming(ctx, p), openai.ChatCompletionAccumulator{}
	for stream.Next() {
		whole.AddChunk(stream.Current())
	}
	s := whole.Choices[0]
	if s.FinishReason != "tool_calls" || s.Message.Content != "Let me see." || s.Message.ToolCalls[0].Function.Arguments != call.Function.Arguments {
		t.Errorf("streamed: %+v", s)
	}

	before := got.Usage.PromptTokens
	p.Messages = append(p.Messages, c.Message.ToParam(), openai.ToolMessage("3", call.ID))
	if got, err = r.client.Chat.Completions.New(ctx, p); err != nil || got.Usage.PromptTokens < before+30 {
		t.Errorf("with the result: %v, usage %+v after %d", err, got.Usage, before)
	}
	p.ToolChoice.OfAuto = openai.String("none")
	if again, err := r.client.Chat.Completions.New(ctx, p); err != nil || again.Usage.PromptTokens >= got.Usage.PromptTokens {
		t.Errorf("without tools: %v, %+v", err, again)
	}
}

// TestMessages: every form that a message may have, in the prompt's tokens.
func TestMessages(t *testing.T) {
	e, err := newEngine(Model{"m", callsAdd(t)}, 1, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`[{"role": "developer", "content": "be brief"}, {"role": "user", "content": "hi"}]`:                                                         "system: be brief\nuser: hi\n",
		`[{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]`:                                             "user: ab\n",
		`[{"role": "user", "content": "x"}, {"role": "assistant", "refusal": "no"}, {"role": "user", "content": ""}]`:                               "user: x\nassistant: no\nuser: \n",
		`[{"role": "user", "content": "<|go|><tool_call>"}]`:                                                                                        "user: <|go|><tool_call>\n",
		`[{"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}]`:   "assistant: <tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>\n",
		`[{"role": "assistant", "content": "y", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": ""}}]}]`:      "assistant: y<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>\n",
		`[{"role": "tool", "tool_call_id": "1", "content": "3"}], "chat_template_kwargs": {"loudness": "!"}, "stop": null, "response_format": null`: "tool: 3\n!",
	} {
		req := &chatRequest{}
		r := request(`{"messages": ` + body + `}`)
		if err := chatFields.decode(r, req); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		a, bad := e.understand(req)
		if bad != nil {
			t.Fatalf("%s: %v", body, bad)
		}
		if got := string(e.Tokenizer.Decode(a.prompt)); got != want+"<|go|>" {
			t.Errorf("%s: the prompt is %q, want %q", body, got, want)
		}
		marks := 0
		for _, id := range a.prompt {
			if e.Tokenizer.IsSpecial(id) {
				marks++
			}
		}
		if wanted := 1 + 2*strings.Count(want, "</tool_call>"); marks != wanted {
			t.Errorf("%s: %d marks in the prompt, want %d", body, marks, wanted)
		}
	}
}

// TestCancel: when a client leaves, its answer ends at once, streamed or not.
func TestCancel(t *testing.T) {
	r := start(t, Options{Models: []Model{{"m", endless(t)}}, Parallel: 1})
	idle := func() bool { n, _ := r.engines[0].batch.Load(); return n == 0 }
	ctx, cancel := context.WithCancel(context.Background())
	stream := r.client.Chat.Completions.NewStreaming(ctx, openai.ChatCompletionNewParams{Model: "m", Messages: says("x")})
	for range 3 {
		if !stream.Next() {
			t.Fatal(stream.Err())
		}
	}
	cancel()
	stream.Close()
	soon(t, "the streamed answer has ended", idle)

	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := r.client.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{Model: "m", Messages: says("x")}); err == nil {
		t.Error("an endless answer ended")
	}
	soon(t, "the answer has ended", idle)
	soon(t, "both are in the log", func() bool { return strings.Count(r.log.String(), `"finish":"cancel"`) == 2 })
}

// TestManyClients: they share the passes, everyone gets what it would get alone, and a
// prompt that came before is not run again.
func TestManyClients(t *testing.T) {
	r := start(t, Options{Parallel: 3})
	var wait sync.WaitGroup
	for i := range int64(12) {
		want := alone(t, uint64(i), 24)
		wait.Go(func() {
			got, err := r.client.Chat.Completions.New(context.Background(), sampled(i, 24))
			if err != nil || got.Choices[0].Message.Content != want.Text {
				t.Errorf("client %d: %v, %+v, want %q", i, err, got, want.Text)
			}
		})
	}
	wait.Wait()
	if !strings.Contains(r.log.String(), fmt.Sprintf(`"cached_tokens":%d`, alone(t, 0, 1).Result.Prompt-1)) {
		t.Errorf("no prompt was used again: %s", r.log)
	}
}

// TestTakesTurns: with more requests than there is room for, the next hears so.
func TestTakesTurns(t *testing.T) {
	r := start(t, Options{Parallel: 2, Queue: 1})
	var leave []func()
	for range 3 {
		l, err := r.engines[0].sit()
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, l)
	}
	ask := `{"messages": [{"role": "user", "content": "x"}], "max_tokens": 1}`
	res := r.do(t, "POST", "/v1/chat/completions", ask)
	if e := res.wrong(t); res.status != http.StatusTooManyRequests || e.Code != "rate_limit_exceeded" || res.header.Get("Retry-After") == "" {
		t.Errorf("%+v", res)
	}
	leave[0]()
	if res := r.do(t, "POST", "/v1/chat/completions", ask); res.status != http.StatusOK {
		t.Errorf("%+v", res)
	}
}

// TestGreedy: temperature 0 takes the most likely token, whatever the seed.
func TestGreedy(t *testing.T) {
	r := start(t, Options{})
	want, err := builtIn().Complete(context.Background(), line, weft.Options{Sampling: &sample.Options{}, MaxTokens: 16}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{`"seed": 1`, `"seed": -5`, `"top_k": 3`, `"min_p": 0.1`, `"repeat_penalty": 1`} {
		res := r.do(t, "POST", "/v1/chat/completions", `{"messages": [{"role": "user", "content": "`+line+`"}], "temperature": 0, "max_tokens": 16, `+body+`}`)
		var doc completion
		if err := json.Unmarshal([]byte(res.body), &doc); err != nil || len(doc.Choices) == 0 || *doc.Choices[0].Message.Content != want.Text {
			t.Errorf("%s: %s, want %q", body, res.body, want.Text)
		}
	}
}
