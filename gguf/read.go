package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"weft/tensor"
)

const (
	magic            = "GGUF"
	alignmentKey     = "general.alignment"
	defaultAlignment = 32
)

// Limits far above any real file, which bound the memory that a hostile one can make us take.
const (
	maxSettings  = 1 << 16
	maxTensors   = 1 << 17
	maxKey       = 1<<16 - 1 // the format's own
	maxName      = 1 << 10   // the format says 64
	maxDims      = 4
	maxDepth     = 4 // arrays in arrays
	maxAlignment = 1 << 20
	maxInt       = int(^uint(0) >> 1)
)

// Parse is [Open] for a file that is already in memory. The result points into data.
func Parse(data []byte) (*File, error) {
	f := &File{byKey: map[string]int{}, byName: map[string]int{}}
	if err := f.parse(data); err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	return f, nil
}

func (f *File) parse(data []byte) error {
	c := &cursor{b: data}
	tensors, settings, err := f.parseStart(c)
	if err != nil {
		return err
	}
	for i := range settings {
		if err := f.parseSetting(c); err != nil {
			return fmt.Errorf("setting %d: %w", i, err)
		}
	}
	if err := f.setAlignment(); err != nil {
		return err
	}
	for i := range tensors {
		if err := f.parseTensor(c); err != nil {
			return fmt.Errorf("tensor %d: %w", i, err)
		}
	}
	return f.place(data, len(data)-len(c.b))
}

// parseStart reads what comes before the settings: the numbers of tensors and of settings.
func (f *File) parseStart(c *cursor) (tensors, settings int, err error) {
	start, err := c.take(4)
	if err != nil || string(start) != magic {
		return 0, 0, errors.New("not a GGUF file: it does not begin with GGUF")
	}
	version, err := c.u32()
	switch {
	case err != nil:
		return 0, 0, err
	case version == 1:
		return 0, 0, errors.New("version 1 is not supported, only 2 and 3")
	case version != 2 && version != 3 && version&0xffff == 0:
		return 0, 0, errors.New("big-endian files are not supported")
	case version != 2 && version != 3:
		return 0, 0, fmt.Errorf("version %d is not supported, only 2 and 3", version)
	}
	f.version = int(version)
	if tensors, err = c.count(maxTensors, 24, "tensors"); err != nil { // a tensor's entry has at least 24 bytes
		return 0, 0, err
	}
	settings, err = c.count(maxSettings, 13, "settings") // a setting has at least 13
	return tensors, settings, err
}

func (f *File) parseSetting(c *cursor) error {
	key, err := c.text(maxKey)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if _, ok := f.byKey[key]; ok {
		return fmt.Errorf("%q is set twice", key)
	}
	kind, err := c.u32()
	if err != nil {
		return fmt.Errorf("%q: %w", key, err)
	}
	v, err := c.value(Type(kind), 0)
	if err != nil {
		return fmt.Errorf("%q: %w", key, err)
	}
	f.byKey[key] = len(f.settings)
	f.settings = append(f.settings, Setting{key, v})
	return nil
}

func (f *File) setAlignment() error {
	f.alignment = defaultAlignment
	v, ok := f.Get(alignmentKey)
	if !ok {
		return nil
	}
	n, err := v.Int()
	if err != nil {
		return fmt.Errorf("%s %w", alignmentKey, err)
	}
	if n < 1 || n > maxAlignment || n&(n-1) != 0 {
		return fmt.Errorf("%s %d is not a power of two up to %d", alignmentKey, n, maxAlignment)
	}
	f.alignment = int(n)
	return nil
}

func (f *File) parseTensor(c *cursor) error {
	name, err := c.text(maxName)
	if err != nil {
		return fmt.Errorf("name: %w", err)
	}
	if _, ok := f.byName[name]; ok {
		return fmt.Errorf("%q is listed twice", name)
	}
	e, err := c.entry(name, f.alignment)
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	f.byName[name] = len(f.tensors)
	f.tensors = append(f.tensors, e)
	return nil
}

// place finds the data, which begins at the next aligned byte, and checks every tensor against its end and against
// the others.
func (f *File) place(data []byte, end int) error {
	if len(f.tensors) == 0 {
		return nil // a vocabulary alone
	}
	begin := (end + f.alignment - 1) / f.alignment * f.alignment
	if begin > len(data) {
		return fmt.Errorf("truncated: the data should begin at byte %d, the file has %d", begin, len(data))
	}
	f.data = data[begin:]
	order := make([]int, len(f.tensors))
	for i, e := range f.tensors {
		if e.end > len(f.data) {
			return fmt.Errorf("truncated: tensor %q ends at byte %d of the data, the file has %d", e.name, e.end, len(f.data))
		}
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return f.tensors[a].begin - f.tensors[b].begin }) // neither is negative
	for i := 1; i < len(order); i++ {
		if a, b := f.tensors[order[i-1]], f.tensors[order[i]]; a.end > b.begin {
			return fmt.Errorf("tensors %q and %q overlap", a.name, b.name)
		}
	}
	return nil
}

// cursor takes values off the front of b. Nothing is allocated before the bytes for it are known to be there.
type cursor struct{ b []byte }

func (c *cursor) take(n int) ([]byte, error) {
	if n > len(c.b) {
		return nil, fmt.Errorf("truncated: %d bytes wanted, %d left", n, len(c.b))
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b, nil
}

func (c *cursor) u32() (uint32, error) {
	b, err := c.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (c *cursor) u64() (uint64, error) {
	b, err := c.take(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// count reads a number of things of at least size bytes each, for which there must be room.
func (c *cursor) count(limit uint64, size int, what string) (int, error) {
	n, err := c.u64()
	switch {
	case err != nil:
		return 0, err
	case n > limit:
		return 0, fmt.Errorf("%d %s are more than the limit of %d", n, what, limit)
	case n > uint64(len(c.b)/size):
		return 0, fmt.Errorf("truncated: %d %s cannot fit into the %d bytes left", n, what, len(c.b))
	}
	return int(n), nil
}

// text reads a key or a name.
func (c *cursor) text(limit uint64) (string, error) {
	n, err := c.count(limit, 1, "bytes of text")
	if err != nil {
		return "", err
	}
	b, err := c.take(n)
	switch {
	case err != nil:
		return "", err
	case n == 0:
		return "", errors.New("it is empty")
	case !utf8.Valid(b):
		return "", fmt.Errorf("%q is not UTF-8", b)
	}
	return string(b), nil
}

// value reads and checks a value, keeping its bytes as they are.
func (c *cursor) value(t Type, depth int) (Value, error) {
	switch {
	case int(t) >= len(sizes):
		return Value{}, fmt.Errorf("values of type %d are unknown", uint32(t))
	case t == Array:
		return c.array(depth)
	case t == Text:
		all := c.b
		n, err := c.count(1<<62, 1, "bytes of text")
		if err != nil {
			return Value{}, err
		}
		c.b = c.b[n:]
		return Value{Type: Text, data: all[: 8+n : 8+n]}, nil
	}
	b, err := c.take(sizes[t])
	if err == nil && t == Bool && b[0] > 1 {
		err = fmt.Errorf("a bool is %d", b[0])
	}
	return Value{Type: t, data: b}, err
}

func (c *cursor) array(depth int) (Value, error) {
	if depth == maxDepth {
		return Value{}, fmt.Errorf("arrays inside arrays more than %d deep", maxDepth)
	}
	kind, err := c.u32()
	if err != nil {
		return Value{}, err
	}
	v := Value{Type: Array, Elem: Type(kind)}
	least := 1
	switch {
	case kind >= uint32(len(sizes)):
		return v, fmt.Errorf("an array of values of type %d, which is unknown", kind)
	case v.Elem == Text:
		least = 8
	case v.Elem == Array:
		least = 12
	default:
		least = sizes[kind]
	}
	if v.Len, err = c.count(1<<62, least, "elements"); err != nil {
		return v, err
	}
	all := c.b
	if sizes[kind] > 0 && v.Elem != Bool {
		c.b = c.b[v.Len*least:]
	} else {
		for i := range v.Len {
			if _, err := c.value(v.Elem, depth+1); err != nil {
				return v, fmt.Errorf("element %d: %w", i, err)
			}
		}
	}
	n := len(all) - len(c.b)
	v.data = all[:n:n]
	return v, nil
}

// entry reads a tensor's dimensions, type and offset. The file has the innermost dimension first.
func (c *cursor) entry(name string, alignment int) (entry, error) {
	e := entry{name: name}
	dims, err := c.u32()
	if err != nil {
		return e, err
	}
	if dims < 1 || dims > maxDims {
		return e, fmt.Errorf("%d dimensions", dims)
	}
	e.shape = make([]int, dims)
	for i := range e.shape {
		d, err := c.u64()
		if err != nil {
			return e, err
		}
		if d < 1 || d > uint64(maxInt) {
			return e, fmt.Errorf("a dimension of %d", d)
		}
		e.shape[len(e.shape)-1-i] = int(d)
	}
	kind, err := c.u32()
	if err != nil {
		return e, err
	}
	var ok bool
	if e.dtype, ok = dtypes[kind]; !ok {
		return e, fmt.Errorf("tensors of type %d are unknown", kind)
	}
	return e, c.offset(&e, alignment)
}

func (c *cursor) offset(e *entry, alignment int) error {
	offset, err := c.u64()
	if err != nil {
		return err
	}
	size, err := tensor.SizeOf(e.dtype, e.shape)
	switch {
	case err != nil:
		return err
	case offset%uint64(alignment) != 0:
		return fmt.Errorf("the offset %d is not a multiple of %d", offset, alignment)
	case offset > uint64(maxInt-size):
		return fmt.Errorf("the offset %d is more than memory can address", offset)
	}
	e.begin, e.end = int(offset), int(offset)+size
	return nil
}
