package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// dot512 generates the product of strips and a panel of that many columns, over the
// blocks of a list. Every output is one chain: block after block, the exact integer dot
// product and then the minimum.
func dot512(f form, cols int) {
	name := fmt.Sprintf("dot512%sx%d", f.name, cols)
	TEXT(name, 0, "func(c *float32, ldc int, strip *byte, size int, at *int32, core *int32, aux *int32, blocks int, strips int, mask uint32, add bool)")
	Doc(fmt.Sprintf("%s multiplies strips (> 0) strips of %s, of size bytes each, by a panel of %d columns: those of their blocks (> 0) whose numbers are at `at`. mask has a bit for each row that a strip has of c.", name, f.name, cols))
	Pragma("noescape")
	d := &product512{reader512: newReader512(f, GP64()), view: newView(f, cols)}
	strip, at, left := Load(Param("strip"), GP64()), GP64(), GP64()
	strips, c := Load(Param("strips"), GP64()), Load(Param("c"), GP64())
	d.keep()
	Label("strip")
	Load(Param("at"), at)
	Load(Param("blocks"), left)
	d.start(c, "block")
	Label("block")
	d.seek(strip, at)
	d.head()
	d.block()
	ADDQ(U8(4), at)
	DECQ(left)
	JNZ(LabelRef("block"))
	d.store(c)
	d.rewind()
	size := GP64()
	ADDQ(Load(Param("size"), size), strip)
	ADDQ(U32(4*rows), c)
	DECQ(strips)
	JNZ(LabelRef("strip"))
	VZEROUPPER()
	RET()
}

// stream512 generates the product of strips, all of their blocks, and a panel of one
// column. Reading from memory is what it waits for, and the less there is to do beside,
// the further ahead the processor reads.
func stream512(f form) {
	name := "stream512" + f.name
	TEXT(name, 0, dotSig)
	Doc(fmt.Sprintf("%s multiplies strips (> 0) strips of %s, units (> 0) units each, by a panel of one column; mask has a bit for each row that a strip has of c.", name, f.name))
	Pragma("noescape")
	d := &product512{reader512: newReader512(f, Load(Param("strip"), GP64())), view: newView(f, 1), streams: true}
	units, strips, c := GP64(), Load(Param("strips"), GP64()), Load(Param("c"), GP64())
	d.keep()
	Label("strip")
	Load(Param("units"), units)
	d.start(c, "unit")
	d.loop(units, d.head, d.block)
	d.store(c)
	d.rewind()
	ADDQ(U32(4*rows), c)
	DECQ(strips)
	JNZ(LabelRef("strip"))
	VZEROUPPER()
	RET()
}

// seek goes to the block of a strip whose number is at `at`.
func (c *cursor) seek(strip, at reg.Register) {
	block := GP64()
	MOVLQZX(Mem{Base: at}, block)
	if c.blocks == 1 {
		IMUL3Q(U32(c.bytes()), block, c.unit)
		ADDQ(strip, c.unit)
		c.codes = c.unit
		return
	}
	i := GP64()
	c.codes, c.s = GP64(), GP64()
	MOVQ(block, i)
	SHRQ(U8(3), block)
	ANDQ(U32(c.blocks-1), i)
	IMUL3Q(U32(c.bytes()), block, c.unit)
	ADDQ(strip, c.unit)
	IMUL3Q(U32(c.subs()*rows), i, c.s)
	LEAQ(Mem{Base: c.unit, Index: c.s, Scale: 1, Disp: c.sAt()}, c.s)
	IMUL3Q(U32(c.blockBytes()), i, i)
	LEAQ(Mem{Base: c.unit, Index: i, Scale: 1, Disp: c.codesAt()}, c.codes)
}

type product512 struct {
	*reader512
	*view
	acc, sums []reg.VecVirtual // by column
	first     []reg.VecVirtual // the first halves' sums, with their scale
	kept      reg.Register     // and where the others are
	streams   bool             // block after block
}

// eachColumn addresses the columns of c.
func (d *product512) eachColumn(first reg.Register, do func(n int, at Mem, mask reg.Register)) {
	m, mask := Load(Param("mask"), GP32()), K()
	KMOVW(m, mask)
	if d.cols == 1 {
		do(0, Mem{Base: first}, mask)
		return
	}
	c, ld := GP64(), Load(Param("ldc"), GP64())
	MOVQ(first, c)
	for n := range d.cols {
		do(n, Mem{Base: c}, mask)
		if n+1 < d.cols {
			LEAQ(Mem{Base: c, Index: ld, Scale: 4}, c)
		}
	}
}

// start sets the accumulators: zero, or c. The label `first` follows.
func (d *product512) start(c reg.Register, first string) {
	for range d.cols {
		z := ZMM()
		VPXORD(z, z, z)
		d.acc, d.sums = append(d.acc, z), append(d.sums, ZMM())
	}
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JZ(LabelRef(first))
	d.eachColumn(c, func(n int, at Mem, mask reg.Register) { VMOVUPS_Z(at, mask, d.acc[n]) })
}

func (d *product512) store(c reg.Register) {
	d.eachColumn(c, func(n int, at Mem, mask reg.Register) { VMOVUPS(d.acc[n], mask, at) })
}

// block emits one block of 32.
func (d *product512) block() {
	d.prefetch()
	if d.streams && d.high > 0 {
		d.readPlanes()
	}
	per := 8 / d.subs()
	for h := range d.subs() {
		d.startSums(h)
		d.groups(h*per, per, func(g int, codes reg.VecVirtual) {
			for n := range d.cols {
				VPDPBUSD_BCST(d.codesOf(g, n), codes, d.sums[n])
			}
		})
		scale, minimum := d.scales(h)
		for n := range d.cols {
			d.scale(h, n, scale)
			if d.mins {
				VFMADD231PS_BCST(d.minSum(h, n), minimum, d.acc[n])
			}
		}
	}
	d.advance()
}

// scale adds column n's sum of half h to its output, or keeps it for the second half.
func (d *product512) scale(h, n int, scale reg.VecVirtual) {
	sum := d.sums[n]
	VCVTDQ2PS(sum, sum)
	switch {
	case d.subs() == 1:
		t := ZMM()
		VMULPS_BCST(d.scaleOf(n), scale, t)
		VFMADD231PS(t, sum, d.acc[n])
	case h == 0 && n < len(d.first):
		VMULPS(scale, sum, d.first[n])
	case h == 0:
		VMULPS(scale, sum, sum)
		VMOVAPS(sum, d.firstAt(n))
	default:
		if n < len(d.first) {
			VFMADD213PS(d.first[n], scale, sum)
		} else {
			VFMADD213PS(d.firstAt(n), scale, sum)
		}
		VFMADD231PS_BCST(d.scaleOf(n), sum, d.acc[n])
	}
}

// keep makes room for the first halves' sums: in as many registers as there are left, and in memory.
func (d *product512) keep() {
	left := 0
	switch {
	case d.subs() == 1:
		return
	case d.unpacked:
		left = 6
	case d.cols <= 4:
		left = 4
	}
	for range min(left, d.cols) {
		d.first = append(d.first, ZMM())
	}
	if d.cols > left {
		d.kept = lines(64 * d.cols)
	}
}

func (d *product512) firstAt(n int) Mem { return Mem{Base: d.kept, Disp: 64 * n} }

// prefetch asks for planes ahead of time. With many columns there is so much to read
// of the panel between them that the processor does not foresee it. With few it does, and
// prefetching costs up to a fifth of the speed.
func (d *product512) prefetch() {
	const few, ahead = 4, 4096
	if d.cols <= few || d.unpacked { // what is unpacked is in a cache
		return
	}
	for at := 0; at < d.bytes()/d.blocks; at += 64 {
		PREFETCHT0(d.lowPlane(0).Offset(at + ahead))
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
