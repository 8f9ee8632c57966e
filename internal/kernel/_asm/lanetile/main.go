// Command lanetile writes the assembly of the int8 tiles of AVX2: rows of an unpacked
// strip times columns of a panel (package lanes).
//
// internal/lanes/tile.go holds the go:generate line.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"weft/internal/kernel/_asm/strip"
	"weft/internal/kernel/_asm/tile"
	"weft/internal/kernel/_asm/vex"
)

const (
	groups  = strip.Groups
	plane   = strip.Plane
	maxCols = 12 // lanes.MaxCols
)

var ymm = tile.AVX2.Vec

// kind is a kind of strip, for the methods here.
type kind struct{ strip.Kind }

// extra is how many dwords per column and block the panel's section has that the
// kind reads besides core: none, sums, or halves.
func (k kind) extra() int {
	switch {
	case k.Subs == 2:
		return 4
	case k.Mins:
		return 1
	}
	return 0
}

func main() {
	ConstraintExpr("amd64,!purego")
	for i, bits := range [][]int{{4, 5, 8, 0}, {4, 5, 0}, {4, 6, 0}, {4, 0}} {
		for _, b := range bits {
			tiles256(kind{strip.Kinds[i]}, b)
		}
	}
	Generate()
	vex.Rewrite()
}

// besideParam declares the section, if there is one.
func (k kind) besideParam() string {
	if k.extra() == 0 {
		return ""
	}
	return "beside *int32, "
}
