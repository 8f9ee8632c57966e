package tensor

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unsafe"

	"weft/internal/quant"
)

// Raw is a tensor as it is stored: a type, a shape and the bytes. Data often points into a mapped file and must not be
// written to, nor used after that file is closed.
type Raw struct {
	DType DType
	Shape []int // outermost first, so the last is the length of a row; empty for a single number
	Data  []byte
}

// Named is a tensor on its way into a file.
type Named struct {
	Name string
	Raw

	// Make, when not nil, produces the bytes when their turn comes, so that a model can be converted on the way out
	// without a second copy of it in memory; Data is then ignored. It may be called more than once, must return the
	// same bytes each time, and may reuse the slice it returned before.
	Make func() ([]byte, error)
}

// Bytes returns the tensor's bytes, checked against its type and shape.
func (n Named) Bytes() ([]byte, error) {
	r := n.Raw
	if n.Make != nil {
		data, err := n.Make()
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", n.Name, err)
		}
		r.Data = data
	}
	if err := r.Check(); err != nil {
		return nil, fmt.Errorf("tensor %q: %w", n.Name, err)
	}
	return r.Data, nil
}

// Elements multiplies the dimensions. A negative one, or a product beyond the address space, is an error.
func Elements(shape []int) (int, error) {
	n := uint64(1)
	zero := false
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		if d == 0 {
			zero = true
			continue // keep checking the others: a zero must not hide an overflow from those who multiply otherwise
		}
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > uint64(maxInt) {
			return 0, fmt.Errorf("shape %v is more than memory can address", shape)
		}
		n = lo
	}
	if zero {
		return 0, nil
	}
	return int(n), nil
}

const maxInt = int(^uint(0) >> 1)

// SizeOf is the number of bytes that a tensor takes. Rows of a quantised type must be whole blocks.
func SizeOf(d DType, shape []int) (int, error) {
	n, err := Elements(shape)
	if err != nil {
		return 0, err
	}
	if b := d.BlockSize(); b > 1 && (len(shape) == 0 || shape[len(shape)-1]%b != 0) {
		return 0, fmt.Errorf("shape %v: rows are not whole blocks of %d, which %v needs", shape, b, d)
	}
	return d.Bytes(n)
}

// Check reports whether type, shape and the number of bytes agree.
func (r Raw) Check() error {
	want, err := SizeOf(r.DType, r.Shape)
	if err != nil {
		return err
	}
	if len(r.Data) != want {
		return fmt.Errorf("%v %v takes %d bytes, got %d", r.DType, r.Shape, want, len(r.Data))
	}
	return nil
}

// Elements is the number of numbers, 0 when the shape is impossible.
func (r Raw) Elements() int { n, _ := Elements(r.Shape); return n }

// Cols is the length of a row: the last dimension, 1 for a single number.
func (r Raw) Cols() int {
	if len(r.Shape) == 0 {
		return 1
	}
	return r.Shape[len(r.Shape)-1]
}

// Rows is the number of rows: the product of all dimensions but the last.
func (r Raw) Rows() int {
	if len(r.Shape) == 0 {
		return 1
	}
	n, _ := Elements(r.Shape[:len(r.Shape)-1])
	return n
}

// Float32s decodes all numbers into dst, which must have room for exactly those. Blocks decode to the same bits on
// every machine; F64 and wide integers round to the nearest float32.
func (r Raw) Float32s(dst []float32) error {
	if err := r.Check(); err != nil {
		return err
	}
	if len(dst) != r.Elements() {
		return fmt.Errorf("tensor %v has %d numbers, the target %d", r.Shape, r.Elements(), len(dst))
	}
	return quant.Decode(quant.Type(r.DType), dst, r.Data)
}

// Encode stores numbers as d. It refuses numbers that d cannot hold (see [quant.ErrRange]) and rows that are not whole
// blocks.
func Encode(d DType, data []float32, shape ...int) (Raw, error) {
	n, err := SizeOf(d, shape)
	if err != nil {
		return Raw{}, err
	}
	r := Raw{DType: d, Shape: shape, Data: make([]byte, n)}
	if len(data) != r.Elements() {
		return Raw{}, fmt.Errorf("tensor %v has %d numbers, the source %d", shape, r.Elements(), len(data))
	}
	return r, quant.Encode(quant.Type(d), r.Data, data)
}

// EncodeWeighted is [Encode] for columns that matter unequally, which the quantised types then spend their precision
// by: importance has a finite weight, not negative, for each column, or for each column of each matrix if shape stacks
// several (experts).
func EncodeWeighted(d DType, data, importance []float32, shape ...int) (Raw, error) {
	n, err := SizeOf(d, shape)
	if err != nil {
		return Raw{}, err
	}
	r := Raw{DType: d, Shape: shape, Data: make([]byte, n)}
	cols, matrices := r.Cols(), 1
	if len(shape) > 2 && len(importance) > cols {
		matrices, _ = Elements(shape[:len(shape)-2])
	}
	if len(data) != r.Elements() || len(importance) != matrices*cols {
		return Raw{}, fmt.Errorf("tensor %v has %d numbers, the source %d and %d weights", shape, r.Elements(), len(data), len(importance))
	}
	for i := range matrices {
		bytes, numbers := n/matrices, len(data)/matrices
		err := quant.EncodeWeighted(quant.Type(d), r.Data[i*bytes:(i+1)*bytes], data[i*numbers:(i+1)*numbers], cols,
			importance[i*cols:(i+1)*cols])
		if err != nil {
			return Raw{}, err
		}
	}
	return r, nil
}

// RawOf views float32 numbers as a tensor without copying them, so later changes show. (Files are little-endian; on a
// big-endian machine it copies.) The caller answers for shape fitting data: [Raw.Check] tells.
func RawOf(data []float32, shape ...int) Raw {
	r := Raw{DType: F32, Shape: shape}
	if !littleEndian {
		r.Data = make([]byte, 4*len(data))
		for i, b := range unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(data))), len(data)) {
			binary.LittleEndian.PutUint32(r.Data[4*i:], b)
		}
		return r
	}
	r.Data = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), 4*len(data))
	return r
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1
