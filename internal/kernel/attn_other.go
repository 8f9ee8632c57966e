//go:build !amd64 || purego

package kernel

func panelF32(c []float32, ldc int, a []float32, lda int, b []float32, rows, k int, add bool) {
	panelF32Generic(c, ldc, a, lda, b, rows, k, add)
}

func panelF16(c []float32, ldc int, a []float32, lda int, b []uint16, rows, k int, add bool) {
	panelF16Generic(c, ldc, a, lda, b, rows, k, add)
}

func narrowF16(dst []uint16, src []float32) { narrowF16Generic(dst, src) }
