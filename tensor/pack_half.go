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
	return (*Arena)(nil).PackStored(p, s, exact)
}

// PackStored is the function of this name, into the arena.
func (a *Arena) PackStored(p *par.Pool, s *Stored, exact bool) *Packed {
	d := s.DType()
	if !IsHalf(d) {
		return a.Pack(p, s.Float32s(p).T())
	}
	b := a.newPacked(s.Cols, s.Rows, d, d == BF16 && !exact)
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
// other and are of whole words.
func (s *Stored) words(row, n int) ([]float32, bool) {
	if s.order != nil || s.rowBytes%4 != 0 {
		return nil, false
	}
	return wordsOf(s.raw.Data[row*s.rowBytes : (row+n)*s.rowBytes])
}

// wordsOf views bytes as words, if the machine could have them in this place and order.
func wordsOf(b []byte) ([]float32, bool) {
	data := unsafe.Pointer(unsafe.SliceData(b))
	if len(b)%4 != 0 || uintptr(data)%4 != 0 || !littleEndian {
		return nil, false
	}
	return unsafe.Slice((*float32)(data), len(b)/4), true
}

// copyWords copies a row, whose last word may be half empty.
func copyWords(dst []float32, src []byte) {
	if words, ok := wordsOf(src); ok {
		copy(dst, words)
		return
	}
	for i := range dst {
		var word [4]byte
		copy(word[:], src[4*i:])
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(word[:]))
	}
}
