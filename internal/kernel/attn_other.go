//go:build !amd64 || purego

package kernel

func panelF32(c []float32, ldc int, a []float32, lda int, b []float32, rows, k int, add bool) {
	panelF32Generic(c, ldc, a, lda, b, rows, k, add)
}

func panelF16(c []float32, ldc int, a []float32, lda int, b []uint16, rows, k int, add bool) {
	panelF16Generic(c, ldc, a, lda, b, rows, k, add)
}

func panelBF16(c []float32, ldc int, a []float32, lda int, b []uint16, rows, k int, add bool) {
	panelBF16Generic(c, ldc, a, lda, b, rows, k, add)
}

func panelI8(c []float32, ldc int, a []float32, lda int, b []int8, rows, k int, add bool) {
	panelI8Generic(c, ldc, a, lda, b, rows, k, add)
}

func scoreQ8(c []float32, ldc int, a []int16, lda int, scale []float32, b []int8, scales []uint16, rows, pairs int) {
	scoreQ8Generic(c, ldc, a, lda, scale, b, scales, rows, pairs)
}

func toF16(dst []uint16, src []float32) { toF16Generic(dst, src) }

func fromF16(dst []float32, src []uint16) { fromF16Generic(dst, src) }

func fromBF16(dst []float32, src []uint16) { fromBF16Generic(dst, src) }

func fromI8(dst []float32, src []int8) { fromI8Generic(dst, src) }
