package inspect

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
)

// impatient is a context that ends when it has been asked so often.
type impatient struct {
	context.Context
	left atomic.Int64
}

func (c *impatient) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// TestStops: every analysis asks at least in every block whether it is still wanted,
// and ends there.
func TestStops(t *testing.T) {
	s, other := family(t, families()["llama"], 1), family(t, families()["llama"], 2)
	clean, corrupted := sentences()
	windows := [][]int32{clean, corrupted}
	right, wrong := movedMost(t, s, clean, corrupted)
	vector := &Steering{Point: "blocks.1.hook_resid_post", Vector: make([]float32, 24), Strength: 1}
	for name, f := range map[string]func(ctx context.Context) error{
		"record":    func(ctx context.Context) error { _, err := s.Record(ctx, windows, "hook_embed"); return err },
		"lens":      func(ctx context.Context) error { _, err := s.Lens(ctx, clean, LensOptions{}); return err },
		"attribute": func(ctx context.Context) error { _, err := s.Attribute(ctx, clean, AttributeOptions{}); return err },
		"attention": func(ctx context.Context) error { _, err := s.Attention(ctx, clean, AttentionOptions{}); return err },
		"heads":     func(ctx context.Context) error { _, err := s.Heads(ctx, HeadOptions{Length: 9}); return err },
		"patch": func(ctx context.Context) error {
			_, err := s.Patch(ctx, clean, corrupted, PatchOptions{Right: &right, Wrong: &wrong})
			return err
		},
		"ablate": func(ctx context.Context) error {
			_, err := s.Ablate(ctx, clean, Ablation{Targets: []Target{{TargetHead, 1, 1}}}, EffectOptions{})
			return err
		},
		"steer": func(ctx context.Context) error { _, err := s.Steer(ctx, clean, vector, EffectOptions{}); return err },
		"new steering": func(ctx context.Context) error {
			_, err := s.NewSteering(ctx, windows[:1], windows[1:], vector.Point)
			return err
		},
		"saliency":  func(ctx context.Context) error { _, err := s.Saliency(ctx, clean, SaliencyOptions{}); return err },
		"compare":   func(ctx context.Context) error { _, err := Compare(ctx, s, other, windows, nil); return err },
		"match":     func(ctx context.Context) error { _, err := MatchUnits(ctx, s, other, windows, nil); return err },
		"losses":    func(ctx context.Context) error { _, err := MeasureLayerLosses(ctx, s, other, windows, nil); return err },
		"distances": func(ctx context.Context) error { _, err := Distances(ctx, s, other); return err },
	} {
		asked := &impatient{Context: background}
		asked.left.Store(1 << 40)
		if err := f(asked); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		times := 1<<40 - asked.left.Load()
		if times < 3 {
			t.Errorf("%s asks %d times whether it is still wanted", name, times)
		}
		for _, after := range []int64{0, 1, times / 3, times / 2, times - 1} {
			ctx := &impatient{Context: background}
			ctx.left.Store(after)
			if err := f(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, told to stop when asked for the %d. of %d times: %v", name, after+1, times, err)
			}
		}
	}
}
