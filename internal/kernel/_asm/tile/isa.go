package tile

import "github.com/mmcloughlin/avo/reg"

// ISA is an instruction set as the generators see it.
type ISA struct {
	Name  string // in function names
	Lanes int    // float32 per vector
	Most  int    // rows of the largest tile, the one that most of the work is done in
	Vec   []reg.VecPhysical
}

var (
	AVX512 = ISA{"512", 16, 12, vectors("z")}
	AVX2   = ISA{"256", 8, 6, vectors("y")}
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
