package kvcache

import "weft/internal/kernel"

// Queries are rows that keys are multiplied with. For Q8_0 they are rounded to
// integers of 16 bits, whose products with codes are exact; that is far finer than
// the rounding of the keys.
type Queries struct {
	numbers []float32
	dim     int
	codes   []int16
	pairs   int // of a row's codes
	scale   []float32
}

// Set takes rows of dim numbers, side by side, to be multiplied with the keys of a
// cache of that type. It reads them again in every product.
func (q *Queries) Set(t Type, rows []float32, dim int) {
	q.numbers, q.dim = rows, dim
	if t != Q8_0 {
		return
	}
	n := len(rows) / dim
	q.pairs = pairs(dim)
	if len(q.scale) < n || len(q.codes) < 2*n*q.pairs {
		q.scale, q.codes = make([]float32, n), make([]int16, 2*n*q.pairs)
	}
	for i := range n {
		q.scale[i] = kernel.ToI16(q.codes[2*i*q.pairs:][:dim], rows[i*dim:][:dim])
	}
}

// pairs is how many pairs of numbers a key of n has, the last one filled up.
func pairs(n int) int { return (n + 1) / 2 }

// ScoresInto computes the products of rows queries from the first on, at most
// MaxRows, with the panel of keys p: c is rows × Columns with stride ldc. Each
// element is one chain of operations over ascending numbers of the key.
func (p Panel) ScoresInto(c []float32, ldc int, q *Queries, first, rows int) {
	a := q.numbers[first*q.dim:]
	switch p.typ {
	case F16:
		kernel.PanelF16(c, ldc, a, q.dim, p.half, rows, q.dim, false)
	case BF16:
		kernel.PanelBF16(c, ldc, a, q.dim, p.half, rows, q.dim, false)
	case Q8_0:
		kernel.ScoreQ8(c, ldc, q.codes[2*first*q.pairs:], 2*q.pairs, q.scale[first:], p.codes, p.scales, rows, q.pairs)
	default:
		kernel.PanelF32(c, ldc, a, q.dim, p.f32, rows, q.dim, false)
	}
}

// Weights is what MixInto works in.
type Weights struct{ scale, rows []float32 }

// MixInto computes c = a·p, or c += a·p when add is set, for k rows of the panel of
// values p: a is rows × k with stride lda, c is rows × Columns with stride ldc, and
// rows is at most MaxRows. Each element is one chain of FMAs over ascending k. With
// Q8_0 what is multiplied with a code is a weight times the code's scale.
func (p Panel) MixInto(w *Weights, c []float32, ldc int, a []float32, lda, rows, k int, add bool) {
	if p.scales != nil {
		a, lda = w.times(p.scales[:k], a, lda, rows)
	}
	switch p.typ {
	case F16:
		kernel.PanelF16(c, ldc, a, lda, p.half, rows, k, add)
	case BF16:
		kernel.PanelBF16(c, ldc, a, lda, p.half, rows, k, add)
	case Q8_0:
		kernel.PanelI8(c, ldc, a, lda, p.codes, rows, k, add)
	default:
		kernel.PanelF32(c, ldc, a, lda, p.f32, rows, k, add)
	}
}

// times is a times the scale of each column.
func (w *Weights) times(scales []uint16, a []float32, lda, rows int) (out []float32, stride int) {
	const most = blockPositions // scales of a block, which is as far as a panel goes
	if w.scale == nil {
		w.scale, w.rows = make([]float32, most), make([]float32, MaxRows*(most+kernel.Q8Block/2))
	}
	k := len(scales)
	kernel.FromF16(w.scale[:k], scales)
	stride = most + kernel.Q8Block/2 // not all rows in the same places of the processor's cache
	for r := range rows {
		kernel.Mul(w.rows[r*stride:][:k], a[r*lda:][:k], w.scale[:k])
	}
	return w.rows, stride
}
