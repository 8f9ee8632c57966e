package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The panel, by internal/lanes/panel.go: core has, per block and in dwords, 8 groups
// of codes, the scales and the sums of every column; aux has sums (forms with a
// minimum per 32) or halves (forms with sub-blocks of 16).
const dotSig = "func(c *float32, ldc int, strip *byte, core *int32, aux *int32, units int, mask uint32, add bool)"

// dot512 generates the product of a strip and a panel of that many columns. Every
// output is one chain: block after block, the exact integer dot product and then the
// minimum.
func dot512(f form, cols int) {
	name := fmt.Sprintf("dot512%sx%d", f.name, cols)
	TEXT(name, NOSPLIT, dotSig)
	Doc(fmt.Sprintf("%s multiplies units (> 0) of a %s strip by %d columns; mask has a bit for each row of c.", name, f.name, cols))
	Pragma("noescape")
	d := &dot{reader: newReader(f, Load(Param("strip"), GP64())), cols: cols}
	d.core = Load(Param("core"), GP64())
	if f.auxDwords() > 0 {
		d.aux = Load(Param("aux"), GP64())
	}
	units := Load(Param("units"), GP64())
	d.start()
	d.loop(units, d.block)
	d.store()
	VZEROUPPER()
	RET()
}

type dot struct {
	*reader
	cols      int
	core, aux reg.Register
	acc       []reg.VecVirtual
}

// auxDwords is how many numbers aux has per block and column.
func (f form) auxDwords() int {
	switch {
	case f.sub == 16:
		return 4
	case f.mins:
		return 1
	}
	return 0
}

// eachRow addresses the columns of c.
func (d *dot) eachColumn(do func(n int, at Mem, mask reg.Register)) {
	c, ld, m, mask := Load(Param("c"), GP64()), Load(Param("ldc"), GP64()), Load(Param("mask"), GP32()), K()
	KMOVW(m, mask)
	for n := range d.cols {
		do(n, Mem{Base: c}, mask)
		if n+1 < d.cols {
			LEAQ(Mem{Base: c, Index: ld, Scale: 4}, c)
		}
	}
}

// start sets the accumulators: zero, or c.
func (d *dot) start() {
	for range d.cols {
		z := ZMM()
		VPXORD(z, z, z)
		d.acc = append(d.acc, z)
	}
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JZ(LabelRef("unit"))
	d.eachColumn(func(n int, at Mem, mask reg.Register) { VMOVUPS_Z(at, mask, d.acc[n]) })
}

func (d *dot) store() {
	d.eachColumn(func(n int, at Mem, mask reg.Register) { VMOVUPS(d.acc[n], mask, at) })
}

// Numbers of the panel, for column n of this block.
func (d *dot) coreAt(i, n int) Mem { return Mem{Base: d.core, Disp: 4 * (i*d.cols + n)} }
func (d *dot) auxAt(i, n int) Mem  { return Mem{Base: d.aux, Disp: 4 * (i*d.cols + n)} }

// block emits one block of 32.
func (d *dot) block() {
	per := 8 / d.subs()
	for h := range d.subs() {
		sums := d.startSums(h)
		for g := h * per; g < (h+1)*per; g++ {
			codes := d.group(g)
			for n := range d.cols {
				VPDPBUSD_BCST(d.coreAt(g, n), codes, sums[n])
			}
		}
		scale, minimum := d.scales(h)
		for n := range d.cols {
			t := ZMM()
			VMULPS_BCST(d.coreAt(8, n), scale, t)
			VCVTDQ2PS(sums[n], sums[n])
			VFMADD231PS(t, sums[n], d.acc[n])
			if d.mins {
				VFMADD231PS_BCST(d.minSum(h, n), minimum, d.acc[n])
			}
		}
	}
	ADDQ(U32(10*4*d.cols), d.core)
	if bytes := d.auxDwords() * 4 * d.cols; bytes > 0 {
		ADDQ(U32(bytes), d.aux)
	}
}

// minSum is what the minimum of half h is multiplied by: d·Σq.
func (d *dot) minSum(h, n int) Mem {
	if d.sub == 32 {
		return d.auxAt(0, n)
	}
	return d.auxAt(2+h, n)
}

// startSums sets the integer sums of half h to what makes codes of numbers: nothing,
// or -zero·Σq.
func (d *dot) startSums(h int) (sums []reg.VecVirtual) {
	for n := range d.cols {
		z := ZMM()
		sums = append(sums, z)
		if d.mins {
			VPXORD(z, z, z)
			continue
		}
		from := d.coreAt(9, n)
		if d.sub == 16 {
			from = d.auxAt(h, n)
		}
		if d.shift() == 0 {
			VPBROADCASTD(from, z)
		} else {
			VPSRAD_BCST(U8(d.shift()), from, z)
		}
	}
	return sums
}
