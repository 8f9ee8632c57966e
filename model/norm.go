package model

import (
	"weft/internal/kernel"
	"weft/tensor"
)

// norm brings each row of x to unit size: y = (x - mean)·rstd·gain + bias, the
// mean being 0 for RMSNorm. point is "ln1", "ln2" or "ln_final".
func (m *Model) norm(point string, y, x tensor.Mat, w Norm, s normStats, p *pass) error {
	c := m.Config
	m.Pool.Range(x.Rows, rowGrain(c.Dim), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			if c.Norm == RMSNorm {
				s.rstd[i] = kernel.RMSNorm(row(y, i), row(x, i), w.Gain, c.NormEps)
			} else {
				s.mean[i], s.rstd[i] = kernel.LayerNorm(row(y, i), row(x, i), w.Gain, w.Bias, c.NormEps)
			}
		}
	})
	return m.showNorm(point, y, x, w, s, p)
}

// showNorm serves the two points inside a norm, which the fused kernel skips.
func (m *Model) showNorm(point string, y, x tensor.Mat, w Norm, s normStats, p *pass) error {
	if name := point + ".hook_scale"; p.watched(name) {
		scale := make([]float32, x.Rows)
		for i := range scale {
			scale[i] = 1 / s.rstd[i]
		}
		if err := p.fire(name, scale, 1); err != nil {
			return err
		}
	}
	name := point + ".hook_normalized"
	if !p.watched(name) {
		return nil
	}
	for i := range x.Rows {
		for j, v := range row(x, i) {
			row(y, i)[j] = (v - s.mean[i]) * s.rstd[i]
		}
	}
	if err := p.fire(name, y.Data, m.Config.Dim); err != nil {
		return err
	}
	for i := range x.Rows {
		kernel.Mul(row(y, i), row(y, i), w.Gain)
		if w.Bias != nil {
			kernel.AddTo(row(y, i), w.Bias)
		}
	}
	return nil
}

// normBack: dx += the gradient through the norm of x; g += that of its
// parameters, one running sum over tokens per number.
func (m *Model) normBack(dx, dy, x tensor.Mat, w Norm, g *Norm, s normStats) {
	c := m.Config
	m.Pool.Range(x.Rows, rowGrain(c.Dim), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			if c.Norm == RMSNorm {
				kernel.RMSNormBack(row(dx, i), row(dy, i), row(x, i), w.Gain, s.rstd[i])
			} else {
				kernel.LayerNormBack(row(dx, i), row(dy, i), row(x, i), w.Gain, s.mean[i], s.rstd[i])
			}
		}
	})
	m.Pool.Range(c.Dim, 64, func(lo, hi int) {
		for i := range x.Rows {
			dyi, xi := row(dy, i)[lo:hi], row(x, i)[lo:hi]
			switch {
			case c.Norm == RMSNorm:
				kernel.RMSNormGainBack(g.Gain[lo:hi], dyi, xi, s.rstd[i])
			case g.Bias == nil:
				kernel.LayerNormGainBack(g.Gain[lo:hi], nil, dyi, xi, s.mean[i], s.rstd[i])
			default:
				kernel.LayerNormGainBack(g.Gain[lo:hi], g.Bias[lo:hi], dyi, xi, s.mean[i], s.rstd[i])
			}
		}
	})
}
