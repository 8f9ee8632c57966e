package kernel

// tileGeneric is Tile in plain Go, bit for bit what the assembly computes.
func tileGeneric(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	for r := range rows {
		row := c[r*ldc:][:cols]
		if !add {
			clear(row)
		}
		for i := range k {
			x, col := a[i*rows+r], b[i*TileCols:][:cols]
			for j, y := range col {
				row[j] = FMA(x, y, row[j])
			}
		}
	}
}

func packAGeneric(dst, a []float32, rs, cs, rows, k int) {
	for r := 0; r < rows; r += TileRows {
		n := min(TileRows, rows-r)
		if cs == 1 {
			transposeGeneric(dst[r*k:], n, a[r*rs:], rs, n, k)
		} else {
			copyGeneric(dst[r*k:], n, a[r*rs:], cs, k, n)
		}
	}
}

func packBGeneric(dst, b []float32, rs, cs, k, cols int) {
	for j := 0; j < cols; j += TileCols {
		n := min(TileCols, cols-j)
		if cs == 1 {
			copyGeneric(dst[j*k:], TileCols, b[j*cs:], rs, k, n)
		} else {
			transposeGeneric(dst[j*k:], TileCols, b[j*cs:], cs, n, k)
		}
		padGeneric(dst[j*k:], k, n)
	}
}

// transposeGeneric writes dst[i*dstride+r] = src[r*sstride+i] for r < rows, i < k.
func transposeGeneric(dst []float32, dstride int, src []float32, sstride, rows, k int) {
	for r := range rows {
		row := src[r*sstride:][:k]
		to := dst[r:]
		for i, x := range row {
			to[i*dstride] = x
		}
	}
}

// copyGeneric writes dst[i*dstride+j] = src[i*sstride+j] for i < k, j < cols.
func copyGeneric(dst []float32, dstride int, src []float32, sstride, k, cols int) {
	for i := range k {
		copy(dst[i*dstride:][:cols], src[i*sstride:])
	}
}

// padGeneric zeroes the columns of a B panel from cols on.
func padGeneric(dst []float32, k, cols int) {
	if cols < TileCols {
		for i := range k {
			clear(dst[i*TileCols+cols : (i+1)*TileCols])
		}
	}
}
