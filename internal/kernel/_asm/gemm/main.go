// Command gemm writes the assembly of the matrix-product kernels: register-
// blocked tiles (package tile), packing by transposition and by copy (pack.go) and the
// loops that measure the limits of the machine (peak.go).
//
// internal/kernel/gemm.go holds the go:generate line.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"weft/internal/kernel/_asm/tile"
)

func main() {
	ConstraintExpr("amd64,!purego")
	tile.Wide(tile.Float32)
	tile.Narrow(tile.Float32)
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

type isa = tile.ISA

var avx512, avx2 = tile.AVX512, tile.AVX2
