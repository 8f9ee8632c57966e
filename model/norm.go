package model

import (
	"weft/internal/kernel"
	"weft/tensor"
)

// norm brings each row of x to unit size: y = (x - mean)·rstd·gain + bias, the
// mean being 0 for RMSNorm. point is "ln1", "ln2" or "ln_final".
func (m *Model) norm(point string, y, x tensor.Mat, w Norm, s normStats, p *pass) error {
	if few(x) {
		m.normRows(y, x, w, s, 0, x.Rows)
	} else {
		m.Pool.Range(x.Rows, rowGrain(x.Cols), func(lo, hi int) { m.normRows(y, x, w, s, lo, hi) })
	}
	return m.showNorm(point, y, x, w, s, p)
}

func (m *Model) normRows(y, x tensor.Mat, w Norm, s normStats, lo, hi int) {
	eps := m.Config.NormEps
	for i := lo; i < hi; i++ {
		if m.Config.Norm == RMSNorm {
			s.rstd[i] = kernel.RMSNorm(row(y, i), row(x, i), w.Gain, eps)
		} else {
			s.mean[i], s.rstd[i] = kernel.LayerNorm(row(y, i), row(x, i), w.Gain, w.Bias, eps)
		}
	}
}

// normBefore is the norm that a part of a block reads through. Where there is
// none, y becomes x itself.
func (m *Model) normBefore(point string, y *tensor.Mat, x tensor.Mat, w Norm, s normStats, p *pass) error {
	if m.Config.Placement == PostNorm {
		*y = x
		return nil
	}
	return m.norm(point, *y, x, w, s, p)
}

// normAfter finishes what a part adds to the stream: its norm, if there is one
// behind it, and its scale.
func (m *Model) normAfter(point string, x tensor.Mat, w Norm, a *Activations, p *pass) error {
	c := m.Config
	if c.Placement != PreNorm {
		before := rows(a.unnormed, 0, x.Rows)
		copy(before.Data, x.Data)
		if err := m.norm(point, x, before, w, a.finalStats, p); err != nil {
			return err
		}
	}
	if scaled(c.ResidScale) {
		kernel.Scale(x.Data, c.ResidScale)
	}
	return nil
}

// normQK brings queries and keys to unit size, by heads or as a whole.
func (m *Model) normQK(s layerActs, w *Layer) {
	if m.Config.QKNorm == NoQKNorm {
		return
	}
	eps := m.Config.NormEps
	for _, x := range []struct {
		mat  tensor.Mat
		gain []float32
	}{{s.q, w.AttnQNorm.Gain}, {s.k, w.AttnKNorm.Gain}} {
		m.eachUnit(x.mat, len(x.gain), func(u []float32) { kernel.RMSNorm(u, u, x.gain, eps) })
	}
}

// eachUnit calls f for every stretch of width numbers of every row.
func (m *Model) eachUnit(x tensor.Mat, width int, f func([]float32)) {
	m.Pool.Range(x.Rows, rowGrain(x.Cols), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			for j := 0; j+width <= x.Cols; j += width {
				f(row(x, i)[j : j+width])
			}
		}
	})
}

// showNorm serves the two points inside a norm, which the fused kernel skips.
func (m *Model) showNorm(point string, y, x tensor.Mat, w Norm, s normStats, p *pass) error {
	if p.hooks == nil { // spares making names
		return nil
	}
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
// parameters if it has room, one running sum over tokens per number.
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
	if g.Gain == nil {
		return
	}
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
