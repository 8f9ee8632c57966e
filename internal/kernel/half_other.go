//go:build !amd64 || purego

package kernel

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

func widenF16Rows(dst, src []float32)  { widenF16Generic(dst, src) }
func widenBF16Rows(dst, src []float32) { widenBF16Generic(dst, src) }
