package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"weft/internal/cpu/cputest"
	"weft/internal/kernel"
	"weft/internal/par"
)

// chain is the definition of Gemm: one chain of FMAs per element.
func chain(c, a, b Mat, add bool) Mat {
	out := New(c.Rows, c.Cols)
	for i := range c.Rows {
		for j := range c.Cols {
			s := float32(0)
			if add {
				s = c.At(i, j)
			}
			for k := range a.Cols {
				s = kernel.FMA(a.At(i, k), b.At(k, j), s)
			}
			out.Data[i*out.RS+j] = s
		}
	}
	return out
}

// random makes a rows × cols view inside a wider matrix, transposed or not. What
// lies around the view is NaN, so that reading it shows.
func random(r *rand.Rand, rows, cols int, transposed bool) Mat {
	if transposed {
		return random(r, cols, rows, false).T()
	}
	wide := New(rows+2, cols+r.IntN(20))
	for i := range wide.Data {
		wide.Data[i] = float32(math.NaN())
	}
	lo := r.IntN(wide.Cols - cols + 1)
	m := wide.Slice(1, 1+rows).Columns(lo, lo+cols)
	for i := range rows {
		for j := range m.Row(i) {
			m.Row(i)[j] = float32(r.NormFloat64())
		}
	}
	return m
}

// backing is the whole array behind m, margins included, as bits.
func backing(m Mat) []uint32 {
	all := m.Data[:cap(m.Data)]
	bits := make([]uint32, len(all))
	for i, x := range all {
		bits[i] = math.Float32bits(x)
	}
	return bits
}

func diff(got, want Mat) error {
	for i := range want.Rows {
		for j := range want.Cols {
			if g, w := got.At(i, j), want.At(i, j); math.Float32bits(g) != math.Float32bits(w) {
				return fmt.Errorf("element (%d,%d) is %v, want %v", i, j, g, w)
			}
		}
	}
	return nil
}

func pools(t *testing.T) []*par.Pool {
	all := []*par.Pool{nil, par.New(2), par.New(3)}
	t.Cleanup(func() {
		for _, p := range all {
			p.Close()
		}
	})
	return all
}

// TestGemmBits compares every element with its chain, bit for bit, over shapes,
// layouts and pools.
func TestGemmBits(t *testing.T) {
	shapes := [][3]int{{1, 1, 1}, {0, 5, 3}, {5, 0, 3}, {5, 3, 0}, {1, 33, 7}, {2, 64, 31}, {3, 100, 65},
		{7, 47, 12}, {11, 32, 257}, {12, 32, 1}, {13, 31, 33}, {24, 64, 100}, {25, 65, 47}, {31, 7, 800}, {100, 100, 100}, {90, 257, 40}}
	r := rand.New(rand.NewPCG(1, 2))
	cputest.All(t, func(t *testing.T) {
		for _, p := range pools(t) {
			for _, s := range shapes {
				for mode := range 16 {
					a := random(r, s[0], s[2], mode&1 != 0)
					b := random(r, s[2], s[1], mode&2 != 0)
					c := random(r, s[0], s[1], mode&4 != 0)
					add := mode&8 != 0
					want := chain(c, a, b, add)
					Gemm(p, c, a, b, add)
					if err := diff(c, want); err != nil {
						t.Fatalf("%d threads, %v, mode %d: %v", p.Threads(), s, mode, err)
					}
				}
			}
		}
	})
}
