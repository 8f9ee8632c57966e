package main

import "github.com/mmcloughlin/avo/reg"

var forms = []form{
	{"Q8_0", 34, 544, func(p *packer) {
		p.halves(0, 0)
		for i := range 2 {
			for j, z := range p.window(2 + 16*i) {
				p.put(32+256*i+64*j, flipped(z))
			}
		}
	}},
	{"Q4_0", 18, 288, func(p *packer) { p.halves(0, 0); p.copy(2, 32) }},
	{"Q4_1", 20, 320, func(p *packer) { p.putHalves(0, p.dword(0)); p.copy(4, 64) }},
	{"Q5_0", 22, 352, func(p *packer) { p.halves(0, 0); p.copy(6, 32); p.put(288, fifths(p.dword(2))) }},
	{"Q5_1", 24, 384, func(p *packer) { p.putHalves(0, p.dword(0)); p.copy(8, 64); p.put(320, fifths(p.dword(4))) }},
	{"IQ4_NL", 18, 288, func(p *packer) { p.halves(0, 0); p.copy(2, 32) }},
	{"MXFP4", 17, 272, func(p *packer) { p.singles(0, 0); p.copy(1, 16) }},
	{"Q2_K", 84, 1344, packQ2K},
	{"Q3_K", 110, 1792 + 64, packQ3K},
	{"Q4_K", 144, 2304 + 64, packQ4K},
	{"Q5_K", 176, 2816 + 64, packQ5K},
	{"Q6_K", 210, 3328 + 64, packQ6K},
	{"IQ4_XS", 136, 2176 + 64, packIQ4XS},
}

// copy stores 16 bytes of every row as they are.
func (p *packer) copy(at, to int) {
	w := p.window(at)
	p.put(to, w[:]...)
}

// fifths moves bit 4g+j of every dword to 8j+g.
func fifths(x reg.VecVirtual) reg.VecVirtual {
	for _, swap := range []struct {
		by   int
		mask uint32
	}{{14, 0xcccc}, {7, 0x00aa00aa}, {2, 0x0c0c0c0c}, {1, 0x22222222}} {
		x = swapped(x, swap.by, swap.mask)
	}
	return x
}

func packQ4K(p *packer) {
	const codes, block = 64 + 256, 256
	p.sixes()
	p.nibbles128(16, codes, block)
}

func packQ5K(p *packer) {
	const codes, block = 64 + 256, 320
	p.sixes()
	p.nibbles128(48, codes, block)
	p.bits(16, codes+256, block)
}

func packQ6K(p *packer) {
	const codes, block = 64 + 256, 384
	p.halves(208, 0)
	for j, z := range p.window(192) {
		p.putBytes(64+64*j, z)
	}
	for h := range 2 {
		first := codes + 4*h*block
		p.nibbles32(64*h, first, first+2*block)
		p.nibbles32(64*h+32, first+block, first+3*block)
		p.pairs(128+32*h, first+256, block)
	}
}

func packQ2K(p *packer) {
	const codes, block = 64 + 256, 128
	p.putHalves(0, p.dword(80))
	for j, z := range p.window(0) {
		p.putBytes(64+64*j, z)
	}
	p.pairs(16, codes, block)
	p.pairs(48, codes+4*block, block)
}

func packQ3K(p *packer) {
	const codes, block = 64 + 256, 192
	p.halves(108, 0)
	upper := p.dword(104)
	for i, at := range []int{96, 100} {
		lower := p.dword(at)
		for j := range 2 { // sub-blocks 4i and up, and 8 further on
			p.putBytes(64+64*(i+2*j), signed(right(lower, 4*j), right(upper, 2*(i+2*j))))
		}
	}
	p.pairs(32, codes, block)
	p.pairs(64, codes+4*block, block)
	p.bits(0, codes+128, block)
}

func packIQ4XS(p *packer) {
	const codes, block = 64 + 128, 256
	p.halves(0, 0)
	for i := range 8 {
		p.copy(8+16*i, codes+block*i)
	}
	upper, lower := p.dword(0), p.dword(4)
	for i := range 8 {
		p.putByte(64+16*i, signed(right(lower, 4*i), right(upper, 16+2*i)))
	}
}
