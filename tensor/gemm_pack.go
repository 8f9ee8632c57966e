package tensor

import (
	"sync"
	"unsafe"

	"weft/internal/kernel"
)

// packRows packs rows [r0,r1) and columns [k0,k1) of a as A panels.
func packRows(dst []float32, a Mat, r0, r1, k0, k1 int) {
	kernel.PackA(dst, a.Data[r0*a.RS+k0*a.CS:], a.RS, a.CS, r1-r0, k1-k0)
}

// packColumns packs rows [k0,k1) of panels [lo,hi) of b.
func packColumns(dst []float32, b Mat, lo, hi, k0, k1 int) {
	j0, j1 := lo*kernel.TileCols, min(hi*kernel.TileCols, b.Cols)
	kernel.PackB(dst, b.Data[k0*b.RS+j0*b.CS:], b.RS, b.CS, k1-k0, j1-j0)
}

// scratch is a reusable buffer of one task.
type scratch struct{ data []float32 }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// getScratch returns a buffer of at least n numbers with any content.
func getScratch(n int) *scratch {
	s := scratches.Get().(*scratch)
	s.data = grown(s.data, n)
	return s
}

func putScratch(s *scratch) { scratches.Put(s) }

// grown returns x if it holds n numbers, else a new buffer. It keeps no content.
func grown(x []float32, n int) []float32 {
	if cap(x) >= n {
		return x[:cap(x)]
	}
	return aligned(n)
}

// aligned makes n zeros that start on a cache line.
func aligned(n int) []float32 {
	const line = 16
	x := make([]float32, n+line-1)
	huge(x)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(x))) / 4 % line)
	return x[skip : skip+n : skip+n]
}
