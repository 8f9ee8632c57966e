package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"weft/internal/cpu/cputest"
	"weft/internal/guard"
	"weft/internal/quant"
)

// fillHalves fills words with pairs that make draws.
func fillHalves(r *rand.Rand, words []float32, draw func(r *rand.Rand) uint16) {
	for i := range words {
		words[i] = word(draw(r), draw(r))
	}
}

// someF16 draws from all half-precision numbers but NaN, subnormal ones too.
func someF16(r *rand.Rand) uint16 {
	for {
		if h := uint16(r.Uint32()); h&0x7C00 != 0x7C00 {
			return h
		}
	}
}

// someBF16 draws numbers of few sizes, so that sums neither vanish nor drown.
func someBF16(r *rand.Rand) uint16 { return quant.F32ToBF16(float32(r.NormFloat64())) }

// halfKind is a kind of tile and its definition: one link of an element's chain, from
// the number of a for row and k, and the panel b.
type halfKind struct {
	tile  func(c []float32, ldc int, a, b []float32, rows, cols, k int, add bool)
	words int // of a row of b
	fill  func(r *rand.Rand, a, b []float32)
	link  func(a float32, b []float32, k, col int, sum float32) float32
}

func halfRows(number func(uint16) float32) func(a float32, b []float32, k, col int, sum float32) float32 {
	return func(a float32, b []float32, k, col int, sum float32) float32 {
		lower, upper := halves(b[k*HalfCols+col/2])
		return FMA(a, number([2]uint16{lower, upper}[col%2]), sum)
	}
}

var halfKinds = map[string]halfKind{
	"f16": {TileF16, HalfCols, func(r *rand.Rand, a, b []float32) {
		fill(r, a)
		fillHalves(r, b, someF16)
	}, halfRows(quant.F16ToF32)},
	"wide16": {TileWide16, HalfCols, func(r *rand.Rand, a, b []float32) {
		fill(r, a)
		fillHalves(r, b, someBF16)
	}, halfRows(quant.BF16ToF32)},
	"bf16": {TileBF16, TileCols, func(r *rand.Rand, a, b []float32) {
		fillHalves(r, a, someBF16)
		fillHalves(r, b, someBF16)
	}, func(a float32, b []float32, k, col int, sum float32) float32 {
		return dotBF16(a, b[k*TileCols+col], sum)
	}},
}

// TestTileHalf runs every tile size against its definition, every operand between
// inaccessible pages and c inside canaries.
func TestTileHalf(t *testing.T) {
	for name, kind := range halfKinds {
		t.Run(name, func(t *testing.T) {
			cputest.All(t, func(t *testing.T) {
				for rows := 1; rows <= TileRows; rows++ {
					for _, cols := range []int{1, 7, 8, 9, 16, 17, 24, 31, 32} {
						for _, k := range []int{1, 2, 3, 4, 5, 11} {
							for mode := range 4 {
								add, side := mode&1 != 0, guard.Side(mode&2 != 0)
								if err := oneHalf(t, kind, rows, cols, k, add, side); err != nil {
									t.Fatalf("rows %d cols %d k %d add %v side %v: %v", rows, cols, k, add, side, err)
								}
							}
						}
					}
				}
			})
		})
	}
}

func oneHalf(t *testing.T, kind halfKind, rows, cols, k int, add bool, side guard.Side) error {
	r := rand.New(rand.NewPCG(uint64(rows*100+cols), uint64(k)))
	a, b := arena(t, 0, rows*k, side), arena(t, 1, kind.words*k, side)
	kind.fill(r, a, b)
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
				s = kind.link(a[x*rows+i], b, x, j, s)
			}
			want[i*ldc+j] = s
		}
	}
	kind.tile(c, ldc, a, b, rows, cols, k, add)
	if i := sameBits(c, want); i >= 0 {
		return fmt.Errorf("c[%d] is %v, want %v", i, c[i], want[i])
	}
	return nil
}

// TestDotBF16 compares one step of the tiles with its definition where numbers are
// near the end of the normal range, and where sums cancel.
func TestDotBF16(t *testing.T) {
	small := func(r *rand.Rand) uint16 { // products around the smallest normal number
		return uint16(r.Uint32())&0x80FF | uint16(r.IntN(24)+52)<<7
	}
	any := func(r *rand.Rand) uint16 {
		for {
			if h := uint16(r.Uint32()); h&0x7F80 != 0x7F80 {
				return h
			}
		}
	}
	cputest.All(t, func(t *testing.T) {
		r := r(3)
		a, b := make([]float32, TileRows), make([]float32, TileCols)
		c, want := make([]float32, TileRows*TileCols), make([]float32, TileRows*TileCols)
		for round := range 5000 {
			draw := [](func(r *rand.Rand) uint16){small, any, someBF16}[round%3]
			fillHalves(r, a, draw)
			fillHalves(r, b, draw)
			for i := range c {
				switch r.IntN(4) {
				case 0:
					c[i] = 0
				case 1: // subnormal, or hardly above
					c[i] = math.Float32frombits(r.Uint32() & 0x80FFFFFF)
				case 2: // cancels the first product, nearly
					_, x := halves(a[i/TileCols])
					_, y := halves(b[i%TileCols])
					c[i] = math.Float32frombits(math.Float32bits(-quant.BF16ToF32(x)*quant.BF16ToF32(y)) + uint32(r.IntN(3)))
				case 3:
					c[i] = float32(r.NormFloat64())
				}
			}
			for i := range want {
				want[i] = dotBF16(a[i/TileCols], b[i%TileCols], c[i])
			}
			before := append([]float32(nil), c...)
			TileBF16(c, TileCols, a, b, TileRows, TileCols, 1, true)
			if i := sameBits(c, want); i >= 0 {
				t.Fatalf("%#x · %#x + %#x is %#x, want %#x", math.Float32bits(a[i/TileCols]), math.Float32bits(b[i%TileCols]),
					math.Float32bits(before[i]), math.Float32bits(c[i]), math.Float32bits(want[i]))
			}
		}
	})
}

// TestSmallestBF16 looks at sums within a rounding of the smallest normal number,
// which random ones never hit: 2⁻¹²⁶ less something.
func TestSmallestBF16(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for _, c := range []struct{ less, want float64 }{
			{0x1p-150, 0}, {0x1.8p-151, 0}, {0x1.02p-151, 0},
			{0x1p-151, 0x1p-126}, {0x1.fep-152, 0x1p-126}, {0x1p-200, 0x1p-126},
		} {
			m, e := math.Frexp(c.less)
			a := []float32{word(0, quant.F32ToBF16(float32(math.Ldexp(-m, e/2))))}
			b, got := make([]float32, TileCols), []float32{0x1p-126}
			b[0] = word(0, quant.F32ToBF16(float32(math.Ldexp(1, e-e/2))))
			TileBF16(got, 1, a, b, 1, 1, 1, true)
			if float64(got[0]) != c.want {
				t.Errorf("2⁻¹²⁶ - %x is %x, want %x", c.less, got[0], c.want)
			}
		}
	})
}

// TestTileWidened: a tile of 16-bit rows has the bits of Tile on the same numbers.
func TestTileWidened(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		r := r(1)
		const rows, k = 9, 50
		a, half, wide := make([]float32, rows*k), make([]float32, HalfCols*k), make([]float32, TileCols*k)
		fill(r, a)
		got, want := make([]float32, rows*TileCols), make([]float32, rows*TileCols)
		check := func(name string) {
			Tile(want, TileCols, a, wide, rows, TileCols, k, false)
			if i := sameBits(got, want); i >= 0 {
				t.Errorf("%s: [%d] is %v, want %v", name, i, got[i], want[i])
			}
		}
		fillHalves(r, half, someF16)
		TileF16(got, TileCols, a, half, rows, TileCols, k, false)
		WidenF16(wide, half)
		check("f16")
		fillHalves(r, half, someBF16)
		TileWide16(got, TileCols, a, half, rows, TileCols, k, false)
		WidenBF16(wide, half)
		check("bf16")
	})
}

// TestWiden converts every 16-bit number.
func TestWiden(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for _, side := range guard.Sides {
			words, got := arena(t, 0, 1<<15, side), guard.Slice(t, 1<<16, side)
			for i := range words {
				words[i] = word(uint16(2*i), uint16(2*i+1))
			}
			check := func(name string, number func(uint16) float32) {
				for i, x := range got {
					if want := number(uint16(i)); x != want && !(x != x && want != want) {
						t.Fatalf("%s: %#x is %v, want %v", name, i, x, want)
					}
				}
			}
			WidenF16(got, words)
			check("f16", quant.F16ToF32)
			WidenBF16(got, words)
			check("bf16", quant.BF16ToF32)
		}
	})
}

// TestRoundBF16 rounds what is exact, what lies half-way and beside it, what
// overflows, subnormals and NaN, and all lengths around the step of the assembly.
func TestRoundBF16(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		r := r(2)
		for n := range 140 {
			for _, side := range guard.Sides {
				src, dst := arena(t, 0, n, side), arena(t, 1, (n+1)/2, side)
				for i := range src {
					src[i] = math.Float32frombits(awkward(r))
				}
				RoundBF16(dst, src)
				for i, x := range src {
					lower, upper := halves(dst[i/2])
					got := [2]uint16{lower, upper}[i%2]
					want := quant.F32ToBF16(x)
					if bits := math.Float32bits(x); bits&0x7F800000 == 0 {
						want = uint16(bits >> 16 & 0x8000)
					}
					if got != want {
						t.Fatalf("%d numbers: %v (%#x) becomes %#x, want %#x", n, x, math.Float32bits(x), got, want)
					}
				}
				if n%2 == 1 {
					if _, upper := halves(dst[n/2]); upper != 0 {
						t.Fatalf("%d numbers: the last word ends in %#x", n, upper)
					}
				}
			}
		}
		long, got, want := make([]float32, 3*chunk+33), make([]float32, 3*chunk/2+17), make([]float32, 3*chunk/2+17)
		fill(r, long)
		RoundBF16(got, long)
		roundBF16Generic(want, long)
		if i := sameBits(got, want); i >= 0 {
			t.Errorf("[%d] is %v, want %v", i, got[i], want[i])
		}
	})
}

// awkward draws the bits of a float32 near a decision of rounding.
func awkward(r *rand.Rand) uint32 {
	upper := r.Uint32() & 0xFFFF0000
	switch r.IntN(4) {
	case 0: // infinite or NaN
		upper |= 0x7F800000
	case 1: // subnormal or zero
		upper &^= 0x7F800000
	case 2: // ready to overflow
		upper |= 0x7F7F0000
	}
	return upper | []uint32{0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF}[r.IntN(6)]
}

func TestSplitPairs(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for _, rows := range []int{0, 1, 2, 3, 7, chunk/TileCols + 1} {
			for _, side := range guard.Sides {
				panel := arena(t, 0, rows*TileCols, side)
				fillHalves(r(rows), panel, func(r *rand.Rand) uint16 { return uint16(r.Uint32()) })
				want := append([]float32(nil), panel...)
				splitPairsGeneric(want)
				old := append([]float32(nil), panel...)
				SplitPairs(panel)
				if i := sameBits(panel, want); i >= 0 {
					t.Fatalf("%d rows, side %v: word %d differs", rows, side, i)
				}
				for i := range old { // the definition: row i/32, column i%32
					row, col := i/TileCols, i%TileCols
					lower, upper := halves(old[i])
					for half, x := range []uint16{lower, upper} {
						a, b := halves(panel[(2*row+half)*HalfCols+col/2])
						if got := [2]uint16{a, b}[col%2]; got != x {
							t.Fatalf("row %d, column %d is %#x, want %#x", 2*row+half, col, got, x)
						}
					}
				}
			}
		}
	})
}

// TestHalfSpecial: infinities and NaN go where the chain takes them.
func TestHalfSpecial(t *testing.T) {
	inf := float32(math.Inf(1))
	cputest.All(t, func(t *testing.T) {
		for _, x := range []float32{inf, -inf, float32(math.NaN())} {
			one, c := make([]float32, TileCols), make([]float32, TileCols)
			for i := range one {
				one[i] = word(quant.F32ToBF16(1), 0)
			}
			a := []float32{0}
			RoundBF16(a, []float32{x})
			TileBF16(c, TileCols, a, one, 1, TileCols, 1, false)
			half := make([]float32, HalfCols)
			for i := range half {
				half[i] = word(quant.F32ToF16(x), quant.F32ToF16(x))
			}
			d := make([]float32, TileCols)
			TileF16(d, TileCols, []float32{1}, half, 1, TileCols, 1, false)
			for i := range c {
				for name, got := range map[string]float32{"bf16": c[i], "f16": d[i]} {
					if got != x && !(got != got && x != x) {
						t.Errorf("%s: column %d of %v is %v", name, i, x, got)
					}
				}
			}
		}
	})
}

// TestHalfRefuses: whatever does not fit panics in Go, before any assembly.
func TestHalfRefuses(t *testing.T) {
	x := make([]float32, 1000)
	for name, f := range map[string]func(){
		"f16: rows 0":    func() { TileF16(x, 32, x, x, 0, 1, 1, false) },
		"f16: b short":   func() { TileF16(x, 32, x, x[:15], 1, 1, 1, false) },
		"f16: a short":   func() { TileF16(x, 32, x[:11], x, 12, 1, 1, false) },
		"wide: b short":  func() { TileWide16(x, 32, x, x[:15], 1, 1, 1, false) },
		"bf16: b short":  func() { TileBF16(x, 32, x, x[:31], 1, 1, 1, false) },
		"bf16: c short":  func() { TileBF16(x[:32], 32, x, x, 2, 1, 1, false) },
		"bf16: k huge":   func() { TileBF16(x, 32, x, x, 1, 1, math.MaxInt, false) },
		"round: short":   func() { RoundBF16(x[:1], x[:3]) },
		"round: long":    func() { RoundBF16(x[:3], x[:3]) },
		"split: no rows": func() { SplitPairs(x[:33]) },
		"widen: no row":  func() { WidenF16(x[:34], x[:17]) },
		"widen: short":   func() { WidenF16(x[:31], x[:16]) },
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
