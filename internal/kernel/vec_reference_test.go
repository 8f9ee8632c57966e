package kernel

import "math"

// The formulas in float64, written from their definitions rather than from the
// kernels.

func silu64(x float64) float64 { return x / (1 + math.Exp(-x)) }

func silu64Slope(x float64) float64 {
	e := math.Exp(-math.Abs(x)) // the slope is 1/2 + something odd in x
	odd := (1-e)/(1+e)/2 + math.Abs(x)*e/(1+e)/(1+e)
	if x < 0 {
		// 1/2 - odd, without the cancellation
		return (e*(1+e) + x*e) / (1 + e) / (1 + e)
	}
	return 0.5 + odd
}

func geluInner(x float64) float64 { return math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x) }

// gelu64 is x·(1+tanh z)/2 = x/(1+e^-2z).
func gelu64(x float64) float64 { return x / (1 + math.Exp(-2*geluInner(x))) }

func gelu64Slope(x float64) float64 {
	c := math.Cosh(geluInner(x))
	gate := 1 / (1 + math.Exp(-2*geluInner(x)))
	return gate + x/(2*c*c)*math.Sqrt(2/math.Pi)*(1+3*0.044715*x*x)
}

func geluErf64(x float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 }

func geluErf64Slope(x float64) float64 {
	return math.Erfc(-x/math.Sqrt2)/2 + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
}

// turn multiplies the complex numbers x[i] + i·x[i+d/2] by cos + i·dir·sin.
func turn(dir float64) func(v [][]float64) [2]float64 {
	return func(v [][]float64) [2]float64 {
		x, cos, sin := v[0], v[1], v[2]
		for i := range cos {
			z := complex(x[i], x[i+len(cos)]) * complex(cos[i], dir*sin[i])
			x[i], x[i+len(cos)] = real(z), imag(z)
		}
		return none
	}
}

func mean64(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s / float64(len(x))
}

func wantRMSNorm(v [][]float64) [2]float64 {
	dst, x, gain := v[0], v[1], v[2]
	s := 0.0
	for _, z := range x {
		s += z * z
	}
	rstd := 1 / math.Sqrt(s/float64(len(x))+float64(someEps))
	for i := range x {
		dst[i] = x[i] * rstd * gain[i]
	}
	return [2]float64{rstd}
}

func wantLayerNorm(v [][]float64) [2]float64 {
	dst, x, gain, bias := v[0], v[1], v[2], v[3]
	mean := mean64(x)
	s := 0.0
	for _, z := range x {
		s += (z - mean) * (z - mean)
	}
	rstd := 1 / math.Sqrt(s/float64(len(x))+float64(someEps))
	for i := range x {
		dst[i] = (x[i]-mean)*rstd*gain[i] + bias[i]
	}
	return [2]float64{mean, rstd}
}

// wantNormBack is the textbook formula with the given statistics.
func wantNormBack(centred bool) func(v [][]float64) [2]float64 {
	return func(v [][]float64) [2]float64 {
		dx, dy, x, gain := v[0], v[1], v[2], v[3]
		r, mean, n := float64(someRstd), 0.0, float64(len(x))
		if centred {
			mean = float64(someMean)
		}
		g, gy := 0.0, 0.0
		for i := range x {
			g += dy[i] * gain[i] / n
			gy += dy[i] * gain[i] * (x[i] - mean) * r / n
		}
		if !centred {
			g = 0
		}
		for i := range x {
			dx[i] += r * (dy[i]*gain[i] - g - (x[i]-mean)*r*gy)
		}
		return none
	}
}

func wantSoftmax(v [][]float64) [2]float64 {
	x, largest, sum := v[0], math.Inf(-1), 0.0
	for i := range x {
		x[i] *= float64(someFactor)
		largest = max(largest, x[i])
	}
	for i := range x {
		x[i] = math.Exp(x[i] - largest)
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
	return [2]float64{largest, sum}
}

func wantSoftmaxBack(v [][]float64) [2]float64 {
	ds, p, dp := v[0], v[1], v[2]
	dot := 0.0
	for i := range p {
		dot += p[i] * dp[i]
	}
	for i := range p {
		ds[i] = float64(someFactor) * p[i] * (dp[i] - dot)
	}
	return none
}

func wantCrossEntropy(v [][]float64) [2]float64 {
	x, target := v[0], len(v[0])/2
	sum := 0.0
	for _, z := range x {
		sum += math.Exp(z)
	}
	nll := math.Log(sum) - x[target]
	for i := range x {
		x[i] = float64(someFactor) * math.Exp(x[i]) / sum
	}
	x[target] -= float64(someFactor)
	return [2]float64{nll}
}

// wantAdamW is Algorithm 2 of the paper: p, m, v, g.
func wantAdamW(v []float64) {
	a := someAdamW
	g := v[3] * float64(a.GradScale)
	v[1] = float64(a.Beta1)*v[1] + (1-float64(a.Beta1))*g
	v[2] = float64(a.Beta2)*v[2] + (1-float64(a.Beta2))*g*g
	m, s := v[1]*float64(a.C1), v[2]*float64(a.C2)
	v[0] -= float64(a.LR) * (m/(math.Sqrt(s)+float64(a.Eps)) + float64(a.WeightDecay)*v[0])
}
