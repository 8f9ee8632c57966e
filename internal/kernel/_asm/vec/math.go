package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func f32(name string, v float64) Mem { return constant(name, math.Float32bits(float32(v))) }

func (c *ctx) load(m Mem) reg.VecVirtual {
	v := c.vec()
	VMOVUPS(m, v)
	return v
}

func (c *ctx) copy(x reg.VecVirtual) reg.VecVirtual {
	v := c.vec()
	VMOVAPS(x, v)
	return v
}

func (c *ctx) mul(a, b Op) reg.VecVirtual {
	v := c.vec()
	VMULPS(a, b, v)
	return v
}

func (c *ctx) add(a, b Op) reg.VecVirtual {
	v := c.vec()
	VADDPS(a, b, v)
	return v
}

// sub is a - b.
func (c *ctx) sub(a, b Op) reg.VecVirtual {
	v := c.vec()
	VSUBPS(b, a, v)
	return v
}

// div is a / b.
func (c *ctx) div(a, b Op) reg.VecVirtual {
	v := c.vec()
	VDIVPS(b, a, v)
	return v
}

// The polynomial of e^r for |r| ≤ ln2/2: 1 + r + r²·(c2 … c6), a Chebyshev fit
// of the last factor; relative error below 1e-8 before rounding.
var expCoeffs = fitExp()

// fitExp interpolates (e^r - 1 - r)/r² at five Chebyshev nodes and returns the
// coefficients of 1, r, … r⁴.
func fitExp() []float64 {
	const n = 5
	var a [n][n + 1]float64
	for i := range n {
		r := math.Ln2 / 2 * math.Cos(math.Pi*(float64(i)+0.5)/n)
		// The series of (e^r - 1 - r)/r², free of cancellation.
		sum, term := 0.0, 0.5
		for k := 3; k < 25; k++ {
			sum += term
			term *= r / float64(k)
		}
		p := 1.0
		for j := range n {
			a[i][j] = p
			p *= r
		}
		a[i][n] = sum
	}
	return solve(a)
}

// solve is Gauss's elimination; the nodes are in an order that needs no pivots.
func solve(a [5][6]float64) []float64 {
	const n = 5
	for i := range n {
		for k := i + 1; k < n; k++ {
			f := a[k][i] / a[i][i]
			for j := i; j <= n; j++ {
				a[k][j] -= f * a[i][j]
			}
		}
	}
	x := make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		x[i] = a[i][n]
		for j := i + 1; j < n; j++ {
			x[i] -= a[i][j] * x[j]
		}
		x[i] /= a[i][i]
	}
	return x
}

// exp is e^x: x = n·ln2 + r, a polynomial of r, times 2^n. NaN stays NaN.
func (c *ctx) exp(x reg.VecVirtual) reg.VecVirtual {
	t := c.load(f32("expHi", 89))
	VMINPS(x, t, t) // x second, or a NaN would become the bound
	r := c.load(f32("expLo", -106))
	VMAXPS(t, r, r)
	n := c.mul(f32("log2e", math.Log2E), r)
	if c.lanes == 16 {
		VRNDSCALEPS(Imm(8), n, n)
	} else {
		VROUNDPS(Imm(8), n, n)
	}
	const ln2Hi = 0.693359375 // exact in 9 bits, so that n·ln2Hi is exact
	VFNMADD231PS(f32("ln2hi", ln2Hi), n, r)
	VFNMADD231PS(f32("ln2lo", math.Ln2-ln2Hi), n, r)
	p := c.load(f32("exp6", expCoeffs[4]))
	for i, name := range []string{"exp5", "exp4", "exp3", "exp2"} {
		VFMADD213PS(f32(name, expCoeffs[3-i]), r, p)
	}
	VFMADD213PS(f32("one", 1), r, p)
	VFMADD213PS(f32("one", 1), r, p)
	if c.lanes == 16 {
		VSCALEFPS(n, p, p)
		return p
	}
	return c.scale(p, n)
}

// scale is p·2^n in two halves, so that results too small for a normal number
// are rounded once, as VSCALEFPS does.
func (c *ctx) scale(p, n reg.VecVirtual) reg.VecVirtual {
	whole, half := c.vec(), c.vec()
	VCVTPS2DQ(n, whole)
	VPSRAD(Imm(1), whole, half)
	VPSUBD(half, whole, whole)
	for _, k := range []reg.VecVirtual{half, whole} {
		VPADDD(constant("bias", 127), k, k)
		VPSLLD(Imm(23), k, k)
		VMULPS(k, p, p)
	}
	return p
}

// sigmoid is 1/(1+e^-x).
func (c *ctx) sigmoid(x reg.VecVirtual) reg.VecVirtual {
	e := c.exp(c.negate(x))
	VADDPS(f32("one", 1), e, e)
	return c.div(c.load(f32("one", 1)), e)
}

func (c *ctx) negate(x reg.VecVirtual) reg.VecVirtual {
	v := c.vec()
	if c.lanes == 16 {
		VPXORD(constant("sign", 0x80000000), x, v)
	} else {
		VPXOR(constant("sign", 0x80000000), x, v)
	}
	return v
}

// and, andNot keep or drop the sign bit of x.
func (c *ctx) signOf(x reg.VecVirtual) reg.VecVirtual {
	v := c.vec()
	if c.lanes == 16 {
		VPANDD(constant("sign", 0x80000000), x, v)
	} else {
		VPAND(constant("sign", 0x80000000), x, v)
	}
	return v
}

func (c *ctx) flip(x, sign reg.VecVirtual) reg.VecVirtual {
	v := c.vec()
	if c.lanes == 16 {
		VPXORD(sign, x, v)
	} else {
		VPXOR(sign, x, v)
	}
	return v
}

// normal is Φ(x), the share of a normal distribution below x, and
// E = e^(-x²/2). erf by Abramowitz and Stegun 7.1.26, error below 1.5e-7.
func (c *ctx) normal(x reg.VecVirtual) (phi, e reg.VecVirtual) {
	e = c.exp(c.mul(c.mul(f32("minusHalf", -0.5), x), x))
	sign := c.signOf(x)
	z := c.flip(x, sign) // |x|
	t := c.load(f32("one", 1))
	d := c.load(f32("erfP", 0.3275911/math.Sqrt2))
	VFMADD213PS(f32("one", 1), z, d)
	t = c.div(t, d)
	p := c.load(f32("erf5", 1.061405429))
	for _, k := range []struct {
		name string
		v    float64
	}{{"erf4", -1.453152027}, {"erf3", 1.421413741}, {"erf2", -0.284496736}, {"erf1", 0.254829592}} {
		VFMADD213PS(f32(k.name, k.v), t, p)
	}
	VMULPS(t, p, p)
	VMULPS(e, p, p) // erfc(|x|/√2)
	half := c.load(f32("half", 0.5))
	tail := c.mul(half, p)                 // Φ(-|x|)
	upper := c.sub(half, tail)             // Φ(|x|) - 1/2
	phi = c.add(half, c.flip(upper, sign)) // 1/2 ± that
	return phi, e
}

// siluSlope is d/dx x·σ(x) = σ + xσ·(1-σ), and σ.
func (c *ctx) siluSlope(x reg.VecVirtual) (slope, s reg.VecVirtual) {
	s = c.sigmoid(x)
	slope = c.copy(s)
	VFMADD231PS(c.mul(x, s), c.sub(c.load(f32("one", 1)), s), slope)
	return slope, s
}

// geluGate is σ(2z) with z = √(2/π)·(x + 0.044715x³): (1+tanh z)/2.
func (c *ctx) geluGate(x reg.VecVirtual) reg.VecVirtual {
	z := c.load(f32("geluC", 2*0.044715*math.Sqrt(2/math.Pi)))
	VFMADD213PS(f32("geluA", 2*math.Sqrt(2/math.Pi)), c.mul(x, x), z)
	return c.sigmoid(c.mul(x, z))
}
