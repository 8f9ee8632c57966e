//go:build !amd64 || purego

package kernel

import "weft/internal/quant"

func tileF16(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	tileF16Generic(c, ldc, a, b, rows, cols, k, add)
}

func tileWide16(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	tileWide16Generic(c, ldc, a, b, rows, cols, k, add)
}

func tileBF16(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	tileBF16Generic(c, ldc, a, b, rows, cols, k, add)
}

func roundBF16(dst, src []float32) { roundBF16Generic(dst, src) }

func splitPairs(panel []float32) { splitPairsGeneric(panel) }

func widenF16Rows(dst, src []float32)  { widenGeneric(dst, src, quant.F16ToF32) }
func widenBF16Rows(dst, src []float32) { widenGeneric(dst, src, quant.BF16ToF32) }

// widenGeneric takes words apart, whatever their order in memory.
func widenGeneric(dst, src []float32, number func(uint16) float32) {
	for i, w := range src {
		lower, upper := halves(w)
		dst[2*i], dst[2*i+1] = number(lower), number(upper)
	}
}
