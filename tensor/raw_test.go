package tensor

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"weft/internal/quant"
)

func TestDTypeNames(t *testing.T) {
	for d := DType(1); d.Valid(); d++ {
		for _, name := range []string{d.String(), strings.ToLower(d.String())} {
			if got, err := ParseDType(name); got != d || err != nil {
				t.Errorf("ParseDType(%q) = %v, %v", name, got, err)
			}
		}
		if n, err := d.Bytes(3 * d.BlockSize()); n != 3*d.BlockBytes() || err != nil {
			t.Errorf("%v: three blocks take %d bytes, %v", d, n, err)
		}
	}
	if _, err := ParseDType("q9_9"); err == nil {
		t.Error("q9_9 is a dtype")
	}
	if DType(0).Valid() || DType(255).Valid() {
		t.Error("an impossible dtype is valid")
	}
}

func TestRawShapes(t *testing.T) {
	for _, c := range []struct {
		shape                 []int
		rows, cols, elementsN int
	}{{nil, 1, 1, 1}, {[]int{5}, 1, 5, 5}, {[]int{3, 4}, 3, 4, 12}, {[]int{2, 3, 4}, 6, 4, 24}, {[]int{0, 4}, 0, 4, 0}} {
		r := RawOf(make([]float32, c.elementsN), c.shape...)
		if err := r.Check(); err != nil || r.Rows() != c.rows || r.Cols() != c.cols || r.Elements() != c.elementsN {
			t.Errorf("%v: rows %d, cols %d, elements %d, %v", c.shape, r.Rows(), r.Cols(), r.Elements(), err)
		}
	}
}

func TestImpossibleShapes(t *testing.T) {
	const big = math.MaxInt
	for _, c := range []struct {
		d     DType
		shape []int
	}{
		{F32, []int{-1}}, {F32, []int{big, 2}}, {F32, []int{big/4 + 1}}, {F32, []int{0, big, big}},
		{Q8_0, []int{16, 16}}, {Q8_0, nil}, {0, []int{1}}, {200, []int{1}},
	} {
		if n, err := SizeOf(c.d, c.shape); err == nil {
			t.Errorf("%v %v takes %d bytes", c.d, c.shape, n)
		}
	}
	if err := (Raw{DType: F32, Shape: []int{2}, Data: make([]byte, 7)}).Check(); err == nil {
		t.Error("7 bytes hold two floats")
	}
	if err := RawOf(make([]float32, 2), 2).Float32s(make([]float32, 3)); err == nil {
		t.Error("two numbers filled a target of three")
	}
}

func TestEncodeDecode(t *testing.T) {
	x := make([]float32, 64)
	for i := range x {
		x[i] = float32(i-32) / 8
	}
	for _, d := range []DType{F32, F16, BF16, Q8_0} {
		r, err := Encode(d, x, 2, 32)
		if err != nil {
			t.Fatal(err)
		}
		y := make([]float32, 64)
		if err := r.Float32s(y); err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if math.Abs(float64(x[i]-y[i])) > 0.02 {
				t.Errorf("%v: %g became %g", d, x[i], y[i])
			}
		}
	}
	x[5] = float32(math.NaN())
	if _, err := Encode(Q8_0, x, 64); !errors.Is(err, quant.ErrRange) {
		t.Errorf("NaN as Q8_0: %v", err)
	}
	if _, err := Encode(F32, x, 63); err == nil {
		t.Error("64 numbers fitted a shape of 63")
	}
}

func TestNamedMakes(t *testing.T) {
	n := Named{Name: "w", Raw: Raw{DType: F32, Shape: []int{1}}, Make: func() ([]byte, error) { return make([]byte, 4), nil }}
	if b, err := n.Bytes(); len(b) != 4 || err != nil {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	n.Make = func() ([]byte, error) { return make([]byte, 5), nil }
	if _, err := n.Bytes(); err == nil || !strings.Contains(err.Error(), `"w"`) {
		t.Errorf("a maker of the wrong size: %v", err)
	}
}

// TestEncodeWeighted: each matrix of a stack has weights of its own, or all share some.
func TestEncodeWeighted(t *testing.T) {
	data, importance := make([]float32, 2*3*32), make([]float32, 2*32)
	for i := range data {
		data[i] = float32(math.Sin(float64(i * i)))
	}
	for i := range importance {
		importance[i] = float32(i * i % 31)
	}
	stack, err := EncodeWeighted(Q4_0, data, importance, 2, 3, 32)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		part, err := EncodeWeighted(Q4_0, data[i*96:(i+1)*96], importance[i*32:(i+1)*32], 3, 32)
		if err != nil || !bytes.Equal(part.Data, stack.Data[i*54:(i+1)*54]) {
			t.Errorf("matrix %d is not as when alone: %v", i, err)
		}
	}
	if shared, err := EncodeWeighted(Q4_0, data, importance[:32], 2, 3, 32); err != nil || !bytes.Equal(shared.Data[:54], stack.Data[:54]) {
		t.Errorf("shared weights: %v", err)
	}
	if r, err := EncodeWeighted(Q4_0, nil, importance, 2, 0, 32); err != nil || len(r.Data) != 0 {
		t.Errorf("a stack of nothing: %v", err)
	}
	for name, err := range map[string]error{
		"too few":      second(EncodeWeighted(Q4_0, data, importance[:31], 6, 32)),
		"not a stack":  second(EncodeWeighted(Q4_0, data, importance, 6, 32)),
		"no weights":   second(EncodeWeighted(Q4_0, data, nil, 6, 32)),
		"few numbers":  second(EncodeWeighted(Q4_0, data[1:], importance, 2, 3, 32)),
		"part of rows": second(EncodeWeighted(Q4_0, data, importance, 12, 16)),
		"negative":     second(EncodeWeighted(Q4_0, data[:32], []float32{31: -1}, 1, 32)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }
