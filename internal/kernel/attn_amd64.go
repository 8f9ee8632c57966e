//go:build !purego

package kernel

import "weft/internal/cpu"

func panelF32(c []float32, ldc int, a []float32, lda int, b []float32, rows, k int, add bool) {
	switch level := cpu.Active(); {
	case level >= cpu.AVX512:
		panel512F32(&c[0], ldc, &a[0], lda, &b[0], rows, k, add)
	case level >= cpu.AVX2:
		for r := 0; r < rows; r += panelRows256 {
			panel256F32(&c[r*ldc], ldc, &a[r*lda], lda, &b[0], min(panelRows256, rows-r), k, add)
		}
	default:
		panelF32Generic(c, ldc, a, lda, b, rows, k, add)
	}
}

func panelF16(c []float32, ldc int, a []float32, lda int, b []uint16, rows, k int, add bool) {
	switch level := cpu.Active(); {
	case level >= cpu.AVX512:
		panel512F16(&c[0], ldc, &a[0], lda, &b[0], rows, k, add)
	case level >= cpu.AVX2:
		for r := 0; r < rows; r += panelRows256 {
			panel256F16(&c[r*ldc], ldc, &a[r*lda], lda, &b[0], min(panelRows256, rows-r), k, add)
		}
	default:
		panelF16Generic(c, ldc, a, lda, b, rows, k, add)
	}
}

// panelRows256 is how many rows of 32 columns fit the registers of AVX2.
const panelRows256 = 3

func narrowF16(dst []uint16, src []float32) {
	n := len(dst) &^ 15
	switch level := cpu.Active(); {
	case level == cpu.Generic:
		n = 0
	case n == 0:
	case level >= cpu.AVX512:
		narrow512F16(&dst[0], &src[0], n)
	default:
		narrow256F16(&dst[0], &src[0], n)
	}
	narrowF16Generic(dst[n:], src[n:])
}
