package kernel

import (
	"fmt"
	"math"
	"slices"
)

//go:generate sh -c "cd _asm && go run ./vec -dispatch .. -out ../vec_amd64.s -stubs ../vec_amd64_stubs.go -pkg kernel"

// The functions of this file and its neighbours work on whole slices of
// float32. Slices of one call have equal lengths; anything else is a bug of the
// caller and panics. A first slice called dst, dx, ds or dgate may be one of those
// that are read, but must not begin elsewhere in it. NaN, infinities and numbers
// below the normal range go through as arithmetic has it.
//
// A sum has one fixed order, given by the length alone. In assembly, a block of
// 4096 numbers is added up in float32, in 16 lanes times an unrolling; lanes and
// blocks are added up in float64. AVX2 and AVX-512 agree bit for bit. Plain Go
// adds and computes in float64, so its last bits differ.

// chunk bounds one call of assembly, which the scheduler cannot interrupt: at
// most some 20 µs.
const chunk = 16 << 10

// sumBlock is how many numbers are added in float32 before float64 takes over.
const sumBlock = 4096

var (
	negInf   = math.Inf(-1)
	negInf32 = float32(negInf)
)

func sumLanes(lanes *[16]float32) float64 {
	var a, b, c, d float64
	for i := 0; i < len(lanes); i += 4 {
		a += float64(lanes[i])
		b += float64(lanes[i+1])
		c += float64(lanes[i+2])
		d += float64(lanes[i+3])
	}
	return (a + b) + (c + d)
}

// maxLanes compares in pairs without branches, which would be mispredicted; there is
// no NaN among lanes.
func maxLanes(lanes *[16]float32) float64 {
	var m [4]float32
	for i := range m {
		m[i] = max(lanes[i], lanes[i+4], lanes[i+8], lanes[i+12])
	}
	return float64(max(m[0], m[1], m[2], m[3]))
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

// sumAround is Σ x - shift.
func sumAround(x []float32, shift float32) float64 {
	total := 0.0
	for lo := 0; lo < len(x); lo += sumBlock {
		total += sum(x[lo:min(lo+sumBlock, len(x))], shift)
	}
	return total
}

// Max is the largest number of x, -Inf for none. NaN is passed over.
func Max(x []float32) float32 {
	m := negInf
	for lo := 0; lo < len(x); lo += chunk {
		m = max(m, maxOf(x[lo:min(lo+chunk, len(x))]))
	}
	return float32(m)
}

// ArgMax is the index of the largest number, the first of equal ones. NaN is
// passed over; 0 when there is nothing else.
func ArgMax(x []float32) int { return max(0, slices.Index(x, Max(x))) }

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
