package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"weft/tensor"
)

// Limits of what a header may ask of us. The first is the format's own; the others are far above any real model and
// bound the memory that a hostile file can make us take.
const (
	maxHeader  = 100_000_000
	maxTensors = 1 << 16
	maxDims    = 16
)

const metadataKey = "__metadata__"

// entry is one tensor of the header. begin and end are offsets into the data.
type entry struct {
	name       string
	dtype      tensor.DType
	shape      []int
	begin, end int
}

// split takes the JSON header off the front of a file.
func split(data []byte) (header, rest []byte, err error) {
	if len(data) < 8 {
		return nil, nil, fmt.Errorf("the file has %d bytes, too few for a header", len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	switch {
	case n > maxHeader:
		return nil, nil, fmt.Errorf("a header of %d bytes is above the format's limit of %d; is this a safetensors file?", n, maxHeader)
	case n > uint64(len(data)-8):
		return nil, nil, fmt.Errorf("truncated: the header should have %d bytes, the file has %d left", n, len(data)-8)
	}
	header, rest = data[8:8+n], data[8+n:]
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, errors.New("the header is not a JSON object")
	}
	if !utf8.Valid(header) {
		return nil, nil, errors.New("the header is not UTF-8")
	}
	return header, rest, nil
}

// parseHeader reads the header token by token: a plain Unmarshal would accept a name twice and keep the last.
func (f *File) parseHeader(header []byte) error {
	dec := json.NewDecoder(bytes.NewReader(header))
	f.byName = map[string]int{}
	err := object(dec, func(name string) error {
		if name == metadataKey {
			return f.parseMetadata(dec)
		}
		if _, ok := f.byName[name]; ok {
			return fmt.Errorf("tensor %q is listed twice", name)
		}
		if len(f.tensors) == maxTensors {
			return fmt.Errorf("more than %d tensors", maxTensors)
		}
		e, err := parseEntry(dec, name)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		f.byName[name] = -1 // place gives the index
		f.tensors = append(f.tensors, e)
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("there is more after the JSON object")
	}
	return nil
}

func (f *File) parseMetadata(dec *json.Decoder) error {
	if f.metadata != nil {
		return errors.New("the metadata is listed twice")
	}
	f.metadata = map[string]string{}
	return object(dec, func(key string) error {
		if _, ok := f.metadata[key]; ok {
			return fmt.Errorf("metadata %q is listed twice", key)
		}
		t, err := dec.Token()
		if err != nil {
			return clear(err)
		}
		value, ok := t.(string)
		if !ok {
			return fmt.Errorf("metadata %q is not text", key)
		}
		f.metadata[key] = value
		return nil
	})
}

func parseEntry(dec *json.Decoder, name string) (entry, error) {
	e := entry{name: name, begin: -1}
	seen := 0
	err := object(dec, func(key string) error {
		field := slices.Index([]string{"dtype", "shape", "data_offsets"}, key)
		if field < 0 {
			return fmt.Errorf("unknown field %q", key)
		}
		if seen&(1<<field) != 0 {
			return fmt.Errorf("%s is given twice", key)
		}
		seen |= 1 << field
		switch key {
		case "dtype":
			return e.parseDType(dec)
		case "shape":
			shape, err := integers(dec, maxDims)
			e.shape = shape
			return err
		default:
			offsets, err := integers(dec, 2)
			if err == nil && len(offsets) != 2 {
				err = errors.New("data_offsets are not two numbers")
			}
			if err == nil {
				e.begin, e.end = offsets[0], offsets[1]
			}
			return err
		}
	})
	if err == nil && seen != 7 {
		err = errors.New("dtype, shape or data_offsets is missing")
	}
	return e, err
}

func (e *entry) parseDType(dec *json.Decoder) error {
	t, err := dec.Token()
	if err != nil {
		return clear(err)
	}
	name, _ := t.(string)
	d, ok := dtypes[name]
	if !ok {
		return fmt.Errorf("dtype %v is not supported", t)
	}
	e.dtype = d
	return nil
}

// dtypes are the format's types that we know. The names are case-sensitive.
var dtypes = map[string]tensor.DType{
	"F64": tensor.F64, "F32": tensor.F32, "F16": tensor.F16, "BF16": tensor.BF16,
	"I64": tensor.I64, "I32": tensor.I32, "I16": tensor.I16, "I8": tensor.I8,
	"U64": tensor.U64, "U32": tensor.U32, "U16": tensor.U16, "U8": tensor.U8, "BOOL": tensor.Bool,
}

// place sorts the tensors by offset and checks that they tile the data: in bounds, no overlap, no gap, and each as
// long as its type and shape say.
func (f *File) place() error {
	slices.SortStableFunc(f.tensors, func(a, b entry) int {
		if a.begin != b.begin {
			return a.begin - b.begin // neither is negative
		}
		return a.end - b.end
	})
	at := 0
	for i, e := range f.tensors {
		size, err := tensor.SizeOf(e.dtype, e.shape)
		switch {
		case err != nil:
			return fmt.Errorf("tensor %q: %w", e.name, err)
		case e.begin > e.end || e.end-e.begin != size:
			return fmt.Errorf("tensor %q: offsets %d to %d, but %v %v takes %d bytes", e.name, e.begin, e.end, e.dtype, e.shape, size)
		case e.begin != at:
			return fmt.Errorf("tensor %q starts at %d, the one before it ends at %d", e.name, e.begin, at)
		case e.end > len(f.data):
			return fmt.Errorf("truncated: tensor %q ends at byte %d of the data, the file has %d", e.name, e.end, len(f.data))
		}
		at = e.end
		f.byName[e.name] = i
	}
	if at != len(f.data) {
		return fmt.Errorf("%d bytes after the last tensor", len(f.data)-at)
	}
	return nil
}

// object reads a JSON object, calling value at each key; value must read exactly one value.
func object(dec *json.Decoder, value func(key string) error) error {
	if t, err := dec.Token(); err != nil {
		return clear(err)
	} else if t != json.Delim('{') {
		return fmt.Errorf("found %v where an object should start", t)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return clear(err)
		}
		if err := value(key.(string)); err != nil { // the decoder allows only strings here
			return err
		}
	}
	_, err := dec.Token()
	return clear(err)
}

// integers reads a JSON array of at most limit whole numbers that are not negative and fit an int.
func integers(dec *json.Decoder, limit int) ([]int, error) {
	if t, err := dec.Token(); err != nil {
		return nil, clear(err)
	} else if t != json.Delim('[') {
		return nil, fmt.Errorf("found %v where a list should start", t)
	}
	list := []int{}
	for dec.More() {
		if len(list) == limit {
			return nil, fmt.Errorf("a list of more than %d numbers", limit)
		}
		var n uint
		if err := dec.Decode(&n); err != nil {
			return nil, fmt.Errorf("found something other than a whole number: %w", clear(err))
		}
		if n > uint(maxInt) {
			return nil, fmt.Errorf("%d is too large", n)
		}
		list = append(list, int(n))
	}
	_, err := dec.Token()
	return list, clear(err)
}

const maxInt = int(^uint(0) >> 1)

// clear says what the JSON decoder's bare end-of-input means here.
func clear(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("the JSON ends too early")
	}
	return err
}
