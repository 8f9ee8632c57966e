// Command gemm writes the assembly of the matrix-product kernels: register-
// blocked tiles (tile.go), packing by transposition and by copy (pack.go) and the
// loops that measure the limits of the machine (peak.go).
//
// internal/kernel/gemm.go holds the go:generate line.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64,!purego")
	for rows := 1; rows <= avx512.most; rows++ {
		tile(avx512, rows, 2)
	}
	for rows := 1; rows <= 3; rows++ {
		tile(avx2, rows, 4)
	}
	for rows := 4; rows <= avx2.most; rows++ {
		tile(avx2, rows, 2)
	}
	transpose4()
	transpose16(12)
	transpose16(16)
	for _, panels := range []int{1, 4} {
		copyPanels(32, panels)
		copyPanels(12, panels)
	}
	peaks()
	read(avx512)
	read(avx2)
	Generate()
}

// isa is an instruction set as the generators see it.
type isa struct {
	name  string // in function names
	lanes int    // float32 per vector
	most  int    // rows of the largest tile, the one that most of the work is done in
	vec   []reg.VecPhysical
}

var (
	avx512 = isa{"512", 16, 12, vectors("z")}
	avx2   = isa{"256", 8, 6, vectors("y")}
)

// vectors lists the vector registers of one width. They are named rather than
// left to the allocator: a 12×32 tile uses all 32.
func vectors(width string) (all []reg.VecPhysical) {
	z := []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10,
		reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15, reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22,
		reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31}
	if width == "z" {
		return z
	}
	for _, r := range z[:16] {
		all = append(all, r.AsY().(reg.VecPhysical))
	}
	return all
}
