// Command attn writes the assembly of attention's products: rows of numbers as
// they lie times one panel of 32 columns, which holds float32 or float16
// (panel.go), and the rounding to float16 (narrow.go).
//
// internal/kernel/attn.go holds the go:generate line.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64,!purego")
	for _, set := range []isa{avx512, avx2} {
		for _, s := range stores {
			panel(set, s)
		}
	}
	narrow(avx512)
	narrow(avx2)
	Generate()
}

// isa is an instruction set as the generators see it.
type isa struct {
	name  string // in function names
	lanes int    // float32 per vector
	most  int    // rows of the largest tile
	vec   []reg.VecPhysical
}

var (
	avx512 = isa{"512", 16, 12, zmm}
	avx2   = isa{"256", 8, 3, ymm()}
)

// zmm lists the vector registers, named rather than left to the allocator: a
// tile of 12 rows uses all 32.
var zmm = []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10,
	reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15, reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22,
	reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31}

func ymm() (list []reg.VecPhysical) {
	for _, r := range zmm[:16] {
		list = append(list, r.AsY().(reg.VecPhysical))
	}
	return list
}
