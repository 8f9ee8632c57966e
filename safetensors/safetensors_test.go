package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weft/tensor"
)

// file assembles a file from a header and data.
func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	return append(b, make([]byte, data)...)
}

func sample() ([]Named, map[string]string) {
	q := func(v ...float32) []float32 { return v }
	return []Named{
		{Name: "b.weight", Raw: tensor.RawOf(q(1, 2, 3, 4, 5, 6), 2, 3)},
		{Name: "a<bias>", Raw: tensor.RawOf(q(-1, 0.5), 2)},
		{Name: "scalar", Raw: tensor.RawOf(q(7))},
		{Name: "bytes", Raw: tensor.Raw{DType: tensor.U8, Shape: []int{3}, Data: []byte{1, 2, 3}}},
		{Name: "empty", Raw: tensor.RawOf(nil, 0, 5)},
	}, map[string]string{"z": "last", "note": "tab\t \"quoted\" " + strings.Repeat("0", 64)}
}

func writeSample(t *testing.T) (string, []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.safetensors")
	tensors, meta := sample()
	if err := Write(path, tensors, meta); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, data
}

func TestRoundTrip(t *testing.T) {
	path, first := writeSample(t)
	if _, second := writeSample(t); !bytes.Equal(first, second) {
		t.Error("writing twice gives different bytes")
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tensors, meta := sample()
	for i, want := range tensors {
		got, err := f.Tensor(want.Name)
		if err != nil {
			t.Fatal(err)
		}
		if got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("%s came back as %v", want.Name, got)
		}
		if f.Names()[i] != want.Name {
			t.Errorf("tensor %d is %s, want %s", i, f.Names()[i], want.Name)
		}
	}
	for k, v := range meta {
		if f.Metadata()[k] != v {
			t.Errorf("metadata %q is %q, want %q", k, f.Metadata()[k], v)
		}
	}
	if f.Metadata()["format"] != "pt" || len(f.Metadata()) != len(meta)+2 {
		t.Errorf("metadata %v", f.Metadata())
	}
	if _, err := f.Tensor("nope"); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a tensor that is not there: %v", err)
	}
	if n := binary.LittleEndian.Uint64(first); n%8 != 0 {
		t.Errorf("the data starts at an unaligned byte %d", 8+n)
	}
}

// TestEveryBitCounts flips each bit of a file in turn, and cuts it at each length: all must be refused.
func TestEveryBitCounts(t *testing.T) {
	_, data := writeSample(t)
	for i := range 8 * len(data) {
		data[i/8] ^= 1 << (i % 8)
		if _, err := Parse(data); err == nil {
			t.Errorf("bit %d of byte %d (%q) flipped unnoticed", i%8, i/8, data[i/8])
		}
		data[i/8] ^= 1 << (i % 8)
	}
	for n := range len(data) {
		if _, err := Parse(data[:n:n]); err == nil {
			t.Errorf("cut to %d bytes unnoticed", n)
		}
	}
	if _, err := Parse(append(slices.Clone(data), 0)); err == nil {
		t.Error("a byte too many unnoticed")
	}
	if _, err := Parse(data); err != nil {
		t.Errorf("the untouched file: %v", err)
	}
}

func TestDamageIsNamed(t *testing.T) {
	path, data := writeSample(t)
	data[len(data)-1] ^= 1
	os.WriteFile(path, data, 0o644)
	if _, err := Open(path); !errors.Is(err, ErrChecksum) || !strings.HasPrefix(err.Error(), path+": ") {
		t.Errorf("damaged data: %v", err)
	}
	os.WriteFile(path, data[:len(data)-4], 0o644)
	if _, err := Open(path); err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), "truncated") {
		t.Errorf("truncated file: %v", err)
	}
}

// TestReferenceFile reads what the reference implementation wrote; see testdata/goldens.py.
func TestReferenceFile(t *testing.T) {
	f, err := Open("testdata/hf.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := map[string]string{"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64",
		"int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL", "scalar": "F32", "empty": "F32",
		"ñ \"quoted\" \\ \n": "F32"}
	if len(f.Names()) != len(want) {
		t.Errorf("names %q", f.Names())
	}
	for name, dtype := range want {
		r, err := f.Tensor(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if r.DType.String() != dtype {
			t.Errorf("%s is %v", name, r.DType)
		}
		if !r.DType.CanDecode() {
			continue
		}
		x := make([]float32, r.Elements())
		if err := r.Float32s(x); err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			if want := float32(i) - map[bool]float32{true: 0, false: 1}[dtype == "U8"]; v != want {
				t.Errorf("%s[%d] = %g, want %g", name, i, v, want)
			}
		}
	}
	if note := f.Metadata()["note"]; note != "tab\t, \"quotes\", ünïcode" {
		t.Errorf("note %q", note)
	}
}

func TestMalformed(t *testing.T) {
	ok := `"dtype":"F32","shape":[2],"data_offsets":[0,8]`
	if _, err := Parse(file(`{"w":{`+ok+`}}`, 8)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want string // part of the error
	}{
		"empty":                 {nil, "too few"},
		"seven bytes":           {make([]byte, 7), "too few"},
		"text":                  {[]byte("this is not a safetensors file"), "limit"},
		"header past the end":   {binary.LittleEndian.AppendUint64(nil, 10), "truncated"},
		"huge header":           {bytes.Repeat([]byte{0xff}, 64), "limit"},
		"no object":             {file(`[]`, 0), "not a JSON object"},
		"empty header":          {file(``, 0), "not a JSON object"},
		"not UTF-8":             {file("{\"\xff\":1}", 0), "UTF-8"},
		"half an object":        {file(`{"w":{`+ok, 8), "too early"},
		"two objects":           {file(`{"w":{`+ok+`}}{}`, 8), "more after"},
		"tensor twice":          {file(`{"w":{`+ok+`},"w":{`+ok+`}}`, 8), "listed twice"},
		"field twice":           {file(`{"w":{"dtype":"F32",`+ok+`}}`, 8), "given twice"},
		"field missing":         {file(`{"w":{"dtype":"F32","shape":[2]}}`, 8), "missing"},
		"field unknown":         {file(`{"w":{`+ok+`,"stride":[1]}}`, 8), "unknown field"},
		"tensor a number":       {file(`{"w":3}`, 0), "object"},
		"dtype unknown":         {file(`{"w":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}`, 2), "F8_E4M3"},
		"dtype a number":        {file(`{"w":{"dtype":3,"shape":[2],"data_offsets":[0,2]}}`, 2), "dtype 3"},
		"dtype quantised":       {file(`{"w":{"dtype":"Q8_0","shape":[32],"data_offsets":[0,34]}}`, 34), "Q8_0"},
		"negative dimension":    {file(`{"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`, 8), "whole number"},
		"fraction":              {file(`{"w":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}`, 8), "whole number"},
		"shape overflow":        {file(`{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), "address"},
		"bytes overflow":        {file(`{"w":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}`, 0), "address"},
		"too many dimensions":   {file(`{"w":{"dtype":"F32","shape":[`+strings.Repeat("1,", 16)+`1],"data_offsets":[0,4]}}`, 4), "more than 16"},
		"three offsets":         {file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}`, 8), "more than 2"},
		"one offset":            {file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0]}}`, 8), "not two"},
		"offset not the size":   {file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}}`, 12), "takes 8 bytes"},
		"offsets reversed":      {file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, 8), "takes 8 bytes"},
		"offset past the end":   {file(`{"w":{`+ok+`}}`, 7), "truncated"},
		"offset 2^64":           {file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[18446744073709551608,18446744073709551616]}}`, 8), "too large"},
		"overlap":               {file(`{"v":{`+ok+`},"w":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12), "ends at 8"},
		"gap":                   {file(`{"v":{`+ok+`},"w":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}`, 16), "ends at 8"},
		"bytes left over":       {file(`{"w":{`+ok+`}}`, 9), "after the last"},
		"metadata not text":     {file(`{"__metadata__":{"a":1}}`, 0), "not text"},
		"metadata no object":    {file(`{"__metadata__":[]}`, 0), "object"},
		"metadata twice":        {file(`{"__metadata__":{},"__metadata__":{}}`, 0), "twice"},
		"metadata key twice":    {file(`{"__metadata__":{"a":"","a":""}}`, 0), "twice"},
		"checksum no checksum":  {file(`{"__metadata__":{"weft.sha256":"0"}}`, 0), "SHA-256"},
		"checksum wrong":        {file(`{"__metadata__":{"weft.sha256":"`+blank+`"}}`, 0), "damaged"},
		"checksum key damaged":  {file(`{"__metadata__":{"weft.sha257":"`+blank+`"}}`, 0), "damaged"},
		"checksum key damaged2": {file(`{"__metadata__":{"wept.sha256":"`+blank+`"}}`, 0), "damaged"},
		"nesting":               {file(`{"w":`+strings.Repeat("[", 100000), 0), "object"},
	} {
		if _, err := Parse(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	dir := t.TempDir()
	w := tensor.RawOf(make([]float32, 2), 2)
	short := w
	short.Shape = []int{3}
	for name, tensors := range map[string][]Named{
		"two of a name":    {{Name: "w", Raw: w}, {Name: "w", Raw: w}},
		"metadata's name":  {{Name: "__metadata__", Raw: w}},
		"not UTF-8":        {{Name: "\xff", Raw: w}},
		"shape and bytes":  {{Name: "w", Raw: short}},
		"quantised":        {{Name: "w", Raw: tensor.Raw{DType: tensor.Q8_0, Shape: []int{32}, Data: make([]byte, 34)}}},
		"no dtype":         {{Name: "w"}},
		"failing producer": {{Name: "w", Raw: w, Make: func() ([]byte, error) { return nil, errors.New("producer") }}},
	} {
		path := filepath.Join(dir, "f")
		if err := Write(path, tensors, nil); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v must name the file", name, err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Fatalf("%s: left a file", name)
		}
	}
}

// TestChecksumChunks: the writer's streamed sums equal the reader's, whatever the pieces are.
func TestChecksumChunks(t *testing.T) {
	data := make([]byte, 2*chunk+12345)
	for i := range data {
		data[i] = byte(i * i >> 3)
	}
	want := chunkSums(data)
	for _, piece := range []int{1 << 20, chunk - 1, chunk, chunk + 1, len(data)} {
		c := &chunker{}
		for rest := data; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
			c.Write(rest[:min(piece, len(rest))])
		}
		if !bytes.Equal(c.finish(), want) {
			t.Errorf("pieces of %d bytes give other sums", piece)
		}
	}
}

func TestIndexed(t *testing.T) {
	dir := t.TempDir()
	shard := func(name string, tensors ...string) {
		var list []Named
		for i, n := range tensors {
			list = append(list, Named{Name: n, Raw: tensor.RawOf([]float32{float32(i)}, 1)})
		}
		if err := Write(filepath.Join(dir, name), list, nil); err != nil {
			t.Fatal(err)
		}
	}
	shard("one.safetensors", "a", "b")
	shard("two.safetensors", "c")
	index := filepath.Join(dir, IndexName)
	open := func(weightMap string) (*Set, error) {
		os.WriteFile(index, []byte(`{"metadata":{"total_size":12},"weight_map":`+weightMap+`}`), 0o644)
		return OpenIndexed(index)
	}
	s, err := open(`{"c":"two.safetensors","b":"one.safetensors","a":"one.safetensors"}`)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := fmt.Sprint(s.Names()); got != "[a b c]" {
		t.Errorf("names %s", got)
	}
	if r, err := s.Tensor("c"); err != nil || r.Elements() != 1 {
		t.Errorf("tensor c: %v, %v", r, err)
	}
	if _, err := s.Tensor("d"); err == nil {
		t.Error("tensor d is there")
	}
	for weightMap, want := range map[string]string{
		`{"a":"one.safetensors","b":"one.safetensors","c":"no.safetensors"}`:                        "no.safetensors",
		`{"a":"one.safetensors","b":"one.safetensors","c":"two.safetensors","d":"two.safetensors"}`: `"d"`,
		`{"a":"one.safetensors","c":"two.safetensors"}`:                                             `"b"`,
		`{"a":"two.safetensors","b":"one.safetensors","c":"two.safetensors"}`:                       `"a"`,
		`{"a":"../one.safetensors"}`:                                                                "no name of a file",
		`{"a":"/etc/passwd"}`:                                                                       "no name of a file",
		`{"a":"sub/one.safetensors"}`:                                                               "no name of a file",
		`{"a":""}`:                                                                                  "no name of a file",
		`{}`:                                                                                        "not an index",
		`3`:                                                                                         "not an index",
	} {
		if _, err := open(weightMap); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: error %v, want one with %s", weightMap, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, path := range []string{"testdata/hf.safetensors"} {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(file(`{"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data)
		if err != nil {
			return
		}
		total := 0
		for _, name := range file.Names() {
			r, err := file.Tensor(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Check(); err != nil {
				t.Fatal(err)
			}
			total += len(r.Data)
		}
		if total > len(data) {
			t.Fatalf("%d bytes of tensors in a file of %d", total, len(data))
		}
	})
}
