package imatrix

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"weft/gguf"
	"weft/tensor"
)

const (
	query   = "blk.0.attn_q.weight"
	experts = "blk.0.ffn_down_exps.weight"
)

// small are the files of testdata/goldens.py: the same collection in either format.
func small(t *testing.T) (gg, dat *Matrix) {
	t.Helper()
	gg, err := Open("testdata/small.gguf")
	if err != nil {
		t.Fatal(err)
	}
	dat, err = Open("testdata/small.dat")
	if err != nil {
		t.Fatal(err)
	}
	return gg, dat
}

func TestReferenceFiles(t *testing.T) {
	gg, dat := small(t)
	for _, m := range []*Matrix{gg, dat} {
		got := fmt.Sprint(len(m.Entries), m.Chunks, m.Entries[query].Importance(), m.Entries[experts].Importance())
		if want := "2 2 [0.25 0.5 1 0] [0.5 1 1 1 2 3]"; got != want {
			t.Errorf("read %s, want %s", got, want)
		}
	}
	if gg.ChunkSize != 4 || dat.ChunkSize != 1 || fmt.Sprint(gg.Datasets, dat.Datasets) != "[a.txt b.txt] [b.txt]" {
		t.Errorf("chunks of %d and %d, datasets %v and %v", gg.ChunkSize, dat.ChunkSize, gg.Datasets, dat.Datasets)
	}
	if e := gg.Entries[experts]; fmt.Sprint(e.Counts) != "[2 0 3]" {
		t.Errorf("counts %v", e.Counts)
	}
}

// TestWrite: what is written reads back; the old format comes out as the reference has it, byte for byte.
func TestWrite(t *testing.T) {
	gg, dat := small(t)
	path := filepath.Join(t.TempDir(), "m")
	for _, m := range []*Matrix{gg, dat} {
		if err := m.Write(path); err != nil {
			t.Fatal(err)
		}
		if again, err := Open(path); err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("came back as %+v, %v", again, err)
		}
		if err := m.WriteDat(path); err != nil {
			t.Fatal(err)
		}
		got, _ := os.ReadFile(path)
		if want, _ := os.ReadFile("testdata/small.dat"); !bytes.Equal(got, want) {
			t.Errorf("wrote\n%q, want\n%q", got, want)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	nan := float32(math.NaN())
	path := filepath.Join(t.TempDir(), "m")
	for name, e := range map[string]Entry{
		"no counts": {Sums: []float32{1}}, "no sums": {Counts: []float32{1}}, "NaN": {[]float32{nan}, []float32{1}},
		"negative": {[]float32{1}, []float32{-1}}, "uneven": {[]float32{1, 2, 3}, []float32{1, 1}},
	} {
		m := &Matrix{Entries: map[string]Entry{"a": e}, ChunkSize: 1}
		if m.Write(path) == nil || m.WriteDat(path) == nil {
			t.Errorf("%s: no error", name)
		}
	}
	m := &Matrix{Entries: map[string]Entry{"a": {[]float32{1}, []float32{math.MaxFloat32}}}, ChunkSize: 1}
	if m.WriteDat(path) == nil {
		t.Error("more calls than the format can count: no error")
	}
	if m.ChunkSize = 0; m.WriteDat(path) == nil {
		t.Error("chunks of 0 tokens: no error")
	}
}

func dat(values ...any) []byte {
	var b bytes.Buffer
	for _, v := range values {
		if s, ok := v.(string); ok {
			b.WriteString(s)
			continue
		}
		binary.Write(&b, binary.LittleEndian, v)
	}
	return b.Bytes()
}

func file(t *testing.T, settings []gguf.Setting, tensors ...tensor.Named) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gguf.WriteTo(&b, settings, tensors); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestMalformed(t *testing.T) {
	type i = int32
	one := func(name string, x ...float32) tensor.Named {
		return tensor.Named{Name: name, Raw: tensor.RawOf(x, len(x))}
	}
	sizes := []gguf.Setting{{Key: chunksKey, Value: gguf.Of(uint32(1))}, {Key: sizeKey, Value: gguf.Of(uint32(512))}}
	half, _ := tensor.Encode(tensor.F16, []float32{1}, 1)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":           {nil, "neither"},
		"no entries":      {dat(i(0)), "neither"},
		"negative":        {dat(i(-1), i(0), i(0), i(0)), "neither"},
		"2^31 entries":    {dat(i(math.MaxInt32), make([]byte, 40)), "neither"},
		"name too long":   {dat(i(1), i(math.MaxInt32), make([]byte, 40)), "count"},
		"no name":         {dat(i(1), i(0), i(1), i(1), float32(1), i(0)), "without a name"},
		"name not UTF-8":  {dat(i(1), i(1), "\xff", i(1), i(1), float32(1)), "UTF-8"},
		"negative calls":  {dat(i(1), i(1), "a", i(-1), i(1), float32(1)), "is -1"},
		"values cut":      {dat(i(1), i(1), "a", i(1), i(2), float32(1)), "count of 2"},
		"2^31 values":     {dat(i(1), i(1), "a", i(1), i(math.MaxInt32), float32(1)), "count"},
		"no values":       {dat(i(1), i(1), "a", i(1), i(0), float32(1)), "0 sums"},
		"NaN":             {dat(i(1), i(1), "a", i(1), i(1), float32(math.NaN())), "NaN"},
		"below zero":      {dat(i(1), i(1), "a", i(1), i(1), float32(-1)), "is -1"},
		"twice":           {dat(i(2), i(1), "a", i(1), i(1), float32(1), i(1), "a", i(1), i(1), float32(1)), "twice"},
		"one missing":     {dat(i(2), i(1), "a", i(1), i(1), float32(1), make([]byte, 17)), "without a name"},
		"end cut":         {dat(i(1), i(1), "a", i(1), i(1), float32(1), i(3), i(5), "text"), "count of 5"},
		"more at the end": {dat(i(1), i(1), "a", i(1), i(1), float32(1), i(3), i(1), "t", "x"), "1 bytes after"},

		"GGUF only":        {[]byte("GGUF"), "truncated"},
		"a model":          {file(t, nil, one("a", 1)), "not an importance matrix"},
		"nothing":          {file(t, sizes), "no entries"},
		"count is text":    {file(t, []gguf.Setting{{Key: chunksKey, Value: gguf.Of("1")}, sizes[1]}), "whole number"},
		"count is 2^40":    {file(t, []gguf.Setting{{Key: chunksKey, Value: gguf.Of(uint64(1 << 40))}, sizes[1]}), "1099511627776"},
		"other tensor":     {file(t, sizes, one("a", 1)), "neither sums nor counts"},
		"no counts":        {file(t, sizes, one("a"+sumsSuffix, 1)), "no tensor"},
		"no sums":          {file(t, sizes, one("a"+countsSuffix, 1)), "no sums"},
		"halves":           {file(t, sizes, tensor.Named{Name: "a" + sumsSuffix, Raw: half}, one("a"+countsSuffix, 1)), "F16"},
		"uneven":           {file(t, sizes, one("a"+sumsSuffix, 1, 2, 3), one("a"+countsSuffix, 1, 2)), "3 sums and 2 counts"},
		"sum not a number": {file(t, sizes, one("a"+sumsSuffix, float32(math.Inf(1))), one("a"+countsSuffix, 1)), "+Inf"},
		"name of nothing":  {file(t, sizes, one(sumsSuffix, 1), one(countsSuffix, 1)), "without a name"},
	} {
		if _, err := Parse(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	short := dat(i(1), i(1), "a", i(0), i(1), float32(2)) // what follows the entries may be missing; no calls are one
	if m, err := Parse(short); err != nil || m.Entries["a"].Importance()[0] != 2 {
		t.Errorf("without an end: %v, %v", m, err)
	}
	path := filepath.Join(t.TempDir(), "m.dat")
	os.WriteFile(path, []byte("nonsense"), 0o644)
	if _, err := Open(path); err == nil || !strings.HasPrefix(err.Error(), path) {
		t.Errorf("error %v must name the file", err)
	}
}

// FuzzParse: what is read is sound, and survives being written in either format.
func FuzzParse(f *testing.F) {
	for _, path := range []string{"testdata/small.gguf", "testdata/small.dat"} {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		if err != nil {
			return
		}
		total := 0
		for name, e := range m.Entries {
			if err := e.check(); err != nil || name == "" || len(e.Importance()) != len(e.Sums) {
				t.Fatalf("%q: %v", name, err)
			}
			total += len(e.Sums) + len(e.Counts)
		}
		if 4*total > len(data)+4*len(m.Entries) {
			t.Fatalf("%d numbers in %d bytes", total, len(data))
		}
		path := filepath.Join(t.TempDir(), "m")
		if err := m.Write(path); err != nil {
			return // names that GGUF does not take
		}
		if again, err := Open(path); err != nil || !reflect.DeepEqual(again.Entries, m.Entries) {
			t.Fatalf("came back as %v, %v", again, err)
		}
	})
}
