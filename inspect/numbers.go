package inspect

import (
	"math"
	"slices"
)

// dot is a·b in float64.
func dot(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}

// cosine is the cosine of the angle between a and the beginning of b; 0 if either is zero.
func cosine(a []float32, b []float64) float64 {
	var ab, aa, bb float64
	for i, v := range a {
		x, y := float64(v), b[i]
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}

func dot64(a []float32, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += float64(v) * b[i]
	}
	return sum
}

func scaled(f float32) bool { return f != 0 && f != 1 }

func inner(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func length64(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}

// worse keeps what is no number, too.
func worse(a, b float64) float64 {
	if b > a || b != b {
		return b
	}
	return a
}

func lengthOf(x []float32) float64 { return math.Sqrt(dot(x, x)) }

func size(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// worst is the largest absolute difference of two lists of numbers.
func worst(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	most := 0.0
	for i, v := range a {
		most = worse(most, math.Abs(float64(v)-float64(b[i])))
	}
	return most
}

func finite(x []float32) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// largest is the largest absolute number.
func largest(x []float32) float64 {
	most := 0.0
	for _, v := range x {
		most = max(most, math.Abs(float64(v)))
	}
	return most
}

// all is the list, or if it is nil the numbers up to n.
func all(list []int, n int) []int {
	if list != nil {
		return slices.Clone(list)
	}
	list = make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// apart is the square of the distance.
func apart(a, b []float32) (sum float64) {
	for i, v := range a {
		d := float64(v) - float64(b[i])
		sum += d * d
	}
	return sum
}
