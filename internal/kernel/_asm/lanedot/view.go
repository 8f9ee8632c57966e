package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The panel, by internal/lanes/panel.go: core has, per block and in dwords, 8 groups
// of codes, the scales and the sums of every column; aux has sums (forms with a
// minimum per 32) or halves (forms with sub-blocks of 16).
const dotSig = "func(c *float32, ldc int, strip *byte, core *int32, aux *int32, units int, strips int, mask uint32, add bool)"

// beginDot emits what products have in front.
func beginDot(level string, f form, cols int) {
	name := fmt.Sprintf("dot%s%sx%d", level, f.name, cols)
	TEXT(name, 0, dotSig)
	Doc(fmt.Sprintf("%s multiplies strips (> 0) strips of %s, units (> 0) units each, by a panel of %d columns; mask has a bit for each row that a strip has of c.", name, f.name, cols))
	Pragma("noescape")
}

// view walks through the panel, block by block.
type view struct {
	form
	cols      int
	core, aux reg.Register
}

func newView(f form, cols int) *view {
	v := &view{form: f, cols: cols, core: Load(Param("core"), GP64())}
	if f.auxDwords() > 0 {
		v.aux = Load(Param("aux"), GP64())
	}
	return v
}

// auxDwords is how many numbers aux has per block and column.
func (f form) auxDwords() int {
	switch {
	case f.sub == 16:
		return 4
	case f.mins:
		return 1
	}
	return 0
}

func (v *view) coreAt(i, n int) Mem { return Mem{Base: v.core, Disp: 4 * (i*v.cols + n)} }
func (v *view) auxAt(i, n int) Mem  { return Mem{Base: v.aux, Disp: 4 * (i*v.cols + n)} }

// codesOf is column n's part of a group, scaleOf its scale.
func (v *view) codesOf(g, n int) Mem { return v.coreAt(g, n) }
func (v *view) scaleOf(n int) Mem    { return v.coreAt(8, n) }

// zeroSum is -128·Σq of half h of the block.
func (v *view) zeroSum(h, n int) Mem {
	if v.sub == 32 {
		return v.coreAt(9, n)
	}
	return v.auxAt(h, n)
}

// minSum is what the minimum of half h is multiplied by: d·Σq.
func (v *view) minSum(h, n int) Mem {
	if v.sub == 32 {
		return v.auxAt(0, n)
	}
	return v.auxAt(2+h, n)
}

// rewind goes back to the panel's beginning.
func (v *view) rewind() {
	Load(Param("core"), v.core)
	if v.aux != nil {
		Load(Param("aux"), v.aux)
	}
}

func (v *view) advance() {
	ADDQ(U32(10*4*v.cols), v.core)
	if bytes := v.auxDwords() * 4 * v.cols; bytes > 0 {
		ADDQ(U32(bytes), v.aux)
	}
}
