package imatrix

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"

	"weft/internal/atomicfile"
)

// The old format is little-endian int32s and float32s:
//
//	entries, then for each: length, name, calls, values, values × (mean square × calls)
//	chunks, length, name of the text; both may be missing
//
// A call is one piece of text that the tensor saw a part of.

// maxName bounds names; real ones have some dozens of bytes.
const maxName = 1 << 12

func parseDat(data []byte) (*Matrix, error) {
	c := &cursor{b: data}
	n := c.count(math.MaxInt32, 17) // bytes of an entry with one value and a name of one byte
	if c.err != nil || n == 0 {
		return nil, errors.Join(errors.New("neither a GGUF file nor an old importance matrix"), c.err)
	}
	m := &Matrix{Entries: map[string]Entry{}, ChunkSize: 1}
	for i := range n {
		name, e := c.entry()
		if c.err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, c.err)
		}
		if err := m.add(name, e); err != nil {
			return nil, err
		}
	}
	if len(c.b) == 0 {
		return m, nil
	}
	if m.Chunks = c.int(); len(c.b) > 0 {
		if text := c.text(); text != "" {
			m.Datasets = []string{text}
		}
	}
	if c.err == nil && len(c.b) > 0 {
		c.err = fmt.Errorf("%d bytes after the end", len(c.b))
	}
	return m, c.err
}

// cursor takes values off the front of b until something is wrong.
type cursor struct {
	b   []byte
	err error
}

// int is a number that is not negative.
func (c *cursor) int() int {
	if c.err != nil {
		return 0
	}
	if len(c.b) < 4 {
		c.err = fmt.Errorf("truncated: %d bytes left of a number", len(c.b))
		return 0
	}
	n := int32(binary.LittleEndian.Uint32(c.b))
	if c.b = c.b[4:]; n < 0 {
		c.err = fmt.Errorf("a number is %d", n)
		return 0
	}
	return int(n)
}

// count is a number of things of at least size bytes, for which there must be room.
func (c *cursor) count(limit, size int) int {
	n := c.int()
	if c.err == nil && (n > limit || n > len(c.b)/size) {
		c.err = fmt.Errorf("a count of %d with %d bytes left", n, len(c.b))
	}
	if c.err != nil {
		return 0
	}
	return n
}

func (c *cursor) text() string {
	n := c.count(maxName, 1)
	text := string(c.b[:n])
	c.b = c.b[n:]
	if c.err == nil && !utf8.ValidString(text) {
		c.err = fmt.Errorf("%q is not UTF-8", text)
	}
	return text
}

func (c *cursor) entry() (string, Entry) {
	name := c.text()
	calls := c.int()
	e := Entry{Sums: make([]float32, c.count(math.MaxInt32, 4)), Counts: []float32{float32(max(1, calls))}}
	for i := range e.Sums {
		e.Sums[i] = math.Float32frombits(binary.LittleEndian.Uint32(c.b[4*i:]))
	}
	c.b = c.b[4*len(e.Sums):]
	return name, e
}

// WriteDat makes path a file of the old format, atomically. That has one count for a tensor, so sums are scaled to it,
// and one text file's name, the last.
func (m *Matrix) WriteDat(path string) error {
	names, err := m.sorted()
	if err != nil {
		return err
	}
	if m.ChunkSize < 1 || m.ChunkSize > math.MaxInt32 || m.Chunks < 0 || m.Chunks > math.MaxInt32 {
		return fmt.Errorf("imatrix: %d chunks of %d tokens", m.Chunks, m.ChunkSize)
	}
	b := appendInt(nil, len(names))
	for _, name := range names {
		e := m.Entries[name]
		calls := max(1, math.Ceil(float64(slices.Max(e.Counts))/float64(m.ChunkSize)))
		if calls > math.MaxInt32 {
			return fmt.Errorf("imatrix: %q: a count of %g", name, slices.Max(e.Counts))
		}
		b = appendText(b, name)
		b = appendInt(b, int(calls))
		b = appendInt(b, len(e.Sums))
		for _, f := range e.Importance() {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f*float32(calls)))
		}
	}
	b = appendInt(b, m.Chunks)
	text := ""
	if n := len(m.Datasets); n > 0 {
		text = m.Datasets[n-1]
	}
	b = appendText(b, text)
	return atomicfile.WriteFile(path, func(w io.Writer) error { _, err := w.Write(b); return err })
}

func appendInt(b []byte, n int) []byte { return binary.LittleEndian.AppendUint32(b, uint32(n)) }

func appendText(b []byte, text string) []byte { return append(appendInt(b, len(text)), text...) }
