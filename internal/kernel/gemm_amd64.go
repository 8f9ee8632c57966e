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

func packA(dst, a []float32, rs, cs, rows, k int) {
	level := cpu.Active()
	switch {
	case level == cpu.Generic:
		packAGeneric(dst, a, rs, cs, rows, k)
	case rows == 1 && cs == 1:
		copy(dst[:k], a)
	case cs == 1 && level >= cpu.AVX512 && rows == 12:
		transpose512x12(&dst[0], &a[0], rs, k)
	case cs == 1:
		transposeAVX2(dst, rows, a, rs, rows, k)
	case level >= cpu.AVX512:
		copy512(&dst[0], rows, &a[0], cs, k, rows)
	default:
		copyGeneric(dst, rows, a, cs, k, rows)
	}
}

func packB(dst, b []float32, rs, cs, k, cols int) {
	level := cpu.Active()
	done := 0 // columns
	switch {
	case level == cpu.Generic:
		packBGeneric(dst, b, rs, cs, k, cols)
		return
	case cs == 1 && level >= cpu.AVX512:
		copy512(&dst[0], TileCols, &b[0], rs, k, cols)
		done = cols
	case cs == 1:
		copyGeneric(dst, TileCols, b, rs, k, cols)
		done = cols
	case level >= cpu.AVX512:
		for ; done+16 <= cols; done += 16 {
			transpose512x16(&dst[done], &b[done*cs], cs, k)
		}
	}
	if done < cols {
		transposeAVX2(dst[done:], TileCols, b[done*cs:], cs, cols-done, k)
	}
	if cols < TileCols {
		padGeneric(dst, k, cols)
	}
}

// transposeAVX2 is transposeGeneric with blocks of four rows and eight k done in
// registers.
func transposeAVX2(dst []float32, dstride int, src []float32, sstride, rows, k int) {
	r, eights := 0, k&^7
	for ; r+4 <= rows; r += 4 {
		if eights > 0 {
			transpose256x4(&dst[r], dstride, &src[r*sstride], sstride, eights)
		}
		if eights < k {
			transposeGeneric(dst[eights*dstride+r:], dstride, src[r*sstride+eights:], sstride, 4, k-eights)
		}
	}
	if r < rows {
		transposeGeneric(dst[r:], dstride, src[r*sstride:], sstride, rows-r, k)
	}
}

// peakFMA returns the operations of one round.
func peakFMA(rounds int) float64 {
	switch level := cpu.Active(); {
	case level >= cpu.AVX512:
		peak512(rounds)
		return 2 * 12 * 16
	case level >= cpu.AVX2:
		peak256(rounds)
		return 2 * 12 * 8
	}
	return peakGeneric(rounds)
}
