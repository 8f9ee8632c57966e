package model

import (
	"weft/internal/kernel"
	"weft/tensor"
)

// embed looks up each token's vector and, with learned positions, adds its
// position's.
func (m *Model) embed(x tensor.Mat, tokens []int32, p *pass) error {
	for i, t := range tokens {
		m.W.TokenEmbd.copyRow(row(x, i), int(t))
	}
	if c := m.Config; scaled(c.EmbedScale) {
		kernel.Scale(x.Data, c.EmbedScale)
	}
	if err := p.fire("hook_embed", x.Data, m.Config.Dim); err != nil {
		return err
	}
	if m.Config.Position != LearnedPositions {
		return nil
	}
	if p.watched("hook_pos_embed") {
		return m.embedWatched(x, p)
	}
	var buf []float32
	if m.W.PosEmbd.Stored != nil {
		buf = make([]float32, m.Config.Dim)
	}
	for i := range tokens {
		kernel.AddTo(row(x, i), m.W.PosEmbd.Row(buf, p.start(i/p.seqLen)+i%p.seqLen))
	}
	return nil
}

// embedWatched forms the position vectors apart, for someone to see or change.
func (m *Model) embedWatched(x tensor.Mat, p *pass) error {
	pos := tensor.New(x.Rows, x.Cols)
	for i := range x.Rows {
		m.W.PosEmbd.copyRow(row(pos, i), p.start(i/p.seqLen)+i%p.seqLen)
	}
	if err := p.fire("hook_pos_embed", pos.Data, m.Config.Dim); err != nil {
		return err
	}
	kernel.AddTo(x.Data, pos.Data)
	return nil
}

// embedBack adds each token's gradient to its rows, in the order of the tokens.
func (m *Model) embedBack(dx tensor.Mat, tokens []int32, g *Weights, p *pass) {
	scale := m.Config.EmbedScale
	if scale == 0 {
		scale = 1
	}
	m.Pool.Range(dx.Cols, 64, func(lo, hi int) {
		for i, t := range tokens {
			kernel.Axpy(row(g.TokenEmbd.W, int(t))[lo:hi], scale, row(dx, i)[lo:hi])
			if m.Config.Position == LearnedPositions {
				kernel.AddTo(row(g.PosEmbd.W, i%p.seqLen)[lo:hi], row(dx, i)[lo:hi])
			}
		}
	})
}
