package inspect_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"weft/inspect"
	"weft/model"
)

// TestNoLens: without the lens a trace says the same of the rest, and the caller's hooks
// see the pass.
func TestNoLens(t *testing.T) {
	each(t, inspect.Options{Top: 3}, func(t *testing.T, m *model.Model, want *inspect.Trace) {
		seen := 0
		got, err := inspect.Look(m, want.Tokens, inspect.Options{Top: 3, NoLens: true, Watch: func(h *model.Hooks) {
			h.On("blocks.1.hook_resid_post", func(*model.Point) error { seen++; return nil })
		}})
		if err != nil {
			t.Fatal(err)
		}
		if seen != 1 || got.LockIn != nil || got.Blocks[0].After.Lens != nil {
			t.Errorf("seen %d times; lock-in %v", seen, got.LockIn)
		}
		if !reflect.DeepEqual(got.Next, want.Next) || got.Checks != want.Checks || !reflect.DeepEqual(got.Attribution, want.Attribution) {
			t.Errorf("%+v, want %+v", got.Next, want.Next)
		}
		for i, b := range want.Blocks {
			b.After.Lens = nil
			if !reflect.DeepEqual(got.Blocks[i], b) {
				t.Errorf("block %d differs", i)
			}
		}
	})
}

// TestUntil: an analysis ends when its context does, and shares what was found out.
func TestUntil(t *testing.T) {
	s := inspect.NewSubject(randomModel(t, configs()["llama"]), inspect.About{Name: "m", BOS: -1})
	ctx, cancel := context.WithCancel(context.Background())
	u := s.Until(ctx)
	if !reflect.DeepEqual(u.Provenance(nil), s.Provenance(nil)) {
		t.Error("the provenance differs")
	}
	done := 0
	if _, err := u.Lens(ctx, prompt(5), inspect.LensOptions{OnRead: func(n, total int) { done = n - total }}); err != nil || done != 0 {
		t.Errorf("%v, %d positions left", err, done)
	}
	cancel()
	// Asked with a context that goes on, the pass itself ends.
	if _, err := u.Lens(context.Background(), prompt(5), inspect.LensOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := s.Lens(context.Background(), prompt(5), inspect.LensOptions{}); err != nil {
		t.Errorf("the subject itself: %v", err)
	}
}
