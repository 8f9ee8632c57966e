package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// reader256 reads strips with AVX2. 16 rows are two vectors, the parts: rows 8·part and
// up. Of the 16 registers, few are left for constants.
type reader256 struct {
	cursor
	nibble reg.VecVirtual // 0x0F in all bytes
	table  reg.VecVirtual // levels
	upper  parts          // the high plane at hand
	d, m   parts          // of the unit, if there is room; m is added
}

type parts [2]reg.VecVirtual

func newParts() parts { return parts{YMM(), YMM()} }

// newReader256 loads the constants that a form needs; table is that of its levels.
func newReader256(f form, strip reg.Register, table func() Mem) *reader256 {
	r := &reader256{cursor: cursor{form: f, unit: strip}}
	if f.low == 4 {
		r.nibble = YMM()
		VMOVDQU(bytes256(0x0F), r.nibble)
	}
	if f.level != "" {
		r.table = YMM()
		VBROADCASTI128(table(), r.table)
	}
	return r
}

// dwords256 is a number in all lanes of memory.
func dwords256(d uint32) Mem {
	return constant(fmt.Sprintf("all_%08x", d), 8, func(int) Constant { return U32(d) }, 4)
}

func bytes256(b int) Mem { return dwords256(uint32(b) * 0x01010101) }

// head reads D and M once for all blocks of a unit.
func (r *reader256) head() {
	if r.blocks == 1 {
		return
	}
	for part := range 2 {
		r.d[part], r.m[part] = r.halves(part)
	}
}

// halves are D and what is added, nil in forms without minima.
func (r *reader256) halves(part int) (d, m reg.VecVirtual) {
	d = r.half(part * 16)
	if !r.mins {
		return d, nil
	}
	m = r.half(r.dBytes() + part*16)
	if r.negated() {
		VXORPS(dwords256(0x80000000), m, m)
	}
	return d, m
}

// scales returns the scale of half h of the block and what is added, nil in forms
// without minima.
func (r *reader256) scales(part, h int) (scale, minimum reg.VecVirtual) {
	if r.level == "mxfp4" {
		return r.halfPower(part), nil
	}
	d, m := r.d[part], r.m[part]
	if d == nil {
		d, m = r.halves(part)
	}
	if r.blocks == 1 {
		return d, m
	}
	scale = YMM()
	at := r.small(h).Offset(part * 8)
	if !r.mins {
		VPMOVSXBD(at, scale)
		product256(d, scale)
		return scale, nil
	}
	minimum = YMM()
	VPMOVZXBD(at, scale)
	if r.tAt() == 0 {
		VPSRLD(Imm(4), scale, minimum)
		VPAND(dwords256(0x0F), scale, scale)
	} else {
		VPMOVZXBD(at.Offset(r.tAt()), minimum)
	}
	product256(d, scale)
	product256(m, minimum)
	return scale, minimum
}

// half is 8 halves of the unit.
func (r *reader256) half(at int) reg.VecVirtual {
	y := YMM()
	VCVTPH2PS(Mem{Base: r.unit, Disp: at}, y)
	return y
}

// product256 is d times the integers in x.
func product256(d, x reg.VecVirtual) {
	VCVTDQ2PS(x, x)
	VMULPS(d, x, x)
}

// halfPower makes MXFP4's scale, 2^(e-128), as reader512 does.
func (r *reader256) halfPower(part int) reg.VecVirtual {
	e, small, d, tiny := YMM(), YMM(), YMM(), YMM()
	VPMOVZXBD(Mem{Base: r.unit, Disp: part * 8}, e)
	VMOVDQU(dwords256(2), small)
	VPCMPGTD(e, small, small)
	VPADDD(dwords256(0xFFFFFFFF), e, d)
	VPSLLD(Imm(23), d, d)
	VMOVDQU(dwords256(0x00200000), tiny)
	VPSLLVD(e, tiny, tiny)
	VBLENDVPS(small, tiny, d, d)
	return d
}

// group returns a register with the codes or levels of group g. Groups are read from the
// first one on.
func (r *reader256) group(part, g int) reg.VecVirtual {
	c := YMM()
	switch r.low {
	case 8:
		VMOVDQU(r.lowPlane(g).Offset(part*32), c)
	case 4:
		if plane := r.lowPlane(g % 4).Offset(part * 32); g < 4 {
			VPAND(plane, r.nibble, c)
		} else {
			VMOVDQU(plane, c)
			VPSRLW(Imm(4), c, c)
			VPAND(r.nibble, c, c)
		}
	case 2:
		VMOVDQU(r.lowPlane(g/4).Offset(part*32), c)
		c = shifted256(c, 2*(g%4))
		VPAND(bytes256(0x03), c, c)
	}
	if r.high > 0 {
		per := 8 / r.high // groups of a high plane
		if g%per == 0 {
			r.upper[part] = YMM()
			VMOVDQU(r.highPlane(g/per).Offset(part*32), r.upper[part])
		}
		r.addUpper(shifted256(r.upper[part], r.high*(g%per)-r.low), c)
	}
	if r.level != "" {
		VPSHUFB(c, r.table, c)
	}
	return c
}

// addUpper adds the high bits, which are in place among others, to codes.
func (r *reader256) addUpper(high, c reg.VecVirtual) {
	t := YMM()
	VPAND(bytes256((1<<r.high-1)<<r.low), high, t)
	VPOR(t, c, c)
}

func shifted256(x reg.VecVirtual, by int) reg.VecVirtual {
	if by == 0 {
		return x
	}
	y := YMM()
	if by > 0 {
		VPSRLD(U8(by), x, y)
	} else {
		VPSLLD(U8(-by), x, y)
	}
	return y
}
