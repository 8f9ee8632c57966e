package quant

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

type goldens struct {
	X       []byte
	Formats map[string]struct{ Encoded, Blocks, Decoded []byte }
	Sweeps  map[string]string
}

func readGoldens(t *testing.T) (g goldens) {
	t.Helper()
	data, err := os.ReadFile("testdata/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func floats(b []byte) []float32 {
	x := make([]float32, len(b)/4)
	decodeF32(x, b)
	return x
}

func toBytes(x []float32) []byte {
	b := make([]byte, 4*len(x))
	encodeF32(b, x, nil)
	return b
}

// TestGoldens compares with the reference implementation, bit for bit.
func TestGoldens(t *testing.T) {
	g := readGoldens(t)
	x := floats(g.X)
	for _, typ := range []Type{Q8_0, Q4_0, Q4_1, Q5_0, Q5_1} {
		want, ok := g.Formats[typ.String()]
		if !ok {
			t.Fatalf("no goldens for %v", typ)
		}
		encoded := make([]byte, len(want.Encoded))
		if err := Encode(typ, encoded, x); err != nil {
			t.Fatal(err)
		}
		f, _ := typ.Format()
		for i := 0; i < len(encoded); i += f.Bytes {
			if got, want := encoded[i:i+f.Bytes], want.Encoded[i:i+f.Bytes]; !bytes.Equal(got, want) {
				t.Errorf("%v: block %d encodes to\n%x, want\n%x", typ, i/f.Bytes, got, want)
			}
		}
		decoded := make([]float32, len(want.Decoded)/4)
		if err := Decode(typ, decoded, want.Blocks); err != nil {
			t.Fatal(err)
		}
		for i, w := range floats(want.Decoded) {
			if math.Float32bits(decoded[i]) != math.Float32bits(w) && !(w != w && decoded[i] != decoded[i]) {
				t.Errorf("%v: element %d decodes to %g, want %g", typ, i, decoded[i], w)
			}
		}
	}
}

// TestSweeps covers every half and bfloat16, and a million floats from all exponents, NaN payloads included.
func TestSweeps(t *testing.T) {
	g := readGoldens(t)
	halves := make([]byte, 2<<16)
	for i := range 1 << 16 {
		binary.LittleEndian.PutUint16(halves[2*i:], uint16(i))
	}
	var wide []byte
	for bits := uint64(0); bits < 1<<32; bits += 4099 {
		wide = binary.LittleEndian.AppendUint32(wide, uint32(bits))
	}
	convert := func(f func(float32) uint16, nans bool) []byte {
		var out []byte
		for _, x := range floats(wide) {
			h := f(x)
			if x != x && !nans {
				h = 0
			}
			out = binary.LittleEndian.AppendUint16(out, h)
		}
		return out
	}
	decode := func(typ Type, nans bool) []byte {
		x := make([]float32, 1<<16)
		if err := Decode(typ, x, halves); err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if x[i] != x[i] && !nans {
				x[i] = 0
			}
		}
		return toBytes(x)
	}
	for name, got := range map[string][]byte{
		"F16_decode": decode(F16, false), "F16_encode": convert(F32ToF16, false), // numpy's NaNs stay signalling
		"BF16_decode": decode(BF16, true), "BF16_encode": convert(F32ToBF16, true),
	} {
		if sum := sha256.Sum256(got); hex.EncodeToString(sum[:]) != g.Sweeps[name] {
			t.Errorf("%s differs from numpy", name)
		}
	}
}

// TestHalfRounding names the border cases that the sweep may step over.
func TestHalfRounding(t *testing.T) {
	for _, c := range []struct {
		f    float32
		want uint16
	}{
		{0, 0}, {float32(math.Copysign(0, -1)), 0x8000}, {1, 0x3c00}, {-2, 0xc000},
		{65504, 0x7bff}, {65519.996, 0x7bff}, {65520, 0x7c00}, {math.MaxFloat32, 0x7c00},
		{0x1p-14, 0x0400}, {0x1p-24, 0x0001}, {0x1p-25, 0x0000}, {0x1.000002p-25, 0x0001}, {0x1.8p-24, 0x0002},
		{0x1.ff8p-15, 0x03ff}, {0x1.ffep-15, 0x0400}, {1 + 0x1p-11, 0x3c00}, {1 + 0x3p-11, 0x3c02},
		{math.SmallestNonzeroFloat32, 0}, {float32(math.Inf(-1)), 0xfc00},
	} {
		if got := F32ToF16(c.f); got != c.want {
			t.Errorf("F32ToF16(%g) = %#04x, want %#04x", c.f, got, c.want)
		}
	}
	for h := range 1 << 16 { // narrowing inverts widening, except that a NaN becomes quiet
		f := F16ToF32(uint16(h))
		if got := F32ToF16(f); got != uint16(h) && !(f != f && got == uint16(h)|0x0200) {
			t.Fatalf("half %#04x came back as %#04x", h, got)
		}
	}
}

// TestErrorBound: a code is at most half a step from its number, plus the rounding of the scale.
func TestErrorBound(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, 64*block)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for typ, steps := range map[Type]float32{Q8_0: 254, Q4_0: 8, Q4_1: 15} {
		y := roundTrip(t, typ, x)
		for b := 0; b < len(x); b += block {
			lo, hi := bounds(x[b : b+block])
			limit := (hi - lo) / steps
			for i := b; i < b+block; i++ {
				if diff := float32(math.Abs(float64(x[i] - y[i]))); diff > limit {
					t.Fatalf("%v: %g became %g, more than %g away", typ, x[i], y[i], limit)
				}
			}
		}
	}
}

func roundTrip(t *testing.T, typ Type, x []float32) []float32 {
	t.Helper()
	n, err := typ.Size(len(x))
	if err != nil {
		t.Fatal(err)
	}
	b, y := make([]byte, n), make([]float32, len(x))
	if err := Encode(typ, b, x); err != nil {
		t.Fatal(err)
	}
	if err := Decode(typ, y, b); err != nil {
		t.Fatal(err)
	}
	return y
}

func TestNumbersThatDoNotFit(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		typ Type
		bad float32
	}{
		{Q8_0, inf}, {Q8_0, nan}, {Q8_0, 1e7}, {Q4_0, -inf}, {Q4_0, nan}, {Q4_0, 1e6},
		{Q4_1, inf}, {Q4_1, nan}, {Q4_1, -1e5}, {Q4_1, math.MaxFloat32}, {F16, 70000}, {BF16, math.MaxFloat32},
	} {
		for _, at := range []int{0, block - 1, block + 7} {
			x := make([]float32, 2*block)
			x[at] = c.bad
			n, _ := c.typ.Size(len(x))
			if err := Encode(c.typ, make([]byte, n), x); !errors.Is(err, ErrRange) {
				t.Errorf("%v of %g at %d: error %v", c.typ, c.bad, at, err)
			}
		}
	}
	for _, typ := range []Type{F32, F16, BF16} {
		if y := roundTrip(t, typ, []float32{inf, -inf, nan}); y[0] != inf || y[1] != -inf || y[2] == y[2] {
			t.Errorf("%v turned infinities and NaN into %v", typ, y)
		}
	}
}

func TestTinyNumbersBecomeZero(t *testing.T) {
	x := make([]float32, block)
	x[0], x[1] = math.SmallestNonzeroFloat32, -1e-44
	for _, typ := range []Type{Q8_0, Q4_0, Q4_1, Q5_0, Q5_1} {
		for i, y := range roundTrip(t, typ, x) {
			if y != 0 {
				t.Errorf("%v: element %d became %g", typ, i, y)
			}
		}
	}
}

func TestPlainDecoders(t *testing.T) {
	for _, c := range []struct {
		typ  Type
		src  []byte
		want []float32
	}{
		{I8, []byte{0xff, 0x80, 0x7f}, []float32{-1, -128, 127}},
		{U8, []byte{0xff, 0x00}, []float32{255, 0}},
		{I16, []byte{0xff, 0xff, 0x00, 0x80}, []float32{-1, -32768}},
		{I32, []byte{0xfe, 0xff, 0xff, 0xff}, []float32{-2}},
		{I64, []byte{0, 0, 0, 0, 0, 0, 0, 0x80}, []float32{-0x1p63}},
		{F64, binary.LittleEndian.AppendUint64(nil, math.Float64bits(1+0x1p-24)), []float32{1}},
	} {
		got := make([]float32, len(c.want))
		if err := Decode(c.typ, got, c.src); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%v: %v, want %v", c.typ, got, c.want)
			}
		}
	}
}

func TestSizeIsChecked(t *testing.T) {
	if n, err := Q8_0.Size(64); n != 68 || err != nil {
		t.Errorf("64 × Q8_0 = %d bytes, %v", n, err)
	}
	for _, c := range []struct {
		typ Type
		n   int
	}{{Q8_0, 33}, {F32, -1}, {F32, math.MaxInt}, {F64, math.MaxInt/8 + 1}, {Unknown, 1}, {numTypes, 1}, {255, 1}} {
		if n, err := c.typ.Size(c.n); err == nil {
			t.Errorf("Size(%v, %d) = %d, want an error", c.typ, c.n, n)
		}
	}
	for name, err := range map[string]error{
		"short source":  Decode(Q8_0, make([]float32, 32), make([]byte, 33)),
		"long source":   Decode(F32, make([]float32, 1), make([]byte, 8)),
		"no decoder":    Decode(U16, make([]float32, 1), make([]byte, 2)),
		"no encoder":    Encode(I8, make([]byte, 1), make([]float32, 1)),
		"unknown":       Decode(Unknown, nil, nil),
		"long target":   Encode(Q4_0, make([]byte, 19), make([]float32, 32)),
		"part of block": Encode(Q4_0, make([]byte, 18), make([]float32, 31)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestTableIsWhole: every type has a row and a name of its own.
func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for typ := Unknown + 1; typ < numTypes; typ++ {
		f, ok := typ.Format()
		if !ok || f.Name == "" || f.Bytes == 0 || seen[f.Name] {
			t.Errorf("type %d: row %+v", typ, f)
		}
		seen[f.Name] = true
	}
}

func BenchmarkDecode(b *testing.B) {
	for typ := F32; typ < numTypes; typ++ {
		if !typ.CanDecode() {
			continue
		}
		b.Run(typ.String(), func(b *testing.B) {
			dst := make([]float32, 1<<16)
			n, _ := typ.Size(len(dst))
			src := make([]byte, n)
			b.SetBytes(int64(4 * len(dst)))
			for b.Loop() {
				Decode(typ, dst, src)
			}
		})
	}
}
