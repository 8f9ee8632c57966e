package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"testing"

	"weft/internal/cpu"
	"weft/internal/cpu/cputest"
	"weft/internal/guard"
	"weft/internal/kernel"
	"weft/internal/par"
)

// chain is the definition of Gemm: one chain of FMAs over ascending k per element,
// in plain Go. The loops are ordered for speed; each element sees its k in order.
func chain(c, a, b Mat, add bool) Mat {
	out := New(c.Rows, c.Cols)
	for i := range c.Rows {
		row := out.Row(i)
		if add {
			for j := range row {
				row[j] = c.At(i, j)
			}
		}
		for k := range a.Cols {
			x := a.At(i, k)
			for j := range row {
				row[j] = kernel.FMA(x, b.Data[k*b.RS+j*b.CS], row[j])
			}
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

// clone copies a view together with the margins that lie after it in its array.
func clone(m Mat) Mat {
	m.Data = append([]float32(nil), m.Data[:cap(m.Data)]...)
	return m
}

// diff compares got with want bit for bit, and everything in got's array that is
// no element of got with what it was in before.
func diff(got, want, before Mat) error {
	if err := same(got, want); err != nil {
		return err
	}
	for i := range got.Rows {
		for j := range got.Cols {
			got.Data[i*got.RS+j*got.CS] = before.At(i, j)
		}
	}
	for i, x := range got.Data {
		if math.Float32bits(x) != math.Float32bits(before.Data[i]) {
			return fmt.Errorf("number %d outside the matrix changed from %v to %v", i, before.Data[i], x)
		}
	}
	return nil
}

// same compares elements bit for bit.
func same(got, want Mat) error {
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

// setBlocks changes the block sizes for one test.
func setBlocks(t *testing.T, k, a, shared, b, serial int) {
	old := blocks
	t.Cleanup(func() { blocks = old })
	blocks.k, blocks.packedK, blocks.a, blocks.shared, blocks.packedA, blocks.b, blocks.serial = k, k, a, shared, shared, b, serial
}

// everyWay computes one product with every level, pool and layout.
func everyWay(t *testing.T, r *rand.Rand, ps []*par.Pool, m, n, k int) {
	t.Helper()
	for mode := range 16 {
		a, b, c := random(r, m, k, mode&1 != 0), random(r, k, n, mode&2 != 0), random(r, m, n, mode&4 != 0)
		add := mode&8 != 0
		want := chain(c, a, b, add)
		for _, level := range cpu.Levels() {
			restore := cpu.Force(level)
			for i, p := range ps {
				if level == cpu.Generic && i != mode%len(ps) {
					continue // slow: one pool each
				}
				got := clone(c)
				Gemm(p, got, a, b, add)
				if err := diff(got, want, clone(c)); err != nil {
					t.Fatalf("%v, %d threads, %d×%d×%d, mode %d: %v", level, p.Threads(), m, n, k, mode, err)
				}
				if mode&4 == 0 {
					got = clone(c)
					GemmPacked(p, PackedProduct{a, got, Pack(p, b), add})
					if err := diff(got, want, clone(c)); err != nil {
						t.Fatalf("packed, %v, %d threads, %d×%d×%d, mode %d: %v", level, p.Threads(), m, n, k, mode, err)
					}
				}
			}
			restore()
		}
	}
}

// TestGemmBits compares every element with its chain, bit for bit: edge shapes of
// every kind, blocks so small that every loop turns more than once.
func TestGemmBits(t *testing.T) {
	for _, b := range [][5]int{
		{768, 64 << 10, 160 << 10, 3 << 20, 0}, // by columns
		{768, 64 << 10, 0, 3 << 20, 0},         // by rows
		{16, 400, 500, 1100, 0},                // many blocks of everything
	} {
		t.Run(fmt.Sprint(b), func(t *testing.T) {
			setBlocks(t, b[0], b[1], b[2], b[3], b[4])
			r := rand.New(rand.NewPCG(1, 2))
			ps := pools(t)
			for _, s := range [][3]int{{1, 1, 1}, {0, 5, 3}, {5, 0, 3}, {5, 3, 0}, {1, 33, 7}, {2, 64, 31}, {3, 65, 47},
				{7, 47, 12}, {11, 32, 100}, {12, 32, 1}, {13, 31, 33}, {33, 1, 13}, {47, 65, 31}, {65, 13, 2}, {100, 100, 12}, {257, 40, 20}, {24, 257, 64}} {
				everyWay(t, r, ps, s[0], s[1], s[2])
			}
			sizes := []int{1, 2, 3, 7, 11, 12, 13, 31, 32, 33, 47, 65, 100}
			for range 20 {
				everyWay(t, r, ps, sizes[r.IntN(len(sizes))], sizes[r.IntN(len(sizes))], sizes[r.IntN(len(sizes))])
			}
		})
	}
}

// TestGemmLarge uses the true block sizes on shapes that fill them, each way of
// blocking with each layout, and holds the levels and pools against each other and
// sampled rows against the chain.
func TestGemmLarge(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	ps := pools(t)
	for mode, s := range [][3]int{{257, 300, 800}, {1, 700, 1600}, {40, 257, 1537}, {768, 100, 257}, {300, 33, 900}, {9, 1000, 770}, {500, 260, 400}, {1000, 40, 65}} {
		m, n, k := s[0], s[1], s[2]
		a, b, c := random(r, m, k, mode&1 != 0), random(r, k, n, mode&2 != 0), random(r, m, n, false)
		add := mode&4 != 0
		lo := max(0, m/2-3)
		hi := min(m, lo+5)
		want := chain(c.Slice(lo, hi), a.Slice(lo, hi), b, add)
		var first Mat
		for _, level := range cpu.Levels()[1:] {
			restore := cpu.Force(level)
			for _, p := range ps {
				got := clone(c)
				Gemm(p, got, a, b, add)
				if first.Data == nil {
					first = clone(got)
				}
				packed := clone(c)
				GemmPacked(p, PackedProduct{a, packed, Pack(p, b), add})
				for name, x := range map[string]Mat{"Gemm": got, "GemmPacked": packed} {
					if err := same(x.Slice(lo, hi), want); err != nil {
						t.Fatalf("%s, %v, %d threads, %v: rows from %d: %v", name, level, p.Threads(), s, lo, err)
					}
					if err := diff(x, first, clone(c)); err != nil {
						t.Fatalf("%s, %v, %d threads, %v differs from the first way: %v", name, level, p.Threads(), s, err)
					}
				}
			}
			restore()
		}
	}
}

// TestGemmSplitK: a product cut along k into calls with add has the same bits, and
// so has each part of c computed alone.
func TestGemmSplitK(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		m, n, k := 29, 70, 300
		a, b, whole := random(r, m, k, false), random(r, k, n, true), New(m, n)
		Gemm(nil, whole, a, b, false)
		for range 8 {
			c, at := New(m, n), 0
			for at < k {
				to := min(k, at+1+r.IntN(120))
				Gemm(nil, c, a.Columns(at, to), b.Slice(at, to), at > 0)
				at = to
			}
			if err := same(c, whole); err != nil {
				t.Fatalf("split along k: %v", err)
			}
			i, j := r.IntN(m), r.IntN(n)
			i1, j1 := i+1+r.IntN(m-i), j+1+r.IntN(n-j)
			part := New(i1-i, j1-j)
			Gemm(nil, part, a.Slice(i, i1), b.Columns(j, j1), false)
			if err := same(part, whole.Slice(i, i1).Columns(j, j1)); err != nil {
				t.Fatalf("rows [%d,%d), columns [%d,%d): %v", i, i1, j, j1, err)
			}
		}
	})
}

// TestGemmGuarded puts every operand against an inaccessible page.
func TestGemmGuarded(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 10))
		for _, s := range [][3]int{{1, 40, 17}, {13, 33, 35}, {25, 65, 70}} {
			for mode := range 4 {
				for _, side := range guard.Sides {
					guarded := func(rows, cols int, transposed bool) Mat {
						x := guard.Slice(t, rows*cols, side)
						for i := range x {
							x[i] = float32(r.NormFloat64())
						}
						if transposed {
							return Of(x, cols, rows).T()
						}
						return Of(x, rows, cols)
					}
					a, b, c := guarded(s[0], s[2], mode&1 != 0), guarded(s[2], s[1], mode&2 != 0), guarded(s[0], s[1], false)
					want := chain(c, a, b, true)
					Gemm(nil, c, a, b, true)
					if err := same(c, want); err != nil {
						t.Fatalf("%v mode %d: %v", s, mode, err)
					}
				}
			}
		}
	})
}

func TestPacked(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	p := par.New(2)
	defer p.Close()
	cputest.All(t, func(t *testing.T) {
		for _, s := range [][2]int{{1, 1}, {5, 31}, {70, 33}, {33, 100}, {0, 4}, {4, 0}} {
			for _, transposed := range []bool{false, true} {
				b := random(r, s[0], s[1], transposed)
				packed := Pack(p, b)
				col := make([]float32, packed.K)
				for n := range b.Cols {
					packed.Col(col, n)
					for k := range b.Rows {
						if x := b.At(k, n); packed.At(k, n) != x || col[k] != x {
							t.Fatalf("%v: (%d,%d) is %v and %v, want %v", s, k, n, packed.At(k, n), col[k], x)
						}
					}
				}
			}
		}
	})
}

// TestGemmSpecial: infinities and NaN go where the chain takes them.
func TestGemmSpecial(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	cputest.All(t, func(t *testing.T) {
		a, b, c := New(14, 20), New(20, 35), New(14, 35)
		for i := range a.Data {
			a.Data[i] = 1
		}
		for i := range b.Data {
			b.Data[i] = 1
		}
		a.Row(13)[19], b.Row(3)[34] = nan, inf
		Gemm(nil, c, a, b, false)
		for i := range c.Rows {
			for j := range c.Cols {
				want := float32(20)
				switch {
				case i == 13:
					want = nan
				case j == 34:
					want = inf
				}
				if got := c.At(i, j); got != want && !(got != got && want != want) {
					t.Errorf("(%d,%d) is %v, want %v", i, j, got, want)
				}
			}
		}
	})
}

// notUnderRace is for tests that count allocations.
func notUnderRace(t *testing.T) {
	t.Helper()
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
}

func TestGemmDoesNotAllocate(t *testing.T) {
	notUnderRace(t)
	p := par.New(2)
	defer p.Close()
	setBlocks(t, 64, 64<<10, 9000, 3<<20, 0)
	a, b, c, wide := New(130, 200), New(200, 150), New(130, 150), New(4, 200)
	packed, row := Pack(p, b), New(4, 150)
	r := rand.New(rand.NewPCG(1, 2))
	half, pairs := PackStored(p, stored(t, r, F16, 150, 200, false, false), false), PackStored(p, stored(t, r, BF16, 150, 200, false, false), false)
	for name, f := range map[string]func(){
		"by columns": func() { Gemm(p, c, a, b, false) },
		"by rows":    func() { Gemm(p, b, a.T(), c, true) },
		"serial":     func() { Gemm(nil, c, a, b, false) },
		"packed":     func() { GemmPacked(p, PackedProduct{wide, row, packed, false}) },
		"f16":        func() { GemmPacked(p, PackedProduct{a, c, half, false}) },
		"bf16":       func() { GemmPacked(p, PackedProduct{a, c, pairs, false}) },
	} {
		f()
		if n := testing.AllocsPerRun(20, f); n >= 1 {
			t.Errorf("%s: %v allocations per product", name, n)
		}
	}
}

// TestGemmRefuses: shapes that do not fit panic with a text that names them.
func TestGemmRefuses(t *testing.T) {
	a, b, c := New(3, 4), New(4, 5), New(3, 5)
	packed := Pack(nil, b)
	for name, f := range map[string]func(){
		"inner":          func() { Gemm(nil, c, a, New(5, 5), false) },
		"rows":           func() { Gemm(nil, New(4, 5), a, b, false) },
		"columns":        func() { Gemm(nil, New(3, 4), a, b, false) },
		"short data":     func() { Gemm(nil, c, Mat{a.Data[:11], 3, 4, 4, 1}, b, false) },
		"no unit stride": func() { Gemm(nil, c, Mat{make([]float32, 100), 3, 4, 8, 2}, b, false) },
		"overlap":        func() { Gemm(nil, c, Mat{a.Data, 3, 4, 2, 1}, b, false) },
		"negative":       func() { Gemm(nil, Mat{c.Data, -3, 5, 5, 1}, Mat{a.Data, -3, 4, 4, 1}, b, false) },
		"overflow":       func() { Gemm(nil, Mat{c.Data, 3, 5, 1 << 62, 1}, a, b, false) },
		"packed inner":   func() { GemmPacked(nil, PackedProduct{New(3, 5), c, packed, false}) },
		"packed c.T":     func() { GemmPacked(nil, PackedProduct{a, New(5, 3).T(), packed, false}) },
		"col":            func() { packed.Col(make([]float32, 4), 5) },
		"col length":     func() { packed.Col(make([]float32, 3), 0) },
		"at":             func() { packed.At(4, 0) },
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
