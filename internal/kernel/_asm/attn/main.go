// Command attn writes the assembly of attention's products: rows of numbers as
// they lie times one panel of 32 columns, which holds float32, float16, bfloat16 or
// 8-bit codes (panel.go), rows of integers times a panel of codes (score.go), the
// rounding to float16, and the way back from all (narrow.go).
//
// internal/kernel/attn.go holds the go:generate line.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"weft/internal/kernel/_asm/tile"
)

func main() {
	ConstraintExpr("amd64,!purego")
	for _, set := range []tile.ISA{avx512, avx2} {
		for _, s := range stores {
			panel(set, s)
		}
	}
	for _, set := range []tile.ISA{avx512, avx2} {
		score(set)
		narrow(set)
		for _, s := range stores[1:] {
			widen(set, s)
		}
	}
	Generate()
}

// A tile of rows that are not packed has three rows at most with AVX2.
var avx512, avx2 = tile.AVX512, tile.ISA{Name: tile.AVX2.Name, Lanes: tile.AVX2.Lanes, Most: 3, Vec: tile.AVX2.Vec}
