package kernel

import (
	"fmt"
	"math"
	"testing"
	"unsafe"

	"weft/internal/cpu/cputest"
	"weft/internal/guard"
	"weft/internal/quant"
)

// asHalves views guarded memory as 16-bit numbers.
func asHalves(x []float32) []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(x))), 2*len(x))
}

// TestPanel runs every number of rows against the definition, every operand
// between inaccessible pages.
func TestPanel(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for rows := 1; rows <= TileRows; rows++ {
			for _, k := range []int{1, 2, 3, 4, 5, 7, 8, 11, 37, 64} {
				for mode := range 4 {
					add, side := mode&1 != 0, guard.Side(mode&2 != 0)
					if err := onePanel(t, rows, k, add, side); err != nil {
						t.Fatalf("rows %d k %d add %v side %v: %v", rows, k, add, side, err)
					}
				}
			}
		}
	})
}

func onePanel(t *testing.T, rows, k int, add bool, side guard.Side) error {
	lda, ldc := k+(rows+k)%3, TileCols+k%5
	a, c := arena(t, 0, (rows-1)*lda+k, side), arena(t, 1, (rows-1)*ldc+TileCols, side)
	b, half := arena(t, 2, TileCols*k, side), asHalves(arena(t, 3, TileCols*k/2, side))
	random := r(rows*100 + k)
	fill(random, a)
	fill(random, c)
	fill(random, b)
	for i, x := range b {
		half[i] = quant.F32ToF16(x)
	}
	before := append([]float32(nil), c...)
	PanelF32(c, ldc, a, lda, b, rows, k, add)
	if err := wantPanel(c, before, ldc, a, lda, rows, k, add, func(i int) float32 { return b[i] }); err != nil {
		return fmt.Errorf("float32: %w", err)
	}
	copy(c, before)
	PanelBF16(c, ldc, a, lda, half, rows, k, add) // these bits, as other numbers
	if err := wantPanel(c, before, ldc, a, lda, rows, k, add, func(i int) float32 { return quant.BF16ToF32(half[i]) }); err != nil {
		return fmt.Errorf("bfloat16: %w", err)
	}
	copy(c, before)
	PanelF16(c, ldc, a, lda, half, rows, k, add)
	if err := wantPanel(c, before, ldc, a, lda, rows, k, add, func(i int) float32 { return quant.F16ToF32(half[i]) }); err != nil {
		return fmt.Errorf("float16: %w", err)
	}
	return nil
}

func wantPanel(got, before []float32, ldc int, a []float32, lda, rows, k int, add bool, b func(i int) float32) error {
	want := append([]float32(nil), before...)
	for i := range rows {
		for j := range TileCols {
			s := float32(0)
			if add {
				s = before[i*ldc+j]
			}
			for x := range k {
				s = FMA(a[i*lda+x], b(x*TileCols+j), s)
			}
			want[i*ldc+j] = s
		}
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			return fmt.Errorf("c[%d] = %v, want %v", i, got[i], want[i])
		}
	}
	return nil
}

// TestPanelIsTile: the bits are those of the product that packs a.
func TestPanelIsTile(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		const k = 300
		a, b := make([]float32, TileRows*k), make([]float32, TileCols*k)
		fill(r(1), a)
		fill(r(2), b)
		got, want, packed := make([]float32, TileRows*TileCols), make([]float32, TileRows*TileCols), make([]float32, TileRows*k)
		for rows := 1; rows <= TileRows; rows++ {
			PackA(packed, a, k, 1, rows, k)
			Tile(want, TileCols, packed, b, rows, TileCols, k, false)
			PanelF32(got, TileCols, a, k, b, rows, k, false)
			for i := range rows * TileCols {
				if got[i] != want[i] {
					t.Fatalf("rows %d: [%d] = %v, Tile gives %v", rows, i, got[i], want[i])
				}
			}
		}
	})
}

// TestPanelSpecials: every float16 and bfloat16 there is, NaN, infinities and subnormals
// included, reaches the sum as it is.
func TestPanelSpecials(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		c, one := make([]float32, TileCols), []float32{1}
		for first := 0; first < 1<<16; first += TileCols {
			b := make([]uint16, TileCols)
			for j := range b {
				b[j] = uint16(first + j)
			}
			PanelF16(c, TileCols, one, 1, b, 1, 1, false)
			for j, x := range c {
				if want := quant.F16ToF32(b[j]); x != want && (x == x || want == want) {
					t.Fatalf("%#04x: %v, want %v", b[j], x, want)
				}
			}
			PanelBF16(c, TileCols, one, 1, b, 1, 1, false)
			for j, x := range c {
				if want := quant.BF16ToF32(b[j]); x != want && (x == x || want == want) {
					t.Fatalf("bfloat16 %#04x: %v, want %v", b[j], x, want)
				}
			}
		}
		nan, inf := float32(math.NaN()), float32(math.Inf(1))
		b := make([]uint16, TileCols)
		for _, x := range []float32{nan, inf, -inf} { // times 0
			if PanelF16(c, TileCols, []float32{x}, 1, b, 1, 1, false); c[7] == c[7] {
				t.Errorf("%v · 0 is %v", x, c[7])
			}
		}
	})
}

// TestNarrow compares with the rounding that package quant proves, on numbers that
// lie on and beside every midpoint, and on random bits.
func TestNarrow(t *testing.T) {
	var list []float32
	for h := range 0x7c01 {
		bits := math.Float32bits(quant.F16ToF32(uint16(h)))
		for _, d := range []uint32{0, 0xfff, 0x1000, 0x1001} {
			list = append(list, math.Float32frombits(bits+d), -math.Float32frombits(bits+d))
		}
	}
	random := r(5)
	for range 100000 {
		list = append(list, math.Float32frombits(random.Uint32()))
	}
	cputest.All(t, func(t *testing.T) {
		dst := make([]uint16, len(list))
		ToF16(dst, list)
		for i, x := range list {
			want := quant.F32ToF16(x)
			if want&0x7fff == 0x7c00 { // no infinities
				want--
			}
			if dst[i] != want {
				t.Fatalf("%v (%#08x): %#04x, want %#04x", x, math.Float32bits(x), dst[i], want)
			}
		}
		back := make([]float32, len(dst))
		FromF16(back, dst)
		for i, h := range dst {
			if want := quant.F16ToF32(h); math.Float32bits(back[i]) != math.Float32bits(want) {
				t.Fatalf("%#04x: %v, want %v", h, back[i], want)
			}
		}
		FromBF16(back, dst) // these bits, as other numbers
		for i, h := range dst {
			if want := quant.BF16ToF32(h); math.Float32bits(back[i]) != math.Float32bits(want) {
				t.Fatalf("bfloat16 %#04x: %v, want %v", h, back[i], want)
			}
		}
		ToBF16(dst, list)
		for i, x := range list {
			if dst[i] != quant.F32ToBF16(x) {
				t.Fatalf("%v: bfloat16 %#04x", x, dst[i])
			}
		}
		for n := range 50 {
			for _, side := range guard.Sides {
				src, dst := arena(t, 0, n, side), asHalves(arena(t, 1, (n+1)/2, side))
				fill(r(n), src)
				if side == guard.After {
					dst = dst[len(dst)-n:]
				}
				ToF16(dst[:n], src)
				for i, x := range src {
					if dst[i] != quant.F32ToF16(x) {
						t.Fatalf("%d of %d: %v", i, n, x)
					}
				}
				FromBF16(src, dst[:n])
				if FromF16(src, dst[:n]); n > 0 && src[n-1] != quant.F16ToF32(dst[n-1]) {
					t.Fatalf("%d: %v", n, src[n-1])
				}
			}
		}
	})
}

// TestPanelRefuses: whatever does not fit panics in Go, before any assembly.
func TestPanelRefuses(t *testing.T) {
	x, h := make([]float32, 1000), make([]uint16, 1000)
	for name, f := range map[string]func(){
		"rows 0":        func() { PanelF32(x, 32, x, 1, x, 0, 1, false) },
		"rows 13":       func() { PanelF32(x, 32, x, 1, x, 13, 1, false) },
		"k 0":           func() { PanelF16(x, 32, x, 1, h, 1, 0, false) },
		"k huge":        func() { PanelF16(x, 32, x, 1, h, 1, math.MaxInt, false) },
		"a short":       func() { PanelF32(x, 32, x[:23], 2, x, 12, 2, false) },
		"b short":       func() { PanelF16(x, 32, x, 1, h[:31], 1, 1, false) },
		"c short":       func() { PanelF16(x[:63], 32, x, 1, h, 2, 1, false) },
		"lda negative":  func() { PanelF32(x, 32, x, -1, x, 2, 1, false) },
		"ldc overflows": func() { PanelF32(x, math.MaxInt/2, x, 1, x, 12, 1, false) },
		"narrow":        func() { ToF16(h[:3], x[:4]) },
		"widen":         func() { FromF16(x[:3], h[:4]) },
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

// BenchmarkPanel reports GFLOP/s and the GB/s of b by rows, b in the first-level
// cache, as keys are read.
func BenchmarkPanel(b *testing.B) {
	const k = 64
	x, half := make([]float32, TileCols*k), make([]uint16, TileCols*k)
	a, c := make([]float32, TileRows*(k+16)), make([]float32, TileRows*(TileCols+16))
	for _, rows := range []int{1, 2, 3, 4, 8, 12} {
		report := func(b *testing.B, bytes int) {
			seconds := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(2*float64(rows)*TileCols*k/seconds/1e9, "GFLOP/s")
			b.ReportMetric(float64(bytes)*TileCols*k/seconds/1e9, "GB/s")
		}
		b.Run(fmt.Sprintf("F32/%d", rows), func(b *testing.B) {
			for range b.N {
				PanelF32(c, TileCols+16, a, k+16, x, rows, k, false)
			}
			report(b, 4)
		})
		b.Run(fmt.Sprintf("F16/%d", rows), func(b *testing.B) {
			for range b.N {
				PanelF16(c, TileCols+16, a, k+16, half, rows, k, false)
			}
			report(b, 2)
		})
	}
	b.Run("peak", func(b *testing.B) {
		flops := 0.0
		for range b.N {
			flops += PeakFMA(1000)
		}
		b.ReportMetric(flops/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	})
}
