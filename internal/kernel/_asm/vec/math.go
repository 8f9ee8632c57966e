package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// fresh is a copy of x to compute in.
func (c *ctx) fresh(x Op) reg.VecVirtual {
	v := c.vec()
	VMOVUPS(x, v)
	return v
}

// reg is x in a register.
func (c *ctx) reg(x Op) reg.VecVirtual {
	if v, ok := x.(reg.VecVirtual); ok {
		return v
	}
	return c.fresh(x)
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
	VSUBPS(b, c.reg(a), v)
	return v
}

// div is a / b.
func (c *ctx) div(a, b Op) reg.VecVirtual {
	v := c.vec()
	VDIVPS(b, c.reg(a), v)
	return v
}

// min is the smaller of x and a bound, max the larger. x is the second source,
// or a NaN would become the bound.
func (c *ctx) min(bound Op, x reg.VecVirtual) reg.VecVirtual {
	v := c.vec()
	VMINPS(x, c.reg(bound), v)
	return v
}

func (c *ctx) max(bound Op, x reg.VecVirtual) reg.VecVirtual {
	v := c.vec()
	VMAXPS(x, c.reg(bound), v)
	return v
}

const signBit = 0x80000000

func (c *ctx) abs(x reg.VecVirtual) reg.VecVirtual {
	v := c.vec()
	VANDPS(c.bits(^uint32(signBit)), x, v)
	return v
}

func (c *ctx) negate(x reg.VecVirtual) reg.VecVirtual {
	v := c.vec()
	VXORPS(c.bits(signBit), x, v)
	return v
}

// horner is a polynomial of x, the constant coefficient first.
func (c *ctx) horner(x reg.VecVirtual, coeffs []float64) reg.VecVirtual {
	last := len(coeffs) - 1
	p := c.fresh(c.k(coeffs[last]))
	for i := last - 1; i >= 0; i-- {
		VFMADD213PS(c.k(coeffs[i]), x, p)
	}
	return p
}

// expCoeffs is a polynomial of e^r for |r| ≤ ln2/2: 1 + r + r²·(a fit), relative
// error below 1e-8 before rounding.
var expCoeffs = append([]float64{1, 1}, fit(5, -math.Ln2/2, math.Ln2/2, func(r float64) float64 {
	sum, term := 0.0, 0.5 // the series of (e^r - 1 - r)/r², free of cancellation
	for k := 3; k < 25; k++ {
		sum += term
		term *= r / float64(k)
	}
	return sum
})...)

// exp is e^x, 0 below -104, Inf above 88.8. NaN stays NaN.
func (c *ctx) exp(x reg.VecVirtual) reg.VecVirtual {
	return c.expWithin(c.max(c.k(-106), c.min(c.k(89), x)))
}

// expWithin is e^x for x from -120 to 89: x = n·ln2 + r, a polynomial of r, times
// 2^n.
func (c *ctx) expWithin(x reg.VecVirtual) reg.VecVirtual {
	n, r := c.mul(c.k(math.Log2E), x), c.fresh(x)
	if c.lanes == 16 {
		VRNDSCALEPS(Imm(8), n, n)
	} else {
		VROUNDPS(Imm(8), n, n)
	}
	const ln2Hi = 0.693359375 // exact in 9 bits, so that n·ln2Hi is exact
	VFNMADD231PS(c.k(ln2Hi), n, r)
	VFNMADD231PS(c.k(math.Ln2-ln2Hi), n, r)
	p := c.horner(r, expCoeffs)
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
		VPSLLD(Imm(23), k, k)
		VPADDD(c.k(1), k, k) // onto the exponent of 1
		VMULPS(k, p, p)
	}
	return p
}

// onePlusExp is 1 + e^-x, what sigmoid divides by: σ(x) = 1/(1+e^-x).
func (c *ctx) onePlusExp(x reg.VecVirtual) reg.VecVirtual {
	return c.add(c.k(1), c.exp(c.negate(x)))
}

// The slope of x·g(x) for a gate g with g(-x) = 1 - g(x) is some u left of 0 and
// 1 - u right of it. Computing u from |x| keeps it free of cancellation, and of
// infinities when |x| is bounded to where u is 0.

// mirror is u where x is negative, 1 - u elsewhere.
func (c *ctx) mirror(x, u reg.VecVirtual) reg.VecVirtual {
	right := c.sub(c.k(1), u)
	v := c.vec()
	if c.lanes == 16 {
		negative := K()
		VPMOVD2M(x, negative)
		VBLENDMPS(u, right, negative, v)
	} else {
		VBLENDVPS(x, u, right, v)
	}
	return v
}

// siluSlope is d/dx x·σ(x), and a = |x| and tail = σ(-a) on the way. u is
// σ(-a)·(1 - a·σ(a)), 0 from 104 on.
func (c *ctx) siluSlope(x reg.VecVirtual) (slope, a, tail reg.VecVirtual) {
	a = c.min(c.k(104), c.abs(x))
	e := c.expWithin(c.negate(a))
	s := c.div(c.k(1), c.add(c.k(1), e))
	tail = c.mul(e, s)
	u := c.fresh(c.k(1))
	VFNMADD231PS(s, a, u)
	return c.mirror(x, c.mul(tail, u)), a, tail
}

// positiveLess is max(x,0) - a·tail: x·g(x), where a = |x| and tail = g(-a).
func (c *ctx) positiveLess(x, a, tail reg.VecVirtual) reg.VecVirtual {
	y := c.max(c.k(0), x)
	VFNMADD231PS(tail, a, y)
	return y
}

// GELU's gate is (1+tanh z)/2 = σ(2z) with 2z = x·(geluA + geluB·x²).
var (
	geluA = 2 * math.Sqrt(2/math.Pi)
	geluB = 0.044715 * geluA
)

// geluSlope is the slope of x·σ(2z): with a = |x| and s = σ(2z(a)), u is
// σ(-2z)·(1 - a·s·2z'). From a = 11 on it is 0.
func (c *ctx) geluSlope(x reg.VecVirtual) reg.VecVirtual {
	a := c.min(c.k(11), c.abs(x))
	a2 := c.mul(a, a)
	e := c.expWithin(c.mul(a, c.horner(a2, []float64{-geluA, -geluB})))
	s := c.div(c.k(1), c.add(c.k(1), e))
	tail := c.mul(e, s)
	u := c.fresh(c.k(1))
	VFNMADD231PS(c.mul(a, s), c.horner(a2, []float64{geluA, 3 * geluB}), u)
	return c.mirror(x, c.mul(tail, u))
}

// geluDivisor is 1 + e^-2z.
func (c *ctx) geluDivisor(x reg.VecVirtual) reg.VecVirtual {
	z := c.horner(c.mul(x, x), []float64{geluA, geluB})
	return c.onePlusExp(c.mul(x, z))
}

// The tail of the normal distribution, Φ(-a) = e^(-a²/2)·Q(a), falls as its
// exponential does; what remains, Q, is smooth in t = 1/(1 + 0.35a), and t times
// a fit of Q/t is right to 4e-8 for all a up to 15, where the tail is 0.
const (
	tailScale = 0.35
	tailEnd   = 15
)

var tailCoeffs = fit(9, 1/(1+tailScale*tailEnd), 1, func(t float64) float64 {
	a := (1/t - 1) / tailScale
	return math.Erfc(a/math.Sqrt2) / 2 * math.Exp(a*a/2) / t
})

// normalTail is a = |x|, at most 15, Φ(-a) and e^(-a²/2).
func (c *ctx) normalTail(x reg.VecVirtual) (a, tail, e reg.VecVirtual) {
	a = c.min(c.k(tailEnd), c.abs(x))
	e = c.expWithin(c.mul(c.mul(c.k(-0.5), a), a))
	t := c.fresh(c.k(tailScale))
	VFMADD213PS(c.k(1), a, t)
	t = c.div(c.k(1), t)
	return a, c.mul(c.mul(t, e), c.horner(t, tailCoeffs)), e
}
