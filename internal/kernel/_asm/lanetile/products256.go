package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// AVX2 multiplies unsigned bytes by signed ones and adds two products in 16 bits, where
// nothing over 32767 has room. Codes of activations are at most 127; so the fewer bits a
// weight has, the more of these sums are added up before they are widened. Weights of 8
// bits are taken as two nibbles, for adding costs less than widening.

// The registers: planes; a number of the panel in all lanes, and another temporary one;
// sums, scales, and minima or more sums, of rows 0 to 7 and 8 to 15.
var (
	planes256 = ymm[0:8]
	number    = ymm[8]
	other     = ymm[9]
	sums256   = ymm[10:12]
	scales256 = ymm[12:14]
	more256   = ymm[14:16]
)

// part emits part p of a block.
func (t *tile256) part(p int) {
	t.planes(p)
	if t.ends(p) {
		for r := range 2 {
			VMOVUPS(vector(t.w, r, t.Vector(t.sub(p))), scales256[r])
			if t.Mins {
				VMOVUPS(vector(t.w, r, t.Vector(t.Subs+t.sub(p))), more256[r])
			}
		}
	}
	t.columns(p, func(n int) {
		switch {
		case t.vnni():
			t.productsVNNI(p, n)
		case t.bits == 8:
			t.productsOfNibbles(p, n)
		default:
			t.products(p, n)
		}
		if t.ends(p) {
			t.scale(p, n)
		}
	})
	LEAQ(Mem{Base: t.core, Index: t.stride, Scale: uint8(t.per())}, t.core)
}

// planes reads the codes of a part, two registers for each group.
func (t *tile256) planes(p int) {
	for i := range 2 * t.per() {
		x := planes256[i]
		VMOVDQU(vector(t.w, i%2, (p*t.per()+i/2)*plane), x)
		switch {
		case t.bits == 8:
			high := planes256[4+i]
			VPSRLW(Imm(4), x, high)
			VPAND(constant(0x0F0F0F0F), high, high)
			VPAND(constant(0x0F0F0F0F), x, x)
		case !t.Mins && !t.vnni():
			VPSUBB(constant((128-1<<(t.bits-1))*0x01010101), x, x)
		}
	}
}

// together is how many sums of two products have room in 16 bits.
func (t *tile256) together() int { return 32767 / (2 * 127 * (1<<t.bits - 1)) }

// products makes column n's sums of a part, and of all parts at the end of a sub-block.
func (t *tile256) products(p, n int) {
	wide, add := t.together() < groups/t.Subs, VPADDW
	if wide {
		add = VPADDD
	}
	for i := range t.per() {
		VPBROADCASTD(t.dword(t.p, i, n), number)
		sums := sums256
		if i >= t.together() {
			sums = more256
		}
		for r, sum := range sums {
			multiply(planes256[2*i+r], sum, r == 1, i%t.together() > 0)
		}
		if wide && (i+1)%t.together() == 0 {
			for r, sum := range sums {
				VPMADDWD(constant(0x00010001), sum, sum)
				if i >= t.together() {
					VPADDD(sum, sums256[r], sums256[r])
				}
			}
		}
	}
	t.share(p, n, sums256, sumsAt, add)
	if t.ends(p) && !wide {
		for _, sum := range sums256 {
			VPMADDWD(constant(0x00010001), sum, sum)
		}
	}
}

// multiply makes a sum of a plane times number, or adds it; the last use of the number
// may write over it.
func multiply(plane, sum reg.Register, last, add bool) {
	if !add {
		VPMADDUBSW(number, plane, sum)
		return
	}
	x := other
	if last {
		x = number
	}
	VPMADDUBSW(number, plane, x)
	VPADDW(x, sum, sum)
}

// share adds the sums of the parts before p, and keeps them for those after it.
func (t *tile256) share(p, n int, sums []reg.VecPhysical, at int, add func(ops ...Op)) {
	for r, sum := range sums {
		if !t.begins(p) {
			add(t.kept(n, r, at), sum, sum)
		}
		if !t.ends(p) {
			VMOVDQU(sum, t.kept(n, r, at))
		}
	}
}

// productsOfNibbles is products for 8 bits.
func (t *tile256) productsOfNibbles(p, n int) {
	for i := range t.per() {
		VPBROADCASTD(t.dword(t.p, i, n), number)
		for r := range 2 {
			multiply(planes256[2*i+r], sums256[r], false, i > 0)
			multiply(planes256[4+2*i+r], more256[r], r == 1, i > 0)
		}
	}
	t.share(p, n, sums256, sumsAt, VPADDW)
	t.share(p, n, more256, highAt, VPADDW)
	if t.ends(p) {
		for r, sum := range sums256 {
			VPMADDWD(constant(0x00010001), sum, sum)
			VPMADDWD(constant(0x00100010), more256[r], more256[r])
			VPADDD(more256[r], sum, sum)
		}
	}
}

// productsVNNI is products with AVX-VNNI, which adds four products to 32 bits. Bytes are
// codes, or 128 more than values: then -128·Σ codes of activations is part of the sum.
func (t *tile256) productsVNNI(p, n int) {
	for r, sum := range sums256 {
		switch {
		case !t.Mins && t.ends(p):
			VPBROADCASTD(t.codeSum(p, n), sum)
			if !t.begins(p) {
				VPADDD(t.kept(n, r, sumsAt), sum, sum)
			}
		case t.begins(p):
			VPXOR(sum, sum, sum)
		default:
			VMOVDQU(t.kept(n, r, sumsAt), sum)
		}
	}
	for i := range t.per() {
		VPBROADCASTD(t.dword(t.p, i, n), number)
		for r, sum := range sums256 {
			VPDPBUSD(number, planes256[2*i+r], sum)
		}
	}
	if !t.ends(p) {
		for r, sum := range sums256 {
			VMOVDQU(sum, t.kept(n, r, sumsAt))
		}
	}
}

// codeSum is -128·Σ codes of the sub-block that part p ends, for column n.
func (t *tile256) codeSum(p, n int) Mem {
	if t.Subs == 1 {
		return t.dword(t.p, groups-p*t.per()+1, n)
	}
	return t.dword(t.b, t.sub(p), n)
}

// scale adds column n's sums to the outputs.
func (t *tile256) scale(p, n int) {
	h, d := t.sub(p), groups-p*t.per()
	if !t.Mins && !t.vnni() {
		VPBROADCASTD(t.codeSum(p, n), number)
		if t.bits < 8 {
			VPSRAD(U8(8-t.bits), number, number) // from -128·Σ codes
		}
		for _, sum := range sums256 {
			VPADDD(number, sum, sum)
		}
	}
	if t.Subs == 1 || h == 1 {
		VBROADCASTSS(t.dword(t.p, d, n), number)
	}
	for r, sum := range sums256 {
		VCVTDQ2PS(sum, sum)
		switch {
		case t.Subs == 1:
			VMULPS(number, scales256[r], other)
			VFMADD213PS(t.kept(n, r, 0), other, sum)
		case h == 0:
			VMULPS(scales256[r], sum, sum)
			VMOVUPS(sum, t.kept(n, r, halfAt))
			if t.Mins {
				VMOVUPS(t.kept(n, r, 0), sum)
			}
		default:
			VFMADD213PS(t.kept(n, r, halfAt), scales256[r], sum)
			VFMADD213PS(t.kept(n, r, 0), number, sum)
		}
	}
	if t.Subs == 2 && h == 0 && !t.Mins {
		return
	}
	if t.Mins {
		at := 0 // in sums
		if t.Subs == 2 {
			at = 2 + h // in halves
		}
		VBROADCASTSS(t.dword(t.b, at, n), number)
		for r, sum := range sums256 {
			VFMADD231PS(number, more256[r], sum)
		}
	}
	for r, sum := range sums256 {
		VMOVUPS(sum, t.kept(n, r, 0))
	}
}
