package lanes

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"weft/internal/cpu/cputest"
	"weft/internal/guard"
	"weft/internal/quant"
)

// encoded is a matrix of one type as a file has it: each row's bytes, and the numbers they stand for.
func encoded(t testing.TB, typ quant.Type, rows, n int, rng *rand.Rand) (raw [][]byte, numbers [][]float32) {
	t.Helper()
	for range rows {
		src := make([]float32, n)
		for i := range src {
			src[i] = float32(rng.NormFloat64())
		}
		size, err := typ.Size(n)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, size)
		if err := quant.Encode(typ, b, src); err != nil {
			t.Fatal(err)
		}
		if err := quant.Decode(typ, src, b); err != nil {
			t.Fatal(err)
		}
		raw, numbers = append(raw, b), append(numbers, src)
	}
	return raw, numbers
}

func eachForm(t *testing.T, f func(t *testing.T, form *Form)) {
	for _, form := range Forms() {
		t.Run(form.Type.String(), func(t *testing.T) { f(t, form) })
	}
}

// random activations with blocks of very different size, one of them zero.
func activations(n int, rng *rand.Rand) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * math.Pow(10, float64(i/BlockLen%7-3)))
	}
	if n >= 2*BlockLen {
		clear(x[BlockLen : 2*BlockLen])
	}
	return x
}

func filled(k, n int, rng *rand.Rand) (Panel, [][]float32) {
	p := PanelOf(make([]int32, PanelLen(k, n)), k, n)
	var xs [][]float32
	for c := range n {
		x := activations(k, rng)
		quantiseGeneric(p, c, x)
		xs = append(xs, x)
	}
	return p, xs
}

// TestUnpackedIsDecoded: a strip holds what the reference decoder says.
func TestUnpackedIsDecoded(t *testing.T) {
	eachForm(t, func(t *testing.T, f *Form) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, rows := range []int{1, 5, 16} {
			n := 2 * f.Len
			raw, numbers := encoded(t, f.Type, rows, n, rng)
			strip := make([]byte, f.StripBytes(n))
			f.packGeneric(strip, raw, 2, len(raw[0])/2)
			size := f.Kind().BlockBytes()
			w := make([]byte, n/BlockLen*size)
			f.unpackGeneric(w, strip, 0, 2*f.Blocks())
			for r := range Rows {
				for k := range n {
					want := float32(0)
					if r < rows {
						want = numbers[r][k]
					}
					if got := valueAt(f.Kind(), w[k/BlockLen*size:], r, k%BlockLen); math.Abs(float64(got-want)) > 1e-6*math.Abs(float64(want))+1e-6 {
						t.Fatalf("row %d of %d, weight %d is %v, want %v", r, rows, k, got, want)
					}
				}
			}
		}
	})
}

func valueAt(kind Kind, block []byte, r, k int) float32 {
	f32 := func(i int) float32 {
		b := block[512+64*i+4*r:]
		return math.Float32frombits(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24)
	}
	u := float32(block[64*(k/4)+4*r+k%4])
	switch kind.Layout {
	case Whole:
		return (u - 128) * f32(0)
	case WholeMins:
		return u*f32(0) + f32(1)
	case Halves:
		return (u - 128) * f32(k/16)
	}
	return u*f32(k/16) + f32(2+k/16)
}

// TestUnpackedRange: bytes are in the range that the kind promises.
func TestUnpackedRange(t *testing.T) {
	eachForm(t, func(t *testing.T, f *Form) {
		low, high := byteRange(f.Kind())
		for code := range 1 << (f.Low + f.High) {
			if b := int(f.byteOf(uint8(code))); b < low || b > high {
				t.Errorf("code %d becomes %d, not in %d to %d", code, b, low, high)
			}
		}
	})
}

// byteRange is what bytes a kind may have.
func byteRange(k Kind) (low, high int) {
	if k.Layout == Whole || k.Layout == Halves {
		return 128 - 1<<(k.Bits-1), 128 + 1<<(k.Bits-1) - 1
	}
	return 0, 1<<k.Bits - 1
}

// TestQuantise: every implementation writes the panel that the generic one does, and that is near the numbers.
func TestQuantise(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		for _, k := range []int{32, 96, 544} {
			for n := 1; n <= MaxCols; n++ {
				want, xs := filled(k, n, rng)
				got := PanelOf(guarded[int32](t, PanelLen(k, n)), k, n)
				for c, x := range xs {
					y := guarded[float32](t, k)
					copy(y, x)
					got.Quantise(c, y)
				}
				same(t, got.data, want.data, "panel of %d × %d", k, n)
				for c, x := range xs {
					for i, v := range x {
						b := i / BlockLen
						code := int8(want.core(b)[i%BlockLen/4*n+c] >> (8 * (i % 4)))
						d := float(want.core(b)[8*n+c])
						if e := math.Abs(float64(float32(code)*d - v)); e > 0.502*float64(d)+1e-3*math.Abs(float64(v)) {
							t.Fatalf("number %v became %d·%v", v, code, d)
						}
					}
				}
			}
		}
	})
}

func TestQuantiseSpecial(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	least := float32(127 / math.MaxFloat32) // about where 127/largest becomes infinite
	var around []float32
	for i := range 9 {
		around = append(around, math.Float32frombits(math.Float32bits(least)+uint32(i)-4))
	}
	cputest.All(t, func(t *testing.T) {
		for _, v := range append(around, nan, inf, -inf, 0, float32(math.Copysign(0, -1)), 1e-40, 1e-37, math.MaxFloat32, -math.MaxFloat32, 0.5, 63.5/127) {
			for _, at := range []int{0, 7, 15, 16, 31} {
				x := make([]float32, 64)
				x[at], x[(at+3)%32], x[40] = v, 1e-38, 3
				want, got := PanelOf(make([]int32, PanelLen(64, 1)), 64, 1), PanelOf(make([]int32, PanelLen(64, 1)), 64, 1)
				quantiseGeneric(want, 0, x)
				got.Quantise(0, x)
				same(t, got.data, want.data, "%v at %d", v, at)
				if d := float(want.core(0)[8]); (v-v != 0) != (d != d) {
					t.Errorf("%v at %d: scale %v", v, at, d)
				}
			}
		}
	})
}

// same compares dwords; all NaNs are alike.
func same(t *testing.T, got, want []int32, format string, args ...any) {
	t.Helper()
	for i := range want {
		a, b := float(got[i]), float(want[i])
		if got[i] != want[i] && (a == a || b == b) {
			t.Fatalf("%s: dword %d of %d is %#x, want %#x", fmt.Sprintf(format, args...), i, len(want), uint32(got[i]), uint32(want[i]))
		}
	}
}

// TestPack: every implementation arranges the same bytes.
func TestPack(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		eachForm(t, func(t *testing.T, f *Form) {
			rng := rand.New(rand.NewPCG(5, 6))
			for _, rows := range []int{1, 3, 15, 16} {
				for _, units := range []int{1, 2, 3, 5} {
					raw, _ := encoded(t, f.Type, rows, units*f.Len, rng)
					for r, b := range raw { // any bytes are somebody's codes
						raw[r] = guarded[byte](t, len(b))
						for i := range b {
							raw[r][i] = byte(rng.Uint32())
						}
					}
					want := make([]byte, f.StripBytes(units*f.Len))
					f.packGeneric(want, raw, units, len(raw[0])/units)
					got := guarded[byte](t, len(want))
					f.Pack(got, raw, units*f.Len)
					for i := range want {
						if got[i] != want[i] {
							t.Fatalf("%d rows, %d units: byte %d is %#x, want %#x", rows, units, i, got[i], want[i])
						}
					}
				}
			}
		})
	})
}

// TestUnpack: every implementation unpacks to the same bytes, whatever the codes, from whatever block on.
func TestUnpack(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		eachForm(t, func(t *testing.T, f *Form) {
			rng := rand.New(rand.NewPCG(7, 8))
			for _, units := range []int{1, 2, 3, 5} {
				strip := guarded[byte](t, units*f.Bytes)
				for i := range strip {
					strip[i] = byte(rng.Uint32())
				}
				finiteHalves(f, strip)
				size := f.Kind().BlockBytes()
				all := make([]byte, units*f.Blocks()*size)
				for b := range units * f.Blocks() {
					f.unpackBlock(all[b*size:][:size], strip[b/f.Blocks()*f.Bytes:][:f.Bytes], b%f.Blocks())
				}
				for from := 0; from <= min(f.Blocks(), 9); from++ {
					for _, n := range []int{units*f.Blocks() - from, 1, 3, 9} {
						if n <= 0 || from+n > units*f.Blocks() {
							continue
						}
						want, got := all[from*size:(from+n)*size], guarded[byte](t, n*size)
						f.Unpack(got, strip, from, n)
						for i := range want {
							if got[i] != want[i] {
								t.Fatalf("%d units, blocks %d to %d: byte %d (%d of the block) is %#x, want %#x", units, from, from+n, i, i%size, got[i], want[i])
							}
						}
					}
				}
			}
		})
	})
}

// finiteHalves clears the highest exponent bit of the halves: NaNs need not keep their bits.
func finiteHalves(f *Form, strip []byte) {
	if f.Type == quant.MXFP4 {
		return
	}
	for u := 0; u < len(strip); u += f.Bytes {
		for i := 1; i < f.sAt(); i += 2 {
			strip[u+i] &^= 0x40
		}
	}
}

// TestProducts: tile and dot, on every level, agree with the generic tile bit for bit, and that is near the true product.
func TestProducts(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		eachForm(t, func(t *testing.T, f *Form) {
			rng := rand.New(rand.NewPCG(9, 10))
			for _, k := range []int{f.Len, 3 * f.Len} {
				raw, numbers := encoded(t, f.Type, Rows, k, rng)
				strip := make([]byte, f.StripBytes(k))
				f.packGeneric(strip, raw, k/f.Len, len(raw[0])/(k/f.Len))
				w := guarded[byte](t, k/BlockLen*f.Kind().BlockBytes())
				f.unpackGeneric(w, strip, 0, k/BlockLen)
				for n := 1; n <= MaxCols; n++ {
					p, xs := filled(k, n, rng)
					for _, rows := range []int{1, 7, 16} {
						for _, add := range []bool{false, true} {
							products(t, f, strip, w, p, rows, add, numbers, xs)
						}
					}
				}
			}
		})
	})
}

func products(t *testing.T, f *Form, strip, w []byte, p Panel, rows int, add bool, numbers, xs [][]float32) {
	t.Helper()
	ldc := rows + 3
	fresh := func() []float32 {
		c := guarded[float32](t, (p.Cols-1)*ldc+rows)
		for i := range c {
			c[i] = float32(i)
		}
		return c
	}
	want, tile := fresh(), fresh()
	f.Kind().tileGeneric(want, ldc, w, p, 0, p.Blocks, rows, add)
	f.Kind().Tile(tile, ldc, w, p, 0, p.Blocks, rows, add)
	equal(t, tile, want, "tile %d×%d over %d, add %v", rows, p.Cols, p.Blocks, add)
	if p.Blocks > 1 { // in two pieces
		cut, size := f.Blocks(), f.Kind().BlockBytes()
		if f.Len == BlockLen || p.Blocks > cut {
			tile := fresh()
			f.Kind().Tile(tile, ldc, w, p, 0, cut, rows, add)
			f.Kind().Tile(tile, ldc, w[cut*size:], p, cut, p.Blocks-cut, rows, true)
			equal(t, tile, want, "tile in pieces %d×%d over %d, add %v", rows, p.Cols, p.Blocks, add)
		}
	}
	if p.Cols <= DotCols() {
		dot := fresh()
		f.Dot(dot, ldc, strip, p, rows, add)
		equal(t, dot, want, "dot %d×%d over %d, add %v", rows, p.Cols, p.Blocks, add)
	}
	if !add {
		near(t, want, ldc, rows, numbers, xs)
	}
}

// TestTileExtremes: no sum is cut off, however large the codes.
func TestTileExtremes(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(13, 14))
		for _, f := range Forms() {
			const blocks = 300 // more than a call takes
			kind := f.Kind()
			w := anyStrip(kind, blocks, rng)
			for _, sign := range []func(i int) float32{
				func(int) float32 { return 1 }, func(int) float32 { return -1 },
				func(i int) float32 { return float32(1 - i&2) }, func(i int) float32 { return float32(1 - i/4&1*2) },
			} {
				p := PanelOf(make([]int32, PanelLen(blocks*BlockLen, 5)), blocks*BlockLen, 5)
				x := make([]float32, blocks*BlockLen)
				for i := range x {
					x[i] = sign(i)
				}
				for c := range p.Cols {
					quantiseGeneric(p, c, x)
				}
				want, got := make([]float32, p.Cols*Rows), make([]float32, p.Cols*Rows)
				kind.tileGeneric(want, Rows, w, p, 0, blocks, Rows, false)
				kind.Tile(got, Rows, w, p, 0, blocks, Rows, false)
				equal(t, got, want, "kind %v", kind)
			}
		}
	})
}

// anyStrip is an unpacked strip of the largest bytes that the kind allows, and others.
func anyStrip(kind Kind, blocks int, rng *rand.Rand) []byte {
	w := make([]byte, blocks*kind.BlockBytes())
	low, high := byteRange(kind)
	for i := range w {
		switch at := i % kind.BlockBytes(); {
		case at >= 512:
			if i%4 == 0 {
				binary.LittleEndian.PutUint32(w[i:], math.Float32bits(float32(rng.NormFloat64())))
			}
		default: // the least, the largest, or any
			w[i] = byte(low + [...]int{0, high - low, rng.IntN(high - low + 1)}[rng.IntN(3)])
		}
	}
	return w
}

func near(t *testing.T, c []float32, ldc, rows int, numbers, xs [][]float32) {
	t.Helper()
	for n, x := range xs {
		for r := range rows {
			var exact, size float64
			for b := 0; b < len(x); b += BlockLen {
				largest := 0.0
				for i := b; i < b+BlockLen; i++ {
					largest = max(largest, math.Abs(float64(x[i])))
				}
				for i := b; i < b+BlockLen; i++ {
					exact += float64(numbers[r][i]) * float64(x[i])
					size += math.Abs(float64(numbers[r][i])) * (largest/250 + 1e-3*math.Abs(float64(x[i])))
				}
			}
			if got := float64(c[n*ldc+r]); math.Abs(got-exact) > size+1e-5 {
				t.Fatalf("row %d, column %d is %v, exactly %v, bound %v", r, n, got, exact, size)
			}
		}
	}
}

func equal(t *testing.T, got, want []float32, format string, args ...any) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: number %d is %v, want %v", fmt.Sprintf(format, args...), i, got[i], want[i])
		}
	}
}

// guarded is a slice of n at the end of a page, with an inaccessible one behind.
func guarded[T byte | int32 | float32](t testing.TB, n int) []T {
	var zero T
	size := int(unsafe.Sizeof(zero))
	f := guard.Slice(t, (n*size+3)/4, guard.After)
	if n == 0 {
		return nil
	}
	all := unsafe.Slice((*T)(unsafe.Pointer(&f[0])), len(f)*4/size)
	return all[len(all)-n:]
}

// TestExtremes: dot and tile are exact for the largest codes and activations, where sums in 16 bits would be the
// first to overflow, and for any codes.
func TestExtremes(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		eachForm(t, func(t *testing.T, f *Form) {
			rng := rand.New(rand.NewPCG(11, 12))
			k := 2 * f.Len
			for _, fill := range []func() byte{
				func() byte { return 0 }, func() byte { return 0x80 }, func() byte { return 0xff },
				func() byte { return byte(rng.Uint32()) },
			} {
				strip := guarded[byte](t, f.StripBytes(k))
				for i := range strip {
					strip[i] = fill()
				}
				finiteHalves(f, strip)
				w := guarded[byte](t, k/BlockLen*f.Kind().BlockBytes())
				f.unpackGeneric(w, strip, 0, 2*f.Blocks())
				for n := 1; n <= DotCols(); n++ {
					p := PanelOf(guarded[int32](t, PanelLen(k, n)), k, n)
					for c := range n {
						quantiseGeneric(p, c, extreme(k, c, rng))
					}
					products(t, f, strip, w, p, Rows, true, nil, nil)
				}
			}
		})
	})
}

// extreme activations are of one size, all positive, all negative, or either.
func extreme(n, kind int, rng *rand.Rand) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = [...]float32{1, -1, float32(rng.IntN(2)*2 - 1), float32(i%2*2 - 1)}[kind%4]
	}
	return x
}

// TestManyStrips: several strips in one call are as one by one.
func TestManyStrips(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		eachForm(t, func(t *testing.T, f *Form) {
			rng := rand.New(rand.NewPCG(11, 12))
			const rows = 3*Rows + 5
			k := 2 * f.Len
			size, unpacked := f.StripBytes(k), k/BlockLen*f.Kind().BlockBytes()
			strips, w := guarded[byte](t, 4*size), guarded[byte](t, 4*unpacked)
			for i := range 4 {
				raw, _ := encoded(t, f.Type, min(Rows, rows-i*Rows), k, rng)
				f.Pack(strips[i*size:][:size], raw, k)
				f.Unpack(w[i*unpacked:][:unpacked], strips[i*size:][:size], 0, k/BlockLen)
			}
			for n := 1; n <= MaxCols; n++ {
				p, _ := filled(k, n, rng)
				for _, add := range []bool{false, true} {
					ldc := rows + 1
					want, tile, dot := make([]float32, n*ldc), guarded[float32](t, (n-1)*ldc+rows), guarded[float32](t, (n-1)*ldc+rows)
					for i := range want {
						want[i] = float32(i)
					}
					copy(tile, want)
					copy(dot, want)
					for i := range 4 {
						f.Kind().Tile(want[i*Rows:], ldc, w[i*unpacked:], p, 0, p.Blocks, min(Rows, rows-i*Rows), add)
					}
					f.Kind().Tile(tile, ldc, w, p, 0, p.Blocks, rows, add)
					equal(t, tile, want[:len(tile)], "tile of %d columns, add %v", n, add)
					if n <= DotCols() {
						f.Dot(dot, ldc, strips, p, rows, add)
						equal(t, dot, want[:len(dot)], "dot of %d columns, add %v", n, add)
					}
				}
			}
		})
	})
}

// TestLongRows: rows of more blocks than one call of assembly takes.
func TestLongRows(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		eachForm(t, func(t *testing.T, f *Form) {
			rng := rand.New(rand.NewPCG(15, 16))
			const k = 129 * 256
			strip := make([]byte, f.StripBytes(k))
			for i := range strip {
				strip[i] = byte(rng.Uint32())
			}
			finiteHalves(f, strip)
			for _, n := range []int{1, DotCols()} {
				p, _ := filled(k, n, rng)
				want, got := make([]float32, n*Rows), make([]float32, n*Rows)
				f.dotGeneric(want, Rows, strip, p, Rows, false)
				f.Dot(got, Rows, strip, p, Rows, false)
				equal(t, got, want, "%d columns", n)
			}
		})
	})
}
