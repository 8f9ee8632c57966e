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
// none, y is x itself.
func (m *Model) normBefore(point string, y, x tensor.Mat, w Norm, s normStats, p *pass) error {
	if m.Config.Placement == PostNorm {
		return nil
	}
	return m.norm(point, y, x, w, s, p)
}

func (m *Model) normBeforeBack(dx, dy, x tensor.Mat, w Norm, g *Norm, s normStats) {
	if m.Config.Placement == PostNorm {
		m.add(dx, dx, dy)
		return
	}
	m.normBack(dx, dy, x, w, g, s)
}

// normAfter is what a part that made x adds to the stream: y is x through the norm
// behind it, or x itself if there is none, times the parts' scale.
func (m *Model) normAfter(point string, y, x tensor.Mat, w Norm, s normStats, p *pass) error {
	c := m.Config
	if c.Placement != PreNorm {
		if err := m.norm(point, y, x, w, s, p); err != nil {
			return err
		}
	}
	if scaled(c.ResidScale) {
		kernel.Scale(y.Data, c.ResidScale)
	}
	return nil
}

// normAfterBack returns the gradient of x: dx, or dy itself if there is no norm.
func (m *Model) normAfterBack(dx, dy, x tensor.Mat, w Norm, g *Norm, s normStats) tensor.Mat {
	if m.Config.Placement == PreNorm {
		return dy
	}
	clear(dx.Data)
	m.normBack(dx, dy, x, w, g, s)
	return dx
}

// normQK brings queries and keys to unit size, by heads or as a whole.
func (m *Model) normQK(s layerActs, w *Layer) {
	if m.Config.QKNorm == NoQKNorm {
		return
	}
	eps := m.Config.NormEps
	for _, x := range []struct {
		raw, mat tensor.Mat
		gain     []float32
	}{{s.rawQ, s.q, w.AttnQNorm.Gain}, {s.rawK, s.k, w.AttnKNorm.Gain}} {
		copy(x.mat.Data, x.raw.Data)
		m.eachUnit(x.mat, len(x.gain), func(u []float32) { kernel.RMSNorm(u, u, x.gain, eps) })
	}
}

// normQKBack turns the gradients of queries and keys into those before their norms.
func (m *Model) normQKBack(dq, dk tensor.Mat, s layerActs, w, g *Layer) {
	if m.Config.QKNorm == NoQKNorm {
		return
	}
	m.normUnitsBack(dq, s.rawQ, w.AttnQNorm.Gain, g.AttnQNorm.Gain)
	m.normUnitsBack(dk, s.rawK, w.AttnKNorm.Gain, g.AttnKNorm.Gain)
}

// normUnitsBack turns d of the normalised stretches of x into d of x, and adds to the
// gain's gradient if there is room: one running sum over tokens, then heads.
func (m *Model) normUnitsBack(d, x tensor.Mat, gain, g []float32) {
	width := len(gain)
	rstd := make([]float32, len(x.Data)/width)
	unit := func(x tensor.Mat, i int) []float32 { return x.Data[i*width:][:width] }
	m.Pool.Range(len(rstd), rowGrain(width), func(lo, hi int) {
		buf := make([]float32, width)
		for i := lo; i < hi; i++ {
			rstd[i] = kernel.RMSNorm(buf, unit(x, i), gain, m.Config.NormEps)
		}
	})
	m.Pool.Range(len(g), 64, func(lo, hi int) {
		for i, r := range rstd {
			kernel.RMSNormGainBack(g[lo:hi], unit(d, i)[lo:hi], unit(x, i)[lo:hi], r)
		}
	})
	m.Pool.Range(len(rstd), rowGrain(width), func(lo, hi int) {
		buf := make([]float32, width)
		for i := lo; i < hi; i++ {
			u := unit(d, i)
			copy(buf, u)
			clear(u)
			kernel.RMSNormBack(u, buf, unit(x, i), gain, rstd[i])
		}
	})
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
