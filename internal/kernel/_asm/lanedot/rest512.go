package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rest512 generates the product of some blocks of strips and a panel of these blocks
// with one column.
func rest512(f form) {
	name := "rest512" + f.name
	TEXT(name, NOSPLIT, "func(c *float32, strip *byte, size int, core *int32, aux *int32, at *int32, blocks int, strips int, mask uint32)")
	Doc(fmt.Sprintf("%s adds the product of blocks (> 0) blocks, at numbers at, of strips (> 0) strips of %s, each of size bytes, and a panel that has these blocks alone and one column; mask has a bit for each row that a strip has of c.", name, f.name))
	Pragma("noescape")
	d := &product512{reader512: newReader512(f, GP64()), view: newView(f, 1)}
	c, strip, size := Load(Param("c"), GP64()), Load(Param("strip"), GP64()), Load(Param("size"), GP64())
	strips, bits := Load(Param("strips"), GP64()), Load(Param("mask"), GP32())
	acc, mask, at, left := ZMM(), K(), GP64(), GP64()
	KMOVW(bits, mask)
	d.acc = []reg.VecVirtual{acc}
	Label("strip")
	Load(Param("at"), at)
	Load(Param("blocks"), left)
	VMOVUPS_Z(Mem{Base: c}, mask, acc)
	d.visit(strip, at, left, func() { d.head(); d.block() })
	VMOVUPS(acc, mask, Mem{Base: c})
	d.rewind()
	ADDQ(size, strip)
	ADDQ(U32(4*rows), c)
	DECQ(strips)
	JNZ(LabelRef("strip"))
	VZEROUPPER()
	RET()
}

// visit emits body for the n (> 0) blocks of a strip whose numbers are at `at`.
func (c *cursor) visit(strip, at, n reg.Register, body func()) {
	block := GP64()
	Label("block")
	MOVLQZX(Mem{Base: at}, block)
	if c.blocks == 1 {
		IMUL3Q(U32(c.bytes()), block, c.unit)
		ADDQ(strip, c.unit)
		c.codes = c.unit
	} else {
		i := GP64()
		c.codes, c.s = GP64(), GP64()
		MOVQ(block, i)
		SHRQ(U8(3), block)
		ANDQ(U32(c.blocks-1), i)
		IMUL3Q(U32(c.bytes()), block, c.unit)
		ADDQ(strip, c.unit)
		IMUL3Q(U32(c.subs()*rows), i, c.s)
		LEAQ(Mem{Base: c.unit, Index: c.s, Scale: 1, Disp: c.sAt()}, c.s)
		IMUL3Q(U32(c.blockBytes()), i, i)
		LEAQ(Mem{Base: c.unit, Index: i, Scale: 1, Disp: c.codesAt()}, c.codes)
	}
	body()
	ADDQ(U8(4), at)
	DECQ(n)
	JNZ(LabelRef("block"))
}
