package kernel

import (
	"math"
	"testing"

	"weft/internal/cpu/cputest"
)

// gradient is a backward function and the forward formula that it must belong
// to: back turns inputs and dy into a gradient of every input.
type gradient struct {
	name    string
	inputs  []int // sizes, in multiples of n
	forward func(x [][]float64) []float64
	back    func(dx [][]float32, dy []float32, x [][]float32)
}

// pointwise is a forward formula of one input.
func pointwise(f func(x float64) float64) func(x [][]float64) []float64 {
	return func(x [][]float64) []float64 {
		y := make([]float64, len(x[0]))
		for i, v := range x[0] {
			y[i] = f(v)
		}
		return y
	}
}

// forward is the output of a call's formula, which has it in slice 0, for inputs
// that come after.
func forward(want func(v [][]float64) [2]float64) func(x [][]float64) []float64 {
	return func(x [][]float64) []float64 {
		v := append([][]float64{make([]float64, len(x[0]))}, x...)
		want(v)
		return v[0]
	}
}

// inPlace is the same for a formula that overwrites its first input.
func inPlace(want func(v [][]float64) [2]float64) func(x [][]float64) []float64 {
	return func(x [][]float64) []float64 {
		v := append([][]float64{append([]float64(nil), x[0]...)}, x[1:]...)
		want(v)
		return v[0]
	}
}

var gradients = []gradient{
	{"SiLU", []int{1}, pointwise(silu64), func(dx [][]float32, dy []float32, x [][]float32) {
		SiLUBack(dx[0], dy, x[0])
	}},
	{"GELU", []int{1}, pointwise(gelu64), func(dx [][]float32, dy []float32, x [][]float32) {
		GELUBack(dx[0], dy, x[0])
	}},
	{"GELUErf", []int{1}, pointwise(geluErf64), func(dx [][]float32, dy []float32, x [][]float32) {
		GELUErfBack(dx[0], dy, x[0])
	}},
	{"SwiGLU", []int{1, 1}, forward(numberwise(func(v []float64) { v[0] = silu64(v[1]) * v[2] })),
		func(dx [][]float32, dy []float32, x [][]float32) { SwiGLUBack(dx[0], dx[1], dy, x[0], x[1]) }},
	{"Softmax", []int{1}, inPlace(wantSoftmax), func(dx [][]float32, dy []float32, x [][]float32) {
		p := append([]float32(nil), x[0]...)
		Softmax(p, someFactor)
		SoftmaxBack(dx[0], p, dy, someFactor)
	}},
	{"CrossEntropy", []int{1}, func(x [][]float64) []float64 {
		logits := append([]float64(nil), x[0]...)
		return []float64{wantCrossEntropy([][]float64{logits})[0]}
	}, func(dx [][]float32, dy []float32, x [][]float32) {
		copy(dx[0], x[0])
		CrossEntropy(dx[0], len(x[0])/2, dy[0])
	}},
	{"RMSNorm", []int{1, 1}, forward(wantRMSNorm), func(dx [][]float32, dy []float32, x [][]float32) {
		rstd := RMSNorm(make([]float32, len(dy)), x[0], x[1], someEps)
		RMSNormBack(dx[0], dy, x[0], x[1], rstd)
		RMSNormGainBack(dx[1], dy, x[0], rstd)
	}},
	{"LayerNorm", []int{1, 1, 1}, forward(wantLayerNorm), func(dx [][]float32, dy []float32, x [][]float32) {
		mean, rstd := LayerNorm(make([]float32, len(dy)), x[0], x[1], x[2], someEps)
		LayerNormBack(dx[0], dy, x[0], x[1], mean, rstd)
		LayerNormGainBack(dx[1], dx[2], dy, x[0], mean, rstd)
	}},
	{"RoPE", []int{2}, func(x [][]float64) []float64 {
		cos, sin := ropeAngles(len(x[0]) / 2)
		v := widen([][]float32{nil, cos, sin})
		v[0] = append([]float64(nil), x[0]...)
		turn(1)(v)
		return v[0]
	}, func(dx [][]float32, dy []float32, x [][]float32) {
		cos, sin := ropeAngles(len(x[0]) / 2)
		copy(dx[0], dy)
		RoPEBack(dx[0], cos, sin)
	}},
}

func ropeAngles(n int) (cos, sin []float32) {
	v := call{name: "RoPE", sizes: []int{2, 1, 1}}.slicesFor(n)
	return v[1], v[2]
}

// TestGradients compares every backward function with central differences of the
// forward formula in float64.
func TestGradients(t *testing.T) {
	const step, bound = 1e-5, 1e-5
	cputest.All(t, func(t *testing.T) {
		for _, g := range gradients {
			t.Run(g.name, func(t *testing.T) {
				for _, n := range []int{1, 2, 7, 16, 37, 70} {
					x := call{sizes: g.inputs}.slicesFor(n)
					exact := widen(x)
					dy := make([]float32, len(g.forward(exact)))
					fill(r(n+1000), dy)
					dx := make([][]float32, len(x))
					for i := range x {
						dx[i] = make([]float32, len(x[i]))
					}
					g.back(dx, dy, x)
					for i := range exact {
						for j, x0 := range exact[i] {
							loss := func(at float64) (l float64) {
								exact[i][j] = at
								defer func() { exact[i][j] = x0 }()
								for k, y := range g.forward(exact) {
									l += y * float64(dy[k])
								}
								return l
							}
							want := (loss(x0+step) - loss(x0-step)) / (2 * step)
							if math.Abs(float64(dx[i][j])-want) > bound*(1+math.Abs(want)) {
								t.Fatalf("n %d: input %d[%d]: gradient %v, difference quotient %v", n, i, j, dx[i][j], want)
							}
						}
					}
				}
			})
		}
	})
}
