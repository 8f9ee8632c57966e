package tensor

import "unsafe"

// Arena is where the matrices of a model are arranged, side by side. In memory of
// its own each would be too small for huge pages, and decoding, which reads all of
// them for every token, would wait for page tables: on a Zen 4 reading reaches 35 to 42 GB/s
// in pages of 4 KB and 50 to 60 in huge ones. The zero value is ready; nil gives each matrix memory of its own.
type Arena struct{ free []float32 }

// arenaChunk is how many numbers are asked for at once; what is not used costs no memory.
const arenaChunk = 16 << 20

// take makes n zeros that start on a cache line.
func (a *Arena) take(n int) []float32 {
	if a == nil {
		return aligned(n)
	}
	const line = 16
	if n > len(a.free) {
		if n >= arenaChunk/4 {
			return aligned(n)
		}
		a.free = aligned(arenaChunk)
	}
	x := a.free[:n:n]
	a.free = a.free[min(len(a.free), (n+line-1)/line*line):]
	return x
}

// bytes makes n zero bytes that start on a cache line.
func (a *Arena) bytes(n int) []byte {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(a.take((n+3)/4)))), n)
}
