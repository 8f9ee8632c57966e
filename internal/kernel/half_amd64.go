//go:build !purego

package kernel

import (
	"unsafe"

	"weft/internal/cpu"
)

func tileF16(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	if cpu.Active() == cpu.Generic {
		tileF16Generic(c, ldc, a, b, rows, cols, k, add)
		return
	}
	tileF16AVX2(c, ldc, a, b, rows, cols, k, add)
}

func tileF16AVX2(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	for r := 0; r < rows; r += 6 {
		n := min(6, rows-r)
		row := c[r*ldc:]
		switch n {
		case 1:
			tileF16x256x1(&row[0], ldc, &a[r], rows, &b[0], k, cols, add)
			continue
		case 2:
			tileF16x256x2(&row[0], ldc, &a[r], rows, &b[0], k, cols, add)
			continue
		case 3:
			tileF16x256x3(&row[0], ldc, &a[r], rows, &b[0], k, cols, add)
			continue
		}
		for j := 0; j < cols; j += 16 {
			switch m := min(16, cols-j); n {
			case 4:
				tileF16x256x4(&row[j], ldc, &a[r], rows, &b[j/2], k, m, add)
			case 5:
				tileF16x256x5(&row[j], ldc, &a[r], rows, &b[j/2], k, m, add)
			case 6:
				tileF16x256x6(&row[j], ldc, &a[r], rows, &b[j/2], k, m, add)
			}
		}
	}
}

func tileWide16(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	if cpu.Active() == cpu.Generic {
		tileWide16Generic(c, ldc, a, b, rows, cols, k, add)
		return
	}
	tileWide16AVX2(c, ldc, a, b, rows, cols, k, add)
}

func tileWide16AVX2(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	for r := 0; r < rows; r += 6 {
		n := min(6, rows-r)
		row := c[r*ldc:]
		switch n {
		case 1:
			tileWide16x256x1(&row[0], ldc, &a[r], rows, &b[0], k, cols, add)
			continue
		case 2:
			tileWide16x256x2(&row[0], ldc, &a[r], rows, &b[0], k, cols, add)
			continue
		case 3:
			tileWide16x256x3(&row[0], ldc, &a[r], rows, &b[0], k, cols, add)
			continue
		}
		for j := 0; j < cols; j += 16 {
			switch m := min(16, cols-j); n {
			case 4:
				tileWide16x256x4(&row[j], ldc, &a[r], rows, &b[j/2], k, m, add)
			case 5:
				tileWide16x256x5(&row[j], ldc, &a[r], rows, &b[j/2], k, m, add)
			case 6:
				tileWide16x256x6(&row[j], ldc, &a[r], rows, &b[j/2], k, m, add)
			}
		}
	}
}

func tileBF16(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	switch {
	case cpu.BF16():
		tileBF16AVX512(&c[0], ldc, &a[0], &b[0], rows, cols, k, add)
	case cpu.Active() >= cpu.AVX2:
		tileBF16AVX2(c, ldc, a, b, rows, cols, k, add)
	default:
		tileBF16Generic(c, ldc, a, b, rows, cols, k, add)
	}
}

func tileBF16AVX512(c *float32, ldc int, a, b *float32, rows, cols, k int, add bool) {
	switch rows {
	case 12:
		tileBF16x512x12(c, ldc, a, b, k, cols, add)
	case 11:
		tileBF16x512x11(c, ldc, a, b, k, cols, add)
	case 10:
		tileBF16x512x10(c, ldc, a, b, k, cols, add)
	case 9:
		tileBF16x512x9(c, ldc, a, b, k, cols, add)
	case 8:
		tileBF16x512x8(c, ldc, a, b, k, cols, add)
	case 7:
		tileBF16x512x7(c, ldc, a, b, k, cols, add)
	case 6:
		tileBF16x512x6(c, ldc, a, b, k, cols, add)
	case 5:
		tileBF16x512x5(c, ldc, a, b, k, cols, add)
	case 4:
		tileBF16x512x4(c, ldc, a, b, k, cols, add)
	case 3:
		tileBF16x512x3(c, ldc, a, b, k, cols, add)
	case 2:
		tileBF16x512x2(c, ldc, a, b, k, cols, add)
	case 1:
		tileBF16x512x1(c, ldc, a, b, k, cols, add)
	}
}

func tileBF16AVX2(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	for r := 0; r < rows; r += 6 {
		n := min(6, rows-r)
		row := c[r*ldc:]
		switch n {
		case 1:
			tileBF16x256x1(&row[0], ldc, &a[r], rows, &b[0], k, cols, add)
			continue
		case 2:
			tileBF16x256x2(&row[0], ldc, &a[r], rows, &b[0], k, cols, add)
			continue
		case 3:
			tileBF16x256x3(&row[0], ldc, &a[r], rows, &b[0], k, cols, add)
			continue
		}
		for j := 0; j < cols; j += 16 {
			switch m := min(16, cols-j); n {
			case 4:
				tileBF16x256x4(&row[j], ldc, &a[r], rows, &b[j], k, m, add)
			case 5:
				tileBF16x256x5(&row[j], ldc, &a[r], rows, &b[j], k, m, add)
			case 6:
				tileBF16x256x6(&row[j], ldc, &a[r], rows, &b[j], k, m, add)
			}
		}
	}
}

// roundBF16 leaves the end, less than 32 numbers, to plain Go.
func roundBF16(dst, src []float32) {
	n := len(src) &^ 31
	switch level := cpu.Active(); {
	case level == cpu.Generic:
		n = 0
	case n == 0:
	case cpu.BF16():
		roundBF16x512(&dst[0], &src[0], n)
	default:
		roundBF16x256(&dst[0], &src[0], n)
	}
	roundBF16Generic(dst[n/2:], src[n:])
}

// A word has its lower half first in memory, so that words are the numbers in order.

func widenF16Rows(dst, src []float32)  { fromF16(dst, numbersOf(src)) }
func widenBF16Rows(dst, src []float32) { fromBF16(dst, numbersOf(src)) }

func numbersOf(words []float32) []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(words))), 2*len(words))
}

func splitPairs(panel []float32) {
	pairs := len(panel) / TileCols
	switch level := cpu.Active(); {
	case level == cpu.Generic:
		splitPairsGeneric(panel)
	case pairs == 0:
	case level >= cpu.AVX512:
		split512(&panel[0], pairs)
	default:
		split256(&panel[0], pairs)
	}
}
