package inspect

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"weft/tensor"
)

func TestNeighbours(t *testing.T) {
	eachFamily(t, func(t *testing.T, s *Subject) {
		table := s.Model.W.TokenEmbd.W
		copy(table.Row(20), table.Row(7)) // a twin
		for i := range table.Row(20) {
			table.Row(20)[i] *= 3
			table.Row(9)[i] = table.Row(5)[i]/float32(lengthOf(table.Row(5))) + table.Row(6)[i]/float32(lengthOf(table.Row(6)))
		}
		n, err := s.Neighbours(Embedding, []int32{7}, nil, 3)
		fine(t, err, n.Provenance, n.Checks)
		if len(n.Near) != 3 || n.Near[0].ID != 20 || math.Abs(n.Near[0].Cosine-1) > 1e-6 {
			t.Errorf("nearest to 7: %+v", n.Near)
		}
		sum, err := s.Neighbours(Embedding, []int32{5, 6}, nil, 1)
		if err != nil || len(sum.Checks) > 0 {
			t.Fatalf("a sum has no token that it must be nearest to: %+v, %v", sum, err)
		}
		back, err := s.Neighbours(Embedding, []int32{9}, []int32{6}, 60)
		if err != nil {
			t.Fatal(err)
		}
		if sum.Near[0].ID != 9 || slices.ContainsFunc(back.Near, func(n Neighbour) bool { return n.ID == 9 || n.ID == 6 }) {
			t.Errorf("5 + 6 is %+v, 9 - 6 is %+v", sum.Near, back.Near[:1])
		}
	})
}

func TestPromoted(t *testing.T) {
	eachFamily(t, func(t *testing.T, s *Subject) {
		d := make([]float32, s.Model.Config.Dim)
		for i := range d {
			d[i] = float32(i%5) - 1.5
		}
		p, err := s.Promoted(d, 4)
		fine(t, err, p.Provenance, p.Checks)
		if len(p.Up) != 4 || p.Up[0].Value < p.Up[3].Value || p.Down[0].Value > p.Down[3].Value || p.Down[0].Value >= p.Up[0].Value {
			t.Errorf("%+v", p)
		}
	})
}

// TestPCA: points of a known ellipse, turned into many dimensions.
func TestPCA(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	basis := start(3, 40)
	x := tensor.New(200, 40)
	truth := make([][3]float64, x.Rows)
	for i := range x.Rows {
		for a, size := range []float64{5, 2, 0.1} {
			truth[i][a] = size * rng.NormFloat64()
			for j := range x.Cols {
				x.Row(i)[j] += float32(truth[i][a] * basis[a][j])
			}
		}
	}
	again := clone(x)
	points, explained, checks, err := PCA(x)
	if err != nil || checks.err() != nil {
		t.Fatal(err, checks.err())
	}
	if explained[0] < 0.8 || explained[0]+explained[1] < 0.99 {
		t.Errorf("explained %v", explained)
	}
	for a := range 2 {
		var xy, xx, yy float64
		for i := range points {
			xy, xx, yy = xy+points[i][a]*truth[i][a], xx+points[i][a]*points[i][a], yy+truth[i][a]*truth[i][a]
		}
		if r := math.Abs(xy) / math.Sqrt(xx*yy); r < 0.95 {
			t.Errorf("axis %d correlates with the ellipse's by %g", a, r)
		}
	}
	other, _, _, _ := PCA(again)
	if !slices.Equal(points, other) {
		t.Error("the same vectors are projected otherwise the second time")
	}
	if _, _, _, err := PCA(tensor.New(4, 3)); err == nil {
		t.Error("vectors that do not differ have axes")
	}
}

func TestJacobi(t *testing.T) {
	m := [][]float64{{4, 1, 0.5}, {1, 3, 0.25}, {0.5, 0.25, 1}}
	before := [][]float64{slices.Clone(m[0]), slices.Clone(m[1]), slices.Clone(m[2])}
	values, vectors := jacobi(m)
	for a := range 3 {
		for i := range 3 {
			image := 0.0
			for j := range 3 {
				image += before[i][j] * vectors[j][a]
			}
			if math.Abs(image-values[a]*vectors[i][a]) > 1e-12 {
				t.Errorf("eigenvector %d: %g, want %g", a, image, values[a]*vectors[i][a])
			}
		}
	}
	if values[0] < values[1] || values[1] < values[2] {
		t.Errorf("eigenvalues %v", values)
	}
}

func TestProject(t *testing.T) {
	s := family(t, families()["llama"], 1)
	p, err := s.Project(Unembedding, []int32{1, 5, 9, 30, 31, 2})
	fine(t, err, p.Provenance, p.Checks)
	if len(p.Points) != 6 || p.Explained[0] < p.Explained[1] {
		t.Errorf("%+v", p)
	}
}
