package kernel

import (
	"math"
	"slices"
	"testing"

	"weft/internal/cpu/cputest"
)

var (
	posInf32 = float32(math.Inf(1))
	nan32    = float32(math.NaN())
)

// TestNaNStays: one NaN in an input is a NaN in that place of the output, and in
// no other unless the whole row hangs together.
func TestNaNStays(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		eachCall(t, func(t *testing.T, c call) {
			if c.outs == 0 {
				return
			}
			clean := c.slicesFor(37)
			c.run(clean)
			for with := min(c.outs, len(c.sizes)-1); with < len(c.sizes); with++ {
				for _, at := range []int{0, 17, 36} {
					v := c.slicesFor(37)
					v[with][at] = nan32
					c.run(v)
					if v[0][at] == v[0][at] {
						t.Errorf("slice %d[%d] is NaN, the output %v", with, at, v[0][at])
					}
					v[0][at] = clean[0][at]
					if half := at + 37; half < len(v[0]) { // RoPE's other number of the pair
						v[0][half] = clean[0][half]
					}
					if !c.whole && !slices.Equal(v[0], clean[0]) {
						t.Errorf("slice %d[%d] is NaN, and other numbers change", with, at)
					}
				}
			}
		})
	})
}

// TestSubnormal: numbers below the normal range are neither read nor written as 0.
func TestSubnormal(t *testing.T) {
	const least = math.SmallestNonzeroFloat32
	cputest.All(t, func(t *testing.T) {
		for _, n := range []int{5, 16, 37} {
			x, y, one := make([]float32, n), make([]float32, n), ones(n)
			for i := range x {
				x[i] = float32(i+1) * least
			}
			check := func(name string, got float32, want float32) {
				if got != want {
					t.Errorf("n %d: %s gives %v, want %v", n, name, got, want)
				}
			}
			Add(y, x, x)
			check("Add", y[n-1], 2*x[n-1])
			Mul(y, x, one)
			check("Mul", y[n-1], x[n-1])
			Axpy(y, 2, x)
			check("Axpy", y[n-1], 3*x[n-1])
			Scale(y, 2)
			check("Scale", y[n-1], 6*x[n-1])
			check("Dot", Dot(x, one), float32(n*(n+1)/2)*least)
			check("Max", Max(x), x[n-1])
			y[0] = -100
			Exp(y, y)
			check("Exp", y[0], 3.783506e-44)
		}
	})
}

// TestSums compares with sums in float64. Errors are relative to the sum of the
// terms' sizes.
func TestSums(t *testing.T) {
	const bound = 2.0 / (1 << 24)
	cputest.All(t, func(t *testing.T) {
		for _, n := range vecLengths() {
			c := call{sizes: []int{1, 1}}
			v := c.slicesFor(n)
			a, b := v[0], v[1]
			dot, size, squares := 0.0, 0.0, 0.0
			most, at := math.Inf(-1), 0
			exp := 0.0
			for i := range a {
				p := float64(a[i]) * float64(b[i])
				dot, size, squares = dot+p, size+math.Abs(p), squares+float64(a[i])*float64(a[i])
				exp += math.Exp(float64(a[i]))
				if float64(a[i]) > most {
					most, at = float64(a[i]), i
				}
			}
			if got := float64(Dot(a, b)); !(math.Abs(got-dot) <= bound*size+spacing(dot)/2) {
				t.Errorf("Dot of %d: %v, want %v", n, got, dot)
			}
			if got := SumSquares(a); !(math.Abs(got-squares) <= bound*squares) {
				t.Errorf("SumSquares of %d: %v, want %v", n, got, squares)
			}
			if got, want := LogSumExp(a), math.Log(exp); !(math.Abs(got-want) <= bound) && got != want {
				t.Errorf("LogSumExp of %d: %v, want %v", n, got, want)
			}
			if got := float64(Max(a)); got != most {
				t.Errorf("Max of %d: %v, want %v", n, got, most)
			}
			if got := ArgMax(a); got != at {
				t.Errorf("ArgMax of %d: %v, want %v", n, got, at)
			}
		}
	})
}

// TestMaxEverywhere puts the largest number in every place.
func TestMaxEverywhere(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for n := 1; n <= 200; n++ {
			for at := range n {
				x := make([]float32, n)
				for i := range x {
					x[i] = nan32 // passed over
					if i%2 == at%2 {
						x[i] = -float32(i) - 5
					}
				}
				x[at] = -1
				x[n-1-(n-1-at)/2*2] = -1 // again, later: the first counts
				if m, i := Max(x), ArgMax(x); m != -1 || i != at {
					t.Fatalf("n %d: Max %v, ArgMax %d, want -1 at %d", n, m, i, at)
				}
			}
		}
		for _, x := range [][]float32{nil, {negInf32}, {nan32, nan32}, slices.Repeat([]float32{nan32}, 40)} {
			if m, i := Max(x), ArgMax(x); m != negInf32 || i != 0 {
				t.Errorf("%v: Max %v, ArgMax %d", x, m, i)
			}
		}
	})
}

func TestSoftmaxEnds(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for _, n := range []int{1, 2, 15, 16, 17, 70, sumBlock + 3} {
			x := slices.Repeat([]float32{-3.5}, n)
			if largest, sum := Softmax(x, 2); largest != -7 || sum != float32(n) {
				t.Errorf("%d equal numbers: largest %v, sum %v", n, largest, sum)
			}
			for _, p := range x {
				if math.Abs(float64(p)*float64(n)-1) > 1e-7 {
					t.Fatalf("%d equal numbers: p %v", n, p)
				}
			}

			x = slices.Repeat([]float32{negInf32}, n)
			x[n/2] = 1e30
			Softmax(x, 1)
			for i, p := range x {
				if want := map[bool]float32{true: 1}[i == n/2]; p != want {
					t.Fatalf("one of %d: p[%d] = %v", n, i, p)
				}
			}

			for _, bad := range []float32{negInf32, posInf32, nan32} { // documented to be NaN
				x = slices.Repeat([]float32{negInf32}, n)
				x[n-1] = bad
				if Softmax(x, 1); x[0] == x[0] || x[n-1] == x[n-1] {
					t.Errorf("-Inf and %v: %v … %v", bad, x[0], x[n-1])
				}
			}
		}
		if largest, sum := Softmax(nil, 1); largest != negInf32 || sum != 0 {
			t.Errorf("no numbers: %v, %v", largest, sum)
		}
	})
}

func TestLogSumExpEnds(t *testing.T) {
	inf := math.Inf(1)
	cputest.All(t, func(t *testing.T) {
		for _, c := range []struct {
			x    []float32
			want float64
		}{
			{nil, -inf}, {[]float32{negInf32, negInf32}, -inf}, {[]float32{posInf32, 1, negInf32}, inf}, {[]float32{5}, 5},
			{[]float32{nan32}, math.NaN()}, {[]float32{negInf32, nan32}, math.NaN()}, {[]float32{1, nan32, posInf32}, math.NaN()},
			{[]float32{1e38, 1}, float64(float32(1e38))}, {[]float32{-1e38}, -float64(float32(1e38))}, {[]float32{7, 7}, 7 + math.Ln2},
		} {
			if got := LogSumExp(c.x); !(math.Abs(got-c.want) < 1e-9) && got != c.want && (got == got || c.want == c.want) {
				t.Errorf("%v: %v, want %v", c.x, got, c.want)
			}
		}
	})
}

func TestCrossEntropyEnds(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		x := []float32{3, 1, 2}
		for _, target := range []int{-1, 3, math.MaxInt, math.MinInt} {
			func() {
				defer func() {
					if recover() == nil || !slices.Equal(x, []float32{3, 1, 2}) {
						t.Errorf("target %d: no panic, or logits %v", target, x)
					}
				}()
				CrossEntropy(x, target, 1)
			}()
		}
		one := []float32{-1e30}
		if nll := CrossEntropy(one, 0, 1); nll != 0 || one[0] != 0 {
			t.Errorf("one logit: %v, gradient %v", nll, one[0])
		}
		x = []float32{1e30, 0, negInf32}
		if nll := CrossEntropy(x, 1, 0.5); nll != float64(float32(1e30)) || !slices.Equal(x, []float32{0.5, -0.5, 0}) {
			t.Errorf("far apart: %v, gradient %v", nll, x)
		}
		x = []float32{0, negInf32}
		if nll := CrossEntropy(x, 1, 1); !math.IsInf(nll, 1) || !slices.Equal(x, []float32{1, -1}) {
			t.Errorf("impossible target: %v, gradient %v", nll, x)
		}
	})
}

// TestLayerNormLargeMean: numbers far from 0 lose only what rounding the mean to
// float32 costs.
func TestLayerNormLargeMean(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for _, n := range []int{2, 16, 70, 768, 3 * sumBlock} {
			for _, shift := range []float32{1e3, -1e5} {
				x, one := make([]float32, n), ones(n)
				fill(r(n), x)
				x[0] *= 10 // the first is no better than the others
				for i := range x {
					x[i] += shift
				}
				y := make([]float32, n)
				v := widen([][]float32{y, x, one, y})
				want := wantLayerNorm(v)
				mean, rstd := LayerNorm(y, x, one, nil, someEps)
				rounding := 0.51 * spacing(want[0]) * want[1] // of the mean, in deviations
				if math.Abs(float64(mean)-want[0]) > 0.51*spacing(want[0]) || math.Abs(float64(rstd)/want[1]-1) > 2e-7+rounding*rounding {
					t.Errorf("n %d, shift %v: mean %v, rstd %v, want %v", n, shift, mean, rstd, want)
				}
				for i := range y {
					if math.Abs(float64(y[i])-v[0][i]) > rounding+rounding*rounding*math.Abs(v[0][i])+1e-6*(1+math.Abs(v[0][i])) {
						t.Fatalf("n %d, shift %v: [%d] is %v, want %v", n, shift, i, y[i], v[0][i])
					}
				}
			}
		}
	})
}

// TestConstantRow: a row without any deviation has none afterwards.
func TestConstantRow(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for _, n := range []int{1, 15, 100} {
			x, y, bias := slices.Repeat([]float32{1234.567}, n), make([]float32, n), ones(n)
			mean, rstd := LayerNorm(y, x, bias, bias, 0.25)
			if mean != x[0] || rstd != 2 || !slices.Equal(y, bias) {
				t.Errorf("LayerNorm of %d equal numbers: mean %v, rstd %v, %v", n, mean, rstd, y[0])
			}
			clear(x)
			if rstd := RMSNorm(y, x, bias, 0.25); rstd != 2 || !slices.Equal(y, x) {
				t.Errorf("RMSNorm of %d zeros: rstd %v, %v", n, rstd, y[0])
			}
		}
	})
}
