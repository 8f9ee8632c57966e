package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"weft/internal/cpu"
	"weft/internal/cpu/cputest"
	"weft/internal/guard"
	"weft/internal/kernel"
	"weft/internal/par"
	"weft/internal/quant"
)

// stored makes a random n×k matrix of type d that begins at an odd address if odd is
// set, with its rows in another order if shuffled is.
func stored(t *testing.T, r *rand.Rand, d DType, n, k int, odd, shuffled bool) *Stored {
	t.Helper()
	x := make([]float32, n*k)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	raw, err := Encode(d, x, n, k)
	if err != nil {
		t.Fatal(err)
	}
	if odd {
		raw.Data = append(make([]byte, 1, 1+len(raw.Data)), raw.Data...)[1:]
	}
	var order []int32
	if shuffled {
		for _, i := range r.Perm(n) {
			order = append(order, int32(i))
		}
	}
	s, err := NewStored(raw, order)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var halfShapes = [][2]int{{1, 1}, {31, 5}, {32, 32}, {33, 70}, {100, 33}, {70, 64}, {4, 0}}

// TestPackStored: every element is where At and Col find it, for every type and
// layout of the source.
func TestPackStored(t *testing.T) {
	p := par.New(2)
	defer p.Close()
	cputest.All(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		for mode := range 8 {
			odd, shuffled, exact := mode&1 != 0, mode&2 != 0, mode&4 != 0
			for _, shape := range halfShapes {
				for _, d := range []DType{F32, F16, BF16} {
					s := stored(t, r, d, shape[0], shape[1], odd, shuffled)
					checkPacked(t, s, PackStored(p, s, exact), d)
				}
			}
			s := stored(t, r, Q8_0, 33, 64, odd, shuffled)
			checkPacked(t, s, PackStored(p, s, exact), F32)
		}
	})
}

// TestPackStoredGuarded: nothing beyond the bytes of the file is read.
func TestPackStoredGuarded(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for _, side := range guard.Sides {
			for _, shape := range [][2]int{{1, 2}, {33, 70}, {64, 34}} {
				words := guard.Slice(t, shape[0]*shape[1]/2, side)
				raw := RawOf(words, shape[0], shape[1])
				for _, raw.DType = range []DType{F16, BF16} {
					s, err := NewStored(raw, nil)
					if err != nil {
						t.Fatal(err)
					}
					checkPacked(t, s, PackStored(nil, s, false), raw.DType)
				}
			}
		}
	})
}

func checkPacked(t *testing.T, s *Stored, b *Packed, d DType) {
	t.Helper()
	if b.DType() != d {
		t.Fatalf("%v is packed as %v", s.DType(), b.DType())
	}
	row, col := make([]float32, s.Cols), make([]float32, b.K)
	for n := range s.Rows {
		s.Row(row, n)
		b.Col(col, n)
		for k, x := range row {
			if col[k] != x || b.At(k, n) != x {
				t.Fatalf("%v %d×%d: (%d,%d) is %v and %v, want %v", s.DType(), s.Rows, s.Cols, k, n, col[k], b.At(k, n), x)
			}
		}
	}
}

// chainBF16 is the definition of a product with BF16 on normal numbers: both
// operands rounded, pairs of k in order, the higher one first.
func chainBF16(c, a Mat, b *Packed, add bool) Mat {
	out := New(c.Rows, c.Cols)
	for i := range c.Rows {
		for j := range c.Cols {
			s := float32(0)
			if add {
				s = c.At(i, j)
			}
			for k := 0; k < b.K; k += 2 {
				for _, k := range []int{k + 1, k} {
					if k < b.K {
						s = kernel.FMA(quant.BF16ToF32(quant.F32ToBF16(a.At(i, k))), b.At(k, j), s)
					}
				}
			}
			out.Row(i)[j] = s
		}
	}
	return out
}

// TestGemmPackedHalf compares every element with its chain, bit for bit: every level,
// pool and layout, blocks so small that every loop turns more than once.
func TestGemmPackedHalf(t *testing.T) {
	for _, small := range []bool{false, true} {
		t.Run(fmt.Sprint("small blocks ", small), func(t *testing.T) {
			if small {
				setBlocks(t, 16, 400, 900, 1100, 0)
			} else {
				setBlocks(t, blocks.k, blocks.a, blocks.packedA, blocks.b, 0)
			}
			r := rand.New(rand.NewPCG(23, 24))
			for _, p := range pools(t) {
				for _, m := range []int{0, 1, 2, 6, 7, 12, 13, 30, 101} {
					for mode, shape := range halfShapes {
						s := func(d DType) *Stored { return stored(t, r, d, shape[0], shape[1], false, mode&1 != 0) }
						checkHalf(t, r, p, s(F16), false, m, mode&2 != 0, mode&4 != 0)
						checkHalf(t, r, p, s(BF16), false, m, mode&2 != 0, mode&4 != 0)
						checkHalf(t, r, p, s(BF16), true, m, mode&2 != 0, mode&4 != 0)
					}
				}
			}
		})
	}
}

func checkHalf(t *testing.T, r *rand.Rand, p *par.Pool, s *Stored, exact bool, m int, transposed, add bool) {
	t.Helper()
	a, c, b := random(r, m, s.Cols, transposed), random(r, m, s.Rows, false), PackStored(p, s, exact)
	want := chainBF16(c, a, b, add)
	if exact || s.DType() == F16 {
		want = chain(c, a, s.Float32s(nil).T(), add)
	}
	for _, level := range cpu.Levels() {
		restore := cpu.Force(level)
		got := clone(c)
		GemmPacked(p, PackedProduct{a, got, b, add})
		if err := diff(got, want, clone(c)); err != nil {
			t.Fatalf("%v, exact %v, %v, %d threads, %d rows, %d×%d, transposed %v, add %v: %v", s.DType(), exact, level, p.Threads(), m, s.Rows, s.Cols, transposed, add, err)
		}
		restore()
	}
}

// TestGemmPackedList: several products at once, of every kind, are what each is alone.
func TestGemmPackedList(t *testing.T) {
	setBlocks(t, 64, 400, 3000, 1100, 0)
	r := rand.New(rand.NewPCG(29, 30))
	for _, p := range pools(t) {
		for _, m := range []int{0, 1, 5, 61} {
			var list, alone []PackedProduct
			a := []Mat{random(r, m, 70, false), random(r, m/2, 70, false)}
			for i, d := range []DType{F16, F32, F32, BF16, BF16, BF16, F16, F32} {
				n := []int{40, 100, 0, 33, 64, 7, 1, 32}[i]
				b := PackStored(p, stored(t, r, d, n, 70, false, false), i == 5)
				a := a[i/3%2]
				c := random(r, a.Rows, n, false)
				list = append(list, PackedProduct{a, clone(c), b, i%3 == 0})
				alone = append(alone, PackedProduct{a, c, b, i%3 == 0})
			}
			GemmPacked(p, list...)
			for i, l := range alone {
				before := clone(l.C)
				GemmPacked(nil, l)
				if err := diff(list[i].C, l.C, before); err != nil {
					t.Errorf("%d threads, %d rows, product %d: %v", p.Threads(), m, i, err)
				}
			}
		}
	}
}

// TestGemmPackedBatch: with the true block sizes, a row of a large product has the
// bits of that row alone.
func TestGemmPackedBatch(t *testing.T) {
	p := par.New(2)
	defer p.Close()
	for _, level := range cpu.Levels()[1:] {
		restore := cpu.Force(level)
		r := rand.New(rand.NewPCG(25, 26))
		for _, d := range []DType{F32, F16, BF16} {
			b := PackStored(p, stored(t, r, d, 100, 5000, false, false), false)
			a, c := random(r, 600, 5000, false), New(600, 100)
			GemmPacked(p, PackedProduct{a, c, b, false})
			for _, rows := range [][2]int{{0, 1}, {599, 600}, {300, 304}, {401, 411}, {17, 90}} {
				part := New(rows[1]-rows[0], 100)
				GemmPacked(p, PackedProduct{a.Slice(rows[0], rows[1]), part, b, false})
				if err := same(part, c.Slice(rows[0], rows[1])); err != nil {
					t.Errorf("%v, %v, rows %v: %v", level, d, rows, err)
				}
			}
		}
		restore()
	}
}

// TestGemmBF16Near: rounding activations costs what eight bits of mantissa cost, no
// more.
func TestGemmBF16Near(t *testing.T) {
	r := rand.New(rand.NewPCG(27, 28))
	s := stored(t, r, BF16, 64, 1000, false, false)
	a, got, want := random(r, 5, 1000, false), New(5, 64), New(5, 64)
	GemmPacked(nil, PackedProduct{a, got, PackStored(nil, s, false), false})
	GemmPacked(nil, PackedProduct{a, want, PackStored(nil, s, true), false})
	err, size := 0.0, 0.0
	for i, x := range want.Data {
		err += math.Pow(float64(got.Data[i]-x), 2)
		size += math.Pow(float64(x), 2)
	}
	if rel := math.Sqrt(err / size); rel > 0.003 || rel < 0.0003 {
		t.Errorf("relative error %v", rel)
	}
}
