package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The expansion of a strip into what tiles read; Kind in internal/lanes/tile.go says
// how it is laid out.

func beginUnpack(level string, f form) (dst, strip reg.Register) {
	name := fmt.Sprintf("unpack%s%s", level, f.name)
	TEXT(name, NOSPLIT, "func(dst *byte, strip *byte, first, blocks int)")
	Doc(fmt.Sprintf("%s unpacks blocks (> 0) of a %s strip, from one of its first unit on.", name, f.name))
	Pragma("noescape")
	return Load(Param("dst"), GP64()), Load(Param("strip"), GP64())
}

// span emits head for every unit, and block for every block that is asked for.
func (c *cursor) span(head, block func()) {
	first, n := Load(Param("first"), GP64()), Load(Param("blocks"), GP64())
	Label("unit")
	head()
	if c.blocks == 1 {
		c.codes = c.unit
		block()
		ADDQ(U32(c.bytes()), c.unit)
		DECQ(n)
		JNZ(LabelRef("unit"))
		return
	}
	left := GP64()
	c.codes, c.s = GP64(), GP64()
	IMUL3Q(U32(c.subs()*rows), first, c.s)
	LEAQ(Mem{Base: c.unit, Index: c.s, Scale: 1, Disp: c.sAt()}, c.s)
	IMUL3Q(U32(c.blockBytes()), first, c.codes)
	LEAQ(Mem{Base: c.unit, Index: c.codes, Scale: 1, Disp: c.codesAt()}, c.codes)
	MOVQ(U32(c.blocks), left)
	SUBQ(first, left)
	CMPQ(left, n)
	CMOVQGT(n, left)
	SUBQ(left, n)
	c.blocksOfUnit(left, block)
	XORQ(first, first)
	TESTQ(n, n)
	JNZ(LabelRef("unit"))
}

// raise is what makes codes of numbers + 128.
func (f form) raise() int {
	if f.mins || f.level != "" {
		return 0
	}
	return 128 - f.zero
}

// vector is where the scale (0) or the minimum (1) of half h is in an unpacked
// block.
func (f form) vector(which, h int) int { return 512 + 64*(which*f.subs()+h) }

func (f form) unpackedBytes() int {
	if f.mins {
		return f.vector(2, 0)
	}
	return f.vector(1, 0)
}

func unpack256(f form) {
	dst, strip := beginUnpack("256", f)
	r := newReader256(f, strip, func() Mem { return raised(f.level) })
	r.span(r.head, func() {
		for part := range 2 {
			for g := range 8 {
				c := r.group(part, g)
				if f.raise() > 0 {
					VPADDB(bytes256(f.raise()), c, c)
				}
				VMOVDQU(c, Mem{Base: dst, Disp: 64*g + 32*part})
			}
			for h := range f.subs() {
				scale, minimum := r.scales(part, h)
				VMOVUPS(scale, Mem{Base: dst, Disp: f.vector(0, h) + 32*part})
				if f.mins {
					VMOVUPS(minimum, Mem{Base: dst, Disp: f.vector(1, h) + 32*part})
				}
			}
		}
		ADDQ(U32(f.unpackedBytes()), dst)
	})
	VZEROUPPER()
	RET()
}
