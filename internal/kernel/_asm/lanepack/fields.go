package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// Files and strips keep fields of bits in different places; `at` is a place in the
// row's block, `to` one in the unit, block the distance of blocks of 32 there.

// flipped has the highest bit of all bytes turned.
func flipped(x reg.VecVirtual) reg.VecVirtual {
	z := ZMM()
	VPXORD_BCST(bytes(0x80), x, z)
	return z
}

// swapped exchanges the bits of a mask with those that are so much higher.
func swapped(x reg.VecVirtual, by int, mask uint32) reg.VecVirtual {
	t, z := right(x, by), ZMM()
	VPXORD(x, t, t)
	t = and(t, dwords(mask))
	VPXORD(x, t, z)
	VPXORD(left(t, by), z, z)
	return z
}

// signed puts 4 and 2 bits together, those of all bytes, and takes 32 away.
func signed(lower, upper reg.VecVirtual) reg.VecVirtual {
	z, zero := choose(bytes(0x0F), copied(lower), left(upper, 4)), ZMM()
	z = and(z, bytes(0x3F))
	VPBROADCASTD(bytes(32), zero)
	VPSUBB(zero, z, z)
	return z
}

// sixes packs the head of Q4_K and Q5_K: scale, minimum, and 6-bit scales and minima
// of sub-blocks. Those of the last four have their upper two bits above the first
// four's.
func (p *packer) sixes() {
	const s, t = 64, 64 + 128
	w := p.window(0)
	p.putHalves(0, w[0])
	p.putBytes(s, and(w[1], bytes(0x3F)))
	p.putBytes(t, and(w[2], bytes(0x3F)))
	upper := choose(bytes(0x0F), right(w[3], 4), right(w[2], 2))
	p.putBytes(t+64, and(upper, bytes(0x3F)))
	upper = choose(bytes(0x0F), w[3], right(w[1], 2))
	p.putBytes(s+64, and(upper, bytes(0x3F)))
}

// nibbles128 packs 128 bytes: in each 32, low nibbles are one block and high ones
// the next.
func (p *packer) nibbles128(at, to, block int) {
	for i := range 4 {
		p.nibbles32(at+32*i, to+2*i*block, to+(2*i+1)*block)
	}
}

// nibbles32 packs 32 bytes into a block of their low nibbles and one of the high
// ones.
func (p *packer) nibbles32(at, lower, upper int) {
	a, b := p.window(at), p.window(at+16)
	for i := range 4 {
		p.put(upper+64*i, choose(bytes(0x0F), right(a[i], 4), b[i]))
		p.put(lower+64*i, choose(bytes(0x0F), a[i], left(b[i], 4)))
	}
}

// pairs packs the 2-bit fields of 32 bytes: field i is block i's, and in a plane, the
// field says which group: 4×4 fields are transposed.
func (p *packer) pairs(at, to, block int) {
	for plane := range 2 {
		x := p.window(at + 16*plane)
		exchangeAll(x[:], 2)
		for i, z := range x {
			p.put(to+i*block+64*plane, z)
		}
	}
}

// bits packs the bits of 32 bytes: bit i is block i's, and in the plane, the bit says
// which group: 8×8 bits are transposed.
func (p *packer) bits(at, to, block int) {
	a, b := p.window(at), p.window(at+16)
	x := append(a[:], b[:]...)
	exchangeAll(x, 1)
	for i, z := range x {
		p.put(to+i*block, z)
	}
}

// exchangeAll transposes fields of that many bits: vectors of bytes with field i of
// all groups become those with group i of all fields.
func exchangeAll(x []reg.VecVirtual, width int) {
	masks := map[int]uint32{1: 0x55, 2: 0x33, 4: 0x0F}
	for step := 1; step < len(x); step *= 2 {
		for i := range x {
			if i&step == 0 {
				exchange(&x[i], &x[i+step], step*width, bytes(masks[step*width]))
			}
		}
	}
}
