package inspect

import (
	"context"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"testing"
	"time"

	"weft/model"
)

// gauge measures how much is alive at the worst moment of a function: whenever the
// context is asked, which passes do in every block, and besides ten thousand times a
// second.
type gauge struct {
	context.Context
	mu         sync.Mutex
	base, most uint64
	heap       []metrics.Sample
}

func newGauge() *gauge {
	runtime.GC() // buffers in pools go after the second time
	g := &gauge{Context: background, heap: []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}}
	g.base = g.alive()
	g.most = g.base
	return g
}

// alive is what a collection leaves, and what has been made while it looked.
func (g *gauge) alive() uint64 {
	runtime.GC()
	metrics.Read(g.heap)
	return g.heap[0].Value.Uint64()
}

// Err collects only if what is there with the garbage may be more than what has been
// seen so far.
func (g *gauge) Err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if metrics.Read(g.heap); g.heap[0].Value.Uint64() > g.most {
		g.most = max(g.most, g.alive())
	}
	return nil
}

// peak is the most that f has alive at once.
func peak(t *testing.T, f func(ctx context.Context) error) int64 {
	t.Helper()
	g := newGauge()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Microsecond):
				_ = g.Err()
			}
		}
	}()
	err := f(g)
	close(stop)
	<-done
	if err != nil {
		t.Fatal(err)
	}
	return int64(g.most - g.base)
}

// midsize is large enough that what is held is the analysis', not Go's.
var midsize = model.Config{Arch: "llama", Vocab: 2000, Context: 512, Layers: 4, Dim: 96, Heads: 6, KVHeads: 3, HeadDim: 16, Hidden: 256,
	NormEps: 1e-5, Rope: model.Rope{Theta: 1e4}, Gated: true}

// TestBudgets: what is said beforehand is no less than what is held, and no more
// than three times that (and a little for what does not grow).
func TestBudgets(t *testing.T) {
	const spare = 64 << 10
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // as many as the pool has threads, which bounds grow with
	s, other := family(t, midsize, 1), family(t, midsize, 2)
	s.Provenance(nil)
	other.Provenance(nil)
	c := s.Model.Config
	targets := []Target{{TargetHead, 1, 3}, {TargetLayer, 0, 0}, {TargetNeuron, 2, 100}}
	jacobian := &Jacobian{Provenance: s.Provenance(nil)}
	for range c.Layers {
		one := make([]float32, c.Dim*c.Dim)
		for i := range c.Dim {
			one[i*c.Dim+i] = 1
		}
		jacobian.Layers = append(jacobian.Layers, one)
	}
	for _, n := range []int{16, 120} {
		tokens, text := randomText(n, c.Vocab), randomText(3*n, c.Vocab)
		corrupted := slices.Clone(tokens)
		corrupted[n-8] ^= 1 // places before need no runs
		windows := [][]int32{text[:n], text[n : 2*n], text[2*n:]}
		vector := &Steering{Point: "blocks.1.hook_resid_post", Vector: make([]float32, c.Dim), Strength: 1}
		check := func(name string, budget int64, f func(ctx context.Context) error) {
			t.Helper()
			least, most := peak(t, f), int64(0)
			most = least
			for range 4 { // moments may be missed, and what is made while the collector looks counts
				if budget >= least && budget <= 3*most+spare {
					break
				}
				again := peak(t, f)
				least, most = min(least, again), max(most, again)
			}
			held := least
			t.Logf("%4d tokens, %-16s budget %6d KiB, held %6d KiB: %.2f", n, name, budget>>10, held>>10, float64(budget)/float64(held))
			if budget < least || budget > 3*most+spare {
				t.Errorf("%s of %d tokens holds %d KiB and says %d", name, n, held>>10, budget>>10)
			}
		}
		record := func(prompts [][]int32, points ...string) {
			bytes, err := RecordBytes(c, lengthsOf(prompts), points...)
			if err != nil {
				t.Fatal(err)
			}
			var r *Record
			check("record "+points[0], bytes, func(ctx context.Context) (err error) {
				r, err = s.Record(ctx, prompts, points...)
				return err
			})
			runtime.KeepAlive(r)
		}
		record(windows[:1], "blocks.*.hook_resid_post")
		record(windows, "blocks.*.attn.hook_pattern")
		record(windows, "blocks.*", "hook_logits")
		record(windows, "blocks.1.attn.hook_attn_scores")
		for name, o := range map[string]LensOptions{"lens": {}, "lens, one": {Positions: []int{n - 1}, Mid: true}} {
			check(name, LensBytes(c, n, o), func(ctx context.Context) error { _, err := s.Lens(ctx, tokens, o); return err })
		}
		check("Jacobian lens", LensBytes(c, n, LensOptions{}), func(ctx context.Context) error {
			_, err := s.JacobianLens(ctx, tokens, jacobian, LensOptions{})
			return err
		})
		check("attribution", AttributeBytes(c, n), func(ctx context.Context) error {
			_, err := s.Attribute(ctx, tokens, AttributeOptions{})
			return err
		})
		check("attention", AttentionBytes(c, n, c.Layers), func(ctx context.Context) error {
			_, err := s.Attention(ctx, tokens, AttentionOptions{})
			return err
		})
		check("attention, one", AttentionBytes(c, n, 1), func(ctx context.Context) error {
			_, err := s.Attention(ctx, tokens, AttentionOptions{Layers: []int{2}})
			return err
		})
		heads := HeadOptions{Length: max(4, n/2), Sequences: 6, Copied: 64}
		check("heads", HeadsBytes(c, heads), func(ctx context.Context) error { _, err := s.Heads(ctx, heads); return err })
		for _, site := range []Site{SiteResidPre, SiteAttnOut, SiteHeads} {
			right, wrong := movedMost(t, s, tokens, corrupted)
			o := PatchOptions{Site: site, Layers: []int{3}, Right: &right, Wrong: &wrong}
			check("patch "+string(site), PatchBytes(c, n, o), func(ctx context.Context) error {
				_, err := s.Patch(ctx, tokens, corrupted, o)
				return err
			})
		}
		check("ablation", EffectBytes(c, n, targets...), func(ctx context.Context) error {
			_, err := s.Ablate(ctx, tokens, Ablation{Targets: targets}, EffectOptions{})
			return err
		})
		check("steering", EffectBytes(c, n), func(ctx context.Context) error {
			_, err := s.Steer(ctx, tokens, vector, EffectOptions{})
			return err
		})
		for _, steps := range []int{0, 5} {
			check("saliency", SaliencyBytes(c, n, steps), func(ctx context.Context) error {
				_, err := s.Saliency(ctx, tokens, SaliencyOptions{Steps: steps})
				if steps > 0 && err != nil {
					return nil // so few steps may not prove themselves
				}
				return err
			})
		}
		if n < 60 {
			check("Jacobian", JacobianBytes(c, n), func(ctx context.Context) error {
				_, err := s.FitJacobian(ctx, windows[:1], JacobianOptions{Skip: -1})
				return err
			})
		}
		lengths := lengthsOf(windows)
		check("comparison", CompareBytes(c, c, lengths), func(ctx context.Context) error {
			_, err := Compare(ctx, s, other, windows, nil)
			return err
		})
		check("matching", MatchBytes(c, lengths), func(ctx context.Context) error {
			_, err := MatchUnits(ctx, s, other, windows, nil)
			return err
		})
		check("layers' losses", LayerLossesBytes(c, n), func(ctx context.Context) error {
			_, err := MeasureLayerLosses(ctx, s, other, windows[:1], nil)
			return err
		})
		for _, o := range []Options{{}, {NoLens: true}, {Cells: -1, AllHeads: true}} {
			check("look", LookBytes(c, n, o), func(ctx context.Context) error { _, err := look(ctx, s.Model, tokens, o); return err })
		}
	}
}
