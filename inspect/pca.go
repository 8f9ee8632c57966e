package inspect

import (
	"fmt"
	"math"

	"weft/internal/kernel"
	"weft/tensor"
)

// pcaAxes is how many axes are sought, so that the first two come out soon.
const pcaAxes = 8

// PCA puts rows on the two axes along which they differ most. It is a function of
// the numbers alone: each axis points to where its largest number is positive. x is
// centred in place.
func PCA(x tensor.Mat) (points [][2]float64, explained [2]float64, checks CheckList, err error) {
	total := centreColumns(x)
	if !(total > 0) || math.IsInf(total, 0) {
		return nil, explained, nil, fmt.Errorf("%w: the vectors do not differ, or are not finite", ErrAsk)
	}
	axes := start(min(pcaAxes, x.Rows, x.Cols), x.Cols)
	var values []float64
	off := 1.0
	for range 500 {
		image := covarianceTimes(x, axes)
		values, axes, off = ritz(axes, image)
		if off < 1e-7 {
			break
		}
	}
	points = make([][2]float64, x.Rows)
	for a := range min(2, len(axes)) {
		orient(axes[a])
		explained[a] = values[a] / total
		for i := range x.Rows {
			points[i][a] = dot64(x.Row(i), axes[a])
		}
	}
	checks.add("axes", "the two axes are eigenvectors of the covariance, relative to the largest eigenvalue", off, 1e-5)
	return points, explained, checks, nil
}

// centreColumns takes the columns' means away and returns the sum of squares left.
func centreColumns(x tensor.Mat) (total float64) {
	mean := make([]float64, x.Cols)
	for i := range x.Rows {
		for j, v := range x.Row(i) {
			mean[j] += float64(v) / float64(x.Rows)
		}
	}
	for i := range x.Rows {
		row := x.Row(i)
		for j := range row {
			row[j] = float32(float64(row[j]) - mean[j])
		}
		total += kernel.SumSquares(row)
	}
	return total
}

// covarianceTimes is Xᵀ·X·v for each axis.
func covarianceTimes(x tensor.Mat, axes [][]float64) [][]float64 {
	out := make([][]float64, len(axes))
	for a, v := range axes {
		out[a] = make([]float64, x.Cols)
		for i := range x.Rows {
			row := x.Row(i)
			along := dot64(row, v)
			for j, r := range row {
				out[a][j] += along * float64(r)
			}
		}
	}
	return out
}

// ritz is one step of subspace iteration (Rayleigh and Ritz): the best estimates of
// eigenvalues within the axes' span, the next axes, and how far the first two were
// from being eigenvectors.
func ritz(axes, image [][]float64) (values []float64, next [][]float64, off float64) {
	n := len(axes)
	small := make([][]float64, n)
	for i := range small {
		small[i] = make([]float64, n)
		for j := range small[i] {
			small[i][j] = inner(axes[i], image[j])
		}
	}
	values, turn := jacobi(small)
	rotate := func(list [][]float64) [][]float64 {
		out := make([][]float64, n)
		for a := range out {
			out[a] = make([]float64, len(list[0]))
			for i, v := range list {
				for k := range v {
					out[a][k] += turn[i][a] * v[k]
				}
			}
		}
		return out
	}
	turned, next := rotate(axes), rotate(image)
	for a := range min(2, n) {
		sum := 0.0
		for k, v := range next[a] {
			d := v - values[a]*turned[a][k]
			sum += d * d
		}
		off = worse(off, math.Sqrt(sum)/max(values[0], 1e-300))
	}
	if off < 1e-7 {
		return values, turned, off
	}
	orthonormal(next)
	return values, next, off
}

// orient makes the number of largest size positive.
func orient(v []float64) {
	at := 0
	for i, x := range v {
		if math.Abs(x) > math.Abs(v[at]) {
			at = i
		}
	}
	if v[at] < 0 {
		for i := range v {
			v[i] = -v[i]
		}
	}
}
