package studio

import (
	"context"
	"fmt"
	"net/http"

	"weft/inspect"
)

type attentionJSON struct {
	Provenance inspect.Provenance `json:"provenance"`
	Layers     int                `json:"layers"`
	Heads      int                `json:"heads"`
	Tokens     []int32            `json:"tokens"`
	Pieces     []piece            `json:"pieces"`
	Summary    []headSummary      `json:"summary"`
	Checks     inspect.CheckList  `json:"checks"`
}

// headSummary is inspect.HeadMap without the pattern.
type headSummary struct {
	Layer    int     `json:"layer"`
	Head     int     `json:"head"`
	KVHead   int     `json:"kv_head"`
	First    float64 `json:"first"`
	Distance float64 `json:"distance"`
	Entropy  float64 `json:"entropy_bits"`
}

// attention answers with where heads look on the whole. Layers are mapped together as
// far as the budget goes.
func (s *Studio) attention(w http.ResponseWriter, req *http.Request) error {
	return s.result(w, req, func(ctx context.Context, o *opened, r *run, q *query, tell progress) (any, error) {
		c := o.Core.Config
		out := attentionJSON{Layers: c.Layers, Heads: c.Heads, Tokens: r.ids, Pieces: o.pieces(r.ids)}
		one := inspect.AttentionBytes(c, len(r.ids), 1)
		group := min(c.Layers, max(1, int(s.runs.budget/2/one)))
		subject := r.subject(ctx, o)
		for l := 0; l < c.Layers; l += group {
			tell("mapping heads", l, c.Layers)
			var layers []int
			for i := l; i < min(l+group, c.Layers); i++ {
				layers = append(layers, i)
			}
			maps, err := subject.Attention(ctx, r.ids, inspect.AttentionOptions{Layers: layers})
			if err != nil {
				return nil, err
			}
			for _, h := range maps.Heads {
				out.Summary = append(out.Summary, headSummary{h.Layer, h.Head, h.KVHead, h.First, h.Distance, h.Entropy})
			}
			out.Provenance, out.Checks = maps.Provenance, merge(out.Checks, maps.Checks)
		}
		return out, nil
	})
}

// merge keeps the worst of each check.
func merge(a, b inspect.CheckList) inspect.CheckList {
	if a == nil {
		return b
	}
	for i := range a {
		if b[i].Error > a[i].Error {
			a[i] = b[i]
		}
	}
	return a
}

// maxThumb is the side of the largest thumbnail.
const maxThumb = 256

// thumbs answers with every head's pattern of a layer, small: bytes, of which 255 is all
// of a token's attention.
func (s *Studio) thumbs(w http.ResponseWriter, req *http.Request) error {
	return s.withRun(w, req, func(ctx context.Context, o *opened, r *run) error {
		c, q := o.Core.Config, newQuery(req)
		layer := q.int("layer", -1, 0, c.Layers-1)
		size := min(len(r.ids), q.int("size", 48, 1, maxThumb))
		if q.err == nil && layer < 0 {
			q.fail("the parameter layer is missing")
		}
		if q.err != nil {
			return q.err
		}
		name := fmt.Sprintf("blocks.%d.attn.hook_pattern", layer)
		var out []byte
		for head := range c.Heads {
			p, err := s.point(ctx, o, r, name, head)
			if err != nil {
				return err
			}
			out = append(out, thumb(dense(p.data, p.rows, p.cols), size)...)
		}
		h := w.Header()
		h.Set("Cache-Control", immutable)
		h.Set("Content-Type", "application/octet-stream")
		h.Set("X-Weft-Point", name)
		h.Set("X-Weft-Shape", fmt.Sprintf("%d,%d,%d", c.Heads, size, size))
		w.Write(out) // an error means that nobody reads any more
		return nil
	})
}

// thumb is a square pattern in size × size bytes, each the largest of its cells.
func thumb(m matrix, size int) []byte {
	g := region{0, m.rows, 0, m.cols, size, size}
	cells := g.reduce(m)
	out := make([]byte, len(cells))
	for i, v := range cells {
		out[i] = byte(max(0, min(255, 255*v+0.5)))
	}
	return out
}
