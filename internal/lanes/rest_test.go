package lanes

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"weft/internal/cpu/cputest"
)

// withRest is columns of k numbers in a panel, and their rest. Every column but the third has outliers, in one block that
// is the same for all and one that is its own.
func withRest(k, n int, rng *rand.Rand) (Panel, *Rest, [][]float32) {
	p := PanelOf(make([]int32, PanelLen(k, n)), k, n)
	var xs [][]float32
	for c := range n {
		x := make([]float32, k)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		if c != 2 {
			x[5] = 70
			x[(c+1)%(k/BlockLen)*BlockLen+3] = -90
		}
		quantiseGeneric(p, c, x)
		xs = append(xs, x)
	}
	r := new(Rest)
	r.Of(p, func(c int) []float32 { return xs[c] })
	return p, r, xs
}

// TestRestHolds: a panel and its rest hold outliers to 16 bits, whatever the columns beside.
func TestRestHolds(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		const k, n = 16 * BlockLen, 7
		p, r, xs := withRest(k, n, rand.New(rand.NewPCG(1, 2)))
		if r.Blocks != n || r.at[0] != 0 || !slices.IsSorted(r.at) {
			t.Fatalf("blocks %v", r.at)
		}
		for c, x := range xs {
			own := []int32{0, int32(c + 1)}
			if c == 2 {
				own = nil
			}
			for i, b := range r.at {
				held := x[b*BlockLen:][:BlockLen]
				largest := math.Abs(float64(slices.MaxFunc(held, func(a, b float32) int { return cmp.Compare(math.Abs(float64(a)), math.Abs(float64(b))) })))
				for j, v := range held {
					first, second := p.number(int(b), c, j), r.number(i, c, j)
					if slices.Contains(own, b) {
						if e := math.Abs(float64(v) - first - second); e > largest/127/restScale/1.99 {
							t.Fatalf("column %d, block %d: %v is %v + %v", c, b, v, first, second)
						}
					} else if second != 0 {
						t.Fatalf("column %d, block %d, no outlier: %v beside %v", c, b, second, first)
					}
				}
			}
			alone := PanelOf(make([]int32, PanelLen(k, 1)), k, 1)
			alone.Quantise(0, x)
			var one Rest
			one.Of(alone, func(int) []float32 { return x })
			if !slices.Equal(one.at, own) {
				t.Fatalf("column %d alone: blocks %v, want %v", c, one.at, own)
			}
		}
	})
}

// number is what a panel holds of number j of a block of column c.
func (p Panel) number(b, c, j int) float64 {
	core := p.core(b)
	return float64(float(core[8*p.Cols+c])) * float64(int8(core[j/4*p.Cols+c]>>(8*(j%4))))
}

// TestRestOfNothing: no outliers, all zero, not finite.
func TestRestOfNothing(t *testing.T) {
	const k = 8 * BlockLen
	for _, v := range []float32{0, 1, float32(math.Inf(1)), float32(math.NaN())} {
		x := make([]float32, k)
		for i := range x {
			x[i] = v
		}
		p := PanelOf(make([]int32, PanelLen(k, 1)), k, 1)
		p.Quantise(0, x)
		var r Rest
		if r.Of(p, func(int) []float32 { return x }); r.Blocks != 0 {
			t.Errorf("%v: blocks %v", v, r.at)
		}
	}
}

// TestAddRest: on every level, from strips and from unpacked ones, the bits of the generic tile over the blocks that
// the rest has.
func TestAddRest(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		eachForm(t, func(t *testing.T, f *Form) {
			rng := rand.New(rand.NewPCG(3, 4))
			size, k := f.Kind().BlockBytes(), max(2*f.Len, 16*BlockLen)
			blocks, bytes := k/BlockLen, f.StripBytes(k)
			const most = 3*Rows + 5
			strip := guarded[byte](t, strips(most)*bytes)
			w := guarded[byte](t, strips(most)*blocks*size)
			for s := range strips(most) {
				raw, _ := encoded(t, f.Type, Rows, k, rng)
				f.Pack(strip[s*bytes:][:bytes], raw, k)
				f.unpackGeneric(w[s*blocks*size:], strip[s*bytes:], 0, blocks)
			}
			for n := 1; n <= MaxCols; n++ {
				_, r, _ := withRest(k, n, rng)
				for _, rows := range []int{1, 7, Rows, most} {
					f.addRest(t, strip[:strips(rows)*bytes], w, blocks, r, rows)
				}
			}
		})
	})
}

func (f *Form) addRest(t *testing.T, strip, w []byte, blocks int, r *Rest, rows int) {
	t.Helper()
	kind, ldc := f.Kind(), rows+3
	size := kind.BlockBytes()
	fresh := func() []float32 {
		c := guarded[float32](t, (r.Cols-1)*ldc+rows)
		for i := range c {
			c[i] = float32(i)
		}
		return c
	}
	want, packed, unpacked := fresh(), fresh(), fresh()
	chosen := make([]byte, r.Blocks*size)
	for s := range strips(rows) {
		for i, b := range r.at {
			copy(chosen[i*size:][:size], w[(s*blocks+int(b))*size:])
		}
		kind.tileGeneric(want[s*Rows:], ldc, chosen, r.Panel, 0, r.Blocks, min(Rows, rows-s*Rows), true)
	}
	f.AddRest(packed, ldc, strip, r, rows)
	equal(t, packed, want, "%d rows × %d columns, of strips", rows, r.Cols)
	kind.AddRest(unpacked, ldc, w, blocks, r, rows)
	equal(t, unpacked, want, "%d rows × %d columns, of unpacked strips", rows, r.Cols)
}
