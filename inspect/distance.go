package inspect

import (
	"context"
	"math"

	"weft/internal/par"
	"weft/model"
)

// Distance is how far apart a parameter is in two models of one shape: the norm
// of the difference over the norm of A's. Along one run of training, or between a
// model and what was made of it, this tells; between two models trained apart it
// means little, since their units stand in another order.
type Distance struct {
	Name     string
	Relative float64
}

// Distances compares parameter by parameter; nil when the models are not of one
// shape.
func Distances(ctx context.Context, a, b *Subject) ([]Distance, error) {
	pa, pb := a.Model.W.Params(), b.Model.W.Params()
	if len(pa) != len(pb) {
		return nil, nil
	}
	var list []Distance
	for i, p := range pa {
		q := pb[i]
		if p.Name != q.Name || p.Rows != q.Rows || p.Cols != q.Cols {
			return nil, nil
		}
		list = append(list, Distance{p.Name, relative(ctx, a.Model.Pool, p, q)})
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// relative decodes row by row, and adds up in an order that threads do not change.
func relative(ctx context.Context, pool *par.Pool, p, q model.Param) float64 {
	sums := make([][2]float64, p.Rows)
	pool.Range(p.Rows, 64, func(lo, hi int) {
		bp, bq := make([]float32, p.Cols), make([]float32, p.Cols)
		for i := lo; i < hi && ctx.Err() == nil; i++ {
			x, y := paramRow(p, bp, i), paramRow(q, bq, i)
			sums[i] = [2]float64{apart(x, y), dot(x, x)}
		}
	})
	diff, norm := 0.0, 0.0
	for _, s := range sums {
		diff, norm = diff+s[0], norm+s[1]
	}
	if diff == 0 {
		return 0
	}
	return math.Sqrt(diff / norm)
}

// paramRow is a row of a parameter; buf is room for it.
func paramRow(p model.Param, buf []float32, i int) []float32 {
	if p.Stored == nil {
		return p.Data[i*p.Cols : (i+1)*p.Cols]
	}
	p.Stored.Row(buf, i)
	return buf
}
