package kernel

import (
	"fmt"

	"weft/internal/quant"
)

//go:generate go run -C _asm ./attn -out ../attn_amd64.s -stubs ../attn_amd64_stubs.go -pkg kernel

// PanelF32 computes c = a·b, or c += a·b when add is set, for one panel of 32
// columns: a is rows × k, row-major with stride lda, c is rows × 32 with stride
// ldc, and b is k × 32, the B panel of Tile. It differs from Tile in that a needs
// no packing, which pays where a is read once or twice, as in attention. Keep rows
// of a from starting a multiple of 4096 bytes apart. The bits are those of Tile:
// each element is one chain of FMAs over ascending k.
//
// It panics when a slice is too short or a size is out of range.
func PanelF32(c []float32, ldc int, a []float32, lda int, b []float32, rows, k int, add bool) {
	checkPanel(len(c), ldc, len(a), lda, len(b), rows, k)
	panelF32(c, ldc, a, lda, b, rows, k, add)
}

// PanelF16 is PanelF32 for a panel of float16, which are exact in float32.
func PanelF16(c []float32, ldc int, a []float32, lda int, b []uint16, rows, k int, add bool) {
	checkPanel(len(c), ldc, len(a), lda, len(b), rows, k)
	panelF16(c, ldc, a, lda, b, rows, k, add)
}

// PanelBF16 is PanelF32 for a panel of bfloat16, which are exact in float32.
func PanelBF16(c []float32, ldc int, a []float32, lda int, b []uint16, rows, k int, add bool) {
	checkPanel(len(c), ldc, len(a), lda, len(b), rows, k)
	panelBF16(c, ldc, a, lda, b, rows, k, add)
}

func checkPanel(c, ldc, a, lda, b, rows, k int) {
	if uint(rows-1) >= TileRows || uint(k-1) >= TileK || b < TileCols*k || !fits(a, rows, k, lda) || !fits(c, rows, TileCols, ldc) {
		panic(fmt.Sprintf("kernel: panel of %d rows over %d, strides %d and %d, on %d, %d and %d numbers", rows, k, ldc, lda, c, a, b))
	}
}

// ToF16 rounds src to float16 in dst: to the nearest, ties to even. What is too
// large becomes the largest there is, 65504, and not infinity: a token that gives it no
// weight must not get NaN for 0 times infinity. A NaN stays one.
func ToF16(dst []uint16, src []float32) {
	same("ToF16", len(dst), len(src))
	for lo := 0; lo < len(dst); lo += chunk {
		hi := min(lo+chunk, len(dst))
		toF16(dst[lo:hi], src[lo:hi])
	}
}

// FromF16 is dst = src, float16, which is exact. For more than some rows of a
// product it is faster to do so once, and to go on with PanelF32.
func FromF16(dst []float32, src []uint16) {
	same("FromF16", len(dst), len(src))
	for lo := 0; lo < len(dst); lo += chunk {
		hi := min(lo+chunk, len(dst))
		fromF16(dst[lo:hi], src[lo:hi])
	}
}

// FromBF16 is FromF16 for bfloat16.
func FromBF16(dst []float32, src []uint16) {
	same("FromBF16", len(dst), len(src))
	for lo := 0; lo < len(dst); lo += chunk {
		hi := min(lo+chunk, len(dst))
		fromBF16(dst[lo:hi], src[lo:hi])
	}
}

// ToBF16 rounds src to bfloat16 in dst: to the nearest, ties to even.
func ToBF16(dst []uint16, src []float32) {
	same("ToBF16", len(dst), len(src))
	for i, x := range src {
		dst[i] = quant.F32ToBF16(x)
	}
}
