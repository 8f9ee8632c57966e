package kernel

import (
	"fmt"
	"testing"
)

// BenchmarkTile runs tiles of each kind over panels that stay in cache.
func BenchmarkTile(b *testing.B) {
	const k = 512
	a, panel, c := make([]float32, TileRows*k), make([]float32, TileCols*k), make([]float32, TileRows*TileCols)
	for _, kind := range []struct {
		name  string
		tile  func(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool)
		flops float64 // of one column of b
	}{{"f32", Tile, 2}, {"f16", TileF16, 2}, {"bf16", TileBF16, 4}} {
		for _, rows := range []int{1, 2, 3, 4, 6, 8, 12} {
			b.Run(fmt.Sprintf("%s/%d", kind.name, rows), func(b *testing.B) {
				for b.Loop() {
					kind.tile(c, TileCols, a, panel, rows, TileCols, k, true)
				}
				b.ReportMetric(kind.flops*float64(rows*TileCols*k*b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			})
		}
	}
}
