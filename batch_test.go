package weft_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weft"
	"weft/internal/par"
	"weft/sample"
)

// plain is a result without what may differ from one run to another.
func plain(r weft.Result) weft.Result {
	r.Prefill, r.Decode, r.Reused, r.Proposed, r.Accepted = 0, 0, 0, 0, 0
	return r
}

// asks are 16 requests of different kinds. Every fourth goes on as an earlier one did.
func asks() (prompts []string, options []weft.Options) {
	rng := rand.New(rand.NewPCG(7, 7))
	for i := range 16 {
		prompt := fmt.Sprint(i) + strings.Repeat("ab c", rng.IntN(90))
		if i%4 == 3 {
			prompt = prompts[i-3] + prompt
		}
		o := weft.Options{MaxTokens: 1 + rng.IntN(60), LogProbs: true, Top: i % 3, Sampling: &sample.Options{Seed: uint64(i)}}
		if i%2 == 0 {
			o.Sampling.Temp, o.Sampling.TopP, o.Sampling.RepeatPenalty = 1, 0.9, 1.1
		}
		if i%5 == 0 {
			o.Stop = []string{"a", "\n"}
		}
		prompts, options = append(prompts, prompt), append(options, o)
	}
	return prompts, options
}

// TestBatchHasTheSameBits: 16 requests that come and go at random are answered as
// each alone, with log probabilities to the bit, in few slots and many.
func TestBatchHasTheSameBits(t *testing.T) {
	m := tiny(t, 1200)
	prompts, options := asks()
	var want []weft.Result
	for i, o := range options {
		o.Speculation = weft.SpeculateNever
		res, err := m.Complete(context.Background(), prompts[i], o, nil)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, plain(res))
	}
	pool := par.New(3)
	defer pool.Close()
	m.Core.Pool = pool
	for _, slots := range []int{1, 3, 16} {
		b, err := m.Batch(slots, 0)
		if err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for i, o := range options {
			pause := time.Duration(rand.IntN(20)) * time.Millisecond
			wait.Go(func() {
				time.Sleep(pause)
				got, err := b.Complete(context.Background(), prompts[i], o, nil)
				if err != nil || !reflect.DeepEqual(plain(got), want[i]) {
					t.Errorf("%d slots, request %d: %+v, want %+v (%v)", slots, i, got, want[i], err)
				}
			})
		}
		wait.Wait()
	}
	if _, err := m.Batch(0, 0); err == nil {
		t.Error("a batch without slots")
	}
}

// TestBatchChats: conversations at the same time are what each would be alone, and
// go on where they were.
func TestBatchChats(t *testing.T) {
	m := tiny(t, 512)
	o := weft.Options{MaxTokens: 9, Sampling: &sample.Options{Temp: 1, Seed: 3}}
	b, err := m.Batch(3, 0)
	if err != nil {
		t.Fatal(err)
	}
	hold := func(c *weft.Chat, i int) (said []string, reused int) {
		for turn := range 3 {
			r, err := c.Say(context.Background(), strings.Repeat(fmt.Sprint(i, turn), 5), nil)
			if err != nil {
				t.Error(err)
			}
			said, reused = append(said, r.Text), r.Reused
		}
		return said, reused
	}
	var wait sync.WaitGroup
	for i := range 3 {
		wait.Go(func() {
			alone, err := m.Chat(o)
			if err != nil {
				t.Error(err)
				return
			}
			want, _ := hold(alone, i)
			c, err := b.Chat(o)
			if err != nil {
				t.Error(err)
				return
			}
			if got, reused := hold(c, i); !slices.Equal(got, want) || reused < 20 {
				t.Errorf("conversation %d: %q, want %q; %d tokens of the last turn were held", i, got, want, reused)
			}
		})
	}
	wait.Wait()
}

// TestSpeculationHasTheSameBits: whoever guesses.
func TestSpeculationHasTheSameBits(t *testing.T) {
	m, other := tiny(t, 1200), tiny(t, 300)
	pool := par.New(3)
	defer pool.Close()
	m.Core.Pool = pool
	prompts, options := asks()
	accepted := 0
	for i, o := range options {
		o.MaxTokens = 60
		o.Speculation = weft.SpeculateNever
		want, err := m.Complete(context.Background(), prompts[i], o, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want.Proposed != 0 {
			t.Errorf("%d guesses although there should be none", want.Proposed)
		}
		for _, draft := range []*weft.Model{nil, other} {
			for _, s := range []weft.Speculation{weft.SpeculateAuto, weft.SpeculateAlways} {
				o.Speculation, o.Draft = s, draft
				got, err := m.Complete(context.Background(), prompts[i], o, nil)
				if err != nil || !reflect.DeepEqual(plain(got), plain(want)) {
					t.Errorf("request %d: %+v, want %+v (%v)", i, got, want, err)
				}
				accepted += got.Accepted
			}
		}
	}
	if accepted == 0 {
		t.Error("no guess was right: the test sees nothing")
	}
	stranger := tiny(t, 64, "<|im_start|>")
	if _, err := m.Complete(context.Background(), "a", weft.Options{Draft: stranger}, nil); err == nil || !strings.Contains(err.Error(), "cannot draft for") {
		t.Errorf("a draft model with another vocabulary: %v", err)
	}
	if _, err := m.Chat(weft.Options{Draft: stranger}); err == nil {
		t.Error("the same in a conversation")
	}
}

func TestBenchParallel(t *testing.T) {
	m, ctx := tiny(t, 64), context.Background()
	b, err := m.BenchParallel(ctx, 3, 5, 20)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if rate, err := b.Round(ctx); err != nil || rate <= 0 {
			t.Fatalf("%v tokens/s, %v", rate, err)
		}
	}
	for _, c := range [][3]int{{0, 1, 1}, {1, 0, 1}, {1, 1, -1}, {2, 60, 5}} {
		if _, err := m.BenchParallel(ctx, c[0], c[1], c[2]); err == nil {
			t.Errorf("%v is accepted", c)
		}
	}
}

// TestContinueIsChat: messages made tokens are answered as a conversation is.
func TestContinueIsChat(t *testing.T) {
	m := tiny(t, 200, "<|im_start|>", "<|im_end|>")
	b, err := m.Batch(2, 100)
	if err != nil || b.Context() != 100 {
		t.Fatal(err)
	}
	o := weft.Options{MaxTokens: 20, LogProbs: true, Sampling: &sample.Options{Temp: 1, Seed: 5}}
	c, err := b.Chat(o)
	if err != nil {
		t.Fatal(err)
	}
	want, err := c.Say(context.Background(), "hello", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Continue(context.Background(), want.Prompt, o, nil)
	if err != nil || !reflect.DeepEqual(plain(got), plain(want.Result)) {
		t.Errorf("%+v, want %+v (%v)", got, want.Result, err)
	}
	if _, err := b.Continue(context.Background(), nil, o, nil); err == nil {
		t.Error("no tokens were continued")
	}
}
