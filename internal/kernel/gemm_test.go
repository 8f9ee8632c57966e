package kernel

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"weft/internal/cpu/cputest"
	"weft/internal/guard"
)

// TestFMA compares with exact arithmetic: products and sums in big.Float, rounded
// once. The inputs crowd around cancellation, midpoints and the subnormal range.
func TestFMA(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	check := func(a, b, c float32) {
		t.Helper()
		got, want := FMA(a, b, c), fmaBig(a, b, c)
		if math.Float32bits(got) != math.Float32bits(want) && !(got == 0 && want == 0) {
			t.Fatalf("FMA(%b, %b, %b) = %b, want %b", a, b, c, got, want)
		}
	}
	for range 300000 {
		a, b := few(r, 0), few(r, 0)
		c := few(r, 0)
		switch r.IntN(4) {
		case 0: // nearly cancels
			c = -a * b
		case 1: // far below: decides a midpoint
			c = few(r, -60)
		case 2: // subnormal result
			a, b, c = few(r, -70), few(r, -70), few(r, -135)
		}
		check(a, b, c)
	}
	for _, x := range []float32{math.MaxFloat32, 1 << 100, math.SmallestNonzeroFloat32} {
		for _, y := range []float32{1, -1, 2, x, -x} {
			for _, z := range []float32{0, x, -x, 1, -1} {
				check(x, y, z)
			}
		}
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	if x := FMA(inf, 1, 1); x != inf {
		t.Errorf("FMA(inf, 1, 1) = %v", x)
	}
	for _, x := range []float32{FMA(inf, 0, 1), FMA(inf, 1, -inf), FMA(nan, 1, 1), FMA(1, 1, nan)} {
		if x == x {
			t.Errorf("%v is not NaN", x)
		}
	}
}

// few is a random number with few bits set, so that midpoints are common.
func few(r *rand.Rand, exp int) float32 {
	m := 1.0
	for range r.IntN(4) {
		m += math.Ldexp(1, -1-r.IntN(23))
	}
	if r.IntN(2) == 0 {
		m = -m
	}
	return float32(math.Ldexp(m, exp+r.IntN(40)-20))
}

func fmaBig(a, b, c float32) float32 {
	exact := func(x float32) *big.Float { return new(big.Float).SetPrec(1000).SetFloat64(float64(x)) }
	s := exact(a)
	s.Add(s.Mul(s, exact(b)), exact(c))
	f, _ := s.Float32()
	return f
}

// TestTile runs every tile size against its definition, every operand between
// inaccessible pages and c inside canaries.
func TestTile(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for rows := 1; rows <= TileRows; rows++ {
			for _, cols := range []int{1, 2, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32} {
				for _, k := range []int{1, 2, 3, 4, 5, 8, 11, 37} {
					for _, add := range []bool{false, true} {
						for _, side := range guard.Sides {
							if err := oneTile(t, rows, cols, k, add, side); err != nil {
								t.Fatalf("rows %d cols %d k %d add %v side %v: %v", rows, cols, k, add, side, err)
							}
						}
					}
				}
			}
		}
	})
}

func oneTile(t *testing.T, rows, cols, k int, add bool, side guard.Side) error {
	r := rand.New(rand.NewPCG(uint64(rows*100+cols), uint64(k)))
	a, b := arena(t, 0, rows*k, side), arena(t, 1, TileCols*k, side)
	fill(r, a)
	fill(r, b)
	ldc := cols + (rows+k)%3
	c := arena(t, 2, (rows-1)*ldc+cols, side)
	fill(r, c)
	want := append([]float32(nil), c...)
	for i := range rows {
		for j := range cols {
			s := float32(0)
			if add {
				s = c[i*ldc+j]
			}
			for x := range k {
				s = FMA(a[x*rows+i], b[x*TileCols+j], s)
			}
			want[i*ldc+j] = s
		}
	}
	Tile(c, ldc, a, b, rows, cols, k, add)
	for i := range want {
		if math.Float32bits(c[i]) != math.Float32bits(want[i]) {
			return fmt.Errorf("c[%d] = %v, want %v", i, c[i], want[i])
		}
	}
	return nil
}

// arena returns n numbers at one end of a guarded block that is mapped once per test.
func arena(t *testing.T, slot, n int, side guard.Side) []float32 {
	const most = 1 << 15
	key := arenaKey{t, slot, side}
	block, ok := arenas[key]
	if !ok {
		block = guard.Slice(t, most, side)
		arenas[key] = block
		t.Cleanup(func() { delete(arenas, key) })
	}
	if side == guard.After {
		return block[most-n:]
	}
	return block[:n:n]
}

type arenaKey struct {
	t    *testing.T
	slot int
	side guard.Side
}

var arenas = map[arenaKey][]float32{}

// r is a source of random numbers.
func r(seed int) *rand.Rand { return rand.New(rand.NewPCG(uint64(seed), 7)) }

func fill(r *rand.Rand, x []float32) {
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
}

var packSizes = []int{1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 16, 20, 24, 31, 32, 33, 47, 48, 49, 60, 64, 65, 96, 127, 128, 160, 290}

// TestPackA checks every number of every panel, guarded on either side.
func TestPackA(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for _, rows := range packSizes {
			for _, k := range []int{1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 50} {
				for mode := range 4 {
					side, transposed := guard.Side(mode&1 != 0), mode&2 != 0
					a, rs, cs := strideArena(t, rows, k, transposed, side)
					dst := arena(t, 1, rows*k, side)
					PackA(dst, a, rs, cs, rows, k)
					for r := range rows {
						first := r - r%TileRows
						n := min(TileRows, rows-first)
						for i := range k {
							if got, want := dst[first*k+i*n+r-first], a[r*rs+i*cs]; got != want {
								t.Fatalf("rows %d k %d mode %d: (%d,%d) is %v, want %v", rows, k, mode, r, i, got, want)
							}
						}
					}
				}
			}
		}
	})
}

// TestPackB does the same, with the zeros that fill the last panel.
func TestPackB(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for _, cols := range packSizes {
			for _, k := range []int{1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 50} {
				for mode := range 4 {
					side, transposed := guard.Side(mode&1 != 0), mode&2 != 0
					b, rs, cs := strideArena(t, k, cols, transposed, side)
					wide := (cols + TileCols - 1) / TileCols * TileCols
					dst := arena(t, 1, wide*k, side)
					fill(rand.New(rand.NewPCG(2, 1)), dst)
					PackB(dst, b, rs, cs, k, cols)
					for j := range wide {
						for i := range k {
							want := float32(0)
							if j < cols {
								want = b[i*rs+j*cs]
							}
							if got := dst[j/TileCols*TileCols*k+i*TileCols+j%TileCols]; got != want {
								t.Fatalf("cols %d k %d mode %d: (%d,%d) is %v, want %v", cols, k, mode, i, j, got, want)
							}
						}
					}
				}
			}
		}
	})
}

// strideArena makes a random rows × cols matrix, row-major or transposed, with a
// stride a little larger than it needs.
func strideArena(t *testing.T, rows, cols int, transposed bool, side guard.Side) (x []float32, rs, cs int) {
	rs, cs = cols+rows%4, 1
	n := (rows-1)*rs + cols
	if transposed {
		rs, cs = 1, rows+cols%5
		n = (cols-1)*cs + rows
	}
	x = arena(t, 0, n, side)
	fill(rand.New(rand.NewPCG(1, 1)), x)
	return x, rs, cs
}

// TestPackLong packs more k than one call takes.
func TestPackLong(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		const k = 1301
		for mode := range 2 {
			x := make([]float32, 64*k)
			fill(rand.New(rand.NewPCG(1, 1)), x)
			rs, cs := k, 1
			if mode == 1 {
				rs, cs = 1, 64
			}
			got, want := make([]float32, 64*k), make([]float32, 64*k)
			PackA(got, x, rs, cs, 61, k)
			packAGeneric(want, x, rs, cs, 61, k)
			if !slices.Equal(got, want) {
				t.Errorf("A panels, mode %d", mode)
			}
			PackB(got, x, cs, rs, k, 61)
			packBGeneric(want, x, cs, rs, k, 61)
			if !slices.Equal(got, want) {
				t.Errorf("B panels, mode %d", mode)
			}
		}
	})
}

// TestTileRefuses: whatever does not fit panics in Go, before any assembly.
func TestTileRefuses(t *testing.T) {
	x := make([]float32, 1000)
	for name, f := range map[string]func(){
		"rows 0":        func() { Tile(x, 32, x, x, 0, 1, 1, false) },
		"rows 13":       func() { Tile(x, 32, x, x, 13, 1, 1, false) },
		"cols 0":        func() { Tile(x, 32, x, x, 1, 0, 1, false) },
		"cols 33":       func() { Tile(x, 32, x, x, 1, 33, 1, false) },
		"k 0":           func() { Tile(x, 32, x, x, 1, 1, 0, false) },
		"k huge":        func() { Tile(x, 32, x, x, 1, 1, math.MaxInt, false) },
		"a short":       func() { Tile(x, 32, x[:11], x, 12, 1, 1, false) },
		"b short":       func() { Tile(x, 32, x, x[:31], 1, 1, 1, false) },
		"c short":       func() { Tile(x[:32], 32, x, x, 2, 1, 1, false) },
		"ldc negative":  func() { Tile(x, -1, x, x, 2, 1, 1, false) },
		"ldc overflows": func() { Tile(x, math.MaxInt/2, x, x, 12, 1, 1, false) },
		"A: dst short":  func() { PackA(x[:10], x, 1, 1, 1, 11) },
		"A: src short":  func() { PackA(x, x[:10], 10, 1, 2, 10) },
		"A: no unit":    func() { PackA(x, x, 2, 2, 2, 2) },
		"A: k huge":     func() { PackA(x, x, 1, 1<<62, 1, 4) },
		"A: k negative": func() { PackA(x, x, 1, 1, 1, -1) },
		"B: dst short":  func() { PackB(x[:31], x, 1, 1, 1, 1) },
		"B: src short":  func() { PackB(x, x[:10], 1, 10, 10, 2) },
		"B: dst panels": func() { PackB(x[:63], x, 33, 1, 1, 33) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
