package generate

import (
	"context"
	"errors"
	"slices"
	"testing"

	"weft/sample"
)

// dice is an engine whose logits depend on all tokens so far, the same however they
// came.
type dice struct {
	script
	vocab int
}

func (e *dice) Append(tokens []int32) ([]float32, error) {
	logits, err := e.AppendAll(tokens)
	return logits[len(logits)-e.vocab:], err
}

func (e *dice) AppendAll(tokens []int32) (all []float32, err error) {
	e.ran, e.calls = e.ran+len(tokens), e.calls+1
	for _, token := range tokens {
		e.tokens = append(e.tokens, token)
		h := uint32(len(e.tokens))
		for _, id := range e.tokens {
			h = (h ^ uint32(id)) * 16777619
		}
		for range e.vocab {
			h = h*1664525 + 1013904223
			all = append(all, float32(h>>24)/40)
		}
	}
	return all, nil
}

func throw(t *testing.T, g *Generator, req Request) Result {
	t.Helper()
	s, err := sample.New(sample.Options{Temp: 1, TopP: 0.9, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	req.Prompt, req.Sampler, req.MaxTokens, req.Top, req.Entropy, req.Trace = []int32{5, 6, 7}, s, 60, 3, true, 4
	res, err := g.Run(context.Background(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestPrefixGoesOnAsItWouldHave: an answer that is made to begin as it would have
// anyway is the same, with all that is said of its tokens.
func TestPrefixGoesOnAsItWouldHave(t *testing.T) {
	e := &dice{script: script{context: 1000}, vocab: 30}
	whole := throw(t, New(e), Request{}).Tokens
	for _, n := range []int{0, 1, 2, prefixStep, prefixStep + 1, 40, 60} {
		for _, drafter := range []Drafter{nil, &Lookup{}} {
			g := New(e)
			res := throw(t, g, Request{Prefix: ids(whole[:n]), Drafter: drafter, Always: true})
			for i, tok := range res.Tokens {
				want := whole[i]
				if tok.ID != want.ID || tok.LogProb != want.LogProb || tok.Entropy != want.Entropy || !slices.Equal(tok.Top, want.Top) {
					t.Fatalf("prefix of %d: token %d is %+v, want %+v", n, i, tok, want)
				}
				if tok.Forced != (i < n) || tok.Trace.Chosen != tok.ID || tok.Trace.Draw != want.Trace.Draw || len(tok.Trace.Steps) != 3 {
					t.Fatalf("prefix of %d: token %d: forced %v, %+v", n, i, tok.Forced, tok.Trace)
				}
			}
			if drafter == nil && (res.Proposed != 0 || res.Accepted != 0) {
				t.Errorf("a prefix counts as %d guesses", res.Proposed)
			}
		}
	}
}

// TestForkIsQuick: another token in an answer runs the prefix in few passes, and the
// prompt not at all.
func TestForkIsQuick(t *testing.T) {
	e := &dice{script: script{context: 1000}, vocab: 30}
	g := New(e)
	prefix := ids(throw(t, g, Request{}).Tokens)[:33]
	prefix[32] = (prefix[32] + 1) % 30
	e.calls = 0
	calls := 0
	s, _ := sample.New(sample.Greedy())
	res, err := g.Run(context.Background(), Request{Prompt: []int32{5, 6, 7}, Sampler: s, Prefix: prefix, MaxTokens: 34}, func(tok Token) bool {
		calls = e.calls
		return true
	})
	if err != nil || !slices.Equal(ids(res.Tokens)[:33], prefix) || res.Reused != 2 || res.Tokens[33].Forced {
		t.Fatalf("%v, reused %d: %v", ids(res.Tokens), res.Reused, err)
	}
	if want := 1 + (33+prefixStep)/(prefixStep+1); calls > want {
		t.Errorf("%d passes, want %d", calls, want)
	}
}

// TestForkGoesToItsSlot: a fork of a long answer to a short prompt is made where the
// answer was, so that the prompt does not run again.
func TestForkGoesToItsSlot(t *testing.T) {
	b := NewBatch(newChoir(2, chain{9, 2}, 1000))
	prompt := slices.Repeat([]int32{5, 6}, 10)
	res, err := b.Run(context.Background(), Request{Prompt: prompt, MaxTokens: 100}, nil)
	if err != nil {
		t.Fatal(err)
	}
	fork := append(ids(res.Tokens)[:90], 8)
	res, err = b.Run(context.Background(), Request{Prompt: prompt, Prefix: fork, MaxTokens: 95}, nil)
	if err != nil || res.Reused != len(prompt)-1 || !slices.Equal(ids(res.Tokens)[:91], fork) {
		t.Errorf("%d of %d tokens reused, %v", res.Reused, len(prompt), err)
	}
}

func TestPrefixMayEnd(t *testing.T) {
	e, req := saying("a", "b", "c")
	req.Prefix = []int32{1, 0, 2}
	if res, _ := collect(t, e, req); res.Text != "a" || res.Finish != Stop || res.End != 0 {
		t.Errorf("%+v", res)
	}
	e, req = saying("a", "b", "c")
	req.Prefix, req.MaxTokens = []int32{3, 3, 3}, 2
	if res, _ := collect(t, e, req); res.Text != "cc" || res.Finish != Length {
		t.Errorf("%+v", res)
	}
	e, req = saying("a", "b")
	req.Prefix, req.Stop = []int32{1, 2, 2}, []string{"bb"}
	if res, _ := collect(t, e, req); res.Text != "a" || res.StopText != "bb" {
		t.Errorf("%+v", res)
	}
}

func TestWrongPrefixAndTrace(t *testing.T) {
	for _, id := range []int32{-1, 3} {
		e, req := saying("a", "b")
		req.Prefix = []int32{id}
		if _, err := New(e).Run(context.Background(), req, nil); !errors.Is(err, ErrRequest) {
			t.Errorf("token %d: %v", id, err)
		}
	}
	e, req := saying("a")
	req.Sampler, req.Trace = silent{}, 1
	if _, err := New(e).Run(context.Background(), req, nil); !errors.Is(err, ErrRequest) {
		t.Errorf("traced: %v", err)
	}
}

// silent does not show its work.
type silent struct{}

func (silent) Next([]float32, []int32) (int32, error) { return 0, nil }

func ids(tokens []Token) (list []int32) {
	for _, tok := range tokens {
		list = append(list, tok.ID)
	}
	return list
}
