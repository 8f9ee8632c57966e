package kernel

import (
	"fmt"
	"math"
)

//go:generate sh -c "cd _asm && go run ./vec -dispatch .. -out ../vec_amd64.s -stubs ../vec_amd64_stubs.go -pkg kernel"

// The functions of this file and its neighbours work on whole slices of
// float32. Slices of one call have equal lengths; anything else is a bug of the
// caller and panics. A slice may be both read and written where the name of the
// first argument says dst. NaN and infinities go through as arithmetic has it.
//
// A sum has one fixed order, given by the length alone: 16 lanes (times an
// unrolling) in float32 within a block of 4096 numbers, blocks and lanes in
// float64. AVX2 and AVX-512 agree bit for bit.

// chunk bounds one call of assembly, which the scheduler cannot interrupt: at
// most some 20 µs.
const chunk = 16 << 10

// sumBlock is how many numbers are added in float32 before float64 takes over.
const sumBlock = 4096

var (
	negInf    = math.Inf(-1)
	negInf32  = float32(negInf)
	allNegInf = func() (a [16]float32) {
		for i := range a {
			a[i] = negInf32
		}
		return a
	}()
)

func sumLanes(lanes *[16]float32) float64 {
	total := 0.0
	for _, v := range lanes {
		total += float64(v)
	}
	return total
}

func maxLanes(lanes *[16]float32) float64 {
	m := lanes[0]
	for _, v := range lanes[1:] {
		m = max(m, v)
	}
	return float64(m)
}

// same panics unless all lengths are n.
func same(name string, n int, lengths ...int) {
	for _, l := range lengths {
		if l != n {
			panic(fmt.Sprintf("kernel: %s of slices of %d and %d numbers", name, n, l))
		}
	}
}

// Add is dst = a + b.
func Add(dst, a, b []float32) {
	same("Add", len(dst), len(a), len(b))
	for lo := 0; lo < len(dst); lo += chunk {
		hi := min(lo+chunk, len(dst))
		add(dst[lo:hi], a[lo:hi], b[lo:hi])
	}
}

// AddTo is dst += a.
func AddTo(dst, a []float32) { Add(dst, dst, a) }

// Mul is dst = a · b, number by number.
func Mul(dst, a, b []float32) {
	same("Mul", len(dst), len(a), len(b))
	for lo := 0; lo < len(dst); lo += chunk {
		hi := min(lo+chunk, len(dst))
		mul(dst[lo:hi], a[lo:hi], b[lo:hi])
	}
}

// Axpy is dst += a·x, fused.
func Axpy(dst []float32, a float32, x []float32) {
	same("Axpy", len(dst), len(x))
	for lo := 0; lo < len(dst); lo += chunk {
		hi := min(lo+chunk, len(dst))
		axpy(dst[lo:hi], x[lo:hi], a)
	}
}

// Scale is x *= a.
func Scale(x []float32, a float32) {
	for lo := 0; lo < len(x); lo += chunk {
		scale(x[lo:min(lo+chunk, len(x))], a)
	}
}

// Dot is Σ a·b.
func Dot(a, b []float32) float32 {
	same("Dot", len(a), len(b))
	total := 0.0
	for lo := 0; lo < len(a); lo += sumBlock {
		hi := min(lo+sumBlock, len(a))
		total += dot(a[lo:hi], b[lo:hi])
	}
	return float32(total)
}

// SumSquares is Σ x².
func SumSquares(x []float32) float64 { return sumSquaresAround(x, 0) }

func sumSquaresAround(x []float32, mean float32) float64 {
	total := 0.0
	for lo := 0; lo < len(x); lo += sumBlock {
		total += sumSquares(x[lo:min(lo+sumBlock, len(x))], mean)
	}
	return total
}

func sumOf(x []float32) float64 {
	total := 0.0
	for lo := 0; lo < len(x); lo += sumBlock {
		total += sum(x[lo:min(lo+sumBlock, len(x))])
	}
	return total
}

// Max is the largest number of x, -Inf for none. NaN may be passed over.
func Max(x []float32) float32 {
	m := negInf
	for lo := 0; lo < len(x); lo += chunk {
		m = max(m, maxOf(x[lo:min(lo+chunk, len(x))]))
	}
	return float32(m)
}

// ArgMax is the index of the largest number, the first of equal ones.
func ArgMax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// RoPE turns the pairs (x[i], x[i+d/2]) of a head of d numbers by angles given
// as d/2 cosines and sines (Su et al. 2021, arXiv 2104.09864, in the layout of
// two halves).
func RoPE(x, cos, sin []float32) {
	half := len(cos)
	same("RoPE", len(x), 2*half, 2*len(sin))
	rope(x[:half], x[half:], cos, sin)
}

// RoPEBack turns a gradient the other way: the transpose of a rotation.
func RoPEBack(x, cos, sin []float32) {
	half := len(cos)
	same("RoPEBack", len(x), 2*half, 2*len(sin))
	ropeBack(x[:half], x[half:], cos, sin)
}
