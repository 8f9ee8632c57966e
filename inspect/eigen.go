package inspect

import (
	"math"
	"slices"
)

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
