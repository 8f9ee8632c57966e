package weft_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"weft"
	"weft/chat"
	"weft/generate"
	"weft/kvcache"
	"weft/model"
	"weft/sample"
	"weft/tokenizer"
)

// tiny is a random model over bytes; with marks it has ChatML's special tokens.
func tiny(t *testing.T, context int, marks ...string) *weft.Model {
	t.Helper()
	tok := tokenizer.Bytes(append([]string{"<|endoftext|>"}, marks...)...)
	w := model.Init(model.Config{
		Arch: "llama", Vocab: tok.Size(), Context: context, Layers: 2, Dim: 16, Heads: 2, KVHeads: 1, HeadDim: 8,
		Hidden: 24, NormEps: 1e-5, Rope: model.Rope{Theta: 1e4}, Gated: true,
	}, 3)
	for _, p := range w.Params() {
		if p.Kind == model.Matrix || p.Kind == model.Head {
			for i := range p.Data {
				p.Data[i] *= 8 // far from uniform
			}
		}
	}
	core, err := model.New(w, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &weft.Model{Name: "tiny", Core: core, Tokenizer: tok, Template: chat.For(tok), Sampling: sample.Default()}
}

func TestGenerateIsComplete(t *testing.T) {
	m := tiny(t, 64)
	o := weft.Options{MaxTokens: 20, Sampling: &sample.Options{Temp: 1, Seed: 5}}
	want, err := m.Complete(context.Background(), "abc", o, nil)
	if err != nil || want.Finish != generate.Length || len(want.Tokens) != 20 {
		t.Fatalf("%+v, %v", want, err)
	}
	text := ""
	for token, err := range m.Generate(context.Background(), "abc", o) {
		if err != nil {
			t.Fatal(err)
		}
		text += token.Text
	}
	if text != want.Text {
		t.Errorf("%q, want %q", text, want.Text)
	}
	n := 0
	for range m.Generate(context.Background(), "abc", o) {
		if n++; n == 3 {
			break
		}
	}
}

func TestGenerateSaysWhyItEndedEarly(t *testing.T) {
	m := tiny(t, 8)
	last := func(ctx context.Context, prompt string) (err error) {
		for _, err = range m.Generate(ctx, prompt, weft.Options{}) {
		}
		return err
	}
	if err := last(context.Background(), "abc"); !errors.Is(err, weft.ErrContextFull) {
		t.Errorf("a full context: %v", err)
	}
	var tooLong *generate.ContextError
	if err := last(context.Background(), "123456789"); !errors.As(err, &tooLong) {
		t.Errorf("a prompt that is too long: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := last(ctx, "abc"); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: %v", err)
	}
	bad := sample.Options{TopP: 2}
	if _, err := m.Complete(context.Background(), "a", weft.Options{Sampling: &bad}, nil); !errors.Is(err, sample.ErrOptions) {
		t.Errorf("a wrong option: %v", err)
	}
}

func TestEncode(t *testing.T) {
	m := tiny(t, 8)
	end, _ := m.Tokenizer.SpecialID("<|endoftext|>")
	for _, c := range []struct {
		prompt string
		o      weft.Options
		want   []int32
	}{
		{"ab", weft.Options{}, []int32{'a', 'b'}},
		{"", weft.Options{}, []int32{end}}, // something to continue
		{"\xff", weft.Options{}, []int32{0xff}},
		{"<|endoftext|>", weft.Options{ParseSpecial: true}, []int32{end}},
	} {
		if got := m.Encode(c.prompt, c.o); !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, want %v", c.prompt, got, c.want)
		}
	}
	if got := m.Encode("<|endoftext|>", weft.Options{}); slices.Contains(got, end) {
		t.Errorf("a text became a special token: %v", got)
	}
}

// TestChatReusesWhatItRan: every turn runs only what is new, and answers as a
// fresh conversation would.
func TestChatReusesWhatItRan(t *testing.T) {
	m := tiny(t, 512, "<|im_start|>", "<|im_end|>")
	o := weft.Options{MaxTokens: 5, Sampling: &sample.Options{}}
	c, err := m.Chat(o)
	if err != nil {
		t.Fatal(err)
	}
	c.System = "be"
	held := 0
	for i, text := range []string{"one", "two", "three"} {
		before := slices.Clone(c.Turns)
		got, err := c.Say(context.Background(), text, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := held; got.Reused < want {
			t.Errorf("turn %d ran %d of %d tokens, %d were known", i, got.Result.Prompt-got.Reused, got.Result.Prompt, want)
		}
		held = len(got.Prompt) + len(got.Tokens) - 1
		fresh, _ := m.Chat(o)
		fresh.System, fresh.Turns = "be", before
		want, err := fresh.Say(context.Background(), text, nil)
		if err != nil || want.Text != got.Text {
			t.Errorf("turn %d: %q, a fresh conversation says %q (%v)", i, got.Text, want.Text, err)
		}
	}
	if len(c.Turns) != 6 {
		t.Errorf("%d turns", len(c.Turns))
	}
}

func TestAgain(t *testing.T) {
	m := tiny(t, 512)
	c, _ := m.Chat(weft.Options{MaxTokens: 8, Sampling: &sample.Options{Temp: 1, Seed: 1}})
	if _, err := c.Again(context.Background(), nil); !errors.Is(err, weft.ErrNothingToAnswer) {
		t.Errorf("before anything was said: %v", err)
	}
	first, err := c.Say(context.Background(), "hello", nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Again(context.Background(), nil)
	if err != nil || second.Text == first.Text || !slices.Equal(second.Prompt, first.Prompt) || len(c.Turns) != 2 {
		t.Errorf("%q, then %q with %d turns, %v", first.Text, second.Text, len(c.Turns), err)
	}
}

// TestFork: an answer with another beginning, which joins the conversation, does not
// run the prompt again; with its own beginning it is the same answer.
func TestFork(t *testing.T) {
	m := tiny(t, 512, "<|im_start|>", "<|im_end|>")
	o := weft.Options{MaxTokens: 12, Top: 2, Trace: 3, Entropy: true, Sampling: &sample.Options{Temp: 1, Seed: 1}}
	c, _ := m.Chat(o)
	first, err := c.Say(context.Background(), "hello", nil)
	if err != nil || len(first.Tokens) != 12 {
		t.Fatalf("%d tokens, %v", len(first.Tokens), err)
	}
	for _, token := range first.Tokens[:5] {
		o.Prefix = append(o.Prefix, token.ID)
	}
	again, _ := m.Chat(o)
	same, err := again.Say(context.Background(), "hello", nil)
	if err != nil || same.Text != first.Text || !same.Tokens[4].Forced || same.Tokens[5].Forced || same.Tokens[5].Trace == nil {
		t.Errorf("%q, want %q (%v)", same.Text, first.Text, err)
	}
	c.Options.Prefix = append(o.Prefix[:4:4], 'X')
	fork, err := c.Again(context.Background(), nil)
	if err != nil || fork.Message.Content[:5] == first.Text[:5] || fork.Tokens[4].ID != 'X' || fork.Reused != len(fork.Prompt)-1 || len(c.Turns) != 2 {
		t.Errorf("%q after %q, %d of %d reused, %v", fork.Text, first.Text, fork.Reused, len(fork.Prompt), err)
	}
	c.Options.Prefix = []int32{1 << 20}
	if _, err := c.Again(context.Background(), nil); err == nil || len(c.Turns) != 2 {
		t.Errorf("a token that does not exist: %v", err)
	}
	c.Options.Prefix = []int32{'a', 'b', -7}
	if _, err := c.Again(context.Background(), nil); err == nil {
		t.Error("a token that does not exist, later")
	}
}

func TestFullConversationDropsTheOldestAndSaysSo(t *testing.T) {
	m := tiny(t, 60)
	c, _ := m.Chat(weft.Options{MaxTokens: 5, Sampling: &sample.Options{}})
	dropped := 0
	for range 10 {
		r, err := c.Say(context.Background(), strings.Repeat("x", 20), nil)
		if err != nil {
			t.Fatal(err)
		}
		dropped = r.Dropped
	}
	if dropped < 10 || len(c.Turns) != 20 {
		t.Errorf("dropped %d of %d messages", dropped, len(c.Turns))
	}
	var tooLong *generate.ContextError
	if _, err := c.Say(context.Background(), strings.Repeat("x", 100), nil); !errors.As(err, &tooLong) {
		t.Errorf("a message that never fits: %v", err)
	}
	if len(c.Turns) != 20 {
		t.Errorf("the message that failed stayed")
	}
}

// TestAnswersKeepTheirBytes: a model may write what is no UTF-8.
func TestAnswersKeepTheirBytes(t *testing.T) {
	m := tiny(t, 512)
	c, _ := m.Chat(weft.Options{MaxTokens: 30, Sampling: &sample.Options{Temp: 3, Seed: 2}})
	r, err := c.Say(context.Background(), "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.Text, "\uFFFD") {
		t.Fatalf("the test needs an answer that is no UTF-8, got %q", r.Text)
	}
	answer := c.Turns[1].Content
	var ids []int32
	for _, tok := range r.Tokens {
		ids = append(ids, tok.ID)
	}
	if answer != string(m.Tokenizer.Decode(ids)) {
		t.Errorf("the conversation has %q", answer)
	}
}

// TestTokenAllocatesNothing: decoding makes no work for the garbage collector.
func TestTokenAllocatesNothing(t *testing.T) {
	m, err := weft.Open("")
	if err != nil {
		t.Fatal(err)
	}
	s := m.Core.NewSession(100)
	token := []int32{5}
	if n := testing.AllocsPerRun(50, func() {
		if _, err := s.Append(token); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations for a token", n)
	}
}

// TestOpenerKV: keys and values are kept as asked, else in half precision, or as
// they are where all is exact.
func TestOpenerKV(t *testing.T) {
	for _, c := range []struct {
		o    weft.Opener
		want kvcache.Type
	}{
		{weft.Opener{}, kvcache.F16},
		{weft.Opener{Exact: true}, kvcache.F32},
		{weft.Opener{KV: "bf16"}, kvcache.BF16},
		{weft.Opener{KV: "f32"}, kvcache.F32},
		{weft.Opener{KV: "q8_0"}, kvcache.Q8_0},
		{weft.Opener{KV: "f16", Exact: true}, kvcache.F16},
	} {
		m, err := c.o.Open("")
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Core.NewSession(8).Cache.Shape().Type; got != c.want {
			t.Errorf("%+v: keys and values in %v", c.o, got)
		}
		m.Close()
	}
	if _, err := (weft.Opener{KV: "q3"}).Open(""); err == nil {
		t.Error("q3: no error")
	}
}

// TestOpenerLoad: however weights get into memory, the answer is the same or exact.
func TestOpenerLoad(t *testing.T) {
	answer := func(o weft.Opener) []float32 {
		t.Helper()
		m, err := o.Open("")
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		logits, err := m.Core.NewSession(20).Append([]int32{5, 6, 7})
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(logits)
	}
	usual, exact := answer(weft.Opener{}), answer(weft.Opener{Exact: true, KV: "f16"})
	if !slices.Equal(answer(weft.Opener{Load: "auto"}), usual) {
		t.Error("auto is not the default")
	}
	if !slices.Equal(answer(weft.Opener{Load: "map"}), exact) {
		t.Error("map is not exact")
	}
	if runtime.GOOS == "linux" && !slices.Equal(answer(weft.Opener{Load: "huge"}), usual) {
		t.Error("huge pages change the answer")
	}
	if _, err := (weft.Opener{Load: "tape"}).Open(""); err == nil {
		t.Error("tape: no error")
	}
}
