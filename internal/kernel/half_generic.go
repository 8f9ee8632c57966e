package kernel

import (
	"math"

	"weft/internal/quant"
)

// halves takes a word apart.
func halves(word float32) (lower, upper uint16) {
	bits := math.Float32bits(word)
	return uint16(bits), uint16(bits >> 16)
}

func word(lower, upper uint16) float32 {
	return math.Float32frombits(uint32(upper)<<16 | uint32(lower))
}

func tileF16Generic(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	tileHalfGeneric(c, ldc, a, b, rows, cols, k, add, quant.F16ToF32)
}

func tileWide16Generic(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	tileHalfGeneric(c, ldc, a, b, rows, cols, k, add, quant.BF16ToF32)
}

func tileHalfGeneric(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool, number func(uint16) float32) {
	for r := range rows {
		row := c[r*ldc:][:cols]
		if !add {
			clear(row)
		}
		for i := range k {
			x, words := a[i*rows+r], b[i*HalfCols:][:HalfCols]
			for j := range row {
				row[j] = FMA(x, number(uint16(math.Float32bits(words[j/2])>>(j%2*16))), row[j])
			}
		}
	}
}

func tileBF16Generic(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool) {
	for r := range rows {
		row := c[r*ldc:][:cols]
		if !add {
			clear(row)
		}
		for i := range k {
			words := b[i*TileCols:][:cols]
			for j, w := range words {
				row[j] = dotBF16(a[i*rows+r], w, row[j])
			}
		}
	}
}

// dotBF16 is what VDPBF16PS does in one lane.
func dotBF16(a, b, c float32) float32 {
	a0, a1 := halves(a)
	b0, b1 := halves(b)
	c = flushed(quant.BF16ToF32(a1), quant.BF16ToF32(b1), c)
	return flushed(quant.BF16ToF32(a0), quant.BF16ToF32(b0), c)
}

// flushed is FMA without numbers below the normal range. A result belongs to them
// when rounding to 24 bits leaves it below 2⁻¹²⁶; near there the sum in float64 is
// exact, since a product of two bfloat16 has 16 bits.
func flushed(a, b, c float32) float32 {
	a, b, c = flush(a), flush(b), flush(c)
	const least = 0x1p-126 - 0x1p-151 // rounds up to 2⁻¹²⁶
	if s := float64(a)*float64(b) + float64(c); s != 0 && math.Abs(s) < least {
		return float32(math.Copysign(0, s))
	}
	return FMA(a, b, c)
}

// flush makes subnormal numbers zero.
func flush(x float32) float32 {
	if bits := math.Float32bits(x); bits&0x7f800000 == 0 {
		return math.Float32frombits(bits & 0x80000000)
	}
	return x
}

func roundBF16Generic(dst, src []float32) {
	for i := range dst {
		lower, upper := quant.F32ToBF16(flush(src[2*i])), uint16(0)
		if 2*i+1 < len(src) {
			upper = quant.F32ToBF16(flush(src[2*i+1]))
		}
		dst[i] = word(lower, upper)
	}
}

func splitPairsGeneric(panel []float32) {
	for ; len(panel) > 0; panel = panel[TileCols:] {
		var lower, upper [TileCols]uint16
		for j := range lower {
			lower[j], upper[j] = halves(panel[j])
		}
		for j := range HalfCols {
			panel[j] = word(lower[2*j], lower[2*j+1])
			panel[HalfCols+j] = word(upper[2*j], upper[2*j+1])
		}
	}
}
