// Package kvcache holds what attention has already computed: the keys and
// values of every token of one sequence, for every layer. With it a new token
// costs one row of work instead of a whole prompt's.
package kvcache

import "weft/tensor"

// Cache is the keys and values of one sequence. It is not safe for concurrent use.
type Cache struct {
	keys, values []tensor.Mat // per layer: capacity × keyDim and valueDim, rows in position order, keys already rotated
	length       int
	capacity     int
}

// New makes an empty cache for capacity positions of keyDim and valueDim (KV heads
// × head size) numbers in each of layers layers. The pages are committed by the
// operating system only as they are written.
func New(layers, keyDim, valueDim, capacity int) *Cache {
	c := &Cache{capacity: capacity}
	for range layers {
		c.keys = append(c.keys, tensor.New(capacity, keyDim))
		c.values = append(c.values, tensor.New(capacity, valueDim))
	}
	return c
}

// Len is how many positions are held.
func (c *Cache) Len() int { return c.length }

// Cap is how many positions fit.
func (c *Cache) Cap() int { return c.capacity }

// Truncate forgets every position from n on; the rest stays as it is.
func (c *Cache) Truncate(n int) { c.length = max(0, min(n, c.length)) }

// Layer returns the whole key and value storage of one layer (a row per position).
// Rows at and after Len are free to be written; Advance makes them count.
func (c *Cache) Layer(l int) (keys, values tensor.Mat) { return c.keys[l], c.values[l] }

// Advance counts n more written rows, once every layer has written them.
func (c *Cache) Advance(n int) { c.length += n }
