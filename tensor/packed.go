package tensor

import (
	"fmt"

	"weft/internal/kernel"
	"weft/internal/par"
)

// Packed is a K×N matrix in the order in which products read it: panels of 32
// columns, each K×32, the last one padded with zeros. Packing once saves every
// product the trouble, and one row times a packed matrix reads memory in a
// straight line. It is immutable and safe for concurrent use.
type Packed struct {
	K, N int
	data []float32
}

// Pack copies b (K×N) into panels.
func Pack(p *par.Pool, b Mat) *Packed {
	b.check("b")
	packed := &Packed{K: b.Rows, N: b.Cols}
	if b.Rows == 0 || b.Cols == 0 {
		return packed
	}
	n := panels(b.Cols, kernel.TileCols)
	packed.data = aligned(n * kernel.TileCols * b.Rows)
	p.Range(n, packGroup, func(lo, hi int) {
		packColumns(packed.data[lo*kernel.TileCols*b.Rows:], b, lo, hi, 0, b.Rows)
	})
	return packed
}

// At is element (k,n).
func (b *Packed) At(k, n int) float32 {
	if uint(k) >= uint(b.K) || uint(n) >= uint(b.N) {
		panic(fmt.Sprintf("tensor: element (%d,%d) of a packed %d×%d matrix", k, n, b.K, b.N))
	}
	return b.panel(n/kernel.TileCols, 0, b.K)[k*kernel.TileCols+n%kernel.TileCols]
}

// Col copies column n into dst, which must hold K numbers: the embedding of token
// n when b is the transpose of a head that is tied to the embedding.
func (b *Packed) Col(dst []float32, n int) {
	if len(dst) != b.K || uint(n) >= uint(b.N) {
		panic(fmt.Sprintf("tensor: column %d of a packed %d×%d matrix into %d numbers", n, b.K, b.N, len(dst)))
	}
	from := b.panel(n/kernel.TileCols, 0, b.K)
	for k := range dst {
		dst[k] = from[k*kernel.TileCols+n%kernel.TileCols]
	}
}

// panel is rows [lo,hi) of panel i.
func (b *Packed) panel(i, lo, hi int) []float32 {
	return b.data[(i*b.K+lo)*kernel.TileCols : (i*b.K+hi)*kernel.TileCols]
}

// GemmPacked is Gemm with a packed b: the same bits, and faster when b is used
// often or a has few rows.
func GemmPacked(p *par.Pool, c, a Mat, b *Packed, add bool) {
	checkShapes(c, a, b.K, b.N)
	if c.CS != 1 {
		panic("tensor: GemmPacked into a transposed matrix")
	}
	multiply(p, c, a, Mat{Rows: b.K, Cols: b.N}, b, add)
}
