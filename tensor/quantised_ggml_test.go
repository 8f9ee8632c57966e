package tensor

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
	"unsafe"

	"weft/internal/cpu/cputest"
	"weft/internal/lanes"
	"weft/internal/quant"
)

// ggmlDots is what ggml computes (testdata/ggml_dot.py).
type ggmlDots struct {
	X     []byte // two rows of float32
	Types map[string]struct {
		W []byte
		Y [][]float64 // row of X, row of W
	}
}

// TestGemmQuantisedIsGgmls: ggml rounds activations in almost the same way, so its products are almost the same.
func TestGemmQuantisedIsGgmls(t *testing.T) {
	text, err := os.ReadFile("testdata/ggml_dot.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden ggmlDots
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	n := len(golden.X) / 8
	x := Of(slices.Clone(unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(golden.X))), 2*n)), 2, n)
	cputest.All(t, func(t *testing.T) {
		for _, f := range lanes.Forms() {
			g, ok := golden.Types[f.Type.String()]
			if !ok {
				t.Fatalf("there is nothing to compare %v with", f.Type)
			}
			s, err := NewStored(Raw{DType: DType(f.Type), Shape: []int{len(g.Y[0]), n}, Data: g.W}, nil)
			if err != nil {
				t.Fatal(err)
			}
			y := New(2, s.Rows)
			GemmQuantised(nil, Product{A: x, C: y, B: PackQuantised(nil, s)})
			for i := range y.Rows {
				for r, got := range y.Row(i) {
					off := math.Abs(float64(got)-g.Y[i][r]) / magnitude(x.Row(i), s, r)
					if !(off <= ggmlTolerance(f.Type, i)) {
						t.Errorf("%v, row %d by %d: %v, by ggml %v: off by %.2g of the terms' magnitudes", f.Type, i, r, got, g.Y[i][r], off)
					}
				}
			}
		}
	})
}

// magnitude is Σ|x·w|.
func magnitude(x []float32, s *Stored, r int) (sum float64) {
	w := make([]float32, len(x))
	s.Row(w, r)
	for i := range x {
		sum += math.Abs(float64(x[i] * w[i]))
	}
	return sum
}

// ggmlTolerance is some times what was measured. The order of additions is always different. In the first row of
// activations scales matter too: with Q4_1 and Q5_1 ggml keeps d·Σq in half precision, and for types with blocks of 256
// it has one scale where we have eight.
func ggmlTolerance(t quant.Type, row int) float64 {
	switch format, _ := t.Format(); {
	case row == 1:
		return 1e-7
	case format.Block == 256:
		return 5e-3
	case t == quant.Q4_1 || t == quant.Q5_1:
		return 1e-4
	}
	return 1e-7
}
