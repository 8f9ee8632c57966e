package studio

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"weft/tensor"
)

// logits is rows lo to hi of the final logits: the head on the last stream, which is
// what the pass itself does, to the bit.
func (s *Studio) logits(ctx context.Context, o *opened, r *run, lo, hi int) (matrix, error) {
	c := o.Core.Config
	if need := 4 * int64(hi-lo) * int64(c.Vocab); need > s.runs.budget/4 {
		return matrix{}, overBudget(fmt.Sprintf("the logits of rows %d to %d", lo, hi), len(r.ids), need, s.runs.budget/4)
	}
	last, err := s.point(ctx, o, r, fmt.Sprintf("blocks.%d.hook_resid_post", c.Layers-1), 0)
	if err != nil {
		return matrix{}, err
	}
	x := tensor.Of(slices.Clone(last.data[lo*c.Dim:hi*c.Dim]), hi-lo, c.Dim)
	said := o.Core.Unembed(x)
	return matrix{rows: len(r.ids), cols: c.Vocab, row: func(_ []float32, i int) []float32 { return said.Row(i - lo) }, pool: o.Core.Pool}, nil
}

// tile answers with a region of a point.
func (s *Studio) tile(w http.ResponseWriter, req *http.Request) error {
	return s.withRun(w, req, func(ctx context.Context, o *opened, r *run) error {
		w.Header().Set("Cache-Control", immutable)
		q := newQuery(req)
		name := q.required("point")
		if name == "logits" {
			name = finalLogits
		}
		c := o.Core.Config
		head := q.int("head", -1, 0, c.Heads)
		if q.err != nil {
			return q.err
		}
		if name == finalLogits {
			return s.logitTile(ctx, w, q, o, r)
		}
		p, err := s.point(ctx, o, r, name, head)
		if err != nil {
			return err
		}
		m := dense(p.data, p.rows, p.cols)
		m.pool = o.Core.Pool
		spread := p.spreadOf(m)
		if heads := headsOf(c, name); heads > 0 && !isPattern(name) {
			width := p.cols / heads
			m = m.columns(head*width, (head+1)*width)
		}
		return writeTile(w, q, name, m, spread)
	})
}

// logitTile makes the rows that are asked for, and their range.
func (s *Studio) logitTile(ctx context.Context, w http.ResponseWriter, q *query, o *opened, r *run) error {
	g := q.region(len(r.ids), o.Core.Config.Vocab)
	if q.err != nil {
		return q.err
	}
	m, err := s.logits(ctx, o, r, g.r0, g.r1)
	if err != nil {
		return err
	}
	part := m
	part.rows, part.row = g.r1-g.r0, func(buf []float32, i int) []float32 { return m.row(buf, g.r0+i) }
	return writeTile(w, q, finalLogits, m, spreadOf(part))
}
