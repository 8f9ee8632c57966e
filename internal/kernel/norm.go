package kernel

import "math"

// RMSNorm is dst = x·rstd·gain with rstd = 1/√(mean(x²) + eps), which it
// returns (Zhang and Sennrich 2019, arXiv 1910.07467).
func RMSNorm(dst, x, gain []float32, eps float32) (rstd float32) {
	same("RMSNorm", len(x), len(dst), len(gain))
	rstd = float32(1 / math.Sqrt(SumSquares(x)/float64(len(x))+float64(eps)))
	normApply(dst, x, gain, 0, rstd)
	return rstd
}

// RMSNormBack adds the gradient through RMSNorm to dx:
// rstd·(dy·gain - x·rstd²·mean(dy·gain·x)).
func RMSNormBack(dx, dy, x, gain []float32, rstd float32) {
	same("RMSNormBack", len(x), len(dx), len(dy), len(gain))
	r := float64(rstd)
	slope := -r * r * r * sumOfProducts(dy, gain, x, 0) / float64(len(x))
	normBack(dx, dy, x, gain, 0, rstd, float32(slope), 0)
}

// RMSNormGainBack is dgain += dy·x·rstd. Slices may be a part of the row.
func RMSNormGainBack(dgain, dy, x []float32, rstd float32) {
	same("RMSNormGainBack", len(dgain), len(dy), len(x))
	normGainBack(dgain, dy, x, 0, rstd)
}

// LayerNorm is dst = (x - mean)·rstd·gain + bias with rstd = 1/√(var + eps); it
// returns mean and rstd. x has at least one number; bias may be nil, and is not
// dst (Ba et al. 2016, arXiv 1607.06450).
//
// Adding up distances from the first number keeps the mean exact when it is large
// beside the deviation. What is left is its rounding to float32.
func LayerNorm(dst, x, gain, bias []float32, eps float32) (mean, rstd float32) {
	same("LayerNorm", len(x), len(dst), len(gain))
	n := float64(len(x))
	mean = float32(float64(x[0]) + sumAround(x, x[0])/n)
	rstd = float32(1 / math.Sqrt(sumSquaresAround(x, mean)/n+float64(eps)))
	normApply(dst, x, gain, mean, rstd)
	if bias != nil {
		AddTo(dst, bias)
	}
	return mean, rstd
}

// LayerNormBack adds the gradient through LayerNorm to dx: with g = dy·gain and
// y = (x - mean)·rstd, rstd·(g - mean(g) - y·mean(g·y)).
func LayerNormBack(dx, dy, x, gain []float32, mean, rstd float32) {
	same("LayerNormBack", len(x), len(dx), len(dy), len(gain))
	n, r := float64(len(x)), float64(rstd)
	slope := -r * r * r * sumOfProducts(dy, gain, x, mean) / n
	offset := -r * float64(Dot(dy, gain)) / n
	normBack(dx, dy, x, gain, mean, rstd, float32(slope), float32(offset))
}

// LayerNormGainBack is dgain += dy·(x - mean)·rstd and dbias += dy. dbias may be
// nil. Slices may be a part of the row.
func LayerNormGainBack(dgain, dbias, dy, x []float32, mean, rstd float32) {
	same("LayerNormGainBack", len(dgain), len(dy), len(x))
	normGainBack(dgain, dy, x, mean, rstd)
	if dbias != nil {
		AddTo(dbias, dy)
	}
}

// sumOfProducts is Σ a·b·(x - mean).
func sumOfProducts(a, b, x []float32, mean float32) float64 {
	total := 0.0
	for lo := 0; lo < len(x); lo += sumBlock {
		hi := min(lo+sumBlock, len(x))
		total += tripleDot(a[lo:hi], b[lo:hi], x[lo:hi], mean)
	}
	return total
}
