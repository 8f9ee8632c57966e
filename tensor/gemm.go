package tensor

import (
	"fmt"

	"weft/internal/par"
)

// Gemm computes c = a·b, or c += a·b when add is set. a is M×K, b K×N, c M×N;
// c must not overlap a or b. A nil pool runs on the caller.
//
// Each element is one chain of fused multiply-adds over k ascending, starting
// from 0 or from the old c: its bits depend on nothing but its row of a and its
// column of b. Splitting k over several calls with add gives the same bits.
//
// It panics when the shapes do not fit.
func Gemm(p *par.Pool, c, a, b Mat, add bool) {
	b.check("b")
	checkShapes(c, a, b.Rows, b.Cols)
	if c.CS != 1 || c.RS == 1 && c.Cols == 1 {
		c, a, b = c.T(), b.T(), a.T() // the same products in the same order
	}
	multiply(p, c, a, b, add)
}

// checkShapes panics unless c and a are matrices and c = a·(k×n) makes sense.
func checkShapes(c, a Mat, k, n int) {
	c.check("c")
	a.check("a")
	if a.Cols != k || c.Rows != a.Rows || c.Cols != n {
		panic(fmt.Sprintf("tensor: product of %d×%d and %d×%d into %d×%d", a.Rows, a.Cols, k, n, c.Rows, c.Cols))
	}
}

// zero is the product over no k at all.
func zero(c Mat) {
	for i := range c.Rows {
		clear(c.Row(i))
	}
}
