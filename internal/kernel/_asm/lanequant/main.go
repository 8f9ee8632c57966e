// Command lanequant writes the assembly that rounds activations to 8 bits into a
// column of a panel (package lanes).
//
// internal/lanes/panel.go holds the go:generate line.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64,!purego")
	quantise512()
	Generate()
}

// column is where a column's block is in a panel. Its dwords are stride bytes apart.
type column struct {
	core          [3]reg.Register // dwords 0, 4 and 8
	sums, halves  reg.Register
	stride, three reg.Register // stride, times 3
	blocks        reg.Register
}

func load() (c column) {
	c.core[0], c.sums, c.halves = Load(Param("core"), GP64()), Load(Param("sums"), GP64()), Load(Param("halves"), GP64())
	c.stride, c.three = Load(Param("cols"), GP64()), GP64()
	SHLQ(Imm(2), c.stride)
	LEAQ(Mem{Base: c.stride, Index: c.stride, Scale: 2}, c.three)
	for i := 1; i < 3; i++ {
		c.core[i] = GP64()
		LEAQ(Mem{Base: c.core[i-1], Index: c.stride, Scale: 4}, c.core[i])
	}
	c.blocks = Load(Param("blocks"), GP64())
	return c
}

// next goes on by a block: 10 dwords of core, 1 of sums, 4 of halves.
func (c column) next() {
	for _, p := range c.core {
		LEAQ(Mem{Base: p, Index: c.stride, Scale: 8}, p)
		LEAQ(Mem{Base: p, Index: c.stride, Scale: 2}, p)
	}
	ADDQ(c.stride, c.sums)
	LEAQ(Mem{Base: c.halves, Index: c.stride, Scale: 4}, c.halves)
}

// at is dword i < 4 after a pointer.
func (c column) at(p reg.Register, i int) Mem {
	switch i {
	case 1, 2:
		return Mem{Base: p, Index: c.stride, Scale: uint8(i)}
	case 3:
		return Mem{Base: p, Index: c.three, Scale: 1}
	}
	return Mem{Base: p}
}

// Blocks whose largest magnitude has bits from least to most have codes: above is
// infinity, below 127/largest is infinite.
var least, most = leastDivisor(), math.Float32bits(math.MaxFloat32)

func leastDivisor() uint32 {
	x := math.Float32bits(127/float32(math.MaxFloat32)) - 16
	for math.IsInf(float64(float32(127)/math.Float32frombits(x)), 0) {
		x++
	}
	return x
}
