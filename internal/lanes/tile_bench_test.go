package lanes

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"weft/internal/cpu"
	"weft/internal/kernel"
)

// BenchmarkTile multiplies an unpacked strip by panel after panel, as a prompt
// does, at every level. %peak compares with what the core does at best, timed in
// turns with the tile.
func BenchmarkTile(b *testing.B) {
	for _, l := range cpu.Levels() {
		for kind := Whole; kind <= HalvesMins; kind++ {
			for _, cols := range []int{1, 2, 4, 8, 12} {
				b.Run(fmt.Sprintf("%v/%v/%d", l, [...]string{"Whole", "WholeMins", "Halves", "HalvesMins"}[kind], cols), func(b *testing.B) {
					defer cpu.Force(l)()
					benchTile(b, kind, cols)
				})
			}
		}
	}
}

func benchTile(b *testing.B, kind Kind, cols int) {
	const k, panels = 2048, 4
	rng := rand.New(rand.NewPCG(1, 1))
	w := make([]byte, k/BlockLen*kind.BlockBytes())
	for i := range w { // floats of any size: none is slow
		w[i] = byte(rng.Uint32()) &^ 0x40
	}
	var ps [panels]Panel
	for i := range ps {
		ps[i], _ = filled(k, cols, rng)
	}
	c := make([]float32, panels*MaxCols*Rows)
	peak := turns(b, func() {
		for i, p := range ps {
			kind.Tile(c[i*MaxCols*Rows:], Rows, w, p, 0, k/BlockLen, Rows, false)
		}
	})
	ops := float64(2 * k * Rows * cols * panels)
	perNs := ops * float64(b.N) / float64(b.Elapsed().Nanoseconds())
	b.ReportMetric(perNs, "GOP/s")
	b.ReportMetric(100*perNs/peak, "%peak")
}

// turns runs f b.N times, and PeakInt8 now and then. It returns the operations
// of PeakInt8 per ns.
func turns(b *testing.B, f func()) float64 {
	var ops float64
	var spent time.Duration
	b.ResetTimer()
	for i := range b.N {
		if i%16 == 0 {
			b.StopTimer()
			begin := time.Now()
			ops += kernel.PeakInt8(2048)
			spent += time.Since(begin)
			b.StartTimer()
		}
		f()
	}
	return ops / float64(spent.Nanoseconds())
}
