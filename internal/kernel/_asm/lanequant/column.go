package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func name(value uint32) string { return fmt.Sprintf("fours%08x", value) }

// column is where a column's next block is in a panel. Its dwords are stride bytes
// apart.
type column struct {
	core          [2][3]reg.Register // dwords 0, 4 and 8 of two blocks
	sum, halves   reg.Register
	stride, three reg.Register // stride, times 3
	fours         reg.Register
}

func load() (c column) {
	c.stride, c.three = Load(Param("cols"), GP64()), GP64()
	SHLQ(Imm(2), c.stride)
	LEAQ(Mem{Base: c.stride, Index: c.stride, Scale: 2}, c.three)
	for b := range c.core {
		for i := range c.core[b] {
			c.core[b][i] = GP64()
		}
	}
	Load(Param("core"), c.core[0][0])
	c.sum, c.halves = Load(Param("sums"), GP64()), Load(Param("halves"), GP64())
	c.fours = Load(Param("fours"), GP64())
	return c
}

// by is dword i < 4 after a pointer.
func (c column) by(p reg.Register, i int) Mem {
	switch i {
	case 1, 2:
		return Mem{Base: p, Index: c.stride, Scale: uint8(i)}
	case 3:
		return Mem{Base: p, Index: c.three, Scale: 1}
	}
	return Mem{Base: p}
}

// point sets the pointers to two blocks from the first of them.
func (c column) point() {
	for b, p := range c.core {
		if b > 0 {
			LEAQ(c.by(c.core[0][2], 2), p[0])
		}
		for i := 1; i < 3; i++ {
			LEAQ(Mem{Base: p[i-1], Index: c.stride, Scale: 4}, p[i])
		}
	}
}

// put stores lane i of an xmm register.
func put(x reg.Register, i int, to Mem) {
	if i == 0 {
		VMOVD(x, to)
	} else {
		VPEXTRD(Imm(uint64(i)), x, to)
	}
}

// code stores lane i of x as group g of block b of the pair.
func (c column) code(x reg.Register, i, b, g int) { put(x, i, c.by(c.core[b][g/4], g%4)) }

// sums stores all but the codes of a pair of blocks and goes on to the next. half has
// the sums of codes: two of the first block, two of the second. d has the scales of
// two pairs.
func (c column) sums(d, half reg.VecVirtual, pair int) {
	scale, whole := XMM(), XMM()
	VPSHUFD(Imm([]uint64{0x50, 0xfa}[pair]), d, scale)
	VPSHUFD(Imm(0xb1), half, whole)
	VPADDD(half, whole, whole)
	wholeFloat, wholeInt := products(whole, scale)
	halfFloat, halfInt := products(half, scale)
	for b, p := range c.core {
		put(scale, 2*b, c.by(p[2], 0))
		put(wholeInt, 2*b, c.by(p[2], 1))
		put(wholeFloat, 2*b, Mem{Base: c.sum})
		ADDQ(c.stride, c.sum)
		for h := range 2 {
			put(halfInt, 2*b+h, c.by(c.halves, h))
			put(halfFloat, 2*b+h, c.by(c.halves, 2+h))
		}
		LEAQ(Mem{Base: c.halves, Index: c.stride, Scale: 4}, c.halves)
	}
	LEAQ(c.by(c.core[1][2], 2), c.core[0][0])
}

// products are sums times their scale, and times -128.
func products(sums, scale reg.VecVirtual) (float, int reg.VecVirtual) {
	float, int = XMM(), XMM()
	VCVTDQ2PS(sums, float)
	VMULPS(scale, float, float)
	t := XMM()
	VPXOR(int, int, int)
	VPSLLD(Imm(7), sums, t)
	VPSUBD(t, int, int)
	return float, int
}
