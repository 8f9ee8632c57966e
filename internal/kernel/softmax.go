package kernel

import "math"

// Exp is dst = e^x, within one unit in the last place. Below -104 it is 0.
func Exp(dst, x []float32) {
	same("Exp", len(dst), len(x))
	expScaled(dst, x, 1, 0)
}

// expScaled is dst = e^(factor·x - shift), and their sum.
func expScaled(dst, x []float32, factor, shift float32) float64 {
	total := 0.0
	for lo := 0; lo < len(x); lo += sumBlock {
		hi := min(lo+sumBlock, len(x))
		total += expSum(dst[lo:hi], x[lo:hi], factor, shift)
	}
	return total
}

// Softmax is x = softmax(factor·x) in place, factor > 0. It returns the largest
// of factor·x and the sum of e^(factor·x - max). -Inf gets probability 0; where
// nothing else is, or where there is +Inf or NaN, all becomes NaN.
func Softmax(x []float32, factor float32) (largest, sum float32) {
	largest = Max(x) * factor
	total := expScaled(x, x, factor, largest)
	Scale(x, float32(1/total))
	return largest, float32(total)
}

// SoftmaxBack is ds = factor·p·(dp - Σ p·dp): the gradient of factor·x where
// p = softmax of it. ds may be dp.
func SoftmaxBack(ds, p, dp []float32, factor float32) {
	same("SoftmaxBack", len(ds), len(p), len(dp))
	mean := Dot(p, dp)
	for lo := 0; lo < len(ds); lo += chunk {
		hi := min(lo+chunk, len(ds))
		softmaxBack(ds[lo:hi], p[lo:hi], dp[lo:hi], mean, factor)
	}
}

// LogSumExp is log Σ e^x, -Inf for no numbers.
func LogSumExp(x []float32) float64 {
	largest := Max(x)
	if math.IsInf(float64(largest), 0) {
		largest = 0 // Inf - Inf is no number
	}
	var buf [512]float32 // the exponentials, of which only the sum is wanted
	total := 0.0
	for lo := 0; lo < len(x); lo += len(buf) {
		part := x[lo:min(lo+len(buf), len(x))]
		total += expSum(buf[:len(part)], part, 1, largest)
	}
	return float64(largest) + math.Log(total)
}

// CrossEntropy returns -log softmax(logits)[target] in nats and turns the
// logits into factor times their gradient, softmax(logits) - onehot(target). A
// target that is no index of logits panics before anything is written.
func CrossEntropy(logits []float32, target int, factor float32) (nll float64) {
	largest, at := Max(logits), float64(logits[target])
	total := expScaled(logits, logits, 1, largest)
	Scale(logits, float32(float64(factor)/total))
	logits[target] -= factor
	return math.Log(total) + float64(largest) - at
}
