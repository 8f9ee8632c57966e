package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Type is the type of a value, with the format's own numbers.
type Type uint32

// The format's types.
const (
	U8 Type = iota
	I8
	U16
	I16
	U32
	I32
	F32
	Bool
	Text
	Array
	U64
	I64
	F64
)

var typeNames = [...]string{"u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "text", "array", "u64", "i64", "f64"}

// sizes are the bytes of a value; 0 for those whose size varies.
var sizes = [...]int{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8}

// String names the type.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type(%d)", uint32(t))
}

// Value is a setting's value. It holds the bytes as they are in the file, already checked; the methods decode them.
// Arrays of a vocabulary's size thus cost nothing until they are asked for.
type Value struct {
	Type Type
	Elem Type // of an array
	Len  int  // of an array
	data []byte
}

func (v Value) wrong(want string) error {
	if v.Type == Array {
		return fmt.Errorf("is an array of %d × %v, not %s", v.Len, v.Elem, want)
	}
	return fmt.Errorf("is %v, not %s", v.Type, want)
}

// Size is the bytes that the value takes in a file.
func (v Value) Size() int { return len(v.data) }

// Int is the value of any integer type that fits.
func (v Value) Int() (int64, error) {
	le := binary.LittleEndian
	switch v.Type {
	case U8:
		return int64(v.data[0]), nil
	case I8:
		return int64(int8(v.data[0])), nil
	case U16:
		return int64(le.Uint16(v.data)), nil
	case I16:
		return int64(int16(le.Uint16(v.data))), nil
	case U32:
		return int64(le.Uint32(v.data)), nil
	case I32:
		return int64(int32(le.Uint32(v.data))), nil
	case I64:
		return int64(le.Uint64(v.data)), nil
	case U64:
		if n := le.Uint64(v.data); n <= math.MaxInt64 {
			return int64(n), nil
		}
		return 0, fmt.Errorf("is above the largest number we know, %d", int64(math.MaxInt64))
	}
	return 0, v.wrong("a whole number")
}

// Float is the value of either floating-point type.
func (v Value) Float() (float64, error) {
	switch v.Type {
	case F32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(v.data))), nil
	case F64:
		return math.Float64frombits(binary.LittleEndian.Uint64(v.data)), nil
	}
	return 0, v.wrong("a floating-point number")
}

// Bool is the value of the type bool.
func (v Value) Bool() (bool, error) {
	if v.Type != Bool {
		return false, v.wrong("a bool")
	}
	return v.data[0] == 1, nil
}

// Text is the value of the type text. It need not be UTF-8.
func (v Value) Text() (string, error) {
	if v.Type != Text {
		return "", v.wrong("text")
	}
	return string(v.data[8:]), nil
}

// Elems are the elements of an array.
func (v Value) Elems() ([]Value, error) {
	if v.Type != Array {
		return nil, v.wrong("an array")
	}
	list := make([]Value, v.Len)
	c := cursor{b: v.data}
	for i := range list {
		list[i], _ = c.value(v.Elem, 0) // checked when the file was read
	}
	return list, nil
}

// Texts are the elements of an array of texts.
func (v Value) Texts() ([]string, error) {
	return decode(v, Text, "an array of texts", Value.Text)
}

// Ints are the elements of an array of integers.
func (v Value) Ints() ([]int64, error) {
	elem := v.Elem
	switch elem {
	case F32, F64, Bool, Text, Array:
		elem = I64 // which it is not: for the message
	}
	return decode(v, elem, "an array of whole numbers", Value.Int)
}

// Bools are the elements of an array of booleans.
func (v Value) Bools() ([]bool, error) {
	return decode(v, Bool, "an array of booleans", Value.Bool)
}

// Floats are the elements of an array of F32.
func (v Value) Floats() ([]float64, error) {
	return decode(v, F32, "an array of f32", Value.Float)
}

func decode[T any](v Value, elem Type, want string, one func(Value) (T, error)) ([]T, error) {
	if v.Type != Array || v.Elem != elem {
		return nil, v.wrong(want)
	}
	list := make([]T, v.Len)
	c := cursor{b: v.data}
	for i := range list {
		e, _ := c.value(elem, 0) // checked when the file was read
		x, err := one(e)
		if err != nil {
			return nil, fmt.Errorf("element %d %w", i, err)
		}
		list[i] = x
	}
	return list, nil
}

// Scalar are the Go types of values that are no arrays.
type Scalar interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | float32 | bool | string | uint64 | int64 | float64
}

// Of makes a value.
func Of[T Scalar](x T) Value {
	return Value{Type: typeOf(x), data: encode(nil, x)}
}

// ListOf makes an array.
func ListOf[T Scalar](list []T) Value {
	var zero T
	v := Value{Type: Array, Elem: typeOf(zero), Len: len(list)}
	for _, x := range list {
		v.data = encode(v.data, x)
	}
	return v
}

func typeOf(x any) Type {
	switch x.(type) {
	case uint8:
		return U8
	case int8:
		return I8
	case uint16:
		return U16
	case int16:
		return I16
	case uint32:
		return U32
	case int32:
		return I32
	case float32:
		return F32
	case bool:
		return Bool
	case string:
		return Text
	case uint64:
		return U64
	case int64:
		return I64
	}
	return F64
}

func encode(dst []byte, x any) []byte {
	if s, ok := x.(string); ok {
		return append(binary.LittleEndian.AppendUint64(dst, uint64(len(s))), s...)
	}
	dst, _ = binary.Append(dst, binary.LittleEndian, x) // fixed sizes always work
	return dst
}
