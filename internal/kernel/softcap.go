package kernel

import "math"

// SoftCap is x = limit·tanh(factor·x/limit): a bound that bends (Gemma 2).
func SoftCap(x []float32, factor, limit float32) {
	f := float64(factor) / float64(limit)
	for i, v := range x {
		x[i] = limit * float32(math.Tanh(float64(v)*f))
	}
}

// SoftCapBack turns dx from the gradient of y = SoftCap(x) into that of factor·x:
// dx = dx·(1 - (y/limit)²).
func SoftCapBack(dx, y []float32, limit float32) {
	same("SoftCapBack", len(dx), len(y))
	for i, v := range y {
		r := v / limit
		dx[i] *= 1 - r*r
	}
}

// ReLU is dst = max(x, 0); NaN stays.
func ReLU(dst, x []float32) {
	same("ReLU", len(dst), len(x))
	for i, v := range x {
		dst[i] = max(v, 0)
	}
}

// ClampedSwiGLU is dst = g·σ(1.702·g)·(u + 1) with g = min(gate, limit) and u = up
// between -limit and limit (gpt-oss).
func ClampedSwiGLU(dst, gate, up []float32, limit float32) {
	same("ClampedSwiGLU", len(dst), len(gate), len(up))
	const slope = 1.702
	for i, v := range gate {
		g, u := float64(min(v, limit)), float64(max(-limit, min(up[i], limit)))
		dst[i] = float32(g / (1 + math.Exp(-slope*g)) * (u + 1))
	}
}
