package kernel

import "math"

// The plain Go of every vector kernel: always compiled, what other machines
// run, and what the assembly is tested against.

func addGeneric(dst, a, b []float32) {
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

func mulGeneric(dst, a, b []float32) {
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}

func axpyGeneric(dst, x []float32, a float32) {
	for i := range dst {
		dst[i] = FMA(a, x[i], dst[i])
	}
}

func scaleGeneric(x []float32, a float32) {
	for i := range x {
		x[i] *= a
	}
}

func sumGeneric(x []float32, shift float32) (total float64) {
	for _, v := range x {
		total += float64(v - shift)
	}
	return total
}

func dotGeneric(a, b []float32) (total float64) {
	for i := range a {
		total += float64(a[i]) * float64(b[i])
	}
	return total
}

func sumSquaresGeneric(x []float32, mean float32) (total float64) {
	for _, v := range x {
		d := float64(v - mean)
		total += d * d
	}
	return total
}

func tripleDotGeneric(a, b, x []float32, mean float32) (total float64) {
	for i := range x {
		total += float64(a[i]) * float64(b[i]) * float64(x[i]-mean)
	}
	return total
}

func maxOfGeneric(x []float32) float64 {
	m := negInf32
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return float64(m)
}

func normApplyGeneric(dst, x, gain []float32, mean, rstd float32) {
	for i, v := range x {
		y := float32(float32(v-mean) * rstd)
		dst[i] = float32(y * gain[i])
	}
}

func normBackGeneric(dx, dy, x, gain []float32, mean, rstd, slope, offset float32) {
	for i := range dx {
		d := float64(dy[i])*float64(gain[i])*float64(rstd) + float64(x[i]-mean)*float64(slope) + float64(offset)
		dx[i] += float32(d)
	}
}

func normGainBackGeneric(dgain, dy, x []float32, mean, rstd float32) {
	for i := range dgain {
		y := float32(float32(x[i]-mean) * rstd)
		dgain[i] = FMA(y, dy[i], dgain[i])
	}
}

func expSumGeneric(dst, x []float32, factor, shift float32) (total float64) {
	for i, v := range x {
		e := float32(math.Exp(float64(v)*float64(factor) - float64(shift)))
		dst[i] = e
		total += float64(e)
	}
	return total
}

func softmaxBackGeneric(ds, p, dp []float32, dot, factor float32) {
	for i := range ds {
		ds[i] = float32(float32((dp[i]-dot)*p[i]) * factor)
	}
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func siluGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] = float32(float64(v) * sigmoid(float64(v)))
	}
}

// siluSlope is d/dx x·σ(x).
func siluSlope(x float64) float64 {
	s := sigmoid(x)
	return s + x*s*(1-s)
}

func siluBackGeneric(dx, dy, x []float32) {
	for i, v := range x {
		dx[i] = float32(float64(dy[i]) * siluSlope(float64(v)))
	}
}

func swigluGeneric(dst, gate, up []float32) {
	for i, v := range gate {
		dst[i] = float32(float64(v) * sigmoid(float64(v)) * float64(up[i]))
	}
}

func swigluBackGeneric(dgate, dup, dy, gate, up []float32) {
	for i, v := range gate {
		g, u, d := float64(v), float64(up[i]), float64(dy[i])
		dgate[i] = float32(d * u * siluSlope(g))
		dup[i] = float32(d * g * sigmoid(g))
	}
}

const sqrt2OverPi = 0.7978845608028654

func geluGeneric(dst, x []float32) {
	for i, v := range x {
		z := float64(v)
		dst[i] = float32(z * sigmoid(2*sqrt2OverPi*(z+0.044715*z*z*z)))
	}
}

func geluBackGeneric(dx, dy, x []float32) {
	for i, v := range x {
		z := float64(v)
		s := sigmoid(2 * sqrt2OverPi * (z + 0.044715*z*z*z))
		dx[i] = float32(float64(dy[i]) * (s + z*s*(1-s)*2*sqrt2OverPi*(1+3*0.044715*z*z)))
	}
}

// normalShare is Φ(x).
func normalShare(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

func geluErfGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] = float32(float64(v) * normalShare(float64(v)))
	}
}

func geluErfBackGeneric(dx, dy, x []float32) {
	for i, v := range x {
		z := float64(v)
		dx[i] = float32(float64(dy[i]) * (normalShare(z) + z*math.Exp(-z*z/2)/math.Sqrt(2*math.Pi)))
	}
}

func ropeGeneric(a, b, cos, sin []float32) {
	for i := range cos {
		x, y := a[i], b[i]
		a[i] = FMA(-y, sin[i], float32(x*cos[i]))
		b[i] = FMA(x, sin[i], float32(y*cos[i]))
	}
}

func ropeBackGeneric(a, b, cos, sin []float32) {
	for i := range cos {
		x, y := a[i], b[i]
		a[i] = FMA(y, sin[i], float32(x*cos[i]))
		b[i] = FMA(-x, sin[i], float32(y*cos[i]))
	}
}

func adamwGeneric(p, m, v, grad []float32, keep, beta1c, beta2, beta2c, step, rootC2, eps, gscale float32) {
	for i := range p {
		g := float32(grad[i] * gscale)
		m[i] = FMA(g-m[i], beta1c, m[i])
		v[i] = FMA(float32(g*g), beta2c, float32(v[i]*beta2))
		root := float32(float32(math.Sqrt(float64(v[i])))*rootC2) + eps
		p[i] = FMA(-(m[i] / root), step, float32(p[i]*keep))
	}
}
