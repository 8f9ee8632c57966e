package inspect

import (
	"fmt"
	"math"
	"slices"

	"weft/internal/kernel"
	"weft/tensor"
)

// Projection is tokens on the two axes along which their vectors differ most (PCA).
type Projection struct {
	Provenance Provenance   `json:"provenance"`
	Space      Space        `json:"space"`
	Tokens     []int32      `json:"tokens"`
	Points     [][2]float64 `json:"points"`
	Explained  [2]float64   `json:"explained"` // shares of the variance
	Checks     CheckList    `json:"checks"`
}

// Project is tokens' vectors on their two main axes.
func (s *Subject) Project(space Space, tokens []int32) (*Projection, error) {
	c := s.Model.Config
	l, err := s.table(space)
	if err != nil {
		return nil, err
	}
	if len(tokens) < 3 {
		return nil, fmt.Errorf("%w: a plane through %d tokens; 3 are the least", ErrAsk, len(tokens))
	}
	if err := s.afford("the projection", 4*int64(len(tokens))*int64(c.Dim)); err != nil {
		return nil, err
	}
	x := tensor.New(len(tokens), c.Dim)
	for i, id := range tokens {
		if err := checkIDs(c, &id); err != nil {
			return nil, err
		}
		copy(x.Row(i), l.Row(make([]float32, c.Dim), int(id)))
	}
	p := &Projection{Provenance: s.Provenance(nil), Space: space, Tokens: tokens}
	if p.Points, p.Explained, p.Checks, err = PCA(x); err != nil {
		return nil, err
	}
	return p, p.Checks.err()
}

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

// start is n orthonormal vectors to begin with, the same each time.
func start(n, width int) [][]float64 {
	list := make([][]float64, n)
	state := uint64(1)
	for i := range list {
		list[i] = make([]float64, width)
		for j := range list[i] {
			state = state*6364136223846793005 + 1442695040888963407
			list[i][j] = float64(int64(state)>>11) / (1 << 52)
		}
	}
	orthonormal(list)
	return list
}

// orthonormal is Gram and Schmidt's way, twice for the rounding.
func orthonormal(list [][]float64) {
	for range 2 {
		for i, v := range list {
			for _, u := range list[:i] {
				along := inner(u, v)
				for k := range v {
					v[k] -= along * u[k]
				}
			}
			size := math.Sqrt(inner(v, v))
			for k := range v {
				v[k] /= max(size, 1e-300)
			}
		}
	}
}

func inner(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
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

// jacobi is the eigenvalues of a small symmetric matrix, largest first, and its
// eigenvectors as columns.
func jacobi(m [][]float64) (values []float64, vectors [][]float64) {
	n := len(m)
	vectors = make([][]float64, n)
	for i := range vectors {
		vectors[i] = make([]float64, n)
		vectors[i][i] = 1
	}
	for range 50 {
		for p := range n {
			for q := p + 1; q < n; q++ {
				turnPair(m, vectors, p, q)
			}
		}
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case m[a][a] > m[b][b]:
			return -1
		case m[a][a] < m[b][b]:
			return 1
		}
		return 0
	})
	sorted := make([][]float64, n)
	for i := range sorted {
		sorted[i] = make([]float64, n)
		for j, o := range order {
			sorted[i][j] = vectors[i][o]
		}
	}
	for _, o := range order {
		values = append(values, m[o][o])
	}
	return values, sorted
}

// turnPair makes m[p][q] zero (Jacobi 1846).
func turnPair(m, vectors [][]float64, p, q int) {
	if m[p][q] == 0 {
		return
	}
	theta := (m[q][q] - m[p][p]) / (2 * m[p][q])
	t := 1 / (math.Abs(theta) + math.Sqrt(theta*theta+1))
	if theta < 0 {
		t = -t
	}
	cos := 1 / math.Sqrt(t*t+1)
	sin := t * cos
	for k := range m {
		a, b := m[k][p], m[k][q]
		m[k][p], m[k][q] = cos*a-sin*b, sin*a+cos*b
	}
	for k := range m {
		a, b := m[p][k], m[q][k]
		m[p][k], m[q][k] = cos*a-sin*b, sin*a+cos*b
		a, b = vectors[k][p], vectors[k][q]
		vectors[k][p], vectors[k][q] = cos*a-sin*b, sin*a+cos*b
	}
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
