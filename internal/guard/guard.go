// Package guard makes slices that border on inaccessible memory, so that a
// kernel which reads or writes one byte outside faults at once instead of
// working by luck. It is for tests.
package guard

import "testing"

// Side is which end of the slice touches the inaccessible page.
type Side bool

const (
	Before Side = false // an access at index -1 faults
	After  Side = true  // an access at index n faults
)

// Sides lists both, to loop over.
var Sides = []Side{Before, After}

func (s Side) String() string {
	if s == After {
		return "after"
	}
	return "before"
}

// Slice returns n zeroed numbers that touch an inaccessible page on that side;
// the other side has at most a page of slack. The memory is released when the
// test ends. Where the system cannot protect pages it is an ordinary slice.
//
// With After the slice has the alignment of 4·n, with Before that of a page.
func Slice(t testing.TB, n int, side Side) []float32 {
	t.Helper()
	return slice(t, n, side)
}
