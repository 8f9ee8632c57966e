package tensor

import (
	"fmt"

	"weft/internal/kernel"
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
	checkShapes(c, a, b.Rows, b.Cols)
	b.check("b")
	p.Range(c.Rows, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			for j := range c.Cols {
				s := float32(0)
				if add {
					s = c.At(i, j)
				}
				for k := range a.Cols {
					s = kernel.FMA(a.At(i, k), b.At(k, j), s)
				}
				c.Data[i*c.RS+j*c.CS] = s
			}
		}
	})
}

func checkShapes(c, a Mat, k, n int) {
	c.check("c")
	a.check("a")
	if a.Cols != k || c.Rows != a.Rows || c.Cols != n {
		panic(fmt.Sprintf("tensor: product of %d×%d and %d×%d into %d×%d", a.Rows, a.Cols, k, n, c.Rows, c.Cols))
	}
}

// Packed is a K×N matrix laid out for many products.
type Packed struct {
	K, N int
	m    Mat
}

// Pack lays b out for GemmPacked. It copies.
func Pack(p *par.Pool, b Mat) *Packed {
	b.check("b")
	m := New(b.Rows, b.Cols)
	for i := range b.Rows {
		for j := range b.Cols {
			m.Data[i*m.RS+j] = b.At(i, j)
		}
	}
	return &Packed{K: b.Rows, N: b.Cols, m: m}
}

// At is element (k,n).
func (b *Packed) At(k, n int) float32 { return b.m.At(k, n) }

// Col copies column n, K numbers, into dst.
func (b *Packed) Col(dst []float32, n int) {
	for k := range b.K {
		dst[k] = b.m.At(k, n)
	}
}

// GemmPacked is Gemm with a packed b: the same bits.
func GemmPacked(p *par.Pool, c, a Mat, b *Packed, add bool) { Gemm(p, c, a, b.m, add) }
