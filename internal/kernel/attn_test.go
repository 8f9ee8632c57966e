package kernel

import (
	"fmt"
	"math"
	"slices"
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
			for _, k := range []int{1, 2, 3, 4, 5, 7, 8, 11, 32, 37, 64, 290} {
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
	return onePanelI8(t, c, before, ldc, a, lda, rows, k, add, side)
}

// asCodes views guarded memory as codes.
func asCodes(x []float32) []int8 {
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

func onePanelI8(t *testing.T, c, before []float32, ldc int, a []float32, lda, rows, k int, add bool, side guard.Side) error {
	codes, wide := asCodes(arena(t, 2, TileCols*k/4, side)), arena(t, 4, TileCols*k, side)
	random := r(rows*100 + k + 7)
	for i := range codes {
		codes[i] = int8(random.IntN(256) - 128)
	}
	copy(c, before)
	PanelI8(c, ldc, a, lda, codes, rows, k, add)
	if err := wantPanel(c, before, ldc, a, lda, rows, k, add, func(i int) float32 { return float32(codes[i]) }); err != nil {
		return fmt.Errorf("int8: %w", err)
	}
	FromI8(wide, codes)
	for i, x := range wide {
		if x != float32(codes[i]) {
			return fmt.Errorf("int8: number %d is widened to %v, not %v", i, x, codes[i])
		}
	}
	return nil
}

// TestScoreQ8 runs every number of rows against the definition in int64 and
// float64 where that is exact, every operand between inaccessible pages.
func TestScoreQ8(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for rows := 1; rows <= TileRows; rows++ {
			for _, pairs := range []int{1, 2, 5, 15, 16, 17, 32, 40, 96} {
				for _, side := range guard.Sides {
					if err := oneScore(t, rows, pairs, side); err != nil {
						t.Fatalf("rows %d pairs %d side %v: %v", rows, pairs, side, err)
					}
				}
			}
		}
	})
}

func oneScore(t *testing.T, rows, pairs int, side guard.Side) error {
	lda, ldc := 2*(pairs+(rows+pairs)%3), TileCols+pairs%5
	blocks := (pairs + 15) / 16
	c, scale := arena(t, 0, (rows-1)*ldc+TileCols, side), arena(t, 1, rows, side)
	a, codes := asHalves(arena(t, 2, ((rows-1)*lda+2*pairs)/2, side)), asCodes(arena(t, 3, TileCols*pairs/2, side))
	scales := asHalves(arena(t, 4, blocks*TileCols/2, side))
	ints := unsafe.Slice((*int16)(unsafe.Pointer(&a[0])), len(a))
	random := r(rows*100 + pairs)
	fill(random, c)
	fill(random, scale)
	for i := range ints {
		ints[i] = int16(random.IntN(1<<16-1) - (1<<15 - 1))
		if pairs == 40 { // the largest sums
			ints[i] = 1<<15 - 1
		}
	}
	for i := range codes {
		codes[i] = int8(random.IntN(255) - 127)
		if pairs == 40 {
			codes[i] = 127
		}
	}
	for i := range scales {
		scales[i] = quant.F32ToF16(random.Float32())
	}
	before := append([]float32(nil), c...)
	ScoreQ8(c, ldc, ints, lda, scale, codes, scales, rows, pairs)
	for i := range rows {
		for j := range TileCols {
			s := float32(0)
			for block := range blocks {
				sum := int64(0)
				for k := 32 * block; k < min(32*block+32, 2*pairs); k++ {
					sum += int64(ints[i*lda+k]) * int64(codes[k/2*2*TileCols+2*j+k%2])
				}
				s = FMA(float32(sum), quant.F16ToF32(scales[block*TileCols+j]), s)
			}
			before[i*ldc+j] = s * scale[i]
		}
	}
	for i := range before {
		if math.Float32bits(c[i]) != math.Float32bits(before[i]) {
			return fmt.Errorf("c[%d] = %v, want %v", i, c[i], before[i])
		}
	}
	return nil
}

// TestToI16: the power of two is the least for which nothing overflows, and the
// integers are the nearest.
func TestToI16(t *testing.T) {
	random := r(11)
	for round := range 5000 {
		src, dst := make([]float32, 1+round%70), make([]int16, 1+round%70)
		size := math.Exp2(float64(round%200 - 100))
		largest := 0.0
		for i := range src {
			src[i] = float32(size * random.NormFloat64())
			if round%5 == 0 {
				src[i] = float32(size * (1<<15 - 0.5 - float64(i%2)/512)) // which rounds up to 1<<15, and which does not
			}
			largest = max(largest, math.Abs(float64(src[i])))
		}
		scale := float64(ToI16(dst, src))
		if _, exponent := math.Frexp(scale); scale != math.Ldexp(0.5, exponent) || math.RoundToEven(largest/scale) > 1<<15-1 || math.RoundToEven(2*largest/scale) <= 1<<15-1 {
			t.Fatalf("scale %v of %v", scale, largest)
		}
		for i, x := range src {
			if want := math.RoundToEven(float64(x) / scale); float64(dst[i]) != want {
				t.Fatalf("%v: %d, want %v times %v", x, dst[i], want, scale)
			}
		}
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, x := range []float32{inf, -inf, nan} {
		if scale := ToI16(make([]int16, 2), []float32{1, x}); scale == scale {
			t.Errorf("%v: scale %v", x, scale)
		}
	}
	for _, x := range []float32{0, 1e-45, 0x1p-113, 0x1p-112, math.MaxFloat32} {
		dst := make([]int16, 2)
		scale := ToI16(dst, []float32{-x, x / 2})
		if got := float64(dst[0]) * float64(scale); math.Abs(got+float64(x)) > max(0x1p-112, 0x1p-14*float64(x)) {
			t.Errorf("%v: %d times %v", -x, dst[0], scale)
		}
	}
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

// TestToQ8 compares with the rounding of GGUF's Q8_0, which package quant proves
// against ggml, and looks at what that refuses.
func TestToQ8(t *testing.T) {
	random := r(9)
	for round := range 20000 {
		var src [32]float32
		var dst [32]int8
		var stored [34]byte
		size := float32(math.Exp2(float64(round%40 - 28)))
		for i := range src {
			src[i] = size * float32(random.NormFloat64())
			if round%3 == 0 { // codes and halves of them
				src[i] = size * float32(random.IntN(509)-254) / 2
			}
		}
		if err := quant.Encode(quant.Q8_0, stored[:], src[:]); err != nil {
			t.Fatal(err)
		}
		scale := ToQ8(dst[:], src[:])
		if stored[0] != byte(scale) || stored[1] != byte(scale>>8) {
			t.Fatalf("scale %#04x, want %#04x of %v", scale, stored[:2], src)
		}
		for i, code := range dst {
			if code != int8(stored[2+i]) {
				t.Fatalf("%v: code %d, want %d, of %v", src[i], code, int8(stored[2+i]), src)
			}
		}
	}
	inf, nan, most := float32(math.Inf(1)), float32(math.NaN()), float32(127*65504)
	for _, c := range []struct {
		src   []float32
		scale float32
		want  []int8
	}{
		{[]float32{1, -inf, 1e38, 65504}, 65504, []int8{0, -127, 127, 1}},
		{[]float32{most, -1.5 * most}, 65504, []int8{127, -127}},
		{[]float32{0, 0}, 0, []int8{0, 0}},
		{[]float32{1e-44, -1e-40}, 0, []int8{0, 0}},
		{nil, 0, nil},
	} {
		dst := make([]int8, len(c.src))
		if scale := quant.F16ToF32(ToQ8(dst, c.src)); scale != c.scale || !slices.Equal(dst, c.want) {
			t.Errorf("%v: %v times %v", c.src, scale, dst)
		}
	}
	if scale := quant.F16ToF32(ToQ8(make([]int8, 32), append(make([]float32, 31), -nan))); scale == scale {
		t.Errorf("the scale of a block with NaN is %v", scale)
	}
}

// TestPanelRefuses: whatever does not fit panics in Go, before any assembly.
func TestPanelRefuses(t *testing.T) {
	x, h, q, i16 := make([]float32, 2000), make([]uint16, 1000), make([]int8, 2000), make([]int16, 1000)
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
		"q8 b short":    func() { ScoreQ8(x, 32, i16, 2, x, q[:63], h, 1, 1) },
		"q8 a short":    func() { ScoreQ8(x, 32, i16[:5], 4, x, q, h, 2, 1) },
		"q8 row scales": func() { ScoreQ8(x, 32, i16, 2, x[:1], q, h, 2, 1) },
		"q8 col scales": func() { ScoreQ8(x, 32, i16, 40, x, q, h[:63], 1, 17) },
		"i8 b short":    func() { PanelI8(x, 32, x, 1, q[:31], 1, 1, false) },
		"i8 widen":      func() { FromI8(x[:32], q[:33]) },
		"i16 narrow":    func() { ToI16(i16[:3], x[:4]) },
		"q8 narrow":     func() { ToQ8(q[:3], x[:4]) },
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
	x, half, codes := make([]float32, TileCols*k), make([]uint16, TileCols*k), make([]int8, TileCols*k)
	ints := make([]int16, TileRows*k)
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
		b.Run(fmt.Sprintf("I8/%d", rows), func(b *testing.B) {
			for range b.N {
				PanelI8(c, TileCols+16, a, k+16, codes, rows, k, false)
			}
			report(b, 1)
		})
		b.Run(fmt.Sprintf("ScoreQ8/%d", rows), func(b *testing.B) {
			for range b.N {
				ScoreQ8(c, TileCols+16, ints, k, a, codes, half, rows, k/2)
			}
			report(b, 1)
		})
	}
	b.Run("ToI16", func(b *testing.B) {
		for range b.N {
			ToI16(ints[:64], x[:64])
		}
	})
	b.Run("ToQ8", func(b *testing.B) {
		fill(r(1), x)
		for range b.N {
			ToQ8(codes[:32], x[:32])
		}
	})
	b.Run("peak", func(b *testing.B) {
		flops := 0.0
		for range b.N {
			flops += PeakFMA(1000)
		}
		b.ReportMetric(flops/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	})
}
