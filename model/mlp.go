package model

import (
	"weft/internal/kernel"
	"weft/tensor"
)

// mlp: y = down(act(up(x))), or down(act(gate(x)) · up(x)) when gated, or what
// the block's experts make of x.
func (m *Model) mlp(y, x tensor.Mat, a *Activations, s layerActs, w *Layer, p *pass) error {
	c, f := &m.Config, &w.FFN
	if c.HasExperts(p.layer) {
		m.experts(y, x, a, w)
		return nil
	}
	pre := s.up
	if c.Gated {
		m.linears(x, out{s.gate, &f.Gate}, out{s.up, &f.Up})
		pre = s.gate
	} else {
		m.linear(s.up, x, &f.Up)
	}
	if err := p.fire("mlp.hook_pre", pre.Data, c.Hidden); err != nil {
		return err
	}
	if c.Gated {
		if err := p.fire("mlp.hook_pre_linear", s.up.Data, c.Hidden); err != nil {
			return err
		}
	}
	m.activate(s.post.Data, s.gate.Data, s.up.Data)
	if err := p.fire("mlp.hook_post", s.post.Data, c.Hidden); err != nil {
		return err
	}
	m.linear(y, s.post, &f.Down)
	return nil
}

// activate: post = act(gate) · up, or act(up).
func (m *Model) activate(post, gate, up []float32) {
	if len(post) <= grain {
		m.activatePart(post, gate, up)
		return
	}
	m.Pool.Range(len(post), grain, func(lo, hi int) {
		if m.Config.Gated {
			m.activatePart(post[lo:hi], gate[lo:hi], up[lo:hi])
		} else {
			m.activatePart(post[lo:hi], nil, up[lo:hi])
		}
	})
}

func (m *Model) activatePart(post, gate, up []float32) {
	if m.Config.Gated {
		m.Config.gate(post, gate, up)
	} else {
		m.Config.Activation.apply(post, up)
	}
}

// gate: dst = act(gate) · up. dst may be gate.
func (c *Config) gate(dst, gate, up []float32) {
	switch c.Activation {
	case SiLU:
		kernel.SwiGLU(dst, gate, up)
	case ClampedSiLU:
		limit := c.ClampLimit
		if limit == 0 {
			limit = 7
		}
		kernel.ClampedSwiGLU(dst, gate, up, limit)
	default:
		c.Activation.apply(dst, gate)
		kernel.Mul(dst, dst, up)
	}
}

// mlpBack: dx = the gradient of mlp's input, from dy of its output.
func (m *Model) mlpBack(dx, dy tensor.Mat, s layerActs, b *backActs, w, g *Layer) {
	c, n := m.Config, dy.Rows
	dpost, dup := rows(b.post, 0, n), rows(b.up, 0, n)
	m.linearBack(dpost, dy, s.post, &w.FFN.Down, &g.FFN.Down, false)
	var dgate tensor.Mat
	if c.Gated {
		dgate = rows(b.gate, 0, n)
	}
	m.Pool.Range(len(dpost.Data), grain, func(lo, hi int) {
		d, up := dpost.Data[lo:hi], s.up.Data[lo:hi]
		if !c.Gated {
			c.Activation.back(dup.Data[lo:hi], d, up)
			return
		}
		gate, dg, du := s.gate.Data[lo:hi], dgate.Data[lo:hi], dup.Data[lo:hi]
		if c.Activation == SiLU {
			kernel.SwiGLUBack(dg, du, d, gate, up)
			return
		}
		c.Activation.apply(du, gate) // act(gate), until it becomes d(up)
		kernel.Mul(du, du, d)
		kernel.Mul(d, d, up)
		c.Activation.back(dg, d, gate)
	})
	m.linearBack(dx, dup, s.norm2, &w.FFN.Up, &g.FFN.Up, false)
	if c.Gated {
		m.linearBack(dx, dgate, s.norm2, &w.FFN.Gate, &g.FFN.Gate, true)
	}
}

func (a Activation) apply(dst, x []float32) {
	switch a {
	case SiLU:
		kernel.SiLU(dst, x)
	case GELU:
		kernel.GELU(dst, x)
	case GELUErf:
		kernel.GELUErf(dst, x)
	case ReLU:
		kernel.ReLU(dst, x)
	}
}

func (a Activation) back(dx, dy, x []float32) {
	switch a {
	case SiLU:
		kernel.SiLUBack(dx, dy, x)
	case GELU:
		kernel.GELUBack(dx, dy, x)
	case GELUErf:
		kernel.GELUErfBack(dx, dy, x)
	}
}
