package kernel

import "fmt"

//go:generate go run -C _asm ./half -out ../half_amd64.s -stubs ../half_amd64_stubs.go -pkg kernel

// Matrices of 16-bit numbers are packed into B panels of the shape that [Tile]
// reads, with two numbers in each 32-bit word. A word is kept in a float32 for the
// sake of the code that only moves it, and is never computed with as one. There are
// two arrangements:
//
//   - rows: k rows of HalfCols words, each row TileCols numbers; the lower column in
//     the lower half of a word. A product makes the numbers float32, which is exact;
//   - pairs of k, each a row of TileCols words, one per column; the lower k in the
//     lower half. For bfloat16 alone: a product rounds its other operand as well, so
//     that the A panel holds pairs of k too, and multiplies pairs.

// HalfCols is how many words a panel has in a row of 16-bit numbers.
const HalfCols = TileCols / 2

// TileF16 is [Tile] with a B panel of rows in half precision. The result has the bits
// of Tile on the same numbers.
func TileF16(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	checkTile(c, ldc, a, b, rows, cols, k, HalfCols)
	tileF16(c, ldc, a, b, rows, cols, k, add)
}

// TileWide16 is TileF16 with rows in bfloat16.
func TileWide16(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	checkTile(c, ldc, a, b, rows, cols, k, HalfCols)
	tileWide16(c, ldc, a, b, rows, cols, k, add)
}

// TileBF16 is [Tile] with panels of pairs of bfloat16; k counts pairs. Each element is
// one chain that takes, pair by pair, first the product of the higher k, then that of
// the lower, each with one rounding to float32. Numbers below the normal range count
// as zero wherever they appear, in c too: this is what VDPBF16PS does, and every
// implementation computes the same bits.
func TileBF16(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	checkTile(c, ldc, a, b, rows, cols, k, TileCols)
	tileBF16(c, ldc, a, b, rows, cols, k, add)
}

// WidenF16 turns rows of half-precision numbers into rows for [Tile]: for more than a
// few rows of c it is faster to do so once than in every tile.
func WidenF16(dst, src []float32) { widenRows(dst, src, widenF16Rows) }

// WidenBF16 does so with bfloat16.
func WidenBF16(dst, src []float32) { widenRows(dst, src, widenBF16Rows) }

func widenRows(dst, src []float32, rows func(dst, src []float32)) {
	if len(src)%HalfCols != 0 || len(dst) != 2*len(src) {
		panic(fmt.Sprintf("kernel: widening %d words to %d numbers", len(src), len(dst)))
	}
	for len(dst) > chunk {
		rows(dst[:chunk], src[:chunk/2])
		dst, src = dst[chunk:], src[chunk/2:]
	}
	rows(dst, src)
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

// SplitPairs turns a panel of pairs of k into one of rows, in place: TileCols words
// become two rows of HalfCols.
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
