package tensor

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugeFrom is how many bytes a block must have for huge pages to be asked for.
const hugeFrom = 8 << 20

// huge asks the system to back x with huge pages, before anything was written to
// it: a long read then waits less for page tables. It is advice, so that failing
// does not matter.
func huge(x []float32) {
	const page = 2 << 20
	start := uintptr(unsafe.Pointer(unsafe.SliceData(x)))
	first := int(-start % page)
	whole := (4*len(x) - first) / page * page
	if 4*len(x) < hugeFrom || whole <= 0 {
		return
	}
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
	_ = unix.Madvise(bytes[first:first+whole], unix.MADV_HUGEPAGE)
}
