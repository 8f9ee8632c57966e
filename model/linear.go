package model

import (
	"weft/internal/kernel"
	"weft/tensor"
)

// out is one of several products that read the same rows: y = x·Wᵀ + B.
type out struct {
	y tensor.Mat
	l *Linear
}

// linear: y = x·Wᵀ + B. x is n × in, y is n × out.
func (m *Model) linear(y, x tensor.Mat, l *Linear) { m.linears(x, out{y, l}) }

// linears is linear with several matrices at once, which spares preparing x for
// each of those that are packed or quantised, and waiting for each.
func (m *Model) linears(x tensor.Mat, outs ...out) {
	list := products{make([]tensor.PackedProduct, 0, 4), make([]tensor.Product, 0, 4)} // on the stack
	for _, o := range outs {
		list = m.collect(list, o.y, x, o.l)
	}
	m.multiply(list)
}

// products are those of packed and of quantised matrices that will run together.
type products struct {
	packed    []tensor.PackedProduct
	quantised []tensor.Product
}

// collect adds y = x·Wᵀ + B to the list, or does it at once if the matrix is neither packed
// nor quantised.
func (m *Model) collect(list products, y, x tensor.Mat, l *Linear) products {
	if m.observe != nil {
		m.observe(l, x)
	}
	add := l.B != nil
	if add {
		for i := range y.Rows {
			copy(row(y, i), l.B)
		}
	}
	switch {
	case l.quantised != nil:
		list.quantised = append(list.quantised, tensor.Product{A: x, C: y, B: l.quantised, Add: add})
	case l.packed != nil:
		list.packed = append(list.packed, tensor.PackedProduct{A: x, C: y, B: l.packed, Add: add})
	case l.Stored != nil:
		tensor.GemmStored(m.Pool, y, x, l.Stored, add)
	default:
		tensor.Gemm(m.Pool, y, x, l.W.T(), add)
	}
	return list
}

func (m *Model) multiply(list products) {
	tensor.GemmPacked(m.Pool, list.packed...)
	tensor.GemmQuantised(m.Pool, list.quantised...)
}

// linearBack: dx = dy·W (added to dx if add), dW += dyᵀ·x, dB += Σ dy, the latter
// two if g has room.
func (m *Model) linearBack(dx, dy, x tensor.Mat, l, g *Linear, add bool) {
	tensor.Gemm(m.Pool, dx, dy, l.W, add)
	if g.W.Data == nil {
		return
	}
	tensor.Gemm(m.Pool, g.W, dy.T(), x, true)
	if l.B == nil {
		return
	}
	m.Pool.Range(dy.Cols, 64, func(lo, hi int) {
		for i := range dy.Rows {
			kernel.AddTo(g.B[lo:hi], row(dy, i)[lo:hi])
		}
	})
}
