package kernel

import (
	"fmt"
	"testing"

	"weft/internal/cpu"
)

// BenchmarkVec runs every function at every level on slices in the first cache,
// in the second, and in memory, and reports ns per element and GB/s, every
// slice counted once.
func BenchmarkVec(b *testing.B) {
	for _, c := range calls {
		for _, l := range cpu.Levels() {
			for _, n := range []int{64, 1 << 10, 16 << 10, 4 << 20} {
				b.Run(fmt.Sprintf("%s/%v/%d", c.name, l, n), func(b *testing.B) { c.bench(b, l, n) })
			}
		}
	}
}

func (c call) bench(b *testing.B, l cpu.Level, n int) {
	defer cpu.Force(l)()
	v := c.slicesFor(n)
	numbers := 0
	for _, size := range c.sizes {
		numbers += size
	}
	for b.Loop() {
		c.run(v)
	}
	ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	b.ReportMetric(ns/float64(n), "ns/element")
	b.ReportMetric(float64(4*numbers*n)/ns, "GB/s")
}
