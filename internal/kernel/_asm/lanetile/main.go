// Command lanetile writes the assembly of the int8 tiles: up to 16 rows of an
// unpacked strip times up to 12 columns of a panel (package lanes).
//
// internal/lanes/tile.go holds the go:generate line.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// What package lanes calls BlockLen/4, Rows·4 and MaxCols.
const (
	groups  = 8
	plane   = 64
	maxCols = 12
)

var (
	zmm = []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10,
		reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15, reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22,
		reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31}
	ymm = []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10,
		reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}
)

// kind is how a block of an unpacked strip looks, as lanes.Kind says it.
type kind struct {
	name string
	subs int  // parts of a block with a scale each
	mins bool // and with a minimum each
}

var kinds = []kind{{"Whole", 1, false}, {"WholeMins", 1, true}, {"Halves", 2, false}, {"HalvesMins", 2, true}}

// vector is where vector i of a block's scales and minima begins.
func (k kind) vector(i int) int { return groups*plane + i*plane }

func (k kind) blockBytes() int {
	if k.mins {
		return k.vector(2 * k.subs)
	}
	return k.vector(k.subs)
}

// extra is how many dwords per column and block the panel's section has that the
// kind reads besides core: none, sums, or halves.
func (k kind) extra() int {
	switch {
	case k.subs == 2:
		return 4
	case k.mins:
		return 1
	}
	return 0
}

func main() {
	ConstraintExpr("amd64,!purego")
	for _, k := range kinds {
		tiles512(k)
	}
	narrow256()
	rowNumbers = GLOBL("rows", RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(i))
	}
	for _, k := range kinds {
		if k.mins {
			tiles256(k, codes)
		} else {
			tiles256(k, narrow)
		}
	}
	tiles256(kinds[0], wide)
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
