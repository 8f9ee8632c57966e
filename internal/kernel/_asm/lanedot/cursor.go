package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// cursor walks through a strip.
type cursor struct {
	form
	unit  reg.Register // points at the unit
	codes reg.Register // at the block's codes; in units of one block, at the unit
	s     reg.Register // and at its scales
}

// loop emits head for every unit of n (> 0), and block for every block.
func (c *cursor) loop(n reg.Register, head, block func()) {
	Label("unit")
	head()
	if c.blocks == 1 {
		c.codes = c.unit
		block()
		ADDQ(U32(c.bytes()), c.unit)
	} else {
		left := GP64()
		c.codes, c.s = GP64(), GP64()
		LEAQ(Mem{Base: c.unit, Disp: c.sAt()}, c.s)
		LEAQ(Mem{Base: c.unit, Disp: c.codesAt()}, c.codes)
		MOVQ(U32(c.blocks), left)
		c.blocksOfUnit(left, block)
	}
	DECQ(n)
	JNZ(LabelRef("unit"))
}

// blocksOfUnit emits block for so many blocks of a unit of 8, and goes to the next unit.
func (c *cursor) blocksOfUnit(left reg.Register, block func()) {
	Label("block")
	block()
	ADDQ(U32(c.subs()*rows), c.s)
	ADDQ(U32(c.blockBytes()), c.codes)
	DECQ(left)
	JNZ(LabelRef("block"))
	MOVQ(c.codes, c.unit)
}

// low and high planes of the block.
func (c *cursor) lowPlane(i int) Mem  { return Mem{Base: c.codes, Disp: c.planeAt(i)} }
func (c *cursor) highPlane(i int) Mem { return c.lowPlane(c.low + i) }

// small addresses the scales of half h of the block.
func (c *cursor) small(h int) Mem { return Mem{Base: c.s, Disp: h * rows} }

var constants = map[string]Mem{}

// plain is the table of levels, raised that of levels + 128.
func plain(name string) Mem { return levelTable(name, "", func(v int) int { return int(uint8(v)) }) }

func raised(name string) Mem { return levelTable(name, "_raised", func(v int) int { return v + 128 }) }

// levelTable is a table of what becomes of the levels.
func levelTable(name, how string, as func(v int) int) Mem {
	return constant("levels_"+name+how, 16, func(i int) Constant { return U8(as(levels[name][i])) }, 1)
}

// lines points at so many bytes of the stack, from the beginning of a cache line on.
func lines(n int) reg.Register {
	const line = 64
	p := GP64()
	LEAQ(AllocLocal(n+line), p)
	ADDQ(Imm(line-1), p)
	ANDQ(I8(-line), p)
	return p
}

// constant is data that is made once.
func constant(name string, n int, at func(i int) Constant, size int) Mem {
	if _, ok := constants[name]; !ok {
		m := GLOBL(name, RODATA|NOPTR)
		for i := range n {
			DATA(i*size, at(i))
		}
		constants[name] = m
	}
	return constants[name]
}
