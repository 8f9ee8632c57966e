package kernel

import "math"

// FMA is a*b+c rounded once to float32: what VFMADD231SS computes, in plain Go.
//
// The product of two float32 is exact in float64. The sum rounded to float64 and
// then to float32 is right unless the first rounding lands on the midpoint
// between two float32 (or on the coarser grid below the smallest normal
// number). There the sum is rounded to odd first, which keeps on which side of
// the midpoint the exact sum lies (Boldo and Melquiond, 2008).
func FMA(a, b, c float32) float32 {
	p := float64(a) * float64(b)
	s := p + float64(c)
	bits := math.Float64bits(s)
	if bits&(1<<29-1) != 1<<28 && bits&(1<<63-1) >= 0x3810<<48 {
		return float32(s)
	}
	return fmaOdd(p, float64(c), s, bits)
}

// fmaOdd finishes FMA where rounding twice could err: s is p+c rounded.
func fmaOdd(p, c, s float64, bits uint64) float32 {
	if s-s != 0 { // infinite or NaN
		return float32(s)
	}
	// The exact error of the sum (Knuth's two-sum).
	t := s - p
	err := (p - (s - t)) + (c - t)
	if err != 0 && bits&1 == 0 {
		// Step to the odd neighbour on the side of the exact sum.
		if (err > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
	}
	return float32(math.Float64frombits(bits))
}
