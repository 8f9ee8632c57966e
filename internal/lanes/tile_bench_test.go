package lanes

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"weft/internal/cpu"
	"weft/internal/kernel"
	"weft/internal/quant"
)

// BenchmarkTile multiplies an unpacked strip by panel after panel, as a prompt
// does, at every level. %peak compares with what the core does at best, timed in
// turns with the tile.
func BenchmarkTile(b *testing.B) {
	for _, l := range cpu.Levels() {
		for _, f := range []quant.Type{quant.Q4_0, quant.Q8_0, quant.Q4_K, quant.Q6_K, quant.Q2_K} {
			for _, cols := range []int{1, 4, 8, 12} {
				b.Run(fmt.Sprintf("%v/%v/%d", l, f, cols), func(b *testing.B) {
					defer cpu.Force(l)()
					benchTile(b, FormOf(f), cols)
				})
			}
		}
	}
}

func benchTile(b *testing.B, f *Form, cols int) {
	const k, panels = 2048, 4
	rng := rand.New(rand.NewPCG(1, 1))
	kind := f.Kind()
	raw, _ := encoded(b, f.Type, Rows, k, rng)
	strip := make([]byte, f.StripBytes(k))
	f.packGeneric(strip, raw, k/f.Len, len(raw[0])/(k/f.Len))
	w := make([]byte, k/BlockLen*kind.BlockBytes())
	f.unpackGeneric(w, strip, 0, k/BlockLen)
	var ps [panels]Panel
	for i := range ps {
		ps[i], _ = filled(k, cols, rng)
	}
	c := make([]float32, panels*MaxCols*Rows)
	share(b, float64(2*k*Rows*cols*panels), func() {
		for i, p := range ps {
			kind.Tile(c[i*MaxCols*Rows:], Rows, w, p, 0, k/BlockLen, Rows, false)
		}
	})
}

// share times f, of so many operations, in turns with PeakInt8 and reports both.
func share(b *testing.B, ops float64, f func()) {
	var peakOps float64
	var peakTime, spent time.Duration
	for i := 0; i < b.N; i += 16 {
		start := time.Now()
		peakOps += kernel.PeakInt8(2048)
		between := time.Now()
		for range min(16, b.N-i) {
			f()
		}
		peakTime += between.Sub(start)
		spent += time.Since(between)
	}
	perNs := ops * float64(b.N) / float64(spent.Nanoseconds())
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "ns/op")
	b.ReportMetric(perNs, "GOP/s")
	b.ReportMetric(100*perNs*float64(peakTime.Nanoseconds())/peakOps, "%peak")
}

// BenchmarkQuantise rounds rows of activations to a panel of one column and to one of 12.
func BenchmarkQuantise(b *testing.B) {
	const k = 2048
	for _, l := range cpu.Levels() {
		for _, cols := range []int{1, 12} {
			b.Run(fmt.Sprintf("%v/%d", l, cols), func(b *testing.B) {
				defer cpu.Force(l)()
				p, xs := filled(k, cols, rand.New(rand.NewPCG(1, 1)))
				for b.Loop() {
					for c, x := range xs {
						p.Quantise(c, x)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*cols*k/BlockLen), "ns/block")
			})
		}
	}
}
