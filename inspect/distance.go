package inspect

import (
	"math"

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
func Distances(a, b *model.Weights) []Distance {
	pa, pb := a.Params(), b.Params()
	if len(pa) != len(pb) {
		return nil
	}
	var list []Distance
	for i, p := range pa {
		q := pb[i]
		if p.Name != q.Name || p.Rows != q.Rows || p.Cols != q.Cols {
			return nil
		}
		list = append(list, Distance{p.Name, relative(p.Float32s(), q.Float32s())})
	}
	return list
}

func relative(a, b []float32) float64 {
	var diff, norm float64
	for i, v := range a {
		d := float64(v) - float64(b[i])
		diff += d * d
		norm += float64(v) * float64(v)
	}
	if diff == 0 {
		return 0
	}
	return math.Sqrt(diff / norm)
}
