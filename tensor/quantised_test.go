package tensor

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"weft/internal/cpu/cputest"
	"weft/internal/lanes"
	"weft/internal/par"
	"weft/internal/quant"
)

// randomStored is a matrix of that type with random numbers, its rows in an order of their own.
func randomStored(t testing.TB, typ quant.Type, rows, cols int, rng *rand.Rand) *Stored {
	t.Helper()
	src := make([]float32, rows*cols)
	for i := range src {
		src[i] = float32(rng.NormFloat64())
	}
	size, err := typ.Size(len(src))
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, size)
	if err := quant.Encode(typ, data, src); err != nil {
		t.Fatal(err)
	}
	order := make([]int32, rows)
	for i, r := range rng.Perm(rows) {
		order[i] = int32(r)
	}
	s, err := NewStored(Raw{DType: DType(typ), Shape: []int{rows, cols}, Data: data}, order)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func randomMat(rows, cols int, rng *rand.Rand) Mat {
	m := New(rows, cols)
	for i := range m.Data {
		m.Data[i] = float32(rng.NormFloat64())
	}
	return m
}

// TestGemmQuantised: near the product with the decoded matrix, and the same bits
// whatever the threads, the number of rows beside, and the other products.
func TestGemmQuantised(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for _, f := range lanes.Forms() {
			if testing.Short() && !slices.Contains([]quant.Type{quant.Q8_0, quant.Q4_1, quant.Q6_K, quant.Q2_K}, f.Type) {
				continue // package lanes tests them all; these are one of each kind
			}
			t.Run(f.Type.String(), func(t *testing.T) { gemmQuantised(t, f) })
		}
	})
}

func gemmQuantised(t *testing.T, f *lanes.Form) {
	const most = 101 // more than any processor multiplies by strips as they are
	rng := rand.New(rand.NewPCG(1, 2))
	pool := par.New(3)
	defer pool.Close()
	k := 3 * 256
	if f.Len == 32 {
		k = 7 * 32
	}
	if f.Type == quant.Q4_0 || f.Type == quant.Q4_K || f.Type == quant.Q6_K { // more than is unpacked at once
		k = (tileBlocks + 8) * 32
	}
	stored := []*Stored{randomStored(t, f.Type, 37, k, rng), randomStored(t, quant.Q4_0, 160, k, rng)}
	var b []*Quantised
	for _, s := range stored {
		if !CanQuantised(s.DType(), k) {
			t.Fatalf("%v is not quantised", s.DType())
		}
		b = append(b, PackQuantised(pool, s))
	}
	x := randomMat(most, k, rng)
	for i := range x.Rows { // with outliers, half of them in the same place
		x.Row(i)[40*i*(i%2)%k] = -50
	}
	alone := New(most, 37)
	for i := range x.Rows { // one row, one product, one thread
		GemmQuantised(nil, Product{A: x.one(i), C: alone.one(i), B: b[0]})
	}
	exact := New(most, 37)
	Gemm(nil, exact, x, stored[0].Float32s(nil).T(), false)
	for i, v := range exact.Data {
		if d := math.Abs(float64(v - alone.Data[i])); d > 0.05*math.Sqrt(float64(k)) {
			t.Fatalf("output %d is %v, exactly %v", i, alone.Data[i], v)
		}
	}
	for _, m := range []int{1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 23, most} {
		for _, p := range []*par.Pool{nil, pool} {
			xm := Mat{Rows: m, Cols: k, RS: k, CS: 1, Data: x.Data[:m*k]}
			c, other, add := New(m, 37), New(m, 160), New(m, 37)
			for i := range add.Data {
				add.Data[i] = 1
			}
			GemmQuantised(p, Product{xm, c, b[0], false}, Product{xm, other, b[1], false}, Product{xm, add, b[0], true})
			for i, v := range c.Data {
				if v != alone.Data[i] {
					t.Fatalf("%d rows, %d threads: output %d is %v, alone %v", m, p.Threads(), i, v, alone.Data[i])
				}
				if d := math.Abs(float64(add.Data[i] - 1 - v)); d > 1e-4 {
					t.Fatalf("%d rows: added, output %d is %v, without %v", m, i, add.Data[i], v)
				}
			}
		}
	}
}

// TestGemmQuantisedTogether: products that read different rows, as many as there are, run
// together and give the bits of each alone.
func TestGemmQuantisedTogether(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		pool := par.New(3)
		defer pool.Close()
		types, counts := []quant.Type{quant.Q4_K, quant.Q8_0}, []int{1, 0, 3, 12, 1, 29, 5}
		var list []Product
		var alone []Mat
		for i, m := range counts {
			x := randomMat(m, 512, rng)
			for j := range m { // its neighbours share the rounding
				x.Row(j)[17*j] = 40
			}
			for _, n := range []int{200, 37} {
				b := PackQuantised(pool, randomStored(t, types[i%2], n, 512, rng))
				p := Product{x, New(m, n), b, false}
				alone = append(alone, New(m, n))
				GemmQuantised(nil, Product{x, alone[len(alone)-1], b, false})
				list = append(list, p)
			}
		}
		for _, part := range [][2]int{{0, len(list)}, {2, 6}, {0, 4}, {1, 3}} { // also with few numbers to round
			for _, p := range []*par.Pool{nil, pool} {
				for i := part[0]; i < part[1]; i++ {
					clear(list[i].C.Data)
				}
				GemmQuantised(p, list[part[0]:part[1]]...)
				for i := part[0]; i < part[1]; i++ {
					if !slices.Equal(list[i].C.Data, alone[i].Data) {
						t.Errorf("%d threads: product %d of %d to %d, of %d rows, has other bits", p.Threads(), i, part[0], part[1], list[i].A.Rows)
					}
				}
			}
		}
	})
}

func (m Mat) one(i int) Mat { return Mat{Rows: 1, Cols: m.Cols, RS: m.RS, CS: 1, Data: m.Row(i)} }

func TestGemmQuantisedDoesNotAllocate(t *testing.T) {
	notUnderRace(t)
	rng := rand.New(rand.NewPCG(3, 4))
	pool := par.New(2)
	defer pool.Close()
	b := PackQuantised(pool, randomStored(t, quant.Q4_0, 256, 512, rng))
	for _, m := range []int{1, 20} {
		x, c, d := randomMat(m, 512, rng), New(m, 256), New(m, 256)
		if n := testing.AllocsPerRun(20, func() { GemmQuantised(pool, Product{x, c, b, false}, Product{x, d, b, false}) }); n >= 1 {
			t.Errorf("%d rows: %v allocations", m, n)
		}
	}
}
