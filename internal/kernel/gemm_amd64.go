//go:build !purego

package kernel

import "weft/internal/cpu"

func tile(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	switch level := cpu.Active(); {
	case level >= cpu.AVX512:
		tileAVX512(&c[0], ldc, &a[0], &b[0], rows, cols, k, add)
	case level >= cpu.AVX2:
		tileAVX2(c, ldc, a, b, rows, cols, k, add)
	default:
		tileGeneric(c, ldc, a, b, rows, cols, k, add)
	}
}

// tileAVX512 has one kernel per number of rows, each with the whole tile in registers.
func tileAVX512(c *float32, ldc int, a, b *float32, rows, cols, k int, add bool) {
	switch rows {
	case 12:
		tile512x12(c, ldc, a, b, k, cols, add)
	case 11:
		tile512x11(c, ldc, a, b, k, cols, add)
	case 10:
		tile512x10(c, ldc, a, b, k, cols, add)
	case 9:
		tile512x9(c, ldc, a, b, k, cols, add)
	case 8:
		tile512x8(c, ldc, a, b, k, cols, add)
	case 7:
		tile512x7(c, ldc, a, b, k, cols, add)
	case 6:
		tile512x6(c, ldc, a, b, k, cols, add)
	case 5:
		tile512x5(c, ldc, a, b, k, cols, add)
	case 4:
		tile512x4(c, ldc, a, b, k, cols, add)
	case 3:
		tile512x3(c, ldc, a, b, k, cols, add)
	case 2:
		tile512x2(c, ldc, a, b, k, cols, add)
	case 1:
		tile512x1(c, ldc, a, b, k, cols, add)
	}
}

// tileAVX2 covers the tile with pieces of up to 6×16, or of up to 3×32 when that
// is all there is: few rows wait for memory, which likes whole lines.
func tileAVX2(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	for r := 0; r < rows; r += 6 {
		n := min(6, rows-r)
		row := c[r*ldc:]
		switch n {
		case 1:
			tile256x1(&row[0], ldc, &a[r], rows, &b[0], k, cols, add)
			continue
		case 2:
			tile256x2(&row[0], ldc, &a[r], rows, &b[0], k, cols, add)
			continue
		case 3:
			tile256x3(&row[0], ldc, &a[r], rows, &b[0], k, cols, add)
			continue
		}
		for j := 0; j < cols; j += 16 {
			switch m := min(16, cols-j); n {
			case 4:
				tile256x4(&row[j], ldc, &a[r], rows, &b[j], k, m, add)
			case 5:
				tile256x5(&row[j], ldc, &a[r], rows, &b[j], k, m, add)
			case 6:
				tile256x6(&row[j], ldc, &a[r], rows, &b[j], k, m, add)
			}
		}
	}
}

// packStep bounds the k of one packing call: the source may come from memory.
const packStep = 512

func packA(dst, a []float32, rs, cs, rows, k int) {
	if cpu.Active() == cpu.Generic {
		packAGeneric(dst, a, rs, cs, rows, k)
		return
	}
	r := 0
	if cs != 1 {
		r = copyPanels(dst, a, cs, rows, k, TileRows, copy256x12x1, copy256x12x4)
	}
	for ; r < rows; r += TileRows {
		n := min(TileRows, rows-r)
		to, from := dst[r*k:], a[r*rs:]
		switch {
		case cs != 1:
			copyGeneric(to, n, from, cs, k, n)
		case n == 1:
			copy(to[:k], from)
		case n == TileRows && cpu.Active() >= cpu.AVX512:
			for i := 0; i < k; i += packStep {
				transpose512x12(&to[i*TileRows], &from[i], rs, min(packStep, k-i))
			}
		default:
			transposeAVX2(to, n, from, rs, n, k)
		}
	}
}

func packB(dst, b []float32, rs, cs, k, cols int) {
	if cpu.Active() == cpu.Generic {
		packBGeneric(dst, b, rs, cs, k, cols)
		return
	}
	j := 0
	if cs == 1 {
		j = copyPanels(dst, b, rs, cols, k, TileCols, copy256x32x1, copy256x32x4)
	}
	for ; j < cols; j += TileCols {
		n := min(TileCols, cols-j)
		to, from := dst[j*k:], b[j*cs:]
		if cs == 1 {
			copyGeneric(to, TileCols, from, rs, k, n)
		} else {
			transposePanel(to, from, cs, n, k)
		}
		padGeneric(to, k, n)
	}
}

// copyPanels copies the full panels of a matrix whose n columns (of panels) are
// contiguous, four panels at a time and then one. It returns the columns done.
func copyPanels(dst, src []float32, stride, n, k, width int, one, four func(dst *float32, pstride int, src *float32, sstride, k int)) int {
	j := 0
	for kernel, wide := four, 4*width; wide >= width; kernel, wide = one, wide/4 {
		for ; j+wide <= n; j += wide {
			for i := 0; i < k; i += packStep {
				kernel(&dst[j*k+i*width], width*k, &src[i*stride+j], stride, min(packStep, k-i))
			}
		}
	}
	return j
}

// transposePanel writes up to TileCols rows of src as columns of one B panel.
func transposePanel(dst, src []float32, stride, cols, k int) {
	j := 0
	if cpu.Active() >= cpu.AVX512 {
		for ; j+16 <= cols; j += 16 {
			for i := 0; i < k; i += packStep {
				transpose512x16(&dst[i*TileCols+j], &src[j*stride+i], stride, min(packStep, k-i))
			}
		}
	}
	if j < cols {
		transposeAVX2(dst[j:], TileCols, src[j*stride:], stride, cols-j, k)
	}
}

// transposeAVX2 is transposeGeneric with blocks of four rows and eight k done in
// registers.
func transposeAVX2(dst []float32, dstride int, src []float32, sstride, rows, k int) {
	r, eights := 0, k&^7
	for ; r+4 <= rows; r += 4 {
		for i := 0; i < eights; i += packStep {
			transpose256x4(&dst[i*dstride+r], dstride, &src[r*sstride+i], sstride, min(packStep, eights-i))
		}
		if eights < k {
			transposeGeneric(dst[eights*dstride+r:], dstride, src[r*sstride+eights:], sstride, 4, k-eights)
		}
	}
	if r < rows {
		transposeGeneric(dst[r:], dstride, src[r*sstride:], sstride, rows-r, k)
	}
}
