package model_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"weft/internal/cpu/cputest"
	"weft/model"
)

// TestSameBits: logits do not depend on threads, packing, the cut of the
// prompt, the cache, or the batch.
func TestSameBits(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for name, c := range configs() {
			t.Run(name, func(t *testing.T) { checkSameBits(t, c) })
		}
	})
}

func checkSameBits(t *testing.T, c model.Config) {
	const n = 75
	tokens := randomTokens(n, c.Vocab, 4)
	whole, err := randomModel(t, c, 1).Forward(tokens, &model.Run{Logits: model.AllLogits})
	if err != nil {
		t.Fatal(err)
	}
	want := func(i int) []float32 { return whole.Data[i*c.Vocab : (i+1)*c.Vocab] }
	for _, threads := range []int{1, 2, 3} {
		for _, packed := range []bool{false, true} {
			m := randomModel(t, c, threads)
			if packed {
				m.Pack(model.Packing{Decode: true})
			}
			how := fmt.Sprintf("%d threads, packed %v", threads, packed)
			batch, err := m.Forward(append(randomTokens(n, c.Vocab, 9), tokens...), &model.Run{SeqLen: n})
			if err != nil {
				t.Fatal(err)
			}
			sameBits(t, how+", in a batch", batch.Data[c.Vocab:], want(n-1))
			for _, cut := range []int{1, 7, 64, n} {
				s := m.NewSession(0)
				for i := 0; i < n; i += cut {
					end := min(i+cut, n)
					logits, err := s.Append(tokens[i:end])
					if err != nil {
						t.Fatal(err)
					}
					sameBits(t, fmt.Sprintf("%s, cut %d, token %d", how, cut, end), logits, want(end-1))
				}
				if err := s.Truncate(30); err != nil {
					t.Fatal(err)
				}
				logits, err := s.Append(tokens[30:50])
				if err != nil {
					t.Fatal(err)
				}
				sameBits(t, how+", after a rewind", logits, want(49))
			}
		}
	}
}

// TestLossMatchesLogits: the chunked loss is that of the logits themselves.
func TestLossMatchesLogits(t *testing.T) {
	for name, c := range configs() {
		m := randomModel(t, c, 2)
		tokens, targets := randomTokens(60, c.Vocab, 1), randomTokens(60, c.Vocab, 2)
		logits, err := m.Forward(tokens, &model.Run{SeqLen: 20, Logits: model.AllLogits})
		if err != nil {
			t.Fatal(err)
		}
		want := 0.0
		for i, target := range targets {
			r, sum := logits.Row(i), 0.0
			for _, v := range r {
				sum += math.Exp(float64(v))
			}
			want += math.Log(sum) - float64(r[target])
		}
		got, err := m.Loss(m.NewScratch(3, 20), tokens, targets, nil)
		if err != nil || math.Abs(got-want) > 1e-4*want {
			t.Errorf("%s: loss %g, %v, logits say %g", name, got, err, want)
		}
	}
}

// TestHooksSeeEverything: every point fires once, in order, with its shape,
// and looking changes no bit.
func TestHooksSeeEverything(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for name, c := range configs() {
			t.Run(name, func(t *testing.T) {
				m := randomModel(t, c, 2)
				tokens := randomTokens(70, c.Vocab, 3)
				plain, err := m.Forward(tokens, &model.Run{Logits: model.AllLogits})
				if err != nil {
					t.Fatal(err)
				}
				var h model.Hooks
				var seen []string
				for _, point := range c.HookPoints() {
					h.On(point, func(p *model.Point) error {
						seen = append(seen, p.Name)
						size := 1
						for _, d := range p.Shape {
							size *= d
						}
						if size != len(p.Data) {
							t.Errorf("%s: %d numbers, shape %v", p.Name, len(p.Data), p.Shape)
						}
						return nil
					})
				}
				watched, err := m.Forward(tokens, &model.Run{Logits: model.AllLogits, Hooks: &h})
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(seen, c.HookPoints()) {
					t.Errorf("fired %v", seen)
				}
				sameBits(t, "watched", watched.Data, plain.Data)
			})
		}
	})
}

// TestHooksReplace: what a hook writes is what the rest of the pass reads, at
// every point that may be written.
func TestHooksReplace(t *testing.T) {
	for name, c := range configs() {
		m := randomModel(t, c, 1)
		tokens := randomTokens(12, c.Vocab, 3)
		plain, err := m.Forward(tokens, nil)
		if err != nil {
			t.Fatal(err)
		}
		before := slices.Clone(plain.Data)
		for _, point := range c.HookPoints() {
			var h model.Hooks
			h.On(point, func(p *model.Point) error {
				for i := range p.Data {
					if i%3 == 0 { // not a change that a softmax or norm undoes
						p.Data[i] += 0.5
					}
				}
				return nil
			})
			after, err := m.Forward(tokens, &model.Run{Hooks: &h})
			if err != nil {
				t.Fatal(err)
			}
			readOnly := strings.HasSuffix(point, "hook_scale")
			if changed := !slices.Equal(after.Data, before); changed == readOnly {
				t.Errorf("%s: %s written, logits changed: %v", name, point, changed)
			}
		}
	}
}

func TestHookErrors(t *testing.T) {
	c := configs()["llama"]
	m := randomModel(t, c, 1)
	run := func(point string, result error) error {
		var h model.Hooks
		h.On(point, func(*model.Point) error { return result })
		cache := m.NewCache(c.Context)
		logits, err := m.Forward([]int32{1, 2}, &model.Run{Hooks: &h, Cache: cache})
		if logits.Data != nil || cache.Len() != 0 {
			t.Errorf("%s: a stopped pass left %d logits, %d cached tokens", point, len(logits.Data), cache.Len())
		}
		return err
	}
	if err := run("blocks.1.hook_resid_mid", model.ErrStop); err != nil {
		t.Error(err)
	}
	mine := errors.New("mine")
	if err := run("hook_logits", mine); !errors.Is(err, mine) {
		t.Error(err)
	}
	if err := run("blocks.9.hook_resid_mid", nil); err == nil || !strings.Contains(err.Error(), "blocks.9.hook_resid_mid") {
		t.Error(err)
	}
}

// TestUntil: a pass ends between two blocks once nobody waits for it, and a cache is as
// it was.
func TestUntil(t *testing.T) {
	m := randomModel(t, configs()["llama"], 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	want, err := m.Forward([]int32{1, 2, 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want.Data = slices.Clone(want.Data)
	bounded := m.Until(ctx)
	if got, err := bounded.Forward([]int32{1, 2, 3}, nil); err != nil || !slices.Equal(got.Data, want.Data) {
		t.Errorf("a context that goes on changed the logits: %v", err)
	}
	var h model.Hooks
	h.On("blocks.0.hook_resid_mid", func(*model.Point) error { cancel(); return nil })
	h.On("blocks.1.hook_resid_pre", func(*model.Point) error { t.Error("the next block ran"); return nil })
	cache := m.NewCache(10)
	if _, err := bounded.Forward([]int32{1, 2, 3}, &model.Run{Hooks: &h, Cache: cache}); !errors.Is(err, context.Canceled) || cache.Len() != 0 {
		t.Errorf("%v, %d tokens in the cache", err, cache.Len())
	}
}

func TestForwardRefuses(t *testing.T) {
	c := configs()["llama"]
	m := randomModel(t, c, 1)
	for _, tokens := range [][]int32{nil, {-1}, {int32(c.Vocab)}, make([]int32, c.Context+1)} {
		if _, err := m.Forward(tokens, nil); err == nil {
			t.Errorf("%d tokens %v: no error", len(tokens), tokens[:min(1, len(tokens))])
		}
	}
	s := m.NewSession(10)
	if _, err := s.Append(make([]int32, 11)); !errors.Is(err, model.ErrContext) || s.Len() != 0 {
		t.Error(err, s.Len())
	}
	if _, err := s.Append(make([]int32, 10)); err != nil {
		t.Error(err)
	}
	if _, err := s.Append([]int32{1}); !errors.Is(err, model.ErrContext) || s.Len() != 10 {
		t.Error(err, s.Len())
	}
	bad := c
	bad.KVHeads = 3
	if _, err := model.New(&model.Weights{Config: bad}, nil); !errors.Is(err, model.ErrConfig) {
		t.Error(err)
	}
}

// TestUnembed: the lens on the last stream is the model.
func TestUnembed(t *testing.T) {
	for name, c := range configs() {
		m := randomModel(t, c, 2)
		var h model.Hooks
		var lens []float32
		h.On(fmt.Sprintf("blocks.%d.hook_resid_post", c.Layers-1), func(p *model.Point) error {
			lens = m.Unembed(p.Mat()).Data
			return nil
		})
		logits, err := m.Forward(randomTokens(9, c.Vocab, 3), &model.Run{Hooks: &h, Logits: model.AllLogits})
		if err != nil {
			t.Fatal(err)
		}
		sameBits(t, name, lens, logits.Data)
	}
}
