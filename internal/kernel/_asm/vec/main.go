// Command vec writes the assembly of the vector kernels, and the Go code that
// chooses between instruction sets and pads the ends of slices.
//
// The assembly sees whole groups of 16 numbers only: one zmm register, or two
// ymm. Both instruction sets do the same operations in the same order on the
// same 16 lanes, so they agree bit for bit.
//
// ops.go lists the kernels, math.go has the functions they are made of,
// emit.go the loop around them and dispatch.go the Go side.
// internal/kernel/vec.go holds the go:generate line.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64,!purego")
	for _, o := range ops {
		for _, set := range []isa{avx512, avx2} {
			o.emit(set)
		}
	}
	writeDispatch()
	Generate()
}

// isa is an instruction set as the generator sees it.
type isa struct {
	name      string
	lanes     int
	registers int
}

var (
	avx512 = isa{"512", 16, 32}
	avx2   = isa{"256", 8, 16}
)

func (s isa) vec() reg.VecVirtual {
	if s.lanes == 16 {
		return ZMM()
	}
	return YMM()
}

// op is one kernel: vectors in and out, scalars that every number meets, and
// what to do with a register's worth.
type op struct {
	name    string
	vectors []string // read and written in place; the first ones are the outputs
	outputs int
	scalars []string
	sums    bool // returns 16 partial results instead of, or besides, writing
	isMax   bool // these are maxima, not sums
	unroll  int  // groups of 16 per turn, each with partial results of its own
	// pad is what fills up the end of a vector so that it adds nothing to a
	// result, as a Go expression: zero where none is given.
	pad  map[string]string
	body func(c *ctx)
}
