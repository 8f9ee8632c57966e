package kernel

import (
	"fmt"
	"math"
	"testing"

	"weft/internal/cpu"
	"weft/internal/cpu/cputest"
	"weft/internal/guard"
)

// TestAgainstFloat64 compares every function with its formula in float64, over
// all implementations and lengths.
func TestAgainstFloat64(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		eachCall(t, func(t *testing.T, c call) {
			if c.want == nil {
				return // a sum: TestSums
			}
			worst := worst{call: c}
			for _, n := range vecLengths() {
				if n < c.least {
					continue
				}
				v := c.slicesFor(n)
				want := widen(v)
				res, wantRes := c.run(v), c.want(want)
				for i := range c.outs {
					for j, got := range v[i] {
						worst.check(t, float64(got), want[i][j], fmt.Sprintf("n %d: slice %d[%d]", n, i, j))
					}
				}
				for i := range res {
					if d := math.Abs(res[i] - wantRes[i]); !(d <= 2e-7*(1+math.Abs(wantRes[i]))) && res[i] != wantRes[i] {
						t.Fatalf("n %d: result %d is %v, want %v", n, i, res[i], wantRes[i])
					}
				}
			}
			t.Logf("worst: %.2f of %.1f ulp after abs, %.1e of %.0e after ulp", worst.ulpSeen, c.ulps, worst.absSeen, c.abs)
		})
	})
}

// worst checks errors against a call's bounds and keeps the largest of what each
// bound leaves to the other.
type worst struct {
	call
	ulpSeen, absSeen float64
}

func (w *worst) check(t *testing.T, got, want float64, where string) {
	t.Helper()
	e, ulp := math.Abs(got-want), spacing(want)
	w.ulpSeen, w.absSeen = max(w.ulpSeen, (e-w.abs)/ulp), max(w.absSeen, e-w.ulps*ulp)
	if !(e <= (w.ulps+1e-6)*ulp+w.abs) {
		t.Fatalf("%s is %v, want %v: off by %.2f ulp, %.3g", where, got, want, e/ulp, got-want)
	}
}

// TestSameBits: all levels of assembly give the same bits, whatever the length.
func TestSameBits(t *testing.T) {
	for l := cpu.AVX2; l < cpu.Best(); l++ {
		eachCall(t, func(t *testing.T, c call) {
			for _, n := range vecLengths() {
				if n < c.least {
					continue
				}
				a := c.slicesFor(n)
				if n%3 == 0 { // not only numbers of ordinary size
					for j := range a {
						for i := range a[j] {
							a[j][i] = odd[(i*7+j*5+n)%len(odd)]
						}
					}
				}
				b := cloneAll(a)
				ra, rb := c.at(l, a), c.at(l+1, b)
				for i := range a {
					if j := sameBits(a[i], b[i]); j >= 0 {
						t.Fatalf("n %d: slice %d[%d] is %v with %v, %v with %v", n, i, j, a[i][j], l, b[i][j], l+1)
					}
				}
				for i := range ra {
					if math.Float64bits(ra[i]) != math.Float64bits(rb[i]) && (ra[i] == ra[i] || rb[i] == rb[i]) {
						t.Fatalf("n %d: result %d is %v with %v, %v with %v", n, i, ra[i], l, rb[i], l+1)
					}
				}
			}
		})
	}
}

// odd is what numbers usually are not.
var odd = []float32{0, float32(math.Copysign(0, -1)), 1, -1, 1e-45, -1e-45, 1e-39, -1e-39, 1.1754944e-38, 1e-20, -1e-20,
	20, -20, 87, -87, 88.7, -88.7, 88.73, -88.8, 89.5, -103.5, -104, -106.5, 300, -300, 1e19, -1e19, math.MaxFloat32, -math.MaxFloat32,
	float32(math.Inf(1)), negInf32, float32(math.NaN())}

func (c call) at(l cpu.Level, v [][]float32) [2]float64 {
	defer cpu.Force(l)()
	return c.run(v)
}

// TestGuarded runs every function on slices between inaccessible pages. The
// answers are those of ordinary slices, to the bit.
func TestGuarded(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		eachCall(t, func(t *testing.T, c call) {
			for n := 1; n <= 70; n++ {
				for _, side := range guard.Sides {
					want := c.slicesFor(n)
					got := make([][]float32, len(want))
					for i := range want {
						got[i] = arena(t, i, len(want[i]), side)
						copy(got[i], want[i])
					}
					if a, b := c.run(got), c.run(want); a != b {
						t.Fatalf("n %d, %v: result %v, want %v", n, side, a, b)
					}
					for i := range want {
						if j := sameBits(got[i], want[i]); j >= 0 {
							t.Fatalf("n %d, %v: slice %d[%d] is %v, want %v", n, side, i, j, got[i][j], want[i][j])
						}
					}
				}
			}
		})
	})
}

// TestWritesOnlyOutputs: what is not an output stays as it was, and so does what
// lies behind the outputs.
func TestWritesOnlyOutputs(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		eachCall(t, func(t *testing.T, c call) {
			for _, n := range []int{1, 15, 16, 17, 33, 70, chunk + 5} {
				all := c.slicesFor(n + 40)
				before := cloneAll(all)
				v := make([][]float32, len(all))
				for i := range all {
					v[i] = all[i][:c.sizes[i]*n]
				}
				c.run(v)
				for i := range all {
					from := 0
					if i < c.outs {
						from = len(v[i])
					}
					if j := sameBits(all[i][from:], before[i][from:]); j >= 0 {
						t.Fatalf("n %d: slice %d[%d] was overwritten", n, i, from+j)
					}
				}
			}
		})
	})
}

// TestAliased: the first slice may be one of the others where call.alias says so.
func TestAliased(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		eachCall(t, func(t *testing.T, c call) {
			for _, with := range c.alias {
				for _, n := range []int{1, 15, 16, 17, 33, 70, sumBlock + 1, chunk + 5} {
					v := c.slicesFor(n)
					copy(v[0], v[with])
					want := cloneAll(v)
					v[0] = v[with]
					a, b := c.run(v), c.run(want)
					if a != b {
						t.Fatalf("n %d: 0 is %d: result %v, want %v", n, with, a, b)
					}
					for i := range c.outs {
						if j := sameBits(v[i], want[i]); j >= 0 {
							t.Fatalf("n %d: 0 is %d: slice %d[%d] is %v, want %v", n, with, i, j, v[i][j], want[i][j])
						}
					}
				}
			}
		})
	})
}

// TestAllocatesNothing, with and without a padded end.
func TestAllocatesNothing(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		eachCall(t, func(t *testing.T, c call) {
			for _, n := range []int{5, 64, 69, sumBlock + 5} {
				v := c.slicesFor(n)
				if allocs := testing.AllocsPerRun(10, func() { c.run(v) }); allocs != 0 {
					t.Errorf("n %d: %v allocations", n, allocs)
				}
			}
		})
	})
}

// TestLengthsDiffer: every slice that is too short is noticed in Go.
func TestLengthsDiffer(t *testing.T) {
	eachCall(t, func(t *testing.T, c call) {
		for i := range c.sizes {
			if len(c.sizes) == 1 {
				continue
			}
			v := c.slicesFor(40)
			v[i] = v[i][:len(v[i])-1]
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("slice %d is short: no panic", i)
					}
				}()
				c.run(v)
			}()
		}
	})
}
