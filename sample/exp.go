package sample

import "math"

const (
	expBits  = 6 // the table has 2^expBits steps per doubling
	expSteps = 1 << expBits
)

// expTable holds 2^(j/expSteps).
var expTable = func() (t [expSteps]float64) {
	for j := range t {
		t[j] = math.Exp2(float64(j) / expSteps)
	}
	return t
}()

// exp is e^x for x ≤ 0, within 1e-15 of the result. Sampling takes one per
// token of the vocabulary, and this is several times as fast as math.Exp: with
// x = (n + j/64)·ln 2 + r, r is so small that its series ends after five terms.
// Below -700 it is 0; such a token is never drawn.
func exp(x float64) float64 {
	if !(x > -700) {
		return 0
	}
	k := int64(x*(expSteps/math.Ln2) - 0.5) // rounds, as x ≤ 0
	// ln 2 in two parts, so that k times the first is exact (Cody and Waite).
	const high, low = 0x1.62e42feep-1 / expSteps, 0x1.a39ef35793c76p-33 / expSteps
	r := (x - float64(k)*high) - float64(k)*low
	p := 1 + r*(1+r*(1./2+r*(1./6+r*(1./24+r*(1./120)))))
	return p * expTable[k&(expSteps-1)] * math.Float64frombits(uint64(1023+k>>expBits)<<52)
}
