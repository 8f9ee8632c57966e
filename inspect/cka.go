package inspect

import (
	"fmt"
	"math"

	"weft/model"
	"weft/tensor"
)

// CKA is the linear centred kernel alignment of two sets of vectors, a row for each
// of the same tokens (Kornblith et al. 2019, arXiv 1905.00414): 1 when they are the
// same up to rotation and scale. Debiased, it does not rise when there are few
// tokens for the vectors' width (Song et al. 2012), and may leave [0, 1] a little.
func CKA(m *model.Model, x, y tensor.Mat) (biased, debiased float64, err error) {
	if x.Rows != y.Rows || x.Rows < 4 {
		return 0, 0, fmt.Errorf("%w: CKA of %d and %d vectors; both need the same number, 4 at least", ErrAsk, x.Rows, y.Rows)
	}
	var c covariance
	c.add(m, clone(x), clone(y))
	return c.similarity(), c.debiased(), nil
}

func clone(x tensor.Mat) tensor.Mat {
	y := tensor.New(x.Rows, x.Cols)
	for i := range x.Rows {
		copy(y.Row(i), x.Row(i))
	}
	return y
}

// lengths adds up what debiasing needs of two sets of rows: with s the square of a
// row's length, Σ s·s' and Σ s and, to centre later, Σ s·x'.
type lengths struct {
	ab, aa, bb float64
	a, b       float64
	aOnA, aOnB []float64 // Σ s_a·x_a, Σ s_a·x_b
	bOnA, bOnB []float64
}

func (l *lengths) add(a, b tensor.Mat) {
	if l.aOnA == nil {
		l.aOnA, l.bOnA = make([]float64, a.Cols), make([]float64, a.Cols)
		l.aOnB, l.bOnB = make([]float64, b.Cols), make([]float64, b.Cols)
	}
	for i := range a.Rows {
		ra, rb := a.Row(i), b.Row(i)
		sa, sb := dot(ra, ra), dot(rb, rb)
		l.a, l.b, l.ab, l.aa, l.bb = l.a+sa, l.b+sb, l.ab+sa*sb, l.aa+sa*sa, l.bb+sb*sb
		for j, v := range ra {
			l.aOnA[j] += sa * float64(v)
			l.bOnA[j] += sb * float64(v)
		}
		for j, v := range rb {
			l.aOnB[j] += sa * float64(v)
			l.bOnB[j] += sb * float64(v)
		}
	}
}

// debiased is similarity with the unbiased estimate of every product; it needs 4 rows.
func (c *covariance) debiased() float64 {
	n := float64(c.n)
	mean := func(sum []float64) []float64 {
		out := make([]float64, len(sum))
		for i, v := range sum {
			out[i] = v / n
		}
		return out
	}
	ma, mb := mean(c.sumA), mean(c.sumB)
	l := &c.lengths
	// centred: |x-m|² = s - 2x·m + |m|², and Σ x = n·m
	product := func(sum, sa, sb float64, ma, mb, aOnB, bOnA []float64, cross tensor.Mat) float64 {
		qa, qb := inner(ma, ma), inner(mb, mb)
		both := 0.0
		for i := range cross.Rows {
			both += ma[i] * dot64(cross.Row(i), mb)
		}
		return sum - 2*inner(mb, aOnB) + qb*sa - 2*inner(ma, bOnA) + 4*both - 2*n*qa*qb + qa*sb - 2*n*qa*qb + n*qa*qb
	}
	unbiased := func(square, products, sa, sb float64) float64 {
		return square - n/(n-2)*products + sa*sb/((n-1)*(n-2))
	}
	sa, sb := l.a-n*inner(ma, ma), l.b-n*inner(mb, mb)
	ab := unbiased(c.norm(c.ab, c.sumA, c.sumB), product(l.ab, l.a, l.b, ma, mb, l.aOnB, l.bOnA, c.ab), sa, sb)
	aa := unbiased(c.norm(c.aa, c.sumA, c.sumA), product(l.aa, l.a, l.a, ma, ma, l.aOnA, l.aOnA, c.aa), sa, sa)
	bb := unbiased(c.norm(c.bb, c.sumB, c.sumB), product(l.bb, l.b, l.b, mb, mb, l.bOnB, l.bOnB, c.bb), sb, sb)
	return ab / math.Sqrt(aa*bb)
}

// covariance adds up what linear CKA needs of two streams (Kornblith et al. 2019,
// arXiv 1905.00414). Both are shifted by their first window's mean, which changes
// nothing but the rounding.
type covariance struct {
	n              int
	shiftA, shiftB []float32
	sumA, sumB     []float64
	aa, bb, ab     tensor.Mat
	lengths        lengths
}

func (c *covariance) add(m *model.Model, a, b tensor.Mat) {
	if c.n == 0 {
		c.shiftA, c.shiftB = means(a), means(b)
		c.sumA, c.sumB = make([]float64, a.Cols), make([]float64, b.Cols)
		c.aa, c.bb, c.ab = tensor.New(a.Cols, a.Cols), tensor.New(b.Cols, b.Cols), tensor.New(a.Cols, b.Cols)
	}
	shift(a, c.shiftA, c.sumA)
	shift(b, c.shiftB, c.sumB)
	c.n += a.Rows
	c.lengths.add(a, b)
	tensor.Gemm(m.Pool, c.aa, a.T(), a, true)
	tensor.Gemm(m.Pool, c.bb, b.T(), b, true)
	tensor.Gemm(m.Pool, c.ab, a.T(), b, true)
}

func means(x tensor.Mat) []float32 {
	mean := make([]float32, x.Cols)
	for i := range x.Rows {
		for j, v := range x.Row(i) {
			mean[j] += v / float32(x.Rows)
		}
	}
	return mean
}

func shift(x tensor.Mat, by []float32, sum []float64) {
	for i := range x.Rows {
		r := x.Row(i)
		for j := range r {
			r[j] -= by[j]
			sum[j] += float64(r[j])
		}
	}
}

// similarity is ‖AᵀB‖² / (‖AᵀA‖·‖BᵀB‖) of the centred streams: 1 when they are the
// same up to rotation and scale.
func (c *covariance) similarity() float64 {
	return c.norm(c.ab, c.sumA, c.sumB) / math.Sqrt(c.norm(c.aa, c.sumA, c.sumA)*c.norm(c.bb, c.sumB, c.sumB))
}

// norm is the sum of squares of a matrix of products, centred.
func (c *covariance) norm(m tensor.Mat, left, right []float64) (sum float64) {
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			d := float64(v) - left[i]*right[j]/float64(c.n)
			sum += d * d
		}
	}
	return sum
}
