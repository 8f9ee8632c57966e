package model_test

import (
	"errors"
	"fmt"
	"testing"

	"weft/kvcache"
	"weft/model"
)

// TestWindowsForget: a cache that lets go what windows have passed gives the bits of
// a pass that keeps everything, however the tokens come and wherever they are taken
// back to, or says that it cannot.
func TestWindowsForget(t *testing.T) {
	const n = 1300
	base := attentions()["sinks"]
	base.Layers, base.Blocks = 3, []model.Block{{Window: 9}, {}, {Window: 300}}
	types, cuts := []kvcache.Type{kvcache.F32, kvcache.F16, kvcache.BF16, kvcache.Q8_0}, []int{1, 33, 512, n - 1}
	if testing.Short() { // half precision differs in how it is read alone, which other tests cover
		types, cuts = types[1:2], cuts[1:3]
	}
	for _, kv := range types {
		tokens := randomTokens(n, base.Vocab, 4)
		whole, err := cacheModel(t, base, kv, 1).Forward(tokens, &model.Run{Logits: model.AllLogits})
		if err != nil {
			t.Fatal(err)
		}
		m := cacheModel(t, base, kv, 3)
		for _, cut := range cuts {
			t.Run(fmt.Sprint(kv, "/", cut), func(t *testing.T) {
				c := m.NewCache(n)
				run := func(from, to int, h *model.Hooks) {
					t.Helper()
					for at := from; at < to; at += cut {
						end := min(at+cut, to)
						logits, err := m.Forward(tokens[at:end], &model.Run{Cache: c, Hooks: h})
						if err != nil {
							t.Fatal(err)
						}
						sameBits(t, fmt.Sprint("token ", end), logits.Data, whole.Row(end-1))
					}
				}
				run(0, 600, nil)
				c.Mark()
				run(600, n, nil)
				if err := c.Truncate(n - kvcache.Margin); err != nil {
					t.Fatal(err)
				}
				run(n-kvcache.Margin, n, nil)
				if cut <= 512 {
					if got, most := c.Bytes(), c.Shape().Bytes(2*n, cut); got > most {
						t.Errorf("%d bytes, at most %d", got, most)
					}
					if err := c.Truncate(400); !errors.Is(err, kvcache.ErrRewind) || c.Len() != n {
						t.Errorf("back to 400: %v, %d positions", err, c.Len())
					}
				}
				if err := c.Truncate(600); err != nil {
					t.Fatal(err)
				}
				var h model.Hooks // as one who watches sees it
				for l := range base.Layers {
					h.On(fmt.Sprintf("blocks.%d.attn.hook_pattern", l), func(*model.Point) error { return nil })
				}
				run(600, 700, &h)
				run(700, 1000, nil)
				if err := c.Truncate(0); err != nil {
					t.Fatal(err)
				}
				run(0, 300, nil)
			})
		}
	}
}

// TestWindowsSession: a session refuses to go back where it cannot, and what it
// refuses leaves it as it was.
func TestWindowsSession(t *testing.T) {
	c := attentions()["window"]
	m := cacheModel(t, c, kvcache.F16, 2)
	tokens := randomTokens(1200, c.Vocab, 4)
	s := m.NewSession(0)
	if _, err := s.Append(tokens[:900]); err != nil {
		t.Fatal(err)
	}
	bad := append(tokens[900:1200:1200], make([]int32, 900)...)
	bad[len(bad)-1] = int32(c.Vocab)
	if _, err := s.Append(bad); err == nil || s.Len() != 900 {
		t.Fatalf("a token that is none: %v, %d tokens", err, s.Len())
	}
	if err := s.Truncate(100); !errors.Is(err, kvcache.ErrRewind) || s.Len() != 900 {
		t.Fatalf("back to 100: %v, %d tokens", err, s.Len())
	}
	got, err := s.Append(tokens[900:])
	if err != nil {
		t.Fatal(err)
	}
	want, err := m.Forward(tokens, nil)
	if err != nil {
		t.Fatal(err)
	}
	sameBits(t, "after refusals", got, want.Data)

	other := c
	other.Blocks = []model.Block{{Window: 9}, {Window: 71}}
	if _, err := m.Forward(tokens[:1], &model.Run{Cache: cacheModel(t, other, kvcache.F16, 1).NewCache(10)}); err == nil {
		t.Error("a cache for other windows was taken")
	}
}
