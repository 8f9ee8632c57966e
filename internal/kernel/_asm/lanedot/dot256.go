package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// dot256 is dot512 with AVX2: 16 rows are two vectors, the parts, for which each number
// of the panel is read once. Products of bytes are sums of two in 16 bits that saturate:
// unsigned codes are small enough for several to be added up there, those of 8 bits give
// their sign to the activations first.
//
// With AVX-VNNI codes keep no sign, and one instruction adds four products to a sum.
func dot256(f form, cols int, vnni bool) {
	table := lifted
	if vnni {
		table = raised
		beginDot("VNNI", f, cols)
	} else {
		beginDot("256", f, cols)
	}
	d := &dotter256{reader256: newReader256(f, Load(Param("strip"), GP64()), func() Mem { return table(f.level) }), view: newView(f, cols), vnni: vnni}
	units := GP64()
	strips, c := Load(Param("strips"), GP64()), Load(Param("c"), GP64())
	d.keep()
	Label("strip")
	Load(Param("units"), units)
	d.start(c)
	head := d.head
	if cols > 2 { // there is no room
		head = func() {}
	}
	d.loop(units, head, d.block)
	d.store(c)
	d.rewind()
	ADDQ(U32(4*rows), c)
	DECQ(strips)
	JNZ(LabelRef("strip"))
	VZEROUPPER()
	RET()
}

type dotter256 struct {
	*reader256
	*view
	vnni   bool
	acc    [2]reg.VecVirtual // of one column
	halves parts             // its first half's sums, with their scale
	kept   reg.Register      // those of several are in memory: outputs, sums, first halves
}

// lifted is a table of levels without a sign: MXFP4's are small.
func lifted(name string) Mem {
	if name == "mxfp4" {
		return levelTable(name, "_lifted", func(v int) int { return v + 16 })
	}
	return plain(name)
}

// signed256 says whether codes have a sign, shift256 how far -128·Σq is shifted to make
// numbers of those that have none.
func (f form) signed256() bool { return f.low == 8 || f.level == "iq4" }

func (f form) shift256() int {
	if f.level == "mxfp4" {
		return 3
	}
	return f.shift()
}

// together is for how many groups the sums of two products fit 16 bits.
func (f form) together() int {
	switch {
	case f.signed256():
		return 1
	case f.level == "mxfp4":
		return 4
	}
	n, largest := 1, 1<<(f.low+f.high)-1
	for n < 8/f.subs() && 2*n*largest*2*127 <= 32767 {
		n *= 2
	}
	return n
}

// keep makes room for what does not stay in registers, in whole cache lines.
func (d *dotter256) keep() {
	if d.cols == 1 {
		d.acc, d.halves = newParts(), newParts()
		return
	}
	d.kept = lines(3 * 64 * d.cols)
}

func (d *dotter256) output(n, part int) Mem { return Mem{Base: d.kept, Disp: 64*n + 32*part} }
func (d *dotter256) sum(n, part int) Mem    { return d.output(d.cols+n, part) }
func (d *dotter256) half(n, part int) Mem   { return d.output(2*d.cols+n, part) }

// start sets the outputs: zero, or c.
func (d *dotter256) start(c reg.Register) {
	zero := YMM()
	VXORPS(zero, zero, zero)
	for n := range d.cols {
		for part := range 2 {
			d.set(n, part, zero)
		}
	}
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JZ(LabelRef("unit"))
	d.eachVector("start", "unit", c, func(n, part int, at Mem, mask reg.VecVirtual) {
		x := YMM()
		if mask == nil {
			VMOVUPS(at, x)
		} else {
			VMASKMOVPS(at, mask, x)
		}
		d.set(n, part, x)
	})
}

func (d *dotter256) set(n, part int, x reg.VecVirtual) {
	if d.cols == 1 {
		VMOVAPS(x, d.acc[part])
	} else {
		VMOVUPS(x, d.output(n, part))
	}
}

func (d *dotter256) store(c reg.Register) {
	d.eachVector("store", "stored", c, func(n, part int, at Mem, mask reg.VecVirtual) {
		x := d.acc[part]
		if d.cols > 1 {
			x = YMM()
			VMOVUPS(d.output(n, part), x)
		}
		if mask == nil {
			VMOVUPS(x, at)
		} else {
			VMASKMOVPS(x, mask, at)
		}
	})
	Label("stored")
}

// eachVector addresses the parts of the columns of c, without masks, which are slow, if
// all rows are there. It ends with a jump to done.
func (d *dotter256) eachVector(name, done string, first reg.Register, do func(n, part int, at Mem, mask reg.VecVirtual)) {
	c, ld, m, masks := GP64(), Load(Param("ldc"), GP64()), Load(Param("mask"), GP32()), newParts()
	each := func(do func(n, part int, at Mem)) {
		MOVQ(first, c)
		for n := range d.cols {
			do(n, 0, Mem{Base: c})
			do(n, 1, Mem{Base: c, Disp: 32})
			if n+1 < d.cols {
				LEAQ(Mem{Base: c, Index: ld, Scale: 4}, c)
			}
		}
		JMP(LabelRef(done))
	}
	CMPL(m, U32(1<<rows-1))
	JNE(LabelRef(name + "some"))
	each(func(n, part int, at Mem) { do(n, part, at, nil) })
	Label(name + "some")
	for part, mask := range masks {
		bits := constant("bits", 16, func(i int) Constant { return U32(1 << i) }, 4).Offset(part * 32)
		VMOVD(m, mask.AsX())
		VPBROADCASTD(mask.AsX(), mask)
		VPAND(bits, mask, mask)
		VPCMPEQD(bits, mask, mask)
	}
	each(func(n, part int, at Mem) { do(n, part, at, masks[part]) })
}

// block emits one block of 32.
func (d *dotter256) block() {
	d.prefetch()
	for h := range d.subs() {
		sums := d.sums(h)
		scale, minimum := d.scales(0, h)
		scale1, minimum1 := d.scales(1, h)
		d.scale(h, sums, parts{scale, scale1}, parts{minimum, minimum1})
	}
	d.advance()
}

// prefetch asks for planes ahead of time, which forms with high planes need most. Farther
// ahead, or into the first cache, was worse. In units of 256 it asks for the block at hand, in a line,
// as groups do not read it.
func (d *dotter256) prefetch() {
	const ahead = 512
	for at := 0; at < d.blockBytes(); at += 64 {
		if d.blocks > 1 {
			PREFETCHT0(d.lowPlane(0).Offset(at))
		} else {
			PREFETCHT1(d.lowPlane(0).Offset(at + ahead))
		}
	}
}

// scale adds the sums of half h to the outputs.
func (d *dotter256) scale(h int, sums []parts, scale, minimum parts) {
	for n, of := range sums {
		number, t := YMM(), YMM()
		if !d.mins && !d.signed256() && !d.vnni {
			VPBROADCASTD(d.zeroSum(h, n), number)
			VPSRAD(U8(d.shift256()), number, number)
			for _, sum := range of {
				VPADDD(number, sum, sum)
			}
		}
		if d.subs() == 1 || h == 1 {
			VBROADCASTSS(d.scaleOf(n), number)
		}
		for part, sum := range of {
			VCVTDQ2PS(sum, sum)
			switch {
			case d.subs() == 1:
				VMULPS(scale[part], number, t)
				d.addTo(n, part, t, sum)
			case h == 0 && d.cols == 1:
				VMULPS(scale[part], sum, d.halves[part])
			case h == 0:
				VMULPS(scale[part], sum, sum)
				VMOVUPS(sum, d.half(n, part))
			case d.cols == 1:
				VFMADD231PS(scale[part], sum, d.halves[part])
				d.addTo(n, part, number, d.halves[part])
			default:
				VFMADD213PS(d.half(n, part), scale[part], sum)
				d.addTo(n, part, number, sum)
			}
		}
		if d.mins {
			VBROADCASTSS(d.minSum(h, n), number)
		}
		d.finish(h, n, of, number, minimum)
	}
}

// addTo adds t·sum to an output: to its register, or from memory to sum.
func (d *dotter256) addTo(n, part int, t, sum reg.VecVirtual) {
	if d.cols == 1 {
		VFMADD231PS(t, sum, d.acc[part])
	} else {
		VFMADD213PS(d.output(n, part), t, sum)
	}
}

// finish adds column n's minima, times number, and stores what is not in its registers.
func (d *dotter256) finish(h, n int, of parts, number reg.VecVirtual, minimum parts) {
	if d.subs() == 2 && h == 0 && !d.mins {
		return
	}
	for part, acc := range d.acc {
		if d.cols > 1 {
			acc = of[part]
		}
		if d.cols > 1 && d.subs() == 2 && h == 0 {
			VMOVUPS(d.output(n, part), acc)
		}
		if d.mins {
			VFMADD231PS(number, minimum[part], acc)
		}
		if d.cols > 1 {
			VMOVUPS(acc, d.output(n, part))
		}
	}
}

// sums returns the dot products of half h of the block.
func (d *dotter256) sums(h int) []parts {
	switch {
	case d.vnni:
		return d.sumsVNNI(h)
	case d.signed256():
		return d.signedSums()
	}
	words, sums, together := make([]parts, d.cols), make([]parts, d.cols), d.together()
	per := 8 / d.subs()
	for i := range per {
		g := h*per + i
		codes := parts{d.group(0, g), d.group(1, g)}
		for n := range d.cols {
			d.eachPart(g, n, func(part int, number, t reg.VecVirtual) {
				VPMADDUBSW(number, codes[part], t)
				words[n][part] = added(VPADDW, words[n][part], t)
			})
		}
		if (i+1)%together == 0 {
			d.widen(words, sums, i < together, i+1 == per)
			clear(words)
		}
	}
	return sums
}

// widen adds words to sums, which are in memory between the first and the last time if
// there are several columns.
func (d *dotter256) widen(words, sums []parts, first, last bool) {
	for n := range words {
		for part, w := range words[n] {
			VPMADDWD(dwords256(0x00010001), w, w)
			switch {
			case first:
			case d.cols == 1:
				VPADDD(sums[n][part], w, w)
			default:
				VPADDD(d.sum(n, part), w, w)
			}
			sums[n][part] = w
			if d.cols > 1 && !last {
				VMOVDQU(w, d.sum(n, part))
			}
		}
	}
}

// signedSums is sums for codes with a sign.
func (d *dotter256) signedSums() []parts {
	sums := make([]parts, d.cols)
	for g := range 8 { // they have one scale per block
		codes, sizes := parts{d.group(0, g), d.group(1, g)}, newParts()
		for part, code := range codes {
			if d.low == 8 {
				VPXOR(bytes256(0x80), code, code)
			}
			VPABSB(code, sizes[part])
		}
		for n := range d.cols {
			d.eachPart(g, n, func(part int, number, t reg.VecVirtual) {
				VPSIGNB(codes[part], number, t)
				VPMADDUBSW(t, sizes[part], t)
				VPMADDWD(dwords256(0x00010001), t, t)
				sums[n][part] = added(VPADDD, sums[n][part], t)
			})
		}
	}
	return sums
}

// sumsVNNI is sums with AVX-VNNI. They start from what makes numbers of codes.
func (d *dotter256) sumsVNNI(h int) []parts {
	sums := make([]parts, d.cols)
	for n := range sums {
		sums[n] = newParts()
		d.startSum(h, n, sums[n][0])
		VMOVDQA(sums[n][0], sums[n][1])
	}
	per := 8 / d.subs()
	for g := h * per; g < (h+1)*per; g++ {
		codes := parts{d.group(0, g), d.group(1, g)}
		for n := range sums {
			number := YMM()
			VPBROADCASTD(d.codesOf(g, n), number)
			for part, sum := range sums[n] {
				VPDPBUSD(number, codes[part], sum)
			}
		}
	}
	return sums
}

func (d *dotter256) startSum(h, n int, sum reg.VecVirtual) {
	if d.mins {
		VPXOR(sum, sum, sum)
		return
	}
	VPBROADCASTD(d.zeroSum(h, n), sum)
	if d.shift() > 0 {
		VPSRAD(U8(d.shift()), sum, sum)
	}
}

// eachPart gives both halves of the rows what column n has for group g, and a register
// for what becomes of it: the second half may take the number's own.
func (d *dotter256) eachPart(g, n int, do func(part int, number, t reg.VecVirtual)) {
	number := YMM()
	VPBROADCASTD(d.codesOf(g, n), number)
	do(0, number, YMM())
	do(1, number, number)
}

// added is x added to a sum, which may not have begun.
func added(add func(ops ...Op), sum, x reg.VecVirtual) reg.VecVirtual {
	if sum == nil {
		return x
	}
	add(x, sum, sum)
	return sum
}
