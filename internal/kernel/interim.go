package kernel

// Interim generic versions of the vector kernels, so that the rooms above
// compile. To be deleted whole when the real ones land.

import "math"

type AdamW struct{ LR, Beta1, Beta2, Eps, WeightDecay, C1, C2, GradScale float32 }

func AdamWStep(p, g, m, v []float32, a AdamW) {
	for i := range p {
		gr := g[i] * a.GradScale
		p[i] *= 1 - a.LR*a.WeightDecay
		m[i] += (1 - a.Beta1) * (gr - m[i])
		v[i] = a.Beta2*v[i] + (1-a.Beta2)*gr*gr
		p[i] -= a.LR * a.C1 * m[i] / (float32(math.Sqrt(float64(v[i]*a.C2))) + a.Eps)
	}
}
func Axpy(d []float32, a float32, x []float32) {
	for i := range d {
		d[i] += a * x[i]
	}
}
func Scale(x []float32, a float32) {
	for i := range x {
		x[i] *= a
	}
}
func Dot(a, b []float32) float32 {
	s := 0.0
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return float32(s)
}
func SumSquares(x []float32) float64 {
	s := 0.0
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s
}
func Max(x []float32) float32 {
	m := x[0]
	for _, v := range x {
		m = max(m, v)
	}
	return m
}
func ArgMax(x []float32) int {
	k := 0
	for i, v := range x {
		if v > x[k] {
			k = i
		}
	}
	return k
}
func Exp(d, x []float32) {
	for i, v := range x {
		d[i] = float32(math.Exp(float64(v)))
	}
}
func LogSumExp(x []float32) float64 {
	m := float64(Max(x))
	s := 0.0
	for _, v := range x {
		s += math.Exp(float64(v) - m)
	}
	return m + math.Log(s)
}
func Add(d, a, b []float32) {
	for i := range d {
		d[i] = a[i] + b[i]
	}
}
func AddTo(d, a []float32) {
	for i := range d {
		d[i] += a[i]
	}
}
func Mul(d, a, b []float32) {
	for i := range d {
		d[i] = a[i] * b[i]
	}
}
func RMSNorm(dst, x, gain []float32, eps float32) float32 {
	s := 0.0
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	r := float32(1 / math.Sqrt(s/float64(len(x))+float64(eps)))
	for i, v := range x {
		dst[i] = float32(float32(v*r) * gain[i])
	}
	return r
}
func RMSNormBack(dx, dy, x, gain []float32, r float32) {
	s := 0.0
	for i := range x {
		s += float64(dy[i]) * float64(gain[i]) * float64(x[i])
	}
	k := s * float64(r) * float64(r) * float64(r) / float64(len(x))
	for i := range x {
		dx[i] += float32(float64(dy[i])*float64(gain[i])*float64(r) - k*float64(x[i]))
	}
}
func RMSNormGainBack(dg, dy, x []float32, r float32) {
	for i := range dg {
		dg[i] += dy[i] * x[i] * r
	}
}
func LayerNorm(dst, x, gain, bias []float32, eps float32) (float32, float32) {
	s := 0.0
	for _, v := range x {
		s += float64(v)
	}
	m := s / float64(len(x))
	s = 0
	for _, v := range x {
		s += (float64(v) - m) * (float64(v) - m)
	}
	r := 1 / math.Sqrt(s/float64(len(x))+float64(eps))
	m32, r32 := float32(m), float32(r)
	for i, v := range x {
		t := float32(float32(v-m32) * r32)
		dst[i] = float32(t * gain[i])
		if bias != nil {
			dst[i] += bias[i]
		}
	}
	return m32, r32
}
func LayerNormBack(dx, dy, x, gain []float32, mean, rstd float32) {
	var a, b float64
	n := float64(len(x))
	for i := range x {
		g := float64(dy[i]) * float64(gain[i])
		a += g
		b += g * float64(x[i]-mean) * float64(rstd)
	}
	for i := range x {
		g := float64(dy[i]) * float64(gain[i])
		dx[i] += float32(float64(rstd) * (g - a/n - float64(x[i]-mean)*float64(rstd)*b/n))
	}
}
func LayerNormGainBack(dg, db, dy, x []float32, mean, rstd float32) {
	for i := range dg {
		dg[i] += dy[i] * (x[i] - mean) * rstd
		if db != nil {
			db[i] += dy[i]
		}
	}
}
func Softmax(x []float32, scale float32) (float32, float32) {
	m := math.Inf(-1)
	for _, v := range x {
		m = math.Max(m, float64(v*scale))
	}
	s := 0.0
	for i, v := range x {
		e := math.Exp(float64(v*scale) - m)
		x[i] = float32(e)
		s += e
	}
	for i := range x {
		x[i] = float32(float64(x[i]) / s)
	}
	return float32(m), float32(s)
}
func SoftmaxBack(ds, p, dp []float32, scale float32) {
	s := 0.0
	for i := range p {
		s += float64(p[i]) * float64(dp[i])
	}
	for i := range p {
		ds[i] = float32(float64(scale) * float64(p[i]) * (float64(dp[i]) - s))
	}
}
func sig(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
func SiLU(d, x []float32) {
	for i, v := range x {
		d[i] = float32(float64(v) * sig(float64(v)))
	}
}
func SiLUBack(dx, dy, x []float32) {
	for i, v := range x {
		s := sig(float64(v))
		dx[i] = float32(float64(dy[i]) * (s + float64(v)*s*(1-s)))
	}
}
func SwiGLU(d, g, u []float32) {
	for i, v := range g {
		d[i] = float32(float64(v) * sig(float64(v)) * float64(u[i]))
	}
}
func SwiGLUBack(dg, du, dy, g, u []float32) {
	for i, v := range g {
		s := sig(float64(v))
		y := float64(dy[i])
		uu := float64(u[i])
		dg[i] = float32(y * uu * (s + float64(v)*s*(1-s)))
		du[i] = float32(y * float64(v) * s)
	}
}
func GELU(d, x []float32) {
	for i, v := range x {
		z := float64(v)
		d[i] = float32(0.5 * z * (1 + math.Tanh(0.7978845608028654*(z+0.044715*z*z*z))))
	}
}
func GELUBack(dx, dy, x []float32) {
	for i, v := range x {
		z := float64(v)
		t := math.Tanh(0.7978845608028654 * (z + 0.044715*z*z*z))
		dx[i] = float32(float64(dy[i]) * (0.5*(1+t) + 0.5*z*(1-t*t)*0.7978845608028654*(1+3*0.044715*z*z)))
	}
}
func GELUErf(d, x []float32) {
	for i, v := range x {
		z := float64(v)
		d[i] = float32(0.5 * z * (1 + math.Erf(z/math.Sqrt2)))
	}
}
func GELUErfBack(dx, dy, x []float32) {
	for i, v := range x {
		z := float64(v)
		dx[i] = float32(float64(dy[i]) * (0.5*(1+math.Erf(z/math.Sqrt2)) + z*math.Exp(-z*z/2)/math.Sqrt(2*math.Pi)))
	}
}
func RoPE(x, c, s []float32) {
	h := len(c)
	for i := range h {
		a, b := x[i], x[i+h]
		x[i] = a*c[i] - b*s[i]
		x[i+h] = b*c[i] + a*s[i]
	}
}
func RoPEBack(x, c, s []float32) {
	h := len(c)
	for i := range h {
		a, b := x[i], x[i+h]
		x[i] = a*c[i] + b*s[i]
		x[i+h] = b*c[i] - a*s[i]
	}
}
func CrossEntropy(l []float32, t int, scale float32) float64 {
	m := math.Inf(-1)
	for _, v := range l {
		m = math.Max(m, float64(v))
	}
	s := 0.0
	for _, v := range l {
		s += math.Exp(float64(v) - m)
	}
	nll := m + math.Log(s) - float64(l[t])
	for i, v := range l {
		l[i] = float32(float64(scale) * math.Exp(float64(v)-m) / s)
	}
	l[t] -= scale
	return nll
}
