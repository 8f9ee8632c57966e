package model

import (
	"slices"
	"strings"

	"weft/tensor"
)

// Arithmetic is what the products with a matrix compute with. A machine has a
// peak for each.
type Arithmetic uint8

const (
	Float32  Arithmetic = iota // multiply-adds of float32
	BFloat16                   // dot products of bfloat16
	Int8                       // dot products of int8
	arithmetics
)

func (a Arithmetic) String() string {
	return [...]string{Float32: "float32", BFloat16: "bfloat16", Int8: "int8"}[a]
}

// Arithmetic is what products with the matrix compute with, as it is packed.
func (l *Linear) Arithmetic() Arithmetic {
	_, with := l.held()
	return with
}

// FLOPs counts operations by what computes them: 2 for a multiply-add.
type FLOPs [arithmetics]float64

// Cost is what products with weights take for one token, to compare a speed with
// the limits of a machine. A step of several tokens reads the bytes once.
type Cost struct {
	Bytes float64 // of weights, as memory holds them
	FLOPs FLOPs
}

// Cost is what a token takes in the blocks, and what the logits of one take. Of
// experts, as many count as a token is sent to. Attention's own products, which
// have no weights, do not count.
func (m *Model) Cost() (blocks, head Cost) {
	e := m.Config.Experts
	m.W.each(func(p Param, at place) {
		if at.linear == nil || p.Kind != Matrix {
			return
		}
		share := 1.0
		if strings.Contains(p.Name, "_exps.") {
			share = float64(e.Used) / float64(e.Count)
		}
		blocks.add(at.linear, p.Rows*p.Cols, share)
	})
	head.add(&m.W.Output, m.Config.Vocab*m.Config.Dim, 1)
	return blocks, head
}

func (c *Cost) add(l *Linear, weights int, share float64) {
	bytes, with := l.held()
	c.Bytes += share * float64(bytes)
	c.FLOPs[with] += share * 2 * float64(weights)
}

// held is what a product reads of the matrix, and computes with.
func (l *Linear) held() (bytes int, with Arithmetic) {
	switch {
	case l.quantised != nil:
		return l.quantised.Bytes(), Int8
	case l.packed != nil:
		n := l.packed.K * l.packed.N // without what fills up the last panel
		if l.packed.Rounds() {
			with = BFloat16
		}
		if tensor.IsHalf(l.packed.DType()) {
			return 2 * n, with
		}
		return 4 * n, with
	case l.Stored != nil:
		for i := range l.Stored.Rows {
			bytes += len(l.Stored.RowBytes(i))
		}
		return bytes, Float32
	}
	return 4 * len(l.W.Data), Float32
}

// CacheBytes is how many bytes of keys and values the token at a position reads.
func (s *Session) CacheBytes(position int) float64 {
	c, t, bytes := s.Model.Config, s.Cache.Shape().Type, 0
	for l := range c.Layers {
		seen := position + 1
		if w := c.Block(l).Window; w > 0 {
			seen = min(seen, w)
		}
		bytes += seen * c.KVHeads * (t.Bytes(c.HeadDim) + t.Bytes(c.VHead()))
	}
	return float64(bytes)
}

// Decoded lists the types of matrices that are float32 in memory, or become it in
// every product, though the file has them smaller: types without an arrangement of
// their own, sorted. It is for a model after Pack without Exact.
func (m *Model) Decoded() (types []string) {
	m.W.each(func(_ Param, at place) {
		if l := at.linear; l != nil && l.Stored != nil && l.Stored.DType() != tensor.F32 && l.quantised == nil && (l.packed == nil || !tensor.IsHalf(l.Stored.DType())) && l != &m.W.TokenEmbd && l != &m.W.PosEmbd {
			types = append(types, l.Stored.DType().String())
		}
	})
	slices.Sort(types)
	return slices.Compact(types)
}
