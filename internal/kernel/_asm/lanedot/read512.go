package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// reader512 reads strips with AVX-512: a register holds a group of 4 weights of 16 rows,
// or one number of 16 rows.
type reader512 struct {
	cursor
	d, m   reg.VecVirtual   // of the unit; m is added
	planes []reg.VecVirtual // of the block, where they are read before they are needed

	// Constants.
	nibble, pair, uppers reg.VecVirtual // masks of bytes
	table                reg.VecVirtual // levels + 128
	sign                 reg.VecVirtual
	one, two, tiny       reg.VecVirtual // for MXFP4's exponents
}

// newReader512 loads the constants that a form needs.
func newReader512(f form, strip reg.Register) *reader512 {
	r := &reader512{cursor: cursor{form: f, unit: strip}}
	if f.low == 4 || f.name == "Q2_K" {
		r.nibble = bytes(0x0F)
	}
	if f.low == 2 {
		r.pair = bytes(0x03)
	}
	switch {
	case f.low == 4 && f.high > 0:
		r.uppers = bytes((1<<f.high - 1) * 0x11)
	case f.high > 0:
		r.uppers = bytes((1<<f.high - 1) << f.low)
	}
	if f.level != "" {
		r.table = ZMM()
		VBROADCASTI32X4(raised(f.level), r.table)
	}
	if f.level == "mxfp4" {
		r.one, r.two, r.tiny = dwords(1), dwords(2), dwords(0x00200000)
	}
	if f.negated() {
		r.sign = dwords(0x80000000)
	}
	return r
}

func bytes(b int) reg.VecVirtual { return dwords(uint32(b) * 0x01010101) }

func dwords(d uint32) reg.VecVirtual {
	g, z := GP32(), ZMM()
	MOVL(U32(d), g)
	VPBROADCASTD(g, z)
	return z
}

// head reads D and M.
func (r *reader512) head() {
	if r.unpacked {
		return
	}
	if r.level == "mxfp4" {
		r.halfPower()
		return
	}
	r.d = ZMM()
	VCVTPH2PS(Mem{Base: r.unit}, r.d)
	if r.mins {
		r.m = ZMM()
		VCVTPH2PS(Mem{Base: r.unit, Disp: r.dBytes()}, r.m)
	}
	if r.negated() {
		VPXORD(r.sign, r.m, r.m)
	}
}

// halfPower makes MXFP4's scale, 2^(e-128): e-1 is the exponent of a float32, but
// the two smallest are subnormal.
func (r *reader512) halfPower() {
	e, small := ZMM(), K()
	r.d = ZMM()
	VPMOVZXBD(Mem{Base: r.unit}, e)
	VPSUBD(r.one, e, r.d)
	VPSLLD(Imm(23), r.d, r.d)
	VPCMPUD(Imm(1), r.two, e, small)
	VPSLLVD(e, r.tiny, small, r.d)
}

// scales returns the scale of half h of the block and what is added, nil in forms
// without minima.
func (r *reader512) scales(h int) (scale, minimum reg.VecVirtual) {
	if r.unpacked {
		return r.vectors(h)
	}
	if r.blocks == 1 {
		return r.d, r.m
	}
	scale = ZMM()
	at := r.small(h)
	if !r.mins {
		VPMOVSXBD(at, scale)
		product(r.d, scale)
		return scale, nil
	}
	minimum = ZMM()
	VPMOVZXBD(at, scale)
	if r.tAt() == 0 {
		VPSRLD(Imm(4), scale, minimum)
		VPANDD(r.nibble, scale, scale)
	} else {
		VPMOVZXBD(at.Offset(r.tAt()), minimum)
	}
	product(r.d, scale)
	product(r.m, minimum)
	return scale, minimum
}

// vectors is scales of an unpacked block.
func (r *reader512) vectors(h int) (scale, minimum reg.VecVirtual) {
	at := func(which int) reg.VecVirtual {
		z := ZMM()
		VMOVUPS(Mem{Base: r.unit, Disp: r.vector(which, h)}, z)
		return z
	}
	scale = at(0)
	if r.mins {
		minimum = at(1)
	}
	return scale, minimum
}

// product is d times the integers in x.
func product(d, x reg.VecVirtual) {
	VCVTDQ2PS(x, x)
	VMULPS(d, x, x)
}

// plane is one of a block's, low ones first: in memory, or in a register where all were read in a line.
func (r *reader512) plane(i int) Op {
	if r.planes != nil {
		return r.planes[i]
	}
	return r.lowPlane(i)
}

// readPlanes reads all of a block's.
func (r *reader512) readPlanes() {
	r.planes = nil
	for i := range r.low + r.high {
		z := ZMM()
		VMOVDQU32(r.lowPlane(i), z)
		r.planes = append(r.planes, z)
	}
}

// groups emits do for n groups, in an order of its own.
func (r *reader512) groups(first, n int, do func(g int, codes reg.VecVirtual)) {
	if r.low != 4 || r.high == 0 {
		for g := first; g < first+n; g++ {
			do(g, r.group(g))
		}
		return
	}
	apart := 4 / r.high // groups whose high bits are a nibble apart
	for i := range apart {
		high := ZMM()
		VPANDD(shifted(r.plane(r.low+first/4), i*r.high), r.uppers, high)
		do(first+i+apart, r.withHigh(first+i+apart, high))
		VPSLLD(Imm(4), high, high)
		do(first+i, r.withHigh(first+i, high))
	}
}

// withHigh returns codes of a group: the low nibbles of its plane, below what high has above its own.
func (r *reader512) withHigh(g int, high reg.VecVirtual) reg.VecVirtual {
	const choose = 0xE4 // nibble ? c : high
	c := ZMM()
	if g < 4 {
		VMOVDQU32(r.plane(g), c)
	} else {
		VPSRLW(Imm(4), r.plane(g%4), c)
	}
	VPTERNLOGD(U8(choose), r.nibble, high, c)
	return c
}

// group returns a register with the codes, or levels + 128, of group g. Planes that
// serve several groups are read for each: registers are for outputs and sums.
func (r *reader512) group(g int) reg.VecVirtual {
	c := ZMM()
	switch r.low {
	case 8:
		VMOVDQU32(r.plane(g), c)
	case 4:
		if plane := r.plane(g % 4); g < 4 {
			VPANDD(plane, r.nibble, c)
		} else {
			VPSRLW(Imm(4), plane, c)
			VPANDD(r.nibble, c, c)
		}
	case 2:
		VPANDD(shifted(r.plane(g/4), 2*(g%4)), r.pair, c)
	}
	if r.high > 0 { // one bit, above two
		r.addUpper(shifted(r.plane(r.low), g-r.low), c)
	}
	if r.level != "" {
		VPSHUFB(c, r.table, c)
	}
	return c
}

// addUpper adds the high bits, which are in place among others, to codes.
func (r *reader512) addUpper(high Op, c reg.VecVirtual) {
	const orAnd = 0xF8 // c | high & uppers
	VPTERNLOGD(U8(orAnd), high, r.uppers, c)
}

// shifted is x shifted right, or left where by is negative.
func shifted(x Op, by int) Op {
	if by == 0 {
		return x
	}
	z := ZMM()
	if by > 0 {
		VPSRLD(U8(by), x, z)
	} else {
		VPSLLD(U8(-by), x, z)
	}
	return z
}
