package tensor

import (
	"sync"
	"unsafe"

	"weft/internal/kernel"
	"weft/internal/par"
)

// packRows packs rows [r0,r1) and columns [k0,k1) of a as one A panel.
func packRows(dst []float32, a Mat, r0, r1, k0, k1 int) {
	kernel.PackA(dst, a.Data[r0*a.RS+k0*a.CS:], a.RS, a.CS, r1-r0, k1-k0)
}

// packPanel packs rows [k0,k1) of B panel j.
func packPanel(dst []float32, b Mat, j, k0, k1 int) {
	j0 := j * kernel.TileCols
	kernel.PackB(dst, b.Data[k0*b.RS+j0*b.CS:], b.RS, b.CS, k1-k0, min(kernel.TileCols, b.Cols-j0))
}

// packColumns packs all of b, one panel after the other.
func packColumns(p *par.Pool, dst []float32, b Mat) {
	size := b.Rows * kernel.TileCols
	if size == 0 {
		return
	}
	p.Range(panels(b.Cols, kernel.TileCols), 1, func(lo, hi int) {
		// A few rows at a time across all panels: each row of b is then read on in
		// one piece, which the caches and the prefetcher want.
		const step = 32
		for k0 := 0; k0 < b.Rows; k0 += step {
			k1 := min(k0+step, b.Rows)
			for j := lo; j < hi; j++ {
				packPanel(dst[j*size+k0*kernel.TileCols:(j+1)*size], b, j, k0, k1)
			}
		}
	})
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
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(x))) / 4 % line)
	return x[skip : skip+n : skip+n]
}
