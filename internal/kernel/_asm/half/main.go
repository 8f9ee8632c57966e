// Command half writes the assembly for matrices of half-precision and bfloat16
// numbers: tiles (package tile), rounding and packing (convert.go).
//
// internal/kernel/half.go holds the go:generate line.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"weft/internal/kernel/_asm/tile"
)

func main() {
	ConstraintExpr("amd64,!purego")
	tile.Narrow(tile.Float16) // AVX2 in any case: a zmm conversion takes what two ymm ones do, and an FMA unit with it
	tile.Narrow(tile.Wide16)
	tile.Wide(tile.BFloat16)
	tile.Narrow(tile.BFloat16)
	roundAVX512()
	roundAVX2()
	splitAVX512()
	splitAVX2()
	Generate()
}
