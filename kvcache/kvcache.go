// Package kvcache holds what attention has already computed: the keys and
// values of every token of one sequence, for every layer. With it a new token
// costs one row of work instead of a whole prompt's.
//
// They lie in the order in which attention's two products read them, in panels of
// 32 columns ([Panel]): the columns of a key panel are 32 positions, those of a
// value panel 32 numbers of a head. Memory comes in blocks of some positions as
// the sequence grows (panel.go has the layout), and goes where a layer's window has
// passed (window.go).
package kvcache

import (
	"fmt"
	"slices"

	"weft/internal/kernel"
)

// Type is how a cache stores its numbers.
type Type uint8

const (
	F32  Type = iota // as they are
	F16              // rounded to IEEE half precision: half the memory, 11 bits of precision, nothing above 65504
	BF16             // rounded to bfloat16: half the memory, 8 bits of precision, numbers of any size
	Q8_0             // codes of 8 bits, and a scale in half precision for every 32 numbers of a key or value
)

var typeNames = [...]string{F32: "f32", F16: "f16", BF16: "bf16", Q8_0: "q8_0"}

// String returns "f32", "f16", "bf16" or "q8_0".
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("Type(%d)", uint8(t))
}

// Bytes is the memory of a key or value of n numbers.
func (t Type) Bytes(n int) int {
	switch t {
	case F32:
		return 4 * n
	case Q8_0:
		return n + 2*scales(n)
	}
	return 2 * n
}

// scales is how many scales n numbers of Q8_0 have.
func scales(n int) int { return (n + kernel.Q8Block - 1) / kernel.Q8Block }

// ParseType is the inverse of String.
func ParseType(s string) (Type, error) {
	for t, name := range typeNames {
		if s == name {
			return Type(t), nil
		}
	}
	return F32, fmt.Errorf("unknown type %q of a KV cache (want f32, f16, bf16 or q8_0)", s)
}

// Shape is what a cache is for.
type Shape struct {
	Layers   int
	Heads    int // KV heads
	KeyDim   int // numbers of one head's key
	ValueDim int // numbers of one head's value
	Type     Type
	Windows  []int // by layer, how many positions a query sees, its own included; 0, or none: all before it
}

// Equal says whether caches of the two shapes hold the same.
func (s Shape) Equal(t Shape) bool {
	return s.Layers == t.Layers && s.Heads == t.Heads && s.KeyDim == t.KeyDim && s.ValueDim == t.ValueDim &&
		s.Type == t.Type && slices.Equal(s.Windows, t.Windows)
}

// Bytes is the most memory that a cache has for n positions, if they come at most
// pass at once.
func (s Shape) Bytes(n, pass int) int {
	positions, total := (n+Columns-1)/Columns*Columns, 0
	for l := range s.Layers {
		total += s.layerBytes(min(positions, s.most(l, pass)))
	}
	return total
}

// layerBytes is the memory of n positions of one layer, n a multiple of Columns.
func (s Shape) layerBytes(n int) int {
	return s.Heads * n * (s.Type.Bytes(s.keyRows()) + s.Type.Bytes((s.ValueDim+Columns-1)/Columns*Columns))
}

// Cache is the keys and values of one sequence. It is not safe for concurrent
// use, except that Write and the reading methods may work on different heads at
// once.
type Cache struct {
	shape    Shape
	layers   [][]*block // per layer, in the order of positions; nil where there is no memory
	block    int        // positions in a block, a multiple of Columns
	length   int
	marks    [marks]int // lengths to which a rewind is to remain possible, the last one last; 0: none
	capacity int
}

// blockPositions is how many positions' memory is taken at once.
const blockPositions = 256

// New makes an empty cache that can grow to capacity positions.
func New(s Shape, capacity int) *Cache {
	return &Cache{shape: s, layers: make([][]*block, s.Layers), capacity: capacity,
		block: max(Columns, min(blockPositions, (capacity+Columns-1)/Columns*Columns))}
}

// Shape is what New was given.
func (c *Cache) Shape() Shape { return c.shape }

// Len is how many positions are held.
func (c *Cache) Len() int { return c.length }

// Cap is how many positions fit.
func (c *Cache) Cap() int { return c.capacity }

// Bytes is the memory that is taken now.
func (c *Cache) Bytes() int {
	n := 0
	for _, blocks := range c.layers {
		for _, b := range blocks {
			if b != nil {
				n += c.shape.layerBytes(c.block)
			}
		}
	}
	return n
}

// Truncate forgets every position from n on; the rest stays as it is. It returns
// ErrRewind, and does nothing, if memory has gone that the query at n would see; to go
// back by Margin from the longest it was, to a mark or to 0 is always possible.
func (c *Cache) Truncate(n int) error {
	n = max(0, min(n, c.length))
	if !c.keeps(n) {
		return fmt.Errorf("%w to %d of %d positions", ErrRewind, n, c.length)
	}
	c.length = n
	for i, m := range c.marks {
		c.marks[i] = min(m, n)
	}
	return nil
}

// Mark asks that a rewind to where the sequence is now, or up to Margin after, remain
// possible until two more marks have been set.
func (c *Cache) Mark() {
	copy(c.marks[:], c.marks[1:])
	c.marks[marks-1] = c.length
}

// Reserve takes the memory for n more positions, of such as no window will reach
// again if there are. It panics if they do not fit.
func (c *Cache) Reserve(n int) {
	if n > c.capacity-c.length {
		panic(fmt.Sprintf("kvcache: %d positions after %d, room for %d", n, c.length, c.capacity))
	}
	var spare []*block
	for l := range c.layers {
		spare = c.take(l, c.length+n, spare)
	}
}

// Advance counts n more positions, once every layer has written them.
func (c *Cache) Advance(n int) { c.length += n }
