//go:build !amd64 || purego

package kernel

func tile(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	tileGeneric(c, ldc, a, b, rows, cols, k, add)
}

func packA(dst, a []float32, rs, cs, rows, k int) { packAGeneric(dst, a, rs, cs, rows, k) }

func packB(dst, b []float32, rs, cs, k, cols int) { packBGeneric(dst, b, rs, cs, k, cols) }
