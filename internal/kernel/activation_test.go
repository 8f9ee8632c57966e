package kernel

import (
	"math"
	"testing"

	"weft/internal/cpu/cputest"
)

// curve is a function of one number, with what is allowed of its error in units
// of the last place: at x, ulps + perExp·exponent(x), because the rounding of an
// exponential's argument grows with it; and an absolute part.
type curve struct {
	name         string
	f            func(dst, x []float32)
	want         func(x float64) float64
	from, to     float64
	ulps, perExp float64
	exponent     func(x float64) float64
	abs          float64
}

func ones(n int) []float32 {
	one := make([]float32, n)
	for i := range one {
		one[i] = 1
	}
	return one
}

var curves = []curve{
	{name: "Exp", f: Exp, want: math.Exp, from: -110, to: 89, ulps: 1},
	// Below -88.7 the divisor is infinite and the result 0.
	{name: "SiLU", f: SiLU, want: silu64, from: -110, to: 110, ulps: 3, abs: 3e-37},
	{name: "SiLUBack", f: func(dst, x []float32) { SiLUBack(dst, ones(len(x)), x) }, want: silu64Slope,
		from: -110, to: 110, ulps: 3, abs: 6e-8},
	{name: "GELU", f: GELU, want: gelu64, from: -12, to: 12, ulps: 3, perExp: 2.5,
		exponent: func(x float64) float64 { return max(0, -2*geluInner(x)) }, abs: 3e-37},
	{name: "GELUBack", f: func(dst, x []float32) { GELUBack(dst, ones(len(x)), x) }, want: gelu64Slope,
		from: -12, to: 12, ulps: 3, abs: 6e-8},
	{name: "GELUErf", f: GELUErf, want: geluErf64, from: -15, to: 15, ulps: 5, perExp: 1,
		exponent: func(x float64) float64 { return max(0, -x) * max(0, -x) / 2 }, abs: 1e-43},
	{name: "GELUErfBack", f: func(dst, x []float32) { GELUErfBack(dst, ones(len(x)), x) }, want: geluErf64Slope,
		from: -15, to: 15, ulps: 3, abs: 1.5e-7},
}

// TestCurves walks along every function of one number.
func TestCurves(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for _, c := range curves {
			t.Run(c.name, func(t *testing.T) {
				x := c.points(400000)
				y := make([]float32, len(x))
				c.f(y, x)
				most, at := 0.0, 0
				for i := range x {
					share := c.error(float64(x[i]), float64(y[i]))
					if share > most {
						most, at = share, i
					}
					if !(share <= 1) {
						t.Fatalf("at %v: %v, want %v: %.2f of what is allowed", x[i], y[i], c.want(float64(x[i])), share)
					}
				}
				t.Logf("worst: %.2f of what is allowed, at %v", most, x[at])
			})
		}
	})
}

// points are n numbers, most evenly spread, a quarter close to 0.
func (c curve) points(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		share := (float64(i) + 0.3) / float64(n)
		x[i] = float32(c.from + (c.to-c.from)*share)
		if i%4 == 0 {
			x[i] = float32(math.Exp2(-140 * share))
		}
		if i%8 == 0 {
			x[i] = -x[i]
		}
	}
	return x
}

// error is the error of y at x, as a share of what is allowed.
func (c curve) error(x, y float64) float64 {
	want := c.want(x)
	if math.IsInf(y, 1) && want > math.MaxFloat32 {
		return 0
	}
	ulps := c.ulps
	if c.exponent != nil {
		ulps += c.perExp * c.exponent(x)
	}
	return max(0, math.Abs(y-want)-c.abs) / (ulps * spacing(want))
}

// TestCurveEnds: what happens far out, where arithmetic would like to give NaN.
func TestCurveEnds(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	cputest.All(t, func(t *testing.T) {
		for _, c := range []struct {
			name    string
			f       func(dst, x []float32)
			x, want float32
		}{
			{"Exp", Exp, inf, inf}, {"Exp", Exp, -inf, 0}, {"Exp", Exp, nan, nan}, {"Exp", Exp, math.MaxFloat32, inf},
			{"Exp", Exp, -math.MaxFloat32, 0}, {"Exp", Exp, 0, 1}, {"Exp", Exp, 1e-45, 1}, {"Exp", Exp, 89, inf}, {"Exp", Exp, -104, 0},
			{"Exp", Exp, -103.9, 1e-45}, // subnormal numbers are not flushed
			{"SiLU", SiLU, inf, inf}, {"SiLU", SiLU, -1e30, 0}, {"SiLU", SiLU, nan, nan}, {"SiLU", SiLU, 1e30, 1e30}, {"SiLU", SiLU, 4e-45, 1.4e-45 * 2},
			{"GELU", GELU, inf, inf}, {"GELU", GELU, -1e30, 0}, {"GELU", GELU, nan, nan}, {"GELU", GELU, 1e30, 1e30}, {"GELU", GELU, 5.6e-45, 2.8e-45},
			{"GELUErf", GELUErf, inf, inf}, {"GELUErf", GELUErf, -1e30, 0}, {"GELUErf", GELUErf, nan, nan}, {"GELUErf", GELUErf, 1e30, 1e30}, {"GELUErf", GELUErf, 5.6e-45, 2.8e-45},
			{"SiLUBack", curves[2].f, 1e6, 1}, {"SiLUBack", curves[2].f, -1e6, 0}, {"SiLUBack", curves[2].f, nan, nan}, {"SiLUBack", curves[2].f, 0, 0.5},
			{"GELUBack", curves[4].f, 1e6, 1}, {"GELUBack", curves[4].f, -1e6, 0}, {"GELUBack", curves[4].f, nan, nan}, {"GELUBack", curves[4].f, 0, 0.5},
			{"GELUErfBack", curves[6].f, 1e6, 1}, {"GELUErfBack", curves[6].f, -1e6, 0}, {"GELUErfBack", curves[6].f, nan, nan}, {"GELUErfBack", curves[6].f, 0, 0.5},
		} {
			for _, n := range []int{1, 16, 19} {
				x, y := make([]float32, n), make([]float32, n)
				x[n-1] = c.x
				c.f(y, x)
				if got := y[n-1]; got != c.want && (got == got || c.want == c.want) {
					t.Errorf("%s(%v) = %v, want %v (n %d)", c.name, c.x, got, c.want, n)
				}
			}
		}
	})
}
