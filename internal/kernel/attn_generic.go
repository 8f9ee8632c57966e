package kernel

import "weft/internal/quant"

func panelF32Generic(c []float32, ldc int, a []float32, lda int, b []float32, rows, k int, add bool) {
	startPanel(c, ldc, rows, add)
	for i := range k {
		panelStep(c, ldc, a[i:], lda, b[i*TileCols:][:TileCols], rows)
	}
}

func panelF16Generic(c []float32, ldc int, a []float32, lda int, b []uint16, rows, k int, add bool) {
	startPanel(c, ldc, rows, add)
	var wide [TileCols]float32
	for i := range k {
		fromF16Generic(wide[:], b[i*TileCols:])
		panelStep(c, ldc, a[i:], lda, wide[:], rows)
	}
}

func panelBF16Generic(c []float32, ldc int, a []float32, lda int, b []uint16, rows, k int, add bool) {
	startPanel(c, ldc, rows, add)
	var wide [TileCols]float32
	for i := range k {
		fromBF16Generic(wide[:], b[i*TileCols:])
		panelStep(c, ldc, a[i:], lda, wide[:], rows)
	}
}

func startPanel(c []float32, ldc, rows int, add bool) {
	if !add {
		for r := range rows {
			clear(c[r*ldc:][:TileCols])
		}
	}
}

// panelStep adds one column of a times one row of b.
func panelStep(c []float32, ldc int, a []float32, lda int, b []float32, rows int) {
	for r := range rows {
		x, row := a[r*lda], c[r*ldc:][:TileCols]
		for j, y := range b {
			row[j] = FMA(x, y, row[j])
		}
	}
}

const largestF16 = 65504

func toF16Generic(dst []uint16, src []float32) {
	for i, x := range src {
		if x == x { // NaN stays
			x = max(-largestF16, min(x, largestF16))
		}
		dst[i] = quant.F32ToF16(x)
	}
}

func fromF16Generic(dst []float32, src []uint16) {
	for i := range dst {
		dst[i] = quant.F16ToF32(src[i])
	}
}

func fromBF16Generic(dst []float32, src []uint16) {
	for i := range dst {
		dst[i] = quant.BF16ToF32(src[i])
	}
}
