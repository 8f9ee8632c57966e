package model

import (
	"weft/internal/kernel"
	"weft/tensor"
)

// rotate turns every query and key by its position (halves layout: number i
// turns with number i + HeadDim/2), so that their products depend on distance.
func (m *Model) rotate(s layerActs, p *pass) error {
	c := m.Config
	show := func(prefix string, mats ...tensor.Mat) error {
		for i, mat := range mats {
			heads := mat.Cols / c.HeadDim
			if err := p.fire("attn.hook_"+prefix+string("qkv"[i]), mat.Data, heads, c.HeadDim); err != nil {
				return err
			}
		}
		return nil
	}
	if err := show("", s.q, s.k, s.v); err != nil || c.Position != RoPE {
		return err
	}
	m.eachHead(s.q, p, kernel.RoPE)
	m.eachHead(s.k, p, kernel.RoPE)
	return show("rot_", s.q, s.k)
}

func (m *Model) rotateBack(dq, dk tensor.Mat, p *pass) {
	if m.Config.Position == RoPE {
		m.eachHead(dq, p, kernel.RoPEBack)
		m.eachHead(dk, p, kernel.RoPEBack)
	}
}

// eachHead turns every head of every row of x by the row's position.
func (m *Model) eachHead(x tensor.Mat, p *pass, turn func(x, cos, sin []float32)) {
	d := m.Config.HeadDim
	m.Pool.Range(x.Rows, rowGrain(x.Cols), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			pos := p.pos + i%p.seqLen
			cos, sin := row(m.cos, pos), row(m.sin, pos)
			for h := 0; h < x.Cols; h += d {
				turn(row(x, i)[h:h+d], cos, sin)
			}
		}
	})
}
