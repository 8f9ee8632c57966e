package main

import "math"

// fit returns the n coefficients, the constant one first, of the polynomial that
// agrees with f at the Chebyshev nodes of an interval.
func fit(n int, lo, hi float64, f func(float64) float64) []float64 {
	rows := make([][]float64, n)
	for i := range rows {
		x := (lo+hi)/2 + (hi-lo)/2*math.Cos(math.Pi*(float64(i)+0.5)/float64(n))
		p := 1.0
		for range n {
			rows[i] = append(rows[i], p)
			p *= x
		}
		rows[i] = append(rows[i], f(x))
	}
	return solve(rows)
}

// solve is Gauss's elimination of n equations, each n factors and the right
// side; the nodes are in an order that needs no pivots.
func solve(a [][]float64) []float64 {
	n := len(a)
	for i := range n {
		for k := i + 1; k < n; k++ {
			f := a[k][i] / a[i][i]
			for j := i; j <= n; j++ {
				a[k][j] -= f * a[i][j]
			}
		}
	}
	x := make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		x[i] = a[i][n]
		for j := i + 1; j < n; j++ {
			x[i] -= a[i][j] * x[j]
		}
		x[i] /= a[i][i]
	}
	return x
}
