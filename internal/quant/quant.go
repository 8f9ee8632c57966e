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
	// not fit, or -1. Lengths are checked by the callers below. Nil means that we know the layout's size only.
	decode func(dst []float32, src []byte)
	encode func(dst []byte, src []float32) int
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
	f, err := check(t, len(src), len(dst))
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	if f.encode == nil {
		return fmt.Errorf("encode: writing numbers as %s is not supported", f.Name)
	}
	if i := f.encode(dst, src); i >= 0 {
		return fmt.Errorf("encode: %w: elements %d to %d do not fit %s", ErrRange, i*f.Block, (i+1)*f.Block-1, f.Name)
	}
	return nil
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
