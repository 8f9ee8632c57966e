//go:build unix

package guard

import (
	"runtime/debug"
	"testing"
	"unsafe"
)

// TestSlice walks one step over each border.
func TestSlice(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for _, n := range []int{1, 3, 1024, 1025, 5000} {
		for _, side := range Sides {
			x := Slice(t, n, side)
			for i := range x {
				x[i] = 1
			}
			outside := -1
			if side == After {
				outside = n
			}
			if !faults(unsafe.Add(unsafe.Pointer(&x[0]), outside*4)) {
				t.Errorf("%d numbers: index %d (%v) is readable", n, outside, side)
			}
		}
	}
}

func faults(p unsafe.Pointer) (fault bool) {
	defer func() { fault = recover() != nil }()
	sink = *(*float32)(p)
	return false
}

var sink float32
