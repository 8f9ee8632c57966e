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

func panelBF16(c []float32, ldc int, a []float32, lda int, b []uint16, rows, k int, add bool) {
	switch level := cpu.Active(); {
	case level >= cpu.AVX512:
		panel512BF16(&c[0], ldc, &a[0], lda, &b[0], rows, k, add)
	case level >= cpu.AVX2:
		for r := 0; r < rows; r += panelRows256 {
			panel256BF16(&c[r*ldc], ldc, &a[r*lda], lda, &b[0], min(panelRows256, rows-r), k, add)
		}
	default:
		panelBF16Generic(c, ldc, a, lda, b, rows, k, add)
	}
}

func panelI8(c []float32, ldc int, a []float32, lda int, b []int8, rows, k int, add bool) {
	switch level := cpu.Active(); {
	case level >= cpu.AVX512:
		panel512I8(&c[0], ldc, &a[0], lda, &b[0], rows, k, add)
	case level >= cpu.AVX2:
		for r := 0; r < rows; r += panelRows256 {
			panel256I8(&c[r*ldc], ldc, &a[r*lda], lda, &b[0], min(panelRows256, rows-r), k, add)
		}
	default:
		panelI8Generic(c, ldc, a, lda, b, rows, k, add)
	}
}

func scoreQ8(c []float32, ldc int, a []int16, lda int, scale []float32, b []int8, scales []uint16, rows, pairs int) {
	switch level := cpu.Active(); {
	case level >= cpu.AVX512:
		score512Q8(&c[0], ldc, &a[0], lda, &scale[0], &b[0], &scales[0], rows, pairs)
	case level >= cpu.AVX2:
		for r := 0; r < rows; r += scoreRows256 {
			score256Q8(&c[r*ldc], ldc, &a[r*lda], lda, &scale[r], &b[0], &scales[0], min(scoreRows256, rows-r), pairs)
		}
	default:
		scoreQ8Generic(c, ldc, a, lda, scale, b, scales, rows, pairs)
	}
}

// These are how many rows of 32 columns fit the registers of AVX2.
const panelRows256, scoreRows256 = 3, 2

func toF16(dst []uint16, src []float32) {
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
	toF16Generic(dst[n:], src[n:])
}

func fromF16(dst []float32, src []uint16) {
	n := len(dst) &^ 15
	switch level := cpu.Active(); {
	case level == cpu.Generic:
		n = 0
	case n == 0:
	case level >= cpu.AVX512:
		widen512F16(&dst[0], &src[0], n)
	default:
		widen256F16(&dst[0], &src[0], n)
	}
	fromF16Generic(dst[n:], src[n:])
}

func fromBF16(dst []float32, src []uint16) {
	n := len(dst) &^ 15
	switch level := cpu.Active(); {
	case level == cpu.Generic:
		n = 0
	case n == 0:
	case level >= cpu.AVX512:
		widen512BF16(&dst[0], &src[0], n)
	default:
		widen256BF16(&dst[0], &src[0], n)
	}
	fromBF16Generic(dst[n:], src[n:])
}

func fromI8(dst []float32, src []int8) {
	n := len(dst) &^ 15
	switch level := cpu.Active(); {
	case level == cpu.Generic:
		n = 0
	case n == 0:
	case level >= cpu.AVX512:
		widen512I8(&dst[0], &src[0], n)
	default:
		widen256I8(&dst[0], &src[0], n)
	}
	fromI8Generic(dst[n:], src[n:])
}
