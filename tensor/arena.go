package tensor

import "unsafe"

// Arena is where the matrices of a model are arranged, side by side. In memory of
// its own each would be too small for huge pages, and decoding, which reads all of
// them for every token, would wait for page tables: on a Zen 4 reading reaches 35 to 42 GB/s
// in pages of 4 KB and 50 to 60 in huge ones. The zero value is ready; nil gives each matrix memory of its own.
type Arena struct {
	chunk []float32
	used  int         // of the chunk
	full  [][]float32 // the used parts of chunks before, and matrices with memory of their own
}

// arenaChunk is how many numbers are asked for at once; what is not used costs no memory.
const arenaChunk = 16 << 20

// take makes n zeros that start on a cache line.
func (a *Arena) take(n int) []float32 {
	if a == nil {
		return aligned(n)
	}
	const line = 16
	if n > len(a.chunk)-a.used {
		if n >= arenaChunk/4 {
			x := aligned(n)
			a.full = append(a.full, x)
			return x
		}
		a.full = a.parts()
		a.chunk, a.used = aligned(arenaChunk), 0
	}
	x := a.chunk[a.used:][:n:n]
	a.used = min(len(a.chunk), a.used+(n+line-1)/line*line)
	return x
}

// parts is all memory that was taken.
func (a *Arena) parts() [][]float32 { return append(a.full, a.chunk[:a.used]) }

// bytes makes n zero bytes that start on a cache line.
func (a *Arena) bytes(n int) []byte {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(a.take((n+3)/4)))), n)
}

// Huge has the system put what is arranged into huge pages, now and not when it finds the
// time, and says how much of it lies in such pages afterwards and how much could: pages of
// 2 MB that hold nothing else. It is an error if the system does not say.
func (a *Arena) Huge() (is, could int, err error) {
	var spans []span
	for _, x := range a.parts() {
		if s, ok := spanOf(x); ok {
			collapse(x, s)
			spans = append(spans, s)
			could += int(s.hi - s.lo)
		}
	}
	is, err = hugeBytes(spans)
	return is, could, err
}

// span is whole huge pages, by address.
type span struct{ lo, hi uintptr }

const hugePage = 2 << 20

// spanOf is the huge pages that x fills, if there are any.
func spanOf(x []float32) (s span, ok bool) {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(x)))
	s.lo = (start + hugePage - 1) / hugePage * hugePage
	s.hi = (start + 4*uintptr(len(x))) / hugePage * hugePage
	return s, s.lo < s.hi
}

// bytesIn is the part of x that the span is.
func (s span) bytesIn(x []float32) []byte {
	data := unsafe.Pointer(unsafe.SliceData(x))
	all := unsafe.Slice((*byte)(data), 4*len(x))
	return all[s.lo-uintptr(data) : s.hi-uintptr(data)]
}
