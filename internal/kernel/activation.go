package kernel

// each calls f for consecutive chunks of n numbers.
func each(n int, f func(lo, hi int)) {
	for lo := 0; lo < n; lo += chunk {
		f(lo, min(lo+chunk, n))
	}
}

// SiLU is dst = x·σ(x).
func SiLU(dst, x []float32) {
	same("SiLU", len(dst), len(x))
	each(len(x), func(lo, hi int) { silu(dst[lo:hi], x[lo:hi]) })
}

// SiLUBack is dx = dy·σ(x)·(1 + x·(1-σ(x))).
func SiLUBack(dx, dy, x []float32) {
	same("SiLUBack", len(dx), len(dy), len(x))
	each(len(x), func(lo, hi int) { siluBack(dx[lo:hi], dy[lo:hi], x[lo:hi]) })
}

// SwiGLU is dst = gate·σ(gate)·up (Shazeer 2020, arXiv 2002.05202).
func SwiGLU(dst, gate, up []float32) {
	same("SwiGLU", len(dst), len(gate), len(up))
	each(len(dst), func(lo, hi int) { swiglu(dst[lo:hi], gate[lo:hi], up[lo:hi]) })
}

// SwiGLUBack is the gradient of SwiGLU's two inputs from dy of its output.
func SwiGLUBack(dgate, dup, dy, gate, up []float32) {
	same("SwiGLUBack", len(dgate), len(dup), len(dy), len(gate), len(up))
	each(len(dy), func(lo, hi int) {
		swigluBack(dgate[lo:hi], dup[lo:hi], dy[lo:hi], gate[lo:hi], up[lo:hi])
	})
}

// GELU is dst = x·(1 + tanh(√(2/π)·(x + 0.044715x³)))/2 (Hendrycks and Gimpel
// 2016, arXiv 1606.08415).
func GELU(dst, x []float32) {
	same("GELU", len(dst), len(x))
	each(len(x), func(lo, hi int) { gelu(dst[lo:hi], x[lo:hi]) })
}

// GELUBack is dx = dy times GELU's derivative at x.
func GELUBack(dx, dy, x []float32) {
	same("GELUBack", len(dx), len(dy), len(x))
	each(len(x), func(lo, hi int) { geluBack(dx[lo:hi], dy[lo:hi], x[lo:hi]) })
}

// GELUErf is dst = x·Φ(x), Φ the normal distribution. The relative error is below
// 5e-7 from x = -2 up, and grows to 5e-6 at -13, where x²/2 has lost digits.
func GELUErf(dst, x []float32) {
	same("GELUErf", len(dst), len(x))
	each(len(x), func(lo, hi int) { geluErf(dst[lo:hi], x[lo:hi]) })
}

// GELUErfBack is dx = dy·(Φ(x) + x·φ(x)).
func GELUErfBack(dx, dy, x []float32) {
	same("GELUErfBack", len(dx), len(dy), len(x))
	each(len(x), func(lo, hi int) { geluErfBack(dx[lo:hi], dy[lo:hi], x[lo:hi]) })
}
