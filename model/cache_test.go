package model_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"weft/internal/cpu"
	"weft/internal/cpu/cputest"
	"weft/internal/quant"
	"weft/kvcache"
	"weft/model"
)

// attentions are configs that differ in what attention does.
func attentions() map[string]model.Config {
	base := model.Config{Arch: "llama", Vocab: 41, Context: 4000, Layers: 2, Dim: 16, Heads: 4, KVHeads: 2, HeadDim: 8, Hidden: 16,
		NormEps: 1e-5, Rope: model.Rope{Theta: 10000}, Gated: true}
	window := base
	window.Blocks = []model.Block{{Window: 9}, {Window: 70}}
	sinks := window
	sinks.Sinks, sinks.Heads, sinks.KVHeads = true, 6, 2
	capped := base
	capped.AttnSoftCap, capped.Heads, capped.KVHeads = 3, 25, 1 // so many heads that panels are widened for one token
	wide := base                                                // values of two panels and a bit, 16 heads for one
	wide.Heads, wide.KVHeads, wide.HeadDim, wide.ValueDim = 16, 1, 10, 70
	latent := base
	latent.KVHeads, latent.HeadDim, latent.ValueDim, latent.Rope.Dims = 4, 12, 8, 4
	latent.Latent = model.Latent{Q: 10, KV: 14, Rope: 4, NormEps: 1e-6}
	learned := base
	learned.Position = model.LearnedPositions
	return map[string]model.Config{"base": base, "window": window, "sinks": sinks, "capped": capped, "wide": wide, "latent": latent, "learned": learned}
}

// eachCache runs f for every config and every type of cache.
func eachCache(t *testing.T, f func(t *testing.T, c model.Config, kv kvcache.Type)) {
	for name, c := range attentions() {
		for _, kv := range []kvcache.Type{kvcache.F32, kvcache.F16, kvcache.BF16, kvcache.Q8_0} {
			t.Run(fmt.Sprint(name, "/", kv), func(t *testing.T) { f(t, c, kv) })
		}
	}
}

func cacheModel(t *testing.T, c model.Config, kv kvcache.Type, threads int) *model.Model {
	m := randomModel(t, c, threads)
	m.KV = kv
	return m
}

// TestCacheTypes: with every type of cache, logits are a function of the tokens
// alone: not of the cut, the threads, a rewind, or there being a cache.
func TestCacheTypes(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		n := 303
		if cpu.Active() == cpu.Generic {
			n = 151 // exact, and slow
		}
		eachCache(t, func(t *testing.T, c model.Config, kv kvcache.Type) {
			tokens := randomTokens(n, c.Vocab, 4)
			whole, err := cacheModel(t, c, kv, 1).Forward(tokens, &model.Run{Logits: model.AllLogits})
			if err != nil {
				t.Fatal(err)
			}
			want := func(i int) []float32 { return whole.Data[i*c.Vocab : (i+1)*c.Vocab] }
			for threads, cuts := range map[int][]int{1: {7}, 3: {1, 33, 300}} {
				m := cacheModel(t, c, kv, threads)
				for _, cut := range cuts {
					s := m.NewSession(0)
					run := func(lo, hi int) {
						t.Helper()
						logits, err := s.Append(tokens[lo:hi])
						if err != nil {
							t.Fatal(err)
						}
						sameBits(t, fmt.Sprintf("%d threads, cut %d, token %d", threads, cut, hi), logits, want(hi-1))
					}
					for i := 0; i < n; i += cut {
						run(i, min(i+cut, n))
					}
					for _, keep := range []int{130, 33, 0} {
						if err := s.Truncate(keep); err != nil {
							t.Fatal(err)
						}
						run(keep, keep+20)
						run(keep+20, keep+21)
					}
				}
			}
		})
	})
}

// TestCachesTogether: sequences of different lengths that continue together give
// what each gives alone, a token at a time and several.
func TestCachesTogether(t *testing.T) {
	lengths := []int{1, 40, 300, 31, 64}
	eachCache(t, func(t *testing.T, c model.Config, kv kvcache.Type) {
		m := cacheModel(t, c, kv, 3)
		var caches []*kvcache.Cache
		var alone []*model.Session
		for i, n := range lengths {
			s, cache := m.NewSession(600), m.NewCache(500+i)
			prompt := randomTokens(n, c.Vocab, uint64(i))
			if _, err := s.Append(prompt); err != nil {
				t.Fatal(err)
			}
			if _, err := m.Forward(prompt, &model.Run{Cache: cache, Logits: model.NoLogits}); err != nil {
				t.Fatal(err)
			}
			caches, alone = append(caches, cache), append(alone, s)
		}
		for step, seqLen := range []int{1, 1, 5, 1, 40, 1} {
			var batch []int32
			for i := range lengths {
				batch = append(batch, randomTokens(seqLen, c.Vocab, uint64(100*step+i))...)
			}
			logits, err := m.Forward(batch, &model.Run{Caches: caches, SeqLen: seqLen})
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range alone {
				want, err := s.Append(batch[i*seqLen : (i+1)*seqLen])
				if err != nil {
					t.Fatal(err)
				}
				sameBits(t, fmt.Sprintf("step %d, sequence %d", step, i), logits.Row(i), want)
				if caches[i].Len() != s.Len() {
					t.Errorf("sequence %d: %d positions, want %d", i, caches[i].Len(), s.Len())
				}
			}
		}
	})
}

// TestLongSteps: where one token's work is divided in steps, the bits are those of
// a prompt in one piece, with one sequence and with two.
func TestLongSteps(t *testing.T) {
	const n = 1100
	ran := false
	eachCache(t, func(t *testing.T, c model.Config, kv kvcache.Type) {
		if testing.Short() && ran { // emulated or in plain Go they take minutes
			return
		}
		ran = true
		tokens := randomTokens(n, c.Vocab, 4)
		whole, err := cacheModel(t, c, kv, 1).Forward(tokens, &model.Run{Logits: model.AllLogits})
		if err != nil {
			t.Fatal(err)
		}
		m := cacheModel(t, c, kv, 2)
		short, long := m.NewCache(n), m.NewCache(n)
		for cache, from := range map[*kvcache.Cache]int{short: 20, long: n - 3} {
			if _, err := m.Forward(tokens[:from], &model.Run{Cache: cache, Logits: model.NoLogits}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 3 {
			at := []int{20 + i, n - 3 + i}
			logits, err := m.Forward([]int32{tokens[at[0]], tokens[at[1]]}, &model.Run{Caches: []*kvcache.Cache{short, long}})
			if err != nil {
				t.Fatal(err)
			}
			for j, pos := range at {
				sameBits(t, fmt.Sprintf("position %d", pos), logits.Row(j), whole.Row(pos))
			}
		}
	})
}

// TestAttentionOfRounded computes attention in float64 from the queries, keys and
// values that the hooks show, rounded as the cache rounds.
func TestAttentionOfRounded(t *testing.T) {
	const n = 90
	cputest.All(t, func(t *testing.T) {
		eachCache(t, func(t *testing.T, c model.Config, kv kvcache.Type) {
			m := cacheModel(t, c, kv, 2)
			key := "attn.hook_rot_k"
			query := "attn.hook_rot_q"
			if c.Position == model.LearnedPositions {
				key, query = "attn.hook_k", "attn.hook_q"
			}
			for l := range c.Layers {
				var q, k, v, z []float32
				var h model.Hooks
				for name, to := range map[string]*[]float32{query: &q, key: &k, "attn.hook_v": &v, "attn.hook_z": &z} {
					h.On(fmt.Sprintf("blocks.%d.%s", l, name), func(p *model.Point) error {
						*to = slices.Clone(p.Data)
						return nil
					})
				}
				if _, err := m.Forward(randomTokens(n, c.Vocab, 8), &model.Run{Hooks: &h}); err != nil {
					t.Fatal(err)
				}
				roundHeads(k, c.HeadDim, kv)
				roundHeads(v, c.VHead(), kv)
				if kv == kvcache.Q8_0 {
					for query := range slices.Chunk(q, c.HeadDim) {
						roundI16(query)
					}
				}
				want := plainAttention(c, l, m.W.Layers[l].AttnSinks, q, k, v, n)
				near(t, fmt.Sprintf("layer %d", l), z, want)
			}
		})
	})
}

// roundHeads rounds keys or values of heads of that width as a cache does.
func roundHeads(x []float32, width int, t kvcache.Type) {
	for i := range x {
		switch t {
		case kvcache.F16:
			x[i] = quant.F16ToF32(quant.F32ToF16(x[i]))
		case kvcache.BF16:
			x[i] = quant.BF16ToF32(quant.F32ToBF16(x[i]))
		}
	}
	if t != kvcache.Q8_0 {
		return
	}
	for head := range slices.Chunk(x, width) {
		for part := range slices.Chunk(head, 32) {
			roundQ8(part)
		}
	}
}

// roundQ8 rounds a block by its definition, in float64 but for the scale.
func roundQ8(x []float32) {
	largest := 0.0
	for _, v := range x {
		largest = max(largest, math.Abs(float64(v)))
	}
	d := largest / 127
	for i, v := range x {
		x[i] = float32(math.Round(float64(v)/d)) * quant.F16ToF32(quant.F32ToF16(float32(d)))
	}
}

// roundI16 rounds to integers of 16 bits times the least power of two that allows it.
func roundI16(x []float32) {
	power := -100
	for _, v := range x {
		for math.RoundToEven(math.Abs(math.Ldexp(float64(v), -power))) > 1<<15-1 {
			power++
		}
	}
	for i, v := range x {
		x[i] = float32(math.Ldexp(math.RoundToEven(math.Ldexp(float64(v), -power)), power))
	}
}

// plainAttention is the definition.
func plainAttention(c model.Config, layer int, sinks, q, k, v []float32, n int) []float32 {
	z := make([]float32, n*c.ZDim())
	for i := range n {
		first := 0
		if w := c.Block(layer).Window; w > 0 {
			first = max(0, i+1-w)
		}
		for h := range c.Heads {
			kv, p, sum := h/(c.Heads/c.KVHeads), make([]float64, i+1), 0.0
			for j := first; j <= i; j++ {
				s := 0.0
				for d := range c.HeadDim {
					s += float64(q[i*c.QDim()+h*c.HeadDim+d]) * float64(k[j*c.KVDim()+kv*c.HeadDim+d])
				}
				s /= math.Sqrt(float64(c.HeadDim))
				if limit := float64(c.AttnSoftCap); limit > 0 {
					s = limit * math.Tanh(s/limit)
				}
				p[j] = math.Exp(s)
				sum += p[j]
			}
			if c.Sinks {
				sum += math.Exp(float64(sinks[h]))
			}
			for d := range c.VHead() {
				x := 0.0
				for j := first; j <= i; j++ {
					x += p[j] / sum * float64(v[j*c.VDim()+kv*c.VHead()+d])
				}
				z[i*c.ZDim()+h*c.VHead()+d] = float32(x)
			}
		}
	}
	return z
}

// TestRoundedNear: half precision and codes of 8 bits in the cache are a small
// change, and are one.
func TestRoundedNear(t *testing.T) {
	for name, c := range attentions() {
		tokens := randomTokens(200, c.Vocab, 3)
		exact, err := cacheModel(t, c, kvcache.F32, 2).Forward(tokens, &model.Run{Logits: model.AllLogits})
		if err != nil {
			t.Fatal(err)
		}
		for kv, most := range map[kvcache.Type]float64{kvcache.F16: 1e-2, kvcache.Q8_0: 5e-2} {
			rounded, err := cacheModel(t, c, kv, 2).Forward(tokens, &model.Run{Logits: model.AllLogits})
			if err != nil {
				t.Fatal(err)
			}
			largest, worst := 0.0, 0.0
			for i, x := range exact.Data {
				largest = max(largest, math.Abs(float64(x)))
				worst = max(worst, math.Abs(float64(x-rounded.Data[i])))
			}
			if worst > most*largest || worst == 0 {
				t.Errorf("%s, %v: logits up to %.3g differ by %.3g", name, kv, largest, worst)
			}
		}
	}
}

// TestWatchedTypes: looking at scores and pattern changes no bit, whatever the
// cache, in the middle of a sequence too.
func TestWatchedTypes(t *testing.T) {
	eachCache(t, func(t *testing.T, c model.Config, kv kvcache.Type) {
		m := cacheModel(t, c, kv, 2)
		tokens := randomTokens(140, c.Vocab, 3)
		for _, from := range []int{0, 40, 139} {
			plain, watched := m.NewCache(200), m.NewCache(200)
			var logits [2][]float32
			for i, cache := range []*kvcache.Cache{plain, watched} {
				var h model.Hooks
				if cache == watched {
					for l := range c.Layers {
						h.On(fmt.Sprintf("blocks.%d.attn.hook_attn_scores", l), func(*model.Point) error { return nil })
					}
				}
				if from > 0 {
					if _, err := m.Forward(tokens[:from], &model.Run{Cache: cache}); err != nil {
						t.Fatal(err)
					}
				}
				got, err := m.Forward(tokens[from:], &model.Run{Cache: cache, Hooks: &h, Logits: model.AllLogits})
				if err != nil {
					t.Fatal(err)
				}
				logits[i] = got.Data
			}
			sameBits(t, fmt.Sprint("from ", from), logits[1], logits[0])
		}
	})
}

// TestLossDoesNotRound: what is learned from is not rounded, whatever the cache
// of the model's runs; what is scored is.
func TestLossDoesNotRound(t *testing.T) {
	c := attentions()["base"]
	tokens, targets := randomTokens(60, c.Vocab, 1), randomTokens(60, c.Vocab, 2)
	var losses, scores [2]float64
	for i, kv := range []kvcache.Type{kvcache.F32, kvcache.F16} {
		m := cacheModel(t, c, kv, 2)
		a := m.NewScratch(3, 20)
		if _, err := m.Forward(tokens, &model.Run{SeqLen: 20, Acts: a}); err != nil { // the same memory, for both
			t.Fatal(err)
		}
		var err error
		if losses[i], err = m.Loss(a, tokens, targets, nil); err != nil {
			t.Fatal(err)
		}
		if scores[i], err = m.Score(a, tokens, targets, nil); err != nil {
			t.Fatal(err)
		}
	}
	if scores[0] != losses[0] || scores[1] == losses[1] || math.Abs(scores[1]-losses[1]) > 1e-3*losses[1] {
		t.Errorf("scores %v and %v of losses %v", scores[0], scores[1], losses)
	}
	if losses[0] != losses[1] {
		t.Errorf("loss %v and %v", losses[0], losses[1])
	}
}

func TestCachesRefused(t *testing.T) {
	c := attentions()["base"]
	m, other := cacheModel(t, c, kvcache.F32, 1), cacheModel(t, c, kvcache.F16, 1)
	good := m.NewCache(10)
	for name, r := range map[string]*model.Run{
		"other type":   {Cache: other.NewCache(10)},
		"nil":          {Caches: []*kvcache.Cache{good, nil}},
		"twice":        {Caches: []*kvcache.Cache{good, good}},
		"too many":     {Caches: []*kvcache.Cache{good, m.NewCache(10), m.NewCache(10)}},
		"short":        {Caches: []*kvcache.Cache{good, m.NewCache(1)}, SeqLen: 2},
		"odd":          {Cache: good, SeqLen: 3},
		"one for four": {Cache: good, SeqLen: 1},
	} {
		if _, err := m.Forward(make([]int32, 4), r); err == nil || good.Len() != 0 {
			t.Errorf("%s: error %v, %d positions", name, err, good.Len())
		}
	}
}
