package kernel

import "weft/internal/quant"

func panelF32Generic(c []float32, ldc int, a []float32, lda int, b []float32, rows, k int, add bool) {
	panelGeneric(c, ldc, a, lda, rows, k, add, func(col *[TileCols]float32, i int) { copy(col[:], b[i*TileCols:]) })
}

func panelF16Generic(c []float32, ldc int, a []float32, lda int, b []uint16, rows, k int, add bool) {
	panelGeneric(c, ldc, a, lda, rows, k, add, func(col *[TileCols]float32, i int) {
		for j := range col {
			col[j] = quant.F16ToF32(b[i*TileCols+j])
		}
	})
}

// panelGeneric is the product, with each row of b widened once by load.
func panelGeneric(c []float32, ldc int, a []float32, lda int, rows, k int, add bool, load func(col *[TileCols]float32, i int)) {
	if !add {
		for r := range rows {
			clear(c[r*ldc:][:TileCols])
		}
	}
	var col [TileCols]float32
	for i := range k {
		load(&col, i)
		for r := range rows {
			x, row := a[r*lda+i], c[r*ldc:][:TileCols]
			for j, y := range col {
				row[j] = FMA(x, y, row[j])
			}
		}
	}
}

func narrowF16Generic(dst []uint16, src []float32) {
	for i, x := range src {
		dst[i] = quant.F32ToF16(x)
	}
}
