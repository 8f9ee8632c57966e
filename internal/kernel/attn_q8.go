package kernel

import (
	"fmt"
	"math"

	"weft/internal/quant"
)

// Keys and values of 8 bits come in blocks of Q8Block codes of one position with a
// float16 scale, as in GGUF's Q8_0: a number is code · scale.
const Q8Block = 32

// ScoreQ8 computes c = a·b for a panel of 32 keys: a is rows × 2·pairs integers
// with stride lda, row r of which stands for its numbers times scale[r] ([ToI16]);
// b is pairs × 32 × 2 codes, so that codes 2i and 2i+1 of a key lie together; scales
// has 32 float16, one for each key, for every block of codes. A block's sum is exact;
// from there on an element is one chain of FMAs over ascending blocks, times scale[r].
//
// It panics when a slice is too short or a size is out of range.
func ScoreQ8(c []float32, ldc int, a []int16, lda int, scale []float32, b []int8, scales []uint16, rows, pairs int) {
	checkPanel(len(c), ldc, len(a), lda, len(b), rows, 2*pairs)
	if len(scale) < rows || len(scales) < (2*pairs+Q8Block-1)/Q8Block*TileCols {
		panic(fmt.Sprintf("kernel: %d scales of %d rows, %d of %d keys with %d numbers", len(scale), rows, len(scales), TileCols, 2*pairs))
	}
	scoreQ8(c, ldc, a, lda, scale, b, scales, rows, pairs)
}

// PanelI8 is PanelF32 for a panel of integers of 8 bits.
func PanelI8(c []float32, ldc int, a []float32, lda int, b []int8, rows, k int, add bool) {
	checkPanel(len(c), ldc, len(a), lda, len(b), rows, k)
	panelI8(c, ldc, a, lda, b, rows, k, add)
}

// FromI8 is dst = src.
func FromI8(dst []float32, src []int8) {
	same("FromI8", len(dst), len(src))
	for lo := 0; lo < len(dst); lo += chunk {
		hi := min(lo+chunk, len(dst))
		fromI8(dst[lo:hi], src[lo:hi])
	}
}

// ToI16 rounds src to integers times one power of two, which it returns: to the
// nearest, ties to even, the largest magnitude becoming 14 or 15 bits long. If there
// is a NaN or an infinity, the power is NaN.
func ToI16(dst []int16, src []float32) (scale float32) {
	same("ToI16", len(dst), len(src))
	const inf, least, most = 0x7f800000, 15, 14 // exponents as float32 has them
	bits := magnitude(src)
	exponent := bits >> 23
	switch {
	case bits >= inf:
		clear(dst)
		return float32(math.NaN())
	case exponent < least: // the power would be too small
		clear(dst)
		return 0
	}
	scale, inverse := math.Float32frombits((exponent-most)<<23), math.Float32frombits((127+127+most-exponent)<<23)
	if math.Float32frombits(bits)*inverse >= 1<<15-0.5 {
		scale, inverse = 2*scale, inverse/2
	}
	const whole = 3 << 22 // makes float32 drop what is behind the point
	for i, x := range src {
		dst[i] = int16(math.Float32bits(x*inverse + whole))
	}
	return scale
}

// magnitude is the bits of the largest magnitude, NaN being the largest of all.
func magnitude(x []float32) (bits uint32) {
	for _, v := range x {
		bits = max(bits, math.Float32bits(v)&^(1<<31))
	}
	return bits
}

// ToQ8 rounds a block, or the beginning of one, to codes, halves away from zero,
// and returns their scale, a float16: the largest magnitude over 127. What is beyond
// 127 times the largest float16 becomes that; with a NaN all of them become NaN.
func ToQ8(dst []int8, src []float32) (scale uint16) {
	same("ToQ8", len(dst), len(src))
	const inf, nan, most = 0x7f800000, 0x7e00, 127 * largestF16
	bits := magnitude(src)
	d := math.Float32frombits(bits) / 127
	switch {
	case bits > inf:
		clear(dst)
		return nan
	case d > largestF16:
		near := make([]float32, len(src))
		for i, x := range src {
			near[i] = max(-most, min(x, most))
		}
		return ToQ8(dst, near)
	case 1/d > math.MaxFloat32:
		clear(dst) // of a scale far below the smallest float16
		return 0
	}
	inverse := 1 / d
	for i, x := range src {
		t := float64(x * inverse)
		dst[i] = int8(int32(t + math.Copysign(0.5, t)))
	}
	return quant.F32ToF16(d)
}

func scoreQ8Generic(c []float32, ldc int, a []int16, lda int, scale []float32, b []int8, scales []uint16, rows, pairs int) {
	startPanel(c, ldc, rows, false)
	for r := range rows {
		row := c[r*ldc:][:TileCols]
		for first := 0; first < pairs; first += Q8Block / 2 {
			var sums [TileCols]int32
			for i := first; i < min(first+Q8Block/2, pairs); i++ {
				x0, x1, codes := int32(a[r*lda+2*i]), int32(a[r*lda+2*i+1]), b[i*2*TileCols:][:2*TileCols]
				for j := range sums {
					sums[j] += x0*int32(codes[2*j]) + x1*int32(codes[2*j+1])
				}
			}
			for j, sum := range sums {
				row[j] = FMA(float32(sum), quant.F16ToF32(scales[first/(Q8Block/2)*TileCols+j]), row[j])
			}
		}
		for j := range row {
			row[j] *= scale[r]
		}
	}
}

func panelI8Generic(c []float32, ldc int, a []float32, lda int, b []int8, rows, k int, add bool) {
	startPanel(c, ldc, rows, add)
	var wide [TileCols]float32
	for i := range k {
		fromI8Generic(wide[:], b[i*TileCols:])
		panelStep(c, ldc, a[i:], lda, wide[:], rows)
	}
}

func fromI8Generic(dst []float32, src []int8) {
	for i := range dst {
		dst[i] = float32(src[i])
	}
}
