package tensor

import (
	"fmt"
	"math"

	"weft/internal/kernel"
	"weft/internal/par"
	"weft/internal/quant"
)

// Packed is a K×N matrix in the order in which products read it: panels of 32
// columns, each K×32, the last one padded with zeros. Packing once saves every
// product the trouble, and one row times a packed matrix reads memory in a
// straight line. It is immutable and safe for concurrent use.
//
// Its numbers are F32, F16 or BF16 (see [PackStored]); the latter two are panels of
// 32-bit words that hold two numbers each, as package kernel describes them.
type Packed struct {
	K, N  int
	dtype DType
	pairs bool // words are pairs of k; else of columns, unless dtype is F32
	data  []float32
}

// Pack copies b (K×N) into panels of F32.
func Pack(p *par.Pool, b Mat) *Packed {
	b.check("b")
	packed := newPacked(b.Rows, b.Cols, F32, false)
	p.Range(packed.panels(), packGroup, func(lo, hi int) {
		packColumns(packed.data[lo*packed.size():], b, lo, hi, 0, b.Rows)
	})
	return packed
}

func newPacked(k, n int, d DType, pairs bool) *Packed {
	b := &Packed{K: k, N: n, dtype: d, pairs: pairs}
	b.data = aligned(b.panels() * b.size())
	return b
}

// DType is how the numbers are stored: F32, F16 or BF16.
func (b *Packed) DType() DType { return b.dtype }

// Bytes is how much memory the panels take, all of which a product reads.
func (b *Packed) Bytes() int { return 4 * len(b.data) }

// panels is how many there are; none if there is no k, so that there is nothing to pack.
func (b *Packed) panels() int {
	if b.K == 0 {
		return 0
	}
	return panels(b.N, kernel.TileCols)
}

// steps is how many rows a panel has: one per k, or per pair of them.
func (b *Packed) steps() int {
	if b.pairs {
		return panels(b.K, 2)
	}
	return b.K
}

// width is how many words a row of a panel has.
func (b *Packed) width() int {
	if b.dtype == F32 || b.pairs {
		return kernel.TileCols
	}
	return kernel.HalfCols
}

// size is how many words a panel has: an even number of rows if they are of 16 bits.
func (b *Packed) size() int {
	if b.dtype == F32 {
		return b.K * kernel.TileCols
	}
	return panels(b.K, 2) * kernel.TileCols
}

// panel is rows [lo,hi) of panel i.
func (b *Packed) panel(i, lo, hi int) []float32 {
	return b.data[i*b.size():][lo*b.width() : hi*b.width()]
}

// At is element (k,n).
func (b *Packed) At(k, n int) float32 {
	if uint(k) >= uint(b.K) || uint(n) >= uint(b.N) {
		panic(fmt.Sprintf("tensor: element (%d,%d) of a packed %d×%d matrix", k, n, b.K, b.N))
	}
	panel, j := b.data[n/kernel.TileCols*b.size():], n%kernel.TileCols
	if b.dtype == F32 {
		return panel[k*kernel.TileCols+j]
	}
	i, second := k*kernel.HalfCols+j/2, j%2
	if b.pairs {
		i, second = k/2*kernel.TileCols+j, k%2
	}
	half := uint16(math.Float32bits(panel[i]) >> (16 * second))
	if b.dtype == F16 {
		return quant.F16ToF32(half)
	}
	return quant.BF16ToF32(half)
}

// Col copies column n into dst, which must hold K numbers: the embedding of token
// n when b is the transpose of a head that is tied to the embedding.
func (b *Packed) Col(dst []float32, n int) {
	if len(dst) != b.K || uint(n) >= uint(b.N) {
		panic(fmt.Sprintf("tensor: column %d of a packed %d×%d matrix into %d numbers", n, b.K, b.N, len(dst)))
	}
	for k := range dst {
		dst[k] = b.At(k, n)
	}
}
