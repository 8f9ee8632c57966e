package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// dot512 generates the product of a strip and a panel of that many columns. Every
// output is one chain: block after block, the exact integer dot product and then the
// minimum.
func dot512(f form, cols int) {
	beginDot("512", f, cols)
	d := &product512{reader512: newReader512(f, Load(Param("strip"), GP64())), view: newView(f, cols)}
	units := GP64()
	strips, c := Load(Param("strips"), GP64()), Load(Param("c"), GP64())
	Label("strip")
	Load(Param("units"), units)
	d.start(c)
	d.loop(units, d.head, d.block)
	d.store(c)
	d.rewind()
	ADDQ(U32(4*rows), c)
	DECQ(strips)
	JNZ(LabelRef("strip"))
	VZEROUPPER()
	RET()
}

type product512 struct {
	*reader512
	*view
	acc, sums []reg.VecVirtual // by column
}

// eachColumn addresses the columns of c.
func (d *product512) eachColumn(first reg.Register, do func(n int, at Mem, mask reg.Register)) {
	c, ld, m, mask := GP64(), Load(Param("ldc"), GP64()), Load(Param("mask"), GP32()), K()
	MOVQ(first, c)
	KMOVW(m, mask)
	for n := range d.cols {
		do(n, Mem{Base: c}, mask)
		if n+1 < d.cols {
			LEAQ(Mem{Base: c, Index: ld, Scale: 4}, c)
		}
	}
}

// start sets the accumulators: zero, or c.
func (d *product512) start(c reg.Register) {
	for range d.cols {
		z := ZMM()
		VPXORD(z, z, z)
		d.acc, d.sums = append(d.acc, z), append(d.sums, ZMM())
	}
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JZ(LabelRef("unit"))
	d.eachColumn(c, func(n int, at Mem, mask reg.Register) { VMOVUPS_Z(at, mask, d.acc[n]) })
}

func (d *product512) store(c reg.Register) {
	d.eachColumn(c, func(n int, at Mem, mask reg.Register) { VMOVUPS(d.acc[n], mask, at) })
}

// block emits one block of 32.
func (d *product512) block() {
	d.prefetch()
	per := 8 / d.subs()
	for h := range d.subs() {
		d.startSums(h)
		for g := h * per; g < (h+1)*per; g++ {
			codes := d.group(g)
			for n := range d.cols {
				VPDPBUSD_BCST(d.codesOf(g, n), codes, d.sums[n])
			}
		}
		scale, minimum := d.scales(h)
		for n := range d.cols {
			t := ZMM()
			VMULPS_BCST(d.scaleOf(n), scale, t)
			VCVTDQ2PS(d.sums[n], d.sums[n])
			VFMADD231PS(t, d.sums[n], d.acc[n])
			if d.mins {
				VFMADD231PS_BCST(d.minSum(h, n), minimum, d.acc[n])
			}
		}
	}
	d.advance()
}

// prefetch asks for planes ahead of time. With many columns there is so much to read
// of the panel between them that the processor does not foresee it. With few, of all
// forms only Q6_K gains: in others it takes up to a fifth of the speed from the caches.
func (d *product512) prefetch() {
	const few, ahead, aheadOne = 4, 4096, 2048
	for at := 0; at < d.bytes()/d.blocks; at += 64 {
		switch {
		case d.cols > few:
			PREFETCHT0(d.lowPlane(0).Offset(at + ahead))
		case d.cols == 1 && d.name == "Q6_K":
			PREFETCHT1(d.lowPlane(0).Offset(at + aheadOne))
		}
	}
}

// startSums sets the integer sums of half h to what makes codes of numbers: nothing,
// or -zero·Σq.
func (d *product512) startSums(h int) {
	for n, z := range d.sums {
		if d.mins {
			VPXORD(z, z, z)
			continue
		}
		from := d.zeroSum(h, n)
		if d.shift() == 0 {
			VPBROADCASTD(from, z)
		} else {
			VPSRAD_BCST(U8(d.shift()), from, z)
		}
	}
}
