package quant

import "math"

// weigh sets x to the numbers, and w to how much an error in each matters. It reports false if there is a number that
// is not finite.
//
// A large number matters more than a small one, which was found by measuring models (llama.cpp pull requests
// 1684 and 4930): without importance its weight is its magnitude plus the root mean square, with importance that times
// √(x² + 4·mean square). A column without importance still counts a little, or it would be stored as anything.
func weigh(x, w []float64, src, importance []float32) bool {
	for i, f := range src {
		x[i] = float64(f)
		if !(math.Abs(x[i]) <= math.MaxFloat32) {
			return false
		}
	}
	square := 0.0
	for _, v := range x {
		square += float64(v * v)
	}
	square /= float64(len(x))
	if importance == nil {
		rms := math.Sqrt(square)
		for i, v := range x {
			w[i] = rms + math.Abs(v)
		}
		return true
	}
	mean := 0.0
	for _, f := range importance[:len(x)] {
		mean += float64(f)
	}
	least := mean / float64(len(x)) / 1e5
	if least == 0 {
		least = 1
	}
	for i, v := range x {
		w[i] = (float64(importance[i]) + least) * math.Sqrt(4*square+float64(v*v))
	}
	return true
}
