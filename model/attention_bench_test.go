package model

import (
	"fmt"
	"testing"

	"weft/internal/kernel"
	"weft/internal/par"
	"weft/kvcache"
	"weft/tensor"
)

// BenchmarkAttention times one layer's attention for one new token, and for a
// chunk of a prompt, behind as many positions as it says.
func BenchmarkAttention(b *testing.B) {
	smol := Config{Heads: 9, KVHeads: 3, HeadDim: 64}   // SmolLM2-135M
	llama := Config{Heads: 32, KVHeads: 8, HeadDim: 64} // Llama 3.2 1B
	for _, s := range []struct {
		name          string
		c             Config
		held, queries int
	}{
		{"smol", smol, 50, 1}, {"smol", smol, 250, 1}, {"smol", smol, 1000, 1}, {"smol", smol, 4000, 1}, {"smol", smol, 16000, 1},
		{"llama", llama, 250, 1}, {"llama", llama, 1000, 1}, {"llama", llama, 16000, 1},
		{"smol", smol, 0, 512}, {"llama", llama, 0, 512}, {"llama", llama, 4096, 512}, {"llama", llama, 16000, 64},
	} {
		for _, kv := range []kvcache.Type{kvcache.F32, kvcache.F16, kvcache.Q8_0} {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("%s/held=%d/new=%d/%v/threads=%d", s.name, s.held, s.queries, kv, threads), func(b *testing.B) {
					benchmarkAttention(b, s.c, s.held, s.queries, kv, threads)
				})
			}
		}
	}
}

// TestAttentionAllocates nothing for a token, where the work stays on one thread,
// is divided by heads, and in steps.
func TestAttentionAllocates(t *testing.T) {
	for _, kv := range []kvcache.Type{kvcache.F16, kvcache.Q8_0} {
		for _, held := range []int{20, 500, 2000} {
			run := attentionRun(t, Config{Heads: 8, KVHeads: 4, HeadDim: 64}, held, 1, kv, 2)
			if n := testing.AllocsPerRun(10, run); n > 0 {
				t.Errorf("%v, after %d tokens: %v allocations", kv, held, n)
			}
		}
	}
}

// benchLayers is how many layers run in turn, so that no cache is read twice in a
// row.
const benchLayers = 4

// attentionRun makes what runs attention over random numbers: queries new tokens
// behind held ones, in benchLayers layers.
func attentionRun(tb testing.TB, c Config, held, queries int, kv kvcache.Type, threads int) func() {
	c.Layers = benchLayers
	pool := par.New(threads)
	tb.Cleanup(pool.Close)
	m := &Model{Config: c, KV: kv, Pool: pool}
	cache := m.NewCache(held + queries)
	fill := func(n int) layerActs {
		s := layerActs{q: tensor.New(n, c.QDim()), k: tensor.New(n, c.KVDim()), v: tensor.New(n, c.VDim()), z: tensor.New(n, c.ZDim())}
		for _, x := range []tensor.Mat{s.q, s.k, s.v} {
			for i := range x.Data {
				x.Data[i] = float32(i*7919%1000)/1000 - 0.5
			}
		}
		return s
	}
	a := &Activations{attn: newAttnRun(), seqLen: queries}
	cache.Reserve(held)
	for l := range benchLayers {
		s := fill(held)
		for h := range c.KVHeads {
			if held > 0 {
				d := c.HeadDim
				cache.Write(l, h, 0, block(s.k, 0, held, h*d, h*d+d), block(s.v, 0, held, h*d, h*d+d))
			}
		}
	}
	cache.Advance(held)
	cache.Reserve(queries)
	s, p := fill(queries), &pass{seqs: 1, seqLen: queries, caches: []*kvcache.Cache{cache}}
	run := func() {
		for p.layer = range benchLayers {
			if err := m.attention(a, s, nil, p); err != nil {
				tb.Fatal(err)
			}
		}
	}
	run() // makes what it works in
	return run
}

func benchmarkAttention(b *testing.B, c Config, held, queries int, kv kvcache.Type, threads int) {
	run := attentionRun(b, c, held, queries, kv, threads)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		run()
	}
	seconds := b.Elapsed().Seconds() / float64(b.N) / benchLayers
	b.ReportMetric(seconds*1e6, "µs/layer")
	seen := float64(held) + float64(queries+1)/2
	b.ReportMetric(4*float64(queries)*seen*float64(c.QDim())/seconds/1e9, "GFLOP/s")
	b.ReportMetric(2*float64(kv.Bytes(c.KVDim()))*seen/seconds/1e9, "GB/s")
}

// BenchmarkRead is what the machine can read at most, to hold the figures above
// against: GB/s of plain loads from 256 MB.
func BenchmarkRead(b *testing.B) {
	x := make([]float32, 64<<20)
	for i := range x {
		x[i] = 1
	}
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			pool := par.New(threads)
			defer pool.Close()
			const part = 1 << 20
			for range b.N {
				pool.Run(len(x)/part, func(_, i int) { kernel.Max(x[i*part : (i+1)*part]) })
			}
			b.ReportMetric(4*float64(len(x))*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
		})
	}
}
