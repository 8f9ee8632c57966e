package kernel

import "fmt"

//go:generate go run -C _asm ./half -out ../half_amd64.s -stubs ../half_amd64_stubs.go -pkg kernel

// Matrices of 16-bit numbers are packed into B panels of the shape that [Tile]
// reads, with two numbers in each 32-bit word. A word is kept in a float32 for the
// sake of the code that only moves it, and is never computed with as one:
//
//   - half precision: k rows of HalfCols words, each row TileCols numbers; the
//     column of lower number in the lower half;
//   - bfloat16: pairs of k, each a row of TileCols words, one per column; the lower
//     k in the lower half.
//
// What is to be a product with bfloat16 has both its operands rounded to it; the A
// panel then holds pairs of k as well.

// HalfCols is how many words a row of a half-precision panel has.
const HalfCols = TileCols / 2

// TileF16 is [Tile] with a half-precision B panel. The numbers of b become float32,
// which is exact, so the result has the bits of Tile on those.
func TileF16(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	checkTile(c, ldc, a, b, rows, cols, k, HalfCols)
	tileF16(c, ldc, a, b, rows, cols, k, add)
}

// TileBF16 is [Tile] with panels of bfloat16; k counts pairs. Each element is one
// chain that takes, pair by pair, first the product of the higher k, then that of
// the lower, each with one rounding to float32. Numbers below the normal range count
// as zero wherever they appear, in c too: this is what VDPBF16PS does, and every
// implementation computes the same bits.
func TileBF16(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	checkTile(c, ldc, a, b, rows, cols, k, TileCols)
	tileBF16(c, ldc, a, b, rows, cols, k, add)
}

// WidenF16 turns rows of a half-precision B panel into rows for [Tile]: for more rows
// of c than a few it is faster to do so once than in every tile.
func WidenF16(dst, src []float32) {
	if len(src)%HalfCols != 0 || len(dst) != 2*len(src) {
		panic(fmt.Sprintf("kernel: widening %d words to %d numbers", len(src), len(dst)))
	}
	for len(dst) > chunk {
		widenRows(dst[:chunk], src[:chunk/2])
		dst, src = dst[chunk:], src[chunk/2:]
	}
	widenRows(dst, src)
}

// checkTile panics when a slice is too short or a size is out of range. A row of the
// B panel is of that many words.
func checkTile(c []float32, ldc int, a, b []float32, rows, cols, k, words int) {
	if uint(rows-1) >= TileRows || uint(cols-1) >= TileCols || uint(k-1) >= TileK ||
		len(a) < rows*k || len(b) < words*k || !fits(len(c), rows, cols, ldc) {
		panic(fmt.Sprintf("kernel: tile %d×%d over %d, stride %d, on %d, %d and %d numbers", rows, cols, k, ldc, len(c), len(a), len(b)))
	}
}

// RoundBF16 rounds src to bfloat16, half to even, two numbers in each word of dst,
// which has (len(src)+1)/2; the last is filled up with zero. Numbers below the normal
// range become zero, NaN stays NaN.
func RoundBF16(dst, src []float32) {
	if len(dst) != (len(src)+1)/2 {
		panic(fmt.Sprintf("kernel: rounding %d numbers into %d words", len(src), len(dst)))
	}
	for len(src) > chunk {
		roundBF16(dst[:chunk/2], src[:chunk])
		dst, src = dst[chunk/2:], src[chunk:]
	}
	roundBF16(dst, src)
}

// SplitPairs turns a panel of pairs of k, as for bfloat16, into one of half
// precision, in place: each row of TileCols words becomes two rows of HalfCols.
func SplitPairs(panel []float32) {
	if len(panel)%TileCols != 0 {
		panic(fmt.Sprintf("kernel: splitting %d words", len(panel)))
	}
	for len(panel) > chunk {
		splitPairs(panel[:chunk])
		panel = panel[chunk:]
	}
	splitPairs(panel)
}
