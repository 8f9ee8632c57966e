package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weft/tensor"
)

const reference = "testdata/gguf-py.gguf" // see testdata/goldens.py

func TestReferenceFile(t *testing.T) {
	f, err := Open(reference)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Version() != 3 || len(f.Settings()) != 20 {
		t.Errorf("version %d, %d settings", f.Version(), len(f.Settings()))
	}
	for key, want := range map[string]int64{"v.u8": 200, "v.i8": -100, "v.u16": 60000, "v.i16": -30000,
		"v.u32": 4000000000, "v.i32": -2000000000, "v.u64": 1 << 60, "v.i64": -(1 << 60)} {
		v, _ := f.Get(key)
		if got, err := v.Int(); got != want || err != nil {
			t.Errorf("%s = %d, %v", key, got, err)
		}
	}
	for key, want := range map[string]float64{"v.f32": 1.5, "v.f64": -2.25} {
		v, _ := f.Get(key)
		if got, err := v.Float(); got != want || err != nil {
			t.Errorf("%s = %g, %v", key, got, err)
		}
	}
	get := func(key string) Value { v, _ := f.Get(key); return v }
	yes, _ := get("v.true").Bool()
	no, _ := get("v.false").Bool()
	text, _ := get("v.text").Text()
	texts, _ := get("a.text").Texts()
	ints, _ := get("a.i32").Ints()
	small, _ := get("a.u8").Ints()
	floats, _ := get("a.f32").Floats()
	bools, _ := get("a.bool").Elems()
	nested, _ := get("a.nested").Elems()
	inner, _ := nested[0].Ints()
	first, _ := bools[0].Bool()
	got := fmt.Sprintf("%v %v %q %q %v %v %v %v %v", yes, no, text, texts, ints, small, floats, first, inner)
	want := `true false "tänk\n🙂" ["" "a" "ünï"] [-1 0 1] [1 2 255] [0.5 -0.5] true [1 2]`
	if got != want {
		t.Errorf("values\n%s, want\n%s", got, want)
	}
	checkTensors(t, f)
}

func checkTensors(t *testing.T, f *File) {
	t.Helper()
	for i, want := range []struct {
		name, dtype string
		shape       []int
	}{{"f32", "F32", []int{2, 3}}, {"f16", "F16", []int{5}}, {"bf16", "BF16", []int{3, 4}}, {"i32", "I32", []int{2, 2, 2, 1}},
		{"q8_0", "Q8_0", []int{2, 32}}, {"one", "F32", []int{1}}} {
		r, err := f.Tensor(want.name)
		if err != nil || f.Names()[i] != want.name || r.DType.String() != want.dtype || !slices.Equal(r.Shape, want.shape) {
			t.Errorf("tensor %s: %v %v, %v", want.name, r.DType, r.Shape, err)
		}
		x := make([]float32, r.Elements())
		if err := r.Float32s(x); err != nil {
			t.Fatal(err)
		}
		limit := 0.0
		if want.dtype == "Q8_0" {
			limit = 0.25 // half a step of 60/127, and the scale's rounding
		}
		for i, v := range x {
			if math.Abs(float64(v)-float64(i-3)) > limit {
				t.Errorf("%s[%d] = %g", want.name, i, v)
			}
		}
	}
}

// TestWriteEqualsReference writes what the reference file holds and wants the same bytes.
func TestWriteEqualsReference(t *testing.T) {
	want, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(want)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "f.gguf")
	if err := Write(path, f.Settings(), named(t, f)); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, want) {
		t.Errorf("%d bytes that differ from the reference's %d", len(got), len(want))
	}
	again, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	checkTensors(t, again)
	if _, err := again.Tensor("nope"); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a tensor that is not there: %v", err)
	}
}

func named(t *testing.T, f *File) []tensor.Named {
	t.Helper()
	var list []tensor.Named
	for _, name := range f.Names() {
		r, err := f.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, tensor.Named{Name: name, Raw: r})
	}
	return list
}

func TestValuesSurvive(t *testing.T) {
	settings := []Setting{
		{"u8", Of(uint8(1))}, {"i8", Of(int8(-1))}, {"u16", Of(uint16(2))}, {"i16", Of(int16(-2))}, {"u32", Of(uint32(3))},
		{"i32", Of(int32(-3))}, {"u64", Of(uint64(4))}, {"i64", Of(int64(-4))}, {"f32", Of(float32(5))}, {"f64", Of(6.0)},
		{"bool", Of(true)}, {"text", Of("seven\xff")}, {"texts", ListOf([]string{"a", ""})}, {"bools", ListOf([]bool{true, false})},
		{"none", ListOf([]int32{})}, {"f64s", ListOf([]float64{1})}, {"u64s", ListOf([]uint64{1, math.MaxUint64})},
	}
	var b bytes.Buffer
	if err := WriteTo(&b, settings, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range f.Settings() {
		if want := settings[i]; s.Key != want.Key || s.Value.Type != want.Value.Type || s.Value.Elem != want.Value.Elem ||
			s.Value.Len != want.Value.Len || !bytes.Equal(s.Value.data, want.Value.data) {
			t.Errorf("%s came back as %+v", want.Key, s)
		}
	}
	for key, get := range map[string]func(Value) error{
		"text":  func(v Value) error { _, err := v.Int(); return err },
		"u8":    func(v Value) error { _, err := v.Text(); return err },
		"i8":    func(v Value) error { _, err := v.Float(); return err },
		"f64":   func(v Value) error { _, err := v.Bool(); return err },
		"bool":  func(v Value) error { _, err := v.Elems(); return err },
		"texts": func(v Value) error { _, err := v.Ints(); return err },
		"bools": func(v Value) error { _, err := v.Texts(); return err },
		"none":  func(v Value) error { _, err := v.Floats(); return err },
		"u64s":  func(v Value) error { _, err := v.Ints(); return err },
	} {
		v, ok := f.Get(key)
		if err := get(v); !ok || err == nil {
			t.Errorf("%s read as something else: no error", key)
		}
	}
}

// made assembles files by hand, to put anything anywhere.
type made struct{ bytes.Buffer }

func (m *made) put(values ...any) *made {
	for _, v := range values {
		if s, ok := v.(string); ok {
			binary.Write(m, binary.LittleEndian, uint64(len(s)))
			m.WriteString(s)
			continue
		}
		binary.Write(m, binary.LittleEndian, v)
	}
	return m
}

func start(version uint32, tensors, settings uint64) *made {
	m := &made{}
	m.WriteString(magic)
	return m.put(version, tensors, settings)
}

// list is a file of F32 tensors: name, offset and dimensions of each, then n bytes of data.
func list(n int, tensors ...[]any) []byte {
	m := start(3, uint64(len(tensors)), 0)
	for _, t := range tensors {
		m.put(t...)
	}
	m.Write(make([]byte, (-m.Len()&31)+n))
	return m.Bytes()
}

func f32(name string, offset uint64, dims ...uint64) []any {
	t := []any{name, uint32(len(dims))}
	for _, d := range dims {
		t = append(t, d)
	}
	return append(t, uint32(0), offset)
}

func TestMalformed(t *testing.T) {
	if _, err := Parse(list(64, f32("a", 0, 8), f32("b", 32, 8))); err != nil {
		t.Fatal(err)
	}
	kind := func(k uint32, dims ...uint64) []any {
		e := f32("a", 0, dims...)
		e[len(e)-2] = k
		return e
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":            {nil, "not a GGUF"},
		"three bytes":      {[]byte("GGU"), "not a GGUF"},
		"another magic":    {[]byte("GGML0000"), "not a GGUF"},
		"magic only":       {[]byte("GGUF"), "truncated"},
		"version 1":        {start(1, 0, 0).Bytes(), "version 1"},
		"version 4":        {start(4, 0, 0).Bytes(), "version 4"},
		"big-endian":       {start(3<<24, 0, 0).Bytes(), "big-endian"},
		"2^64 tensors":     {start(3, math.MaxUint64, 0).Bytes(), "limit"},
		"2^64 settings":    {start(3, 0, math.MaxUint64).Bytes(), "limit"},
		"too many tensors": {start(3, 1000, 0).put(make([]byte, 100)).Bytes(), "cannot fit"},
		"too many setting": {start(3, 0, 1000).put(make([]byte, 100)).Bytes(), "cannot fit"},

		"key of 2^64":         {start(3, 0, 1).put(uint64(math.MaxUint64), make([]byte, 32)).Bytes(), "limit"},
		"key past the end":    {start(3, 0, 1).put(uint64(100), make([]byte, 32)).Bytes(), "truncated"},
		"empty key":           {start(3, 0, 1).put("", uint32(U8), byte(0), make([]byte, 9)).Bytes(), "empty"},
		"key not UTF-8":       {start(3, 0, 1).put("\xff", uint32(U32), uint32(0)).Bytes(), "UTF-8"},
		"key twice":           {start(3, 0, 2).put("a", uint32(U32), uint32(0), "a", uint32(U32), uint32(0)).Bytes(), "set twice"},
		"type unknown":        {start(3, 0, 1).put("a", uint32(13), uint64(0)).Bytes(), "type 13"},
		"type huge":           {start(3, 0, 1).put("a", uint32(math.MaxUint32), uint64(0)).Bytes(), "unknown"},
		"value cut":           {start(3, 0, 1).put("a", uint32(U64), uint32(0)).Bytes(), "truncated"},
		"bool of 2":           {start(3, 0, 1).put("a", uint32(Bool), byte(2)).Bytes(), "bool is 2"},
		"text of 2^64":        {start(3, 0, 1).put("a", uint32(Text), uint64(math.MaxUint64)).Bytes(), "limit"},
		"text of 2^63":        {start(3, 0, 1).put("a", uint32(Text), uint64(1<<61)).Bytes(), "truncated"},
		"array of 2^61":       {start(3, 0, 1).put("a", uint32(Array), uint32(U64), uint64(1<<61)).Bytes(), "truncated"},
		"array wraps":         {start(3, 0, 1).put("a", uint32(Array), uint32(U64), uint64(1<<61+1), uint64(0)).Bytes(), "truncated"},
		"array of unknown":    {start(3, 0, 1).put("a", uint32(Array), uint32(99), uint64(0)).Bytes(), "type 99"},
		"array of cut texts":  {start(3, 0, 1).put("a", uint32(Array), uint32(Text), uint64(2), "abc", uint64(9)).Bytes(), "element 1"},
		"array of bad bools":  {start(3, 0, 1).put("a", uint32(Array), uint32(Bool), uint64(2), byte(1), byte(7)).Bytes(), "bool is 7"},
		"arrays all the way":  {start(3, 0, 1).put("a", uint32(Array)).put(bytes.Repeat([]byte{9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, 1000)).Bytes(), "deep"},
		"alignment 0":         {start(3, 0, 1).put(alignmentKey, uint32(U32), uint32(0)).Bytes(), "power of two"},
		"alignment 24":        {start(3, 0, 1).put(alignmentKey, uint32(U32), uint32(24)).Bytes(), "power of two"},
		"alignment 2^31":      {start(3, 0, 1).put(alignmentKey, uint32(U32), uint32(1<<31)).Bytes(), "power of two"},
		"alignment text":      {start(3, 0, 1).put(alignmentKey, uint32(Text), "32").Bytes(), "whole number"},
		"tensor twice":        {list(64, f32("a", 0, 8), f32("a", 32, 8)), "listed twice"},
		"tensor without name": {list(64, f32("", 0, 8)), "empty"},
		"no dimension":        {list(64, f32("a", 0), f32("b", 0, 1)), "0 dimensions"},
		"five dimensions":     {list(64, f32("a", 0, 1, 1, 1, 1, 1)), "5 dimensions"},
		"2^32 dimensions":     {start(3, 1, 0).put("a", uint32(math.MaxUint32), make([]byte, 64)).Bytes(), "dimensions"},
		"dimension 0":         {list(64, f32("a", 0, 8, 0)), "a dimension of 0"},
		"dimension 2^63":      {list(64, f32("a", 0, 1<<63)), "a dimension of"},
		"elements overflow":   {list(64, f32("a", 0, 1<<32, 1<<32)), "address"},
		"elements wrap to 1":  {list(64, f32("a", 0, 0x5555555555555555, 3)), "address"},
		"bytes overflow":      {list(64, f32("a", 0, 1<<62)), "address"},
		"type withdrawn":      {list(64, kind(4, 8)), "type 4"},
		"tensor type huge":    {list(64, kind(math.MaxUint32, 8)), "unknown"},
		"part of a block":     {list(64, kind(8, 16, 2)), "whole blocks"},
		"offset unaligned":    {list(64, f32("a", 4, 8)), "multiple of 32"},
		"offset past the end": {list(64, f32("a", 64, 8)), "truncated"},
		"offset 2^63":         {list(64, f32("a", 1<<63, 8)), "address"},
		"offset wraps":        {list(64, f32("a", math.MaxUint64-31, 8)), "address"},
		"size past the end":   {list(64, f32("a", 32, 9)), "truncated"},
		"no data":             {start(3, 1, 0).put(f32("a", 0, 8)...).Bytes(), "should begin"},
		"overlap":             {list(96, f32("a", 32, 8), f32("b", 0, 9)), "overlap"},
		"same place":          {list(96, f32("a", 0, 8), f32("b", 0, 8)), "overlap"},
	} {
		if _, err := Parse(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// TestTruncated cuts the reference file at every length.
func TestTruncated(t *testing.T) {
	data, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	f, _ := Parse(data)
	need := len(data) - len(f.data) + f.tensors[len(f.tensors)-1].end // the padding at the end may be missing
	for n := range len(data) {
		if _, err := Parse(data[:n:n]); (err == nil) != (n >= need) {
			t.Errorf("cut to %d of %d bytes: %v", n, len(data), err)
		}
	}
	path := filepath.Join(t.TempDir(), "cut.gguf")
	os.WriteFile(path, data[:need-1], 0o644)
	if _, err := Open(path); err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), "truncated") {
		t.Errorf("error %v must name the file and say truncated", err)
	}
}

func TestVersion2AndAlignment(t *testing.T) {
	m := start(2, 2, 1).put(alignmentKey, uint32(U32), uint32(64))
	m.put(f32("a", 0, 1)...).put(f32("b", 64, 1)...)
	m.Write(make([]byte, -m.Len()&63))
	begin := m.Len()
	m.Write(make([]byte, 68))
	data := m.Bytes()
	data[begin+64+3] = 0x3f // with the byte before it: 0.5
	f, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := f.Tensor("b")
	if x := make([]float32, 1); r.Float32s(x) != nil || x[0] != 0.5 || f.Version() != 2 {
		t.Errorf("b is %v in version %d", x, f.Version())
	}
}

func TestWriteRefuses(t *testing.T) {
	ok := tensor.RawOf(make([]float32, 2), 2)
	for name, c := range map[string]struct {
		settings []Setting
		tensors  []tensor.Named
	}{
		"key twice":      {[]Setting{{"a", Of(true)}, {"a", Of(true)}}, nil},
		"no key":         {[]Setting{{"", Of(true)}}, nil},
		"no value":       {[]Setting{{"a", Value{}}}, nil},
		"own alignment":  {[]Setting{{alignmentKey, Of(uint32(64))}}, nil},
		"name twice":     {nil, []tensor.Named{{Name: "a", Raw: ok}, {Name: "a", Raw: ok}}},
		"long name":      {nil, []tensor.Named{{Name: strings.Repeat("a", 64), Raw: ok}}},
		"bytes missing":  {nil, []tensor.Named{{Name: "a", Raw: tensor.Raw{DType: tensor.F32, Shape: []int{3}, Data: make([]byte, 8)}}}},
		"no dimension":   {nil, []tensor.Named{{Name: "a", Raw: tensor.RawOf(make([]float32, 1))}}},
		"dimension 0":    {nil, []tensor.Named{{Name: "a", Raw: tensor.RawOf(nil, 0)}}},
		"type not ours":  {nil, []tensor.Named{{Name: "a", Raw: tensor.Raw{DType: tensor.Bool, Shape: []int{1}, Data: []byte{1}}}}},
		"failing source": {nil, []tensor.Named{{Name: "a", Raw: ok, Make: func() ([]byte, error) { return nil, errors.New("no") }}}},
	} {
		path := filepath.Join(t.TempDir(), "f.gguf")
		if err := Write(path, c.settings, c.tensors); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v must name the file", name, err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: left a file", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	data, err := os.ReadFile(reference)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(list(64, f32("a", 0, 8), f32("b", 32, 8)))
	f.Add(start(2, 0, 1).put("a", uint32(Array), uint32(Text), uint64(1), "abc").Bytes())
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
		for _, s := range file.Settings() {
			readAll(t, s.Value)
		}
	})
}

// readAll reads a value in its own type, and all that is inside.
func readAll(t *testing.T, v Value) {
	var err error
	switch v.Type {
	case Array:
		var elems []Value
		elems, err = v.Elems()
		for _, e := range elems {
			readAll(t, e)
		}
	case Text:
		_, err = v.Text()
	case Bool:
		_, err = v.Bool()
	case F32, F64:
		_, err = v.Float()
	case U64:
	default:
		_, err = v.Int()
	}
	if err != nil {
		t.Fatal(err)
	}
}
