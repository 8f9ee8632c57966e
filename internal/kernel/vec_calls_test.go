package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// call is one exported function, so that every test can walk through all of
// them: run in float32, and the same written plainly in float64.
type call struct {
	name  string
	sizes []int // numbers in each slice, in multiples of n; the written ones first
	outs  int
	alias []int // slices that the first may be
	least int   // shortest n that makes sense
	whole bool  // every number of the output depends on all of the input
	run   func(v [][]float32) [2]float64
	want  func(v [][]float64) [2]float64
	// Bounds of an output's error: units in the last place of the right answer,
	// and an absolute part for sums whose terms cancel. The generic one computes
	// mostly in float64.
	ulps, abs float64
}

const (
	someFactor = float32(0.7)
	nearOne    = float32(1 + 1.0/(1<<23))
	someMean   = float32(0.3)
	someRstd   = float32(1.9)
	someEps    = float32(1e-5)
)

var someAdamW = AdamW{LR: 0.01, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, WeightDecay: 0.1, C1: 1.5, C2: 3, GradScale: 0.5}

func two(a, b float32) [2]float64 { return [2]float64{float64(a), float64(b)} }

var none [2]float64

var calls = []call{
	{name: "Add", sizes: []int{1, 1, 1}, outs: 1, alias: []int{1, 2}, ulps: 0.5,
		run:  func(v [][]float32) [2]float64 { Add(v[0], v[1], v[2]); return none },
		want: numberwise(func(v []float64) { v[0] = v[1] + v[2] })},
	{name: "AddTo", sizes: []int{1, 1}, outs: 1, alias: []int{1}, ulps: 0.5,
		run:  func(v [][]float32) [2]float64 { AddTo(v[0], v[1]); return none },
		want: numberwise(func(v []float64) { v[0] += v[1] })},
	{name: "Mul", sizes: []int{1, 1, 1}, outs: 1, alias: []int{1, 2}, ulps: 0.5,
		run:  func(v [][]float32) [2]float64 { Mul(v[0], v[1], v[2]); return none },
		want: numberwise(func(v []float64) { v[0] = v[1] * v[2] })},
	{name: "Axpy", sizes: []int{1, 1}, outs: 1, alias: []int{1}, ulps: 0.5, abs: 1e-15,
		run:  func(v [][]float32) [2]float64 { Axpy(v[0], someFactor, v[1]); return none },
		want: numberwise(func(v []float64) { v[0] += float64(someFactor) * v[1] })},
	{name: "Scale", sizes: []int{1}, outs: 1, ulps: 0.5,
		run:  func(v [][]float32) [2]float64 { Scale(v[0], nearOne); return none },
		want: numberwise(func(v []float64) { v[0] *= float64(nearOne) })},

	{name: "Dot", sizes: []int{1, 1},
		run: func(v [][]float32) [2]float64 { return two(Dot(v[0], v[1]), 0) }},
	{name: "SumSquares", sizes: []int{1},
		run: func(v [][]float32) [2]float64 { return [2]float64{SumSquares(v[0])} }},
	{name: "Max", sizes: []int{1},
		run: func(v [][]float32) [2]float64 { return two(Max(v[0]), 0) }},
	{name: "ArgMax", sizes: []int{1},
		run: func(v [][]float32) [2]float64 { return [2]float64{float64(ArgMax(v[0]))} }},

	{name: "RoPE", sizes: []int{2, 1, 1}, outs: 1, ulps: 1, abs: 2e-7,
		run:  func(v [][]float32) [2]float64 { RoPE(v[0], v[1], v[2]); return none },
		want: turn(1)},
	{name: "RoPEBack", sizes: []int{2, 1, 1}, outs: 1, ulps: 1, abs: 2e-7,
		run:  func(v [][]float32) [2]float64 { RoPEBack(v[0], v[1], v[2]); return none },
		want: turn(-1)},

	{name: "RMSNorm", whole: true, sizes: []int{1, 1, 1}, outs: 1, alias: []int{1, 2}, least: 1, ulps: 2.5,
		run:  func(v [][]float32) [2]float64 { return two(RMSNorm(v[0], v[1], v[2], someEps), 0) },
		want: wantRMSNorm},
	{name: "RMSNormBack", whole: true, sizes: []int{1, 1, 1, 1}, outs: 1, alias: []int{1, 2, 3}, least: 1, ulps: 1, abs: 8e-7,
		run:  func(v [][]float32) [2]float64 { RMSNormBack(v[0], v[1], v[2], v[3], someRstd); return none },
		want: wantNormBack(false)},
	{name: "RMSNormGainBack", sizes: []int{1, 1, 1}, outs: 1, ulps: 1, abs: 3e-7,
		run: func(v [][]float32) [2]float64 { RMSNormGainBack(v[0], v[1], v[2], someRstd); return none },
		want: numberwise(func(v []float64) {
			v[0] += v[1] * v[2] * float64(someRstd)
		})},
	{name: "LayerNorm", whole: true, sizes: []int{1, 1, 1, 1}, outs: 1, alias: []int{1, 2}, least: 1, ulps: 2, abs: 6e-7,
		run:  func(v [][]float32) [2]float64 { return two(LayerNorm(v[0], v[1], v[2], v[3], someEps)) },
		want: wantLayerNorm},
	{name: "LayerNormBack", whole: true, sizes: []int{1, 1, 1, 1}, outs: 1, alias: []int{1, 2, 3}, least: 1, ulps: 1, abs: 8e-7,
		run: func(v [][]float32) [2]float64 {
			LayerNormBack(v[0], v[1], v[2], v[3], someMean, someRstd)
			return none
		},
		want: wantNormBack(true)},
	{name: "LayerNormGainBack", sizes: []int{1, 1, 1, 1}, outs: 2, ulps: 1, abs: 6e-7,
		run: func(v [][]float32) [2]float64 {
			LayerNormGainBack(v[0], v[1], v[2], v[3], someMean, someRstd)
			return none
		},
		want: numberwise(func(v []float64) {
			v[0] += v[2] * (v[3] - float64(someMean)) * float64(someRstd)
			v[1] += v[2]
		})},

	{name: "Exp", sizes: []int{1, 1}, outs: 1, alias: []int{1}, ulps: 1,
		run:  func(v [][]float32) [2]float64 { Exp(v[0], v[1]); return none },
		want: numberwise(func(v []float64) { v[0] = math.Exp(v[1]) })},
	{name: "Softmax", whole: true, sizes: []int{1}, outs: 1, ulps: 6,
		run:  func(v [][]float32) [2]float64 { return two(Softmax(v[0], someFactor)) },
		want: wantSoftmax},
	{name: "SoftmaxBack", whole: true, sizes: []int{1, 1, 1}, outs: 1, alias: []int{1, 2}, ulps: 2, abs: 4e-9,
		run:  func(v [][]float32) [2]float64 { SoftmaxBack(v[0], v[1], v[2], someFactor); return none },
		want: wantSoftmaxBack},
	{name: "LogSumExp", sizes: []int{1},
		run: func(v [][]float32) [2]float64 { return [2]float64{LogSumExp(v[0])} }},
	{name: "CrossEntropy", whole: true, sizes: []int{1}, outs: 1, least: 1, ulps: 6, abs: 1e-13,
		run:  func(v [][]float32) [2]float64 { return [2]float64{CrossEntropy(v[0], len(v[0])/2, someFactor)} },
		want: wantCrossEntropy},

	{name: "SiLU", sizes: []int{1, 1}, outs: 1, alias: []int{1}, ulps: 2.5,
		run:  func(v [][]float32) [2]float64 { SiLU(v[0], v[1]); return none },
		want: numberwise(func(v []float64) { v[0] = silu64(v[1]) })},
	{name: "SiLUBack", sizes: []int{1, 1, 1}, outs: 1, alias: []int{1, 2}, ulps: 3, abs: 8e-8,
		run:  func(v [][]float32) [2]float64 { SiLUBack(v[0], v[1], v[2]); return none },
		want: numberwise(func(v []float64) { v[0] = v[1] * silu64Slope(v[2]) })},
	{name: "SwiGLU", sizes: []int{1, 1, 1}, outs: 1, alias: []int{1, 2}, ulps: 3,
		run:  func(v [][]float32) [2]float64 { SwiGLU(v[0], v[1], v[2]); return none },
		want: numberwise(func(v []float64) { v[0] = silu64(v[1]) * v[2] })},
	{name: "SwiGLUBack", sizes: []int{1, 1, 1, 1, 1}, outs: 2, alias: []int{2, 3, 4}, ulps: 4, abs: 1.2e-7,
		run: func(v [][]float32) [2]float64 { SwiGLUBack(v[0], v[1], v[2], v[3], v[4]); return none },
		want: numberwise(func(v []float64) {
			v[0], v[1] = v[2]*v[4]*silu64Slope(v[3]), v[2]*silu64(v[3])
		})},
	{name: "GELU", sizes: []int{1, 1}, outs: 1, alias: []int{1}, ulps: 3, abs: 2e-8,
		run:  func(v [][]float32) [2]float64 { GELU(v[0], v[1]); return none },
		want: numberwise(func(v []float64) { v[0] = gelu64(v[1]) })},
	{name: "GELUBack", sizes: []int{1, 1, 1}, outs: 1, alias: []int{1, 2}, ulps: 3, abs: 1.5e-7,
		run:  func(v [][]float32) [2]float64 { GELUBack(v[0], v[1], v[2]); return none },
		want: numberwise(func(v []float64) { v[0] = v[1] * gelu64Slope(v[2]) })},
	{name: "GELUErf", sizes: []int{1, 1}, outs: 1, alias: []int{1}, ulps: 3, abs: 4e-8,
		run:  func(v [][]float32) [2]float64 { GELUErf(v[0], v[1]); return none },
		want: numberwise(func(v []float64) { v[0] = geluErf64(v[1]) })},
	{name: "GELUErfBack", sizes: []int{1, 1, 1}, outs: 1, alias: []int{1, 2}, ulps: 3, abs: 3e-7,
		run:  func(v [][]float32) [2]float64 { GELUErfBack(v[0], v[1], v[2]); return none },
		want: numberwise(func(v []float64) { v[0] = v[1] * geluErf64Slope(v[2]) })},

	{name: "AdamWStep", sizes: []int{1, 1, 1, 1}, outs: 3, ulps: 3, abs: 1.4e-7,
		run:  func(v [][]float32) [2]float64 { AdamWStep(v[0], v[3], v[1], v[2], someAdamW); return none },
		want: numberwise(wantAdamW)},
}

// numberwise makes a reference of what happens to one number of each slice.
func numberwise(f func(v []float64)) func(v [][]float64) [2]float64 {
	return func(v [][]float64) [2]float64 {
		one := make([]float64, len(v))
		for i := range v[0] {
			for j := range v {
				one[j] = v[j][i]
			}
			f(one)
			for j := range v {
				v[j][i] = one[j]
			}
		}
		return none
	}
}

// slicesFor makes the slices of a call, random. What AdamW calls v is positive,
// SoftmaxBack gets probabilities, and RoPE angles, so that a benchmark can turn
// for ever.
func (c call) slicesFor(n int) [][]float32 {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	v := make([][]float32, len(c.sizes))
	for i, size := range c.sizes {
		v[i] = make([]float32, size*n)
		fill(r, v[i])
	}
	switch c.name {
	case "AdamWStep":
		for i, x := range v[2] {
			v[2][i] = x * x
		}
	case "SoftmaxBack":
		for i, x := range v[1] {
			v[1][i] = x * x / float32(n)
		}
	case "RoPE", "RoPEBack":
		for i, x := range v[1] {
			sin, cos := math.Sincos(float64(x))
			v[1][i], v[2][i] = float32(cos), float32(sin)
		}
	}
	return v
}

func cloneAll(v [][]float32) [][]float32 {
	all := make([][]float32, len(v))
	for i := range v {
		all[i] = slices.Clone(v[i])
	}
	return all
}

func widen(v [][]float32) [][]float64 {
	all := make([][]float64, len(v))
	for i := range v {
		all[i] = make([]float64, len(v[i]))
		for j, x := range v[i] {
			all[i][j] = float64(x)
		}
	}
	return all
}

// vecLengths are all short lengths and those around the borders of what one
// call of assembly takes.
func vecLengths() (all []int) {
	for n := range 71 {
		all = append(all, n)
	}
	return append(all, sumBlock-1, sumBlock, sumBlock+1, sumBlock+33, 2*sumBlock+17, chunk-1, chunk, chunk+1, chunk+31, 2*chunk+33)
}

// spacing is one unit in the last place of a float32 near x.
func spacing(x float64) float64 {
	_, e := math.Frexp(x)
	return math.Ldexp(1, max(e-24, -149))
}

// sameBits compares; all NaN are one.
func sameBits(a, b []float32) int {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) && (a[i] == a[i] || b[i] == b[i]) {
			return i
		}
	}
	return -1
}

func eachCall(t *testing.T, f func(t *testing.T, c call)) {
	for _, c := range calls {
		t.Run(c.name, func(t *testing.T) { f(t, c) })
	}
}
