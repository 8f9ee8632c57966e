package quant

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// searched are the formats whose encoders choose, rather than follow a formula.
var searched = []Type{Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, MXFP4}

// TestQuality: no encoder ends further from a tensor than ggml's, with importance and without.
func TestQuality(t *testing.T) {
	data, err := os.ReadFile("testdata/quality.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		X, Importance []byte
		RMS           map[string][2]float64
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	x, importance := make([]float32, len(golden.X)/2), make([]float32, len(golden.Importance)/2)
	decodeF16(x, golden.X)
	decodeF16(importance, golden.Importance)
	even := make([]float32, len(importance))
	for i := range even {
		even[i] = 1
	}
	for _, typ := range append([]Type{Q8_0}, searched...) {
		want, ok := golden.RMS[typ.String()]
		if !ok {
			t.Fatalf("no golden for %v", typ)
		}
		plain := rms(x, encodeRows(t, typ, x, len(even), nil), even)
		weighted := rms(x, encodeRows(t, typ, x, len(even), importance), importance)
		t.Logf("%-7v %.4f of ggml's error, with importance %.4f", typ, plain/want[0], weighted/want[1])
		if plain > 1.001*want[0] || weighted > 1.001*want[1] {
			t.Errorf("%v: error %g, with importance %g; ggml's are %g and %g", typ, plain, weighted, want[0], want[1])
		}
	}
}

// encodeRows encodes and decodes.
func encodeRows(t testing.TB, typ Type, x []float32, cols int, importance []float32) []float32 {
	t.Helper()
	n, err := typ.Size(len(x))
	if err != nil {
		t.Fatal(err)
	}
	b, y := bytes.Repeat([]byte{0xa5}, n), make([]float32, len(x)) // what is in dst must not matter
	if err := EncodeWeighted(typ, b, x, cols, importance); err != nil {
		t.Fatal(err)
	}
	if err := Decode(typ, y, b); err != nil {
		t.Fatal(err)
	}
	return y
}

func rms(x, y, w []float32) float64 {
	var sum, weights float64
	for i := range x {
		v := float64(w[i%len(w)])
		sum += v * (float64(x[i]) - float64(y[i])) * (float64(x[i]) - float64(y[i]))
		weights += v
	}
	return math.Sqrt(sum / weights)
}

// TestPackedFields: what is decoded is what the encoder chose, so the error it counted is the error there is.
func TestPackedFields(t *testing.T) {
	x := normal(3, super)
	for _, f := range []*shape{&shapeQ2K, &shapeQ3K, &shapeQ4K, &shapeQ5K, &shapeQ6K, &shapeIQ4XS} {
		var k work
		if !k.encode(f, x, nil) {
			t.Fatal(f.format)
		}
		b, y := make([]byte, f.bytes), make([]float32, super)
		if encodeSuper(f, b, x, nil); Decode(f.format, y, b) != nil {
			t.Fatal(f.format)
		}
		var err float64
		for i := range y {
			err += k.w[i] * (float64(y[i]) - k.x[i]) * (float64(y[i]) - k.x[i])
		}
		if math.Abs(err-k.best.err) > 1e-5*err {
			t.Errorf("%v: error %g, the encoder thought %g", f.format, err, k.best.err)
		}
	}
}

// TestImportanceHelps: errors move to where they do not matter.
func TestImportanceHelps(t *testing.T) {
	x, importance := normal(4, 8*super), make([]float32, super)
	for i := range importance {
		importance[i] = float32(1 + i%7*i%7*20)
	}
	for _, typ := range searched {
		with, without := encodeRows(t, typ, x, super, importance), encodeRows(t, typ, x, super, nil)
		if a, b := rms(x, with, importance), rms(x, without, importance); !(a < b) {
			t.Errorf("%v: weighted error %g with importance, %g without", typ, a, b)
		}
		none := encodeRows(t, typ, x, super, make([]float32, super))
		if a, b := rms(x, none, []float32{1}), rms(x, without, []float32{1}); a > 1.2*b {
			t.Errorf("%v: error %g when no column matters, %g without importance", typ, a, b)
		}
	}
}

func normal(seed uint64, n int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 0))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// TestEncodeExactly: what a format can hold, it holds.
func TestEncodeExactly(t *testing.T) {
	const h = 0x1p-6
	count := func(levels func(i int) float64) []float32 {
		x := make([]float32, super)
		for i := range x {
			x[i] = float32(levels(i))
		}
		return x
	}
	for _, c := range []struct {
		typ Type
		x   []float32
	}{
		{Q2_K, count(func(i int) float64 { return h * float64(i%4) })},
		{Q3_K, count(func(i int) float64 { return h * float64(i%8-4) })},
		{Q4_K, count(func(i int) float64 { return h * float64(i%16-3) })},
		{Q5_K, count(func(i int) float64 { return h * float64(i%32-5) })},
		{Q6_K, count(func(i int) float64 { return h * float64(min(i%16, 1)*(i*37%64)-32) })},
		{IQ4_NL, count(func(i int) float64 { return h * float64(iq4Levels[i%16]) })},
		{IQ4_XS, count(func(i int) float64 { return h * float64(iq4Levels[i%16]) })},
		{MXFP4, count(func(i int) float64 { return h * float64(mxfp4Levels[i%16]) })},
	} {
		for i, y := range encodeRows(t, c.typ, c.x, super, nil) {
			if math.Abs(float64(y-c.x[i])) > 0.05*h { // of a step, for what rounding d to a half costs
				t.Errorf("%v: %g became %g", c.typ, c.x[i], y)
				break
			}
		}
	}
	for _, typ := range searched {
		for i, y := range encodeRows(t, typ, make([]float32, super), super, nil) {
			if y != 0 {
				t.Errorf("%v: zero %d became %g", typ, i, y)
			}
		}
	}
}

func TestEncodeWeightedRefuses(t *testing.T) {
	x, nan := make([]float32, 2*super), float32(math.NaN())
	b := make([]byte, 2*144)
	w := func(v float32) []float32 { w := make([]float32, super); w[7] = v; return w }
	for name, err := range map[string]error{
		"no row":          EncodeWeighted(Q4_K, b, x, 0, w(1)),
		"negative row":    EncodeWeighted(Q4_K, b, x, -super, w(1)),
		"part of a block": EncodeWeighted(Q4_K, b, x, 128, w(1)[:128]),
		"part of a row":   EncodeWeighted(Q4_K, b, x, 3*super, make([]float32, 3*super)),
		"few weights":     EncodeWeighted(Q4_K, b, x, super, w(1)[:255]),
		"negative":        EncodeWeighted(Q4_K, b, x, super, w(-1)),
		"NaN":             EncodeWeighted(Q4_K, b, x, super, w(nan)),
		"infinite":        EncodeWeighted(Q4_K, b, x, super, w(float32(math.Inf(1)))),
		"short target":    EncodeWeighted(Q4_K, b[1:], x, super, w(1)),
		"no encoder":      EncodeWeighted(IQ1_S, make([]byte, 100), x, super, w(1)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	x[super+40] = nan
	if err := EncodeWeighted(Q5_1, make([]byte, 16*24), x, super, w(1)); !errors.Is(err, ErrRange) {
		t.Errorf("NaN: %v", err)
	}
	err := EncodeWeighted(Q4_K, b, x, super, w(1))
	if want := "encode: value out of range: elements 256 to 511 do not fit Q4_K"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestEncodeDoesNotAllocate(t *testing.T) {
	x, importance := normal(5, super), make([]float32, super)
	for _, typ := range searched {
		n, _ := typ.Size(len(x))
		b := make([]byte, n)
		var err error
		a := testing.AllocsPerRun(5, func() { err = errors.Join(EncodeWeighted(typ, b, x, super, importance), Encode(typ, b, x)) })
		if a != 0 || err != nil {
			t.Errorf("%v: %g allocations, %v", typ, a, err)
		}
	}
}

// FuzzEncode: any numbers encode or are refused, the same way twice, to something finite and no worse than zeros.
func FuzzEncode(f *testing.F) {
	for _, typ := range searched {
		f.Add(uint8(typ), toBytes(normal(uint64(typ), super)), true)
		f.Add(uint8(typ), toBytes([]float32{math.MaxFloat32, -1e-45, 65504, 0}), false)
		f.Add(uint8(typ), toBytes([]float32{1e-45, 1e-45, 3e-39}), true)
	}
	f.Fuzz(func(t *testing.T, n uint8, data []byte, weighted bool) {
		typ := Type(n)
		format, ok := typ.Format()
		if !ok || !typ.CanEncode() || len(data) < 4 {
			return
		}
		x := make([]float32, max(format.Block, 32))
		for i := range x {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i%(len(data)-3):]))
		}
		var importance []float32
		if weighted {
			importance = make([]float32, len(x))
			for i := range x {
				importance[i] = float32(math.Abs(float64(x[len(x)-1-i])))
				if !(importance[i] <= math.MaxFloat32) {
					importance[i] = 0
				}
			}
		}
		size, _ := typ.Size(len(x))
		b, again := make([]byte, size), bytes.Repeat([]byte{1}, size)
		err := EncodeWeighted(typ, b, x, len(x), importance)
		if err2 := EncodeWeighted(typ, again, x, len(x), importance); (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(b, again) {
			t.Fatalf("%v: not the same twice: %v, %v", typ, err, err2)
		}
		if err != nil {
			if !errors.Is(err, ErrRange) {
				t.Fatal(err)
			}
			return
		}
		y := make([]float32, len(x))
		if err := Decode(typ, y, b); err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if finite := y[i]-y[i] == 0; !finite && x[i]-x[i] == 0 {
				t.Fatalf("%v: %g became %g", typ, x[i], y[i])
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	x := normal(6, 16*super)
	for _, typ := range append([]Type{F16, Q8_0}, searched...) {
		b.Run(typ.String(), func(b *testing.B) {
			n, _ := typ.Size(len(x))
			dst := make([]byte, n)
			b.SetBytes(int64(4 * len(x)))
			for b.Loop() {
				Encode(typ, dst, x)
			}
		})
	}
}
