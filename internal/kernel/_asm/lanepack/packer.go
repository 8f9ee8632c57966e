package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// packer holds the registers of one function. A vector is a dword of each row, or
// fields of such dwords, in the rows' lanes: a plane.
type packer struct {
	strip    reg.Register // the unit
	rows, at reg.Register // pointers to rows, and where the block is in them
	next     reg.Register // what to prefetch
	lanes    [4]reg.Register
}

func newPacker() *packer {
	p := &packer{strip: Load(Param("strip"), GP64()), rows: Load(Param("rows"), GP64()), at: GP64(), next: Load(Param("ahead"), GP64())}
	ADDQ(Mem{Base: p.rows}, p.next)
	XORQ(p.at, p.at)
	for i := 1; i < 4; i++ {
		m := GP32()
		MOVL(U32(0xF<<(4*i)), m)
		p.lanes[i] = K()
		KMOVW(m, p.lanes[i])
	}
	return p
}

// row addresses byte `at` of row r's block.
func (p *packer) row(r, at int) Mem {
	base := GP64()
	MOVQ(Mem{Base: p.rows, Disp: 8 * r}, base)
	return Mem{Base: base, Index: p.at, Scale: 1, Disp: at}
}

// window reads 16 bytes of every row: four vectors of dwords.
func (p *packer) window(at int) (out [4]reg.VecVirtual) {
	var x, t [4]reg.VecVirtual
	for i := range x { // rows i, i+4, i+8 and i+12
		x[i], t[i], out[i] = ZMM(), ZMM(), ZMM()
		VBROADCASTI32X4(p.row(i, at), x[i])
		for l := 1; l < 4; l++ {
			VBROADCASTI32X4(p.row(i+4*l, at), p.lanes[l], x[i])
		}
	}
	VPUNPCKLDQ(x[1], x[0], t[0])
	VPUNPCKHDQ(x[1], x[0], t[1])
	VPUNPCKLDQ(x[3], x[2], t[2])
	VPUNPCKHDQ(x[3], x[2], t[3])
	VPUNPCKLQDQ(t[2], t[0], out[0])
	VPUNPCKHQDQ(t[2], t[0], out[1])
	VPUNPCKLQDQ(t[3], t[1], out[2])
	VPUNPCKHQDQ(t[3], t[1], out[3])
	return out
}

// dword reads 4 bytes of every row.
func (p *packer) dword(at int) reg.VecVirtual {
	z := ZMM()
	VPXORD(z, z, z)
	for l := 0; l < 4; l++ {
		x := XMM()
		VMOVD(p.row(4*l, at), x)
		for i := 1; i < 4; i++ {
			VPINSRD(Imm(uint64(i)), p.row(4*l+i, at), x, x)
		}
		VINSERTI32X4(Imm(uint64(l)), x, z, z)
	}
	return z
}

// halves copies 2 bytes of every row to the unit.
func (p *packer) halves(at, to int) {
	for h := range 2 {
		x := XMM()
		VPXOR(x, x, x)
		for i := range 8 {
			VPINSRW(Imm(uint64(i)), p.row(8*h+i, at), x, x)
		}
		VMOVDQU(x, p.out(to+16*h))
	}
}

// singles copies a byte of every row.
func (p *packer) singles(at, to int) {
	x := XMM()
	VPXOR(x, x, x)
	for r := range 16 {
		VPINSRB(Imm(uint64(r)), p.row(r, at), x, x)
	}
	VMOVDQU(x, p.out(to))
}

func (p *packer) out(at int) Mem { return Mem{Base: p.strip, Disp: at} }

// put stores planes one after the other.
func (p *packer) put(to int, planes ...reg.VecVirtual) {
	for i, z := range planes {
		VMOVDQU32(z, p.out(to+64*i))
	}
}

// putBytes stores bytes 0 to 3 of the rows' dwords as vectors of small scales.
func (p *packer) putBytes(to int, z reg.VecVirtual) {
	for j := range 4 {
		p.putByte(to+16*j, right(z, 8*j))
	}
}

// putByte stores byte 0.
func (p *packer) putByte(to int, z reg.VecVirtual) { VPMOVDB(z, p.out(to)) }

// putHalves stores the lower and the upper halves of dwords: scales and minima.
func (p *packer) putHalves(to int, z reg.VecVirtual) {
	VPMOVDW(z, p.out(to))
	VPMOVDW(right(z, 16), p.out(to+32))
}

var constants = map[uint32]Mem{}

// dwords is a constant to broadcast.
func dwords(bits uint32) Mem {
	m, ok := constants[bits]
	if !ok {
		m = GLOBL(fmt.Sprintf("dwords_%08x", bits), RODATA|NOPTR)
		DATA(0, U32(bits))
		constants[bits] = m
	}
	return m
}

func bytes(b uint32) Mem { return dwords(b * 0x01010101) }

// right and left are x shifted.
func right(x reg.VecVirtual, by int) reg.VecVirtual {
	if by == 0 {
		return x
	}
	z := ZMM()
	VPSRLD(U8(by), x, z)
	return z
}

func left(x reg.VecVirtual, by int) reg.VecVirtual {
	z := ZMM()
	VPSLLD(U8(by), x, z)
	return z
}

// and is x under a mask.
func and(x reg.VecVirtual, mask Mem) reg.VecVirtual {
	z := ZMM()
	VPANDD_BCST(mask, x, z)
	return z
}

// choose is a where the mask has ones and b elsewhere. It may overwrite a.
func choose(mask Mem, a, b reg.VecVirtual) reg.VecVirtual {
	const aOrB = 0xE4 // a & mask | b &^ mask, of a, b and mask
	VPTERNLOGD_BCST(U8(aOrB), mask, b, a)
	return a
}

// exchange swaps the fields of a above a mask with those of b under it.
func exchange(a, b *reg.VecVirtual, by int, mask Mem) {
	lower := choose(mask, copied(*a), left(*b, by))
	*b = choose(mask, right(*a, by), *b)
	*a = lower
}

func copied(x reg.VecVirtual) reg.VecVirtual {
	z := ZMM()
	VMOVDQA32(x, z)
	return z
}
