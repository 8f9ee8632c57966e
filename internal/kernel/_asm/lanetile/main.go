// Command lanetile writes the assembly of the int8 tiles of AVX2: rows of an unpacked
// strip times columns of a panel (package lanes).
//
// internal/lanes/tile.go holds the go:generate line.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"weft/internal/kernel/_asm/strip"
	"weft/internal/kernel/_asm/tile"
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
	for i, bits := range [][]int{{4, 5, 8}, {4, 5}, {4, 6}, {4}} {
		for _, b := range bits {
			tiles256(kind{strip.Kinds[i]}, b)
		}
	}
	Generate()
}

// besideParam declares the section, if there is one.
func (k kind) besideParam() string {
	if k.extra() == 0 {
		return ""
	}
	return "beside *int32, "
}

// choose emits a piece of code for each number of columns and the way to it.
func choose(most int, piece func(cols int)) {
	cols := Load(Param("cols"), GP64())
	for n := most; n > 1; n-- {
		CMPQ(cols, Imm(uint64(n)))
		JEQ(LabelRef(fmt.Sprint("columns", n)))
	}
	for n := 1; n <= most; n++ {
		Label(fmt.Sprint("columns", n))
		piece(n)
	}
}

// pointers are the general registers of a tile.
type pointers struct {
	c            []reg.Register // columns 0, 4, 8
	ld, ld3      reg.Register   // column stride in bytes, three times it
	w            reg.Register
	core, beside reg.Register
	blocks       reg.Register
}

func load(cols int, k kind) (p pointers) {
	p.ld, p.ld3 = Load(Param("ldc"), GP64()), GP64()
	SHLQ(Imm(2), p.ld)
	LEAQ(Mem{Base: p.ld, Index: p.ld, Scale: 2}, p.ld3)
	p.c = []reg.Register{Load(Param("c"), GP64())}
	for n := 4; n < cols; n += 4 {
		next := GP64()
		LEAQ(Mem{Base: p.c[len(p.c)-1], Index: p.ld, Scale: 4}, next)
		p.c = append(p.c, next)
	}
	p.w, p.core = Load(Param("w"), GP64()), Load(Param("core"), GP64())
	if k.extra() > 0 {
		p.beside = Load(Param("beside"), GP64())
	}
	p.blocks = Load(Param("blocks"), GP64())
	return p
}

// column is the start of column n of c.
func (p pointers) column(n int) Mem {
	m := Mem{Base: p.c[n/4]}
	switch n % 4 {
	case 1, 2:
		m.Index, m.Scale = p.ld, uint8(n%4)
	case 3:
		m.Index, m.Scale = p.ld3, 1
	}
	return m
}
