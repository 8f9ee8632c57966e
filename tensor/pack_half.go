package tensor

import (
	"encoding/binary"
	"math"
	"unsafe"

	"weft/internal/kernel"
	"weft/internal/par"
)

// IsHalf says whether [PackStored] keeps numbers of this type in 16 bits.
func IsHalf(d DType) bool { return d == F16 || d == BF16 }

// PackStored packs the transpose of s (N×K): the matrix of a layer as [GemmPacked]
// wants it.
//
// F16 and BF16 stay as they are; every other type becomes F32. Products with BF16
// round the other operand to BF16 as well, unless exact is set (see [GemmPacked]).
func PackStored(p *par.Pool, s *Stored, exact bool) *Packed {
	d := s.DType()
	if d != F16 && d != BF16 {
		return Pack(p, s.Float32s(p).T())
	}
	b := newPacked(s.Cols, s.Rows, d, d == BF16 && !exact)
	p.Range(b.panels(), 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			b.packHalves(s, i)
		}
	})
	return b
}

// packHalves packs panel i: pairs of k are words, which move as float32 do. They are
// taken apart afterwards if need be.
func (b *Packed) packHalves(s *Stored, i int) {
	lo, pairs := i*kernel.TileCols, panels(b.K, 2)
	n := min(kernel.TileCols, b.N-lo)
	panel := b.data[i*b.size():][:b.size()]
	words, ok := s.words(lo, n)
	if ok {
		kernel.Read(words) // in one go: packing reads 32 rows at once, which is too much for prefetching
	} else {
		t := getScratch(n * pairs)
		defer putScratch(t)
		words = t.data[:n*pairs]
		for r := range n {
			copyWords(words[r*pairs:(r+1)*pairs], s.RowBytes(lo+r))
		}
	}
	kernel.PackB(panel, words, 1, pairs, pairs, n)
	if !b.pairs {
		kernel.SplitPairs(panel)
	}
}

// words views n rows of 16-bit numbers as words of two, if they lie one after the
// other, are of whole words, and the machine has them in this order.
func (s *Stored) words(row, n int) ([]float32, bool) {
	data := s.raw.Data[row*s.rowBytes:]
	if s.order != nil || s.rowBytes%4 != 0 || uintptr(unsafe.Pointer(unsafe.SliceData(data)))%4 != 0 || !littleEndian {
		return nil, false
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(data))), n*s.rowBytes/4), true
}

// copyWords is the way for all other rows. The last word may be half empty.
func copyWords(dst []float32, src []byte) {
	for i := range dst {
		var word [4]byte
		copy(word[:], src[4*i:])
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(word[:]))
	}
}
