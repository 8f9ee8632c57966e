package kvcache

import (
	"errors"
	"math"
	"slices"
)

// ErrRewind is wrapped where a sequence cannot go back because the memory of a
// layer's window has gone to later positions.
var ErrRewind = errors.New("cannot go back")

// Margin is how many positions a sequence can always go back, and is kept around a
// mark.
const Margin = 64

// marks is how many marks a cache has.
const marks = 2

// window is how many positions a query of a layer sees; 0: all.
func (s Shape) window(layer int) int {
	if layer < len(s.Windows) {
		return s.Windows[layer]
	}
	return 0
}

// most is how many positions of a layer have memory at most: blocks for what the
// first query of a pass and those after it see, and for what one at each mark does.
func (s Shape) most(layer, pass int) int {
	w := s.window(layer)
	if w == 0 {
		return math.MaxInt
	}
	blocks := func(n int) int { return (n+blockPositions-2)/blockPositions + 1 } // that n positions lie in
	return blockPositions * (blocks(w-1+Margin+pass) + marks*blocks(w-1+2*Margin))
}

// take sees to it that a layer has memory for the positions up to end. Blocks that a
// window has passed serve again: here, or in a later layer as spare ones.
func (c *Cache) take(layer, end int, spare []*block) []*block {
	blocks := c.layers[layer]
	lo, hi := c.length/c.block, (end+c.block-1)/c.block
	if hi <= len(blocks) && !slices.Contains(blocks[lo:hi], nil) {
		return spare
	}
	if w := c.shape.window(layer); w > 0 {
		for i, b := range blocks {
			if b != nil && !c.wanted(i, w, end) {
				spare, blocks[i] = append(spare, b), nil
			}
		}
	}
	for i := lo; i < hi; i++ {
		if i == len(blocks) {
			blocks = append(blocks, nil)
		}
		if n := len(spare); blocks[i] == nil && n > 0 {
			blocks[i], spare = spare[n-1], spare[:n-1]
		} else if blocks[i] == nil {
			blocks[i] = c.newBlock()
		}
	}
	c.layers[layer] = blocks
	return spare
}

// wanted says whether block i of a layer with window w has positions that a query
// before end sees, now or after a rewind by Margin or to a mark.
func (c *Cache) wanted(i, w, end int) bool {
	overlaps := func(from, to int) bool { return i*c.block < to && from < (i+1)*c.block }
	for _, m := range c.marks {
		if m > 0 && overlaps(m+1-w-Margin, m+Margin) {
			return true
		}
	}
	return overlaps(c.length+1-w-Margin, end)
}

// keeps says whether all is there that a query at n sees before it, in every layer.
func (c *Cache) keeps(n int) bool {
	for l, blocks := range c.layers {
		first := 0
		if w := c.shape.window(l); w > 0 {
			first = max(0, n+1-w) / c.block
		}
		if slices.Contains(blocks[first:(n+c.block-1)/c.block], nil) {
			return false
		}
	}
	return true
}

// First is the position after the last one of a layer whose memory has gone.
func (c *Cache) First(layer int) int {
	i := (c.length + c.block - 1) / c.block
	for i > 0 && c.layers[layer][i-1] != nil {
		i--
	}
	return i * c.block
}
