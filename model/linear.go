package model

import (
	"weft/internal/kernel"
	"weft/tensor"
)

// linear: y = x·Wᵀ + B. x is n × in, y is n × out.
func (m *Model) linear(y, x tensor.Mat, l *Linear) {
	if l.B != nil {
		for i := range y.Rows {
			copy(row(y, i), l.B)
		}
	}
	switch {
	case l.packed != nil:
		tensor.GemmPacked(m.Pool, y, x, l.packed, l.B != nil)
	case l.Stored != nil:
		tensor.GemmStored(m.Pool, y, x, l.Stored, l.B != nil)
	default:
		tensor.Gemm(m.Pool, y, x, l.W.T(), l.B != nil)
	}
}

// linearBack: dx = dy·W (added to dx if add), dW += dyᵀ·x, dB += Σ dy.
func (m *Model) linearBack(dx, dy, x tensor.Mat, l, g *Linear, add bool) {
	tensor.Gemm(m.Pool, dx, dy, l.W, add)
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
