// Package quant knows how numbers are laid out in files: every storage type, its block layout, and how to turn blocks
// into float32 and back.
//
// The table in formats.go is the whole list; [Decode] and [Encode] work from it. A new format is a row there plus a
// decoder (and an encoder, if Weft should write it). Decoders give the same bits as the reference implementation of
// the formats (the gguf Python package), on every platform.
//
// This is the portable reference. Kernels that compute on quantised weights directly are tested against it.
package quant

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// ErrRange is wrapped when a number cannot be held in the format asked for: not finite, or too large.
var ErrRange = errors.New("value out of range")

// Format describes one storage type.
type Format struct {
	Name  string
	Block int // elements in a block; 1 for plain numbers
	Bytes int // bytes in a block

	// decode fills dst from src; encode does the reverse and returns the index of the first block whose numbers do
	// not fit, or -1. importance is nil, or has a weight for each number of src, which is then one row. Lengths are
	// checked by the callers below. Nil means that we know the layout's size only.
	decode func(dst []float32, src []byte)
	encode func(dst []byte, src, importance []float32) int
}

// Format returns the description of t, and whether there is one.
func (t Type) Format() (Format, bool) {
	if int(t) >= len(formats) || formats[t].Block == 0 {
		return Format{}, false
	}
	return formats[t], true
}

// String is the name used in GGUF and safetensors files, such as "F32" or "Q8_0".
func (t Type) String() string {
	if f, ok := t.Format(); ok {
		return f.Name
	}
	return fmt.Sprintf("type(%d)", uint8(t))
}

// Size is the number of bytes that n elements take. It refuses a part of a block, and sizes beyond the address space.
func (t Type) Size(n int) (int, error) {
	f, ok := t.Format()
	switch {
	case !ok:
		return 0, fmt.Errorf("unknown dtype %v", t)
	case n < 0:
		return 0, fmt.Errorf("%d elements", n)
	case n%f.Block != 0:
		return 0, fmt.Errorf("%d elements are not whole blocks of %d, which %s needs", n, f.Block, f.Name)
	}
	hi, lo := bits.Mul64(uint64(n/f.Block), uint64(f.Bytes))
	if hi != 0 || lo > maxInt {
		return 0, fmt.Errorf("%d elements of %s are more than memory can address", n, f.Name)
	}
	return int(lo), nil
}

const maxInt = uint64(^uint(0) >> 1)

// CanDecode and CanEncode report what Weft can do with the numbers of this type.
func (t Type) CanDecode() bool { f, _ := t.Format(); return f.decode != nil }

// CanEncode is described at CanDecode.
func (t Type) CanEncode() bool { f, _ := t.Format(); return f.encode != nil }

// Decode turns src, stored as t, into len(dst) float32 numbers. src must hold exactly those.
func Decode(t Type, dst []float32, src []byte) error {
	f, err := check(t, len(dst), len(src))
	if err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if f.decode == nil {
		return fmt.Errorf("decode: reading numbers stored as %s is not supported", f.Name)
	}
	f.decode(dst, src)
	return nil
}

// Encode stores src as t into dst, which must be exactly as long as that takes. Numbers that the format cannot hold
// are an error wrapping [ErrRange]; dst is then unspecified. F32, F16 and BF16 do hold NaN and infinities.
func Encode(t Type, dst []byte, src []float32) error {
	f, err := checkEncode(t, dst, src)
	if err != nil {
		return err
	}
	return f.tooLarge(0, f.encode(dst, src, nil))
}

// EncodeWeighted is [Encode] for rows of rowLen numbers whose columns matter unequally: importance has a finite,
// non-negative weight for each, such as the mean square of the activations that the column meets. Plain numbers and Q8_0
// make no use of it. With nil it is Encode.
func EncodeWeighted(t Type, dst []byte, src []float32, rowLen int, importance []float32) error {
	f, err := checkEncode(t, dst, src)
	switch {
	case err != nil:
		return err
	case importance == nil:
		return f.tooLarge(0, f.encode(dst, src, nil))
	case rowLen <= 0 || rowLen%f.Block != 0 || len(src)%rowLen != 0:
		return fmt.Errorf("encode: %d numbers are not rows of %d in whole blocks of %d", len(src), rowLen, f.Block)
	case len(importance) != rowLen:
		return fmt.Errorf("encode: %d weights for rows of %d", len(importance), rowLen)
	}
	for i, w := range importance {
		if !(w >= 0 && w <= math.MaxFloat32) {
			return fmt.Errorf("encode: the weight of column %d is %g", i, w)
		}
	}
	blocks := rowLen / f.Block
	for first := 0; len(src) > 0; first += blocks {
		if bad := f.encode(dst[:blocks*f.Bytes], src[:rowLen], importance); bad >= 0 {
			return f.tooLarge(first, bad)
		}
		dst, src = dst[blocks*f.Bytes:], src[rowLen:]
	}
	return nil
}

func checkEncode(t Type, dst []byte, src []float32) (Format, error) {
	f, err := check(t, len(src), len(dst))
	if err != nil {
		return f, fmt.Errorf("encode: %w", err)
	}
	if f.encode == nil {
		return f, fmt.Errorf("encode: writing numbers as %s is not supported", f.Name)
	}
	return f, nil
}

// tooLarge is the error for a block that does not fit, counted from the block first; bad is -1 if all do.
func (f Format) tooLarge(first, bad int) error {
	if bad < 0 {
		return nil
	}
	i := (first + bad) * f.Block
	return fmt.Errorf("encode: %w: elements %d to %d do not fit %s", ErrRange, i, i+f.Block-1, f.Name)
}

func check(t Type, elements, bytes int) (Format, error) {
	want, err := t.Size(elements)
	if err != nil {
		return Format{}, err
	}
	f, _ := t.Format()
	if bytes != want {
		return Format{}, fmt.Errorf("%d elements of %s take %d bytes, got %d", elements, f.Name, want, bytes)
	}
	return f, nil
}
