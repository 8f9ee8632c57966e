package inspect

import (
	"context"
	"math"

	"weft/internal/kernel"
	"weft/model"
	"weft/tensor"
)

// scoreCopying asks of every head: if it looks at a token, does what it moves raise
// that very token's logit above others'? It reads the weights alone: the token's
// embedding, through the norm before attention, W_V, W_O, and the unembedding
// under the final norm's gain. Divisors of norms after the first are left out, as
// they change no order, and so are biases, which all tokens share. The score is the
// share of the other tokens tried that the token itself beats, so that it needs no
// eigenvalues: 0.5 is chance, 1 always copies, 0 always suppresses.
func (s *Subject) scoreCopying(ctx context.Context, card *HeadCard, ids []int) error {
	m, c := s.Model, s.Model.Config
	if c.Latent.KV > 0 {
		card.NoCopy = "values of latent attention are not linear in a token's vector"
		return nil
	}
	x, read := tensor.New(len(ids), c.Dim), tensor.New(len(ids), c.Dim)
	for i, id := range ids {
		copy(x.Row(i), m.W.TokenEmbd.Row(make([]float32, c.Dim), id))
		copy(read.Row(i), m.W.Output.Row(make([]float32, c.Dim), id))
		kernel.Mul(read.Row(i), read.Row(i), m.W.OutputNorm.Gain)
		centre(c, read.Row(i))
	}
	if f := c.EmbedScale; scaled(f) {
		kernel.Scale(x.Data, f)
	}
	for l := range c.Layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.copyingOf(&m.W.Layers[l], x, read, card.Heads[l*c.Heads:][:c.Heads])
	}
	return nil
}

// copyingOf scores the heads of one layer. x are tokens' embeddings, read what
// their logits are read along.
func (s *Subject) copyingOf(w *model.Layer, x, read tensor.Mat, heads []HeadScores) {
	m, c, width := s.Model, s.Model.Config, s.Model.Config.VHead()
	in := tensor.New(x.Rows, c.Dim)
	for i := range x.Rows {
		copy(in.Row(i), x.Row(i))
		if c.Placement != model.PostNorm {
			centre(c, in.Row(i))
			kernel.Scale(in.Row(i), float32(1/scaleOf(c, in.Row(i))))
			kernel.Mul(in.Row(i), in.Row(i), w.AttnNorm.Gain)
		}
	}
	values, out := tensor.New(x.Rows, c.VDim()), matrix(&w.AttnOut, c.Dim, c.ZDim())
	tensor.Gemm(m.Pool, values, in, matrix(&w.AttnV, c.VDim(), c.Dim).T(), false)
	rooms := make([][2]tensor.Mat, m.Pool.Threads())
	m.Pool.Run(c.Heads, func(worker, h int) {
		kv, room := h/(c.Heads/c.KVHeads), &rooms[worker]
		if room[0].Data == nil {
			room[0], room[1] = tensor.New(x.Rows, c.Dim), tensor.New(x.Rows, x.Rows)
		}
		moved, logits := room[0], room[1]
		tensor.Gemm(nil, moved, values.Columns(kv*width, (kv+1)*width), out.Columns(h*width, (h+1)*width).T(), false)
		if gain := w.AttnPostNorm.Gain; c.Placement != model.PreNorm && gain != nil {
			for i := range moved.Rows {
				centre(c, moved.Row(i))
				kernel.Mul(moved.Row(i), moved.Row(i), gain)
			}
		}
		tensor.Gemm(nil, logits, moved, read.T(), false)
		heads[h].Copy = beats(logits)
	})
}

// beats is the share of a row's other numbers that are less than the one on the
// diagonal, equal ones by half, averaged over rows.
func beats(m tensor.Mat) float64 {
	sum := 0.0
	for i := range m.Rows {
		row, won := m.Row(i), -0.5 // itself
		for _, v := range row {
			switch own := row[i]; {
			case v < own:
				won++
			case v == own:
				won += 0.5
			}
		}
		sum += won / math.Max(1, float64(m.Cols-1))
	}
	return sum / float64(m.Rows)
}

// centre takes the mean away where norms do.
func centre(c model.Config, x []float32) {
	mean := float32(meanOf(c, x))
	for i := range x {
		x[i] -= mean
	}
}
