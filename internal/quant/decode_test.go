package quant

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"testing"
)

// decodeGoldens is testdata/decode.json.
type decodeGoldens struct {
	Formats map[string]struct {
		Blocks  []byte
		Decoded []string
	}
	Grids map[string]string
}

func readDecodeGoldens(t *testing.T) (g decodeGoldens) {
	t.Helper()
	data, err := os.ReadFile("testdata/decode.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestCodebooks: every number of every codebook is the published one.
func TestCodebooks(t *testing.T) {
	want := readDecodeGoldens(t).Grids
	check := func(typ Type, numbers []byte) {
		if sum := sha256.Sum256(numbers); hex.EncodeToString(sum[:8]) != want[typ.String()] {
			t.Errorf("%v: another codebook", typ)
		}
	}
	for typ, grid := range map[Type][][8]int8{IQ2_XXS: iq2xxsGrid, IQ2_XS: iq2xsGrid, IQ2_S: iq2sGrid, IQ1_S: iq1Grid} {
		var b []byte
		for _, row := range grid {
			for _, n := range row {
				b = append(b, byte(n))
			}
		}
		check(typ, b)
	}
	for typ, grid := range map[Type][][4]int8{IQ3_XXS: iq3xxsGrid, IQ3_S: iq3sGrid} {
		var b []byte
		for _, row := range grid {
			for _, n := range row {
				b = append(b, byte(n))
			}
		}
		check(typ, b)
	}
}

// TestDecodeGoldens compares every block format with the reference implementation, bit for bit.
func TestDecodeGoldens(t *testing.T) {
	goldens := readDecodeGoldens(t).Formats
	for typ := Q5_0; typ < numTypes; typ++ {
		f, _ := typ.Format()
		g, ok := goldens[f.Name]
		if !ok || len(g.Decoded) == 0 || len(g.Blocks) != len(g.Decoded)*f.Bytes {
			t.Fatalf("%v: no goldens, or of another size", typ)
		}
		x := make([]float32, len(g.Decoded)*f.Block)
		if err := Decode(typ, x, g.Blocks); err != nil {
			t.Fatal(err)
		}
		for i, want := range g.Decoded {
			if got := hash(x[i*f.Block : (i+1)*f.Block]); got != want {
				t.Errorf("%v: block %d, % x, decodes to %v", typ, i, g.Blocks[i*f.Bytes:(i+1)*f.Bytes], x[i*f.Block:(i+1)*f.Block])
			}
		}
	}
}

// hash is that of the goldens: NaNs are equal.
func hash(x []float32) string {
	for i := range x {
		if x[i] != x[i] {
			x[i] = math.Float32frombits(0x7fc00000)
		}
	}
	sum := sha256.Sum256(toBytes(x))
	return hex.EncodeToString(sum[:8])
}

// FuzzDecode: any bytes of any format decode to the end, and each block by itself to the same.
func FuzzDecode(f *testing.F) {
	for typ := Unknown + 1; typ < numTypes; typ++ {
		format, _ := typ.Format()
		ones := make([]byte, 2*format.Bytes)
		for i := range ones {
			ones[i] = 0xff
		}
		f.Add(uint8(typ), ones)
		f.Add(uint8(typ), make([]byte, format.Bytes))
	}
	f.Fuzz(func(t *testing.T, n uint8, src []byte) {
		typ := Type(n)
		format, ok := typ.Format()
		if !ok {
			return
		}
		blocks := min(len(src)/format.Bytes, 8)
		src = src[: blocks*format.Bytes : blocks*format.Bytes] // reading past a block would panic
		x := make([]float32, blocks*format.Block)
		if err := Decode(typ, x, src); (err == nil) != typ.CanDecode() {
			t.Fatal(err)
		} else if err != nil {
			return
		}
		for i := range blocks {
			alone, in := make([]float32, format.Block), src[i*format.Bytes:(i+1)*format.Bytes]
			if err := Decode(typ, alone, in[:len(in):len(in)]); err != nil {
				t.Fatal(err)
			}
			if hash(alone) != hash(x[i*format.Block:(i+1)*format.Block]) {
				t.Fatalf("%v: block %d decodes to something else when alone", typ, i)
			}
		}
	})
}
