package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// dot256 is dot512 with AVX2. Its products of bytes are sums of two in 16 bits that
// saturate: unsigned codes are small enough for several to be added up there, signed
// ones give their sign to the activations first.
func dot256(f form, cols int) {
	beginDot("256", f, cols)
	d := &dotter256{reader256: newReader256(f, Load(Param("strip"), GP64()), func() Mem { return plain(f.level) }), view: newView(f, cols)}
	units := Load(Param("units"), GP64())
	d.start()
	d.loop(units, func() {}, d.block)
	d.store()
	VZEROUPPER()
	RET()
}

type dotter256 struct {
	*reader256
	*view
	acc  [][2]reg.VecVirtual // per column and part; up to two columns
	kept Mem                 // more are in memory
}

// signed says whether codes are made signed numbers.
func (f form) signed() bool { return f.low == 8 || f.level != "" }

// together is for how many groups the sums of two products fit 16 bits.
func (f form) together() int {
	largest := 1<<(f.low+f.high) - 1
	if f.signed() {
		largest = 128
	}
	if f.level == "mxfp4" {
		largest = 12
	}
	n := 1
	for n < 8 && 2*n*largest*2*127 <= 32767 {
		n *= 2
	}
	return n
}

// eachColumn addresses the parts of the columns of c.
func (d *dotter256) eachColumn(do func(n, part int, at Mem, mask reg.VecVirtual)) {
	c, ld := Load(Param("c"), GP64()), Load(Param("ldc"), GP64())
	m := Load(Param("mask"), GP32())
	bit, masks := YMM(), [2]reg.VecVirtual{YMM(), YMM()}
	VMOVD(m, bit.AsX())
	VPBROADCASTD(bit.AsX(), bit)
	for part, mask := range masks {
		bits := constant("bits", 16, func(i int) Constant { return U32(1 << i) }, 4).Offset(part * 32)
		VPAND(bits, bit, mask)
		VPCMPEQD(bits, mask, mask)
	}
	for n := range d.cols {
		for part, mask := range masks {
			do(n, part, Mem{Base: c, Disp: part * 32}, mask)
		}
		if n+1 < d.cols {
			LEAQ(Mem{Base: c, Index: ld, Scale: 4}, c)
		}
	}
}

// start sets the accumulators: zero, or c.
func (d *dotter256) start() {
	if d.cols > 2 {
		d.kept = AllocLocal(64 * d.cols)
	}
	for n := range d.cols {
		zero := [2]reg.VecVirtual{YMM(), YMM()}
		d.acc = append(d.acc, zero)
		for part, y := range zero {
			VXORPS(y, y, y)
			d.put(n, part, y)
		}
	}
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JZ(LabelRef("unit"))
	d.eachColumn(func(n, part int, at Mem, mask reg.VecVirtual) {
		VMASKMOVPS(at, mask, d.acc[n][part])
		d.put(n, part, d.acc[n][part])
	})
}

// get is an accumulator in a register, put keeps it.
func (d *dotter256) get(n, part int) reg.VecVirtual {
	if d.cols <= 2 {
		return d.acc[n][part]
	}
	y := YMM()
	VMOVUPS(d.kept.Offset(64*n+32*part), y)
	return y
}

func (d *dotter256) put(n, part int, y reg.VecVirtual) {
	if d.cols > 2 {
		VMOVUPS(y, d.kept.Offset(64*n+32*part))
	}
}

func (d *dotter256) store() {
	d.eachColumn(func(n, part int, at Mem, mask reg.VecVirtual) { VMASKMOVPS(d.get(n, part), mask, at) })
}

// block emits one block of 32.
func (d *dotter256) block() {
	for part := range 2 {
		d.readPlanes(part)
		for h := range d.subs() {
			sums := d.sums(part, h)
			scale, minimum := d.scales(part, h)
			for n, sum := range sums {
				t, acc := YMM(), d.get(n, part)
				VBROADCASTSS(d.scaleOf(n), t)
				VMULPS(scale, t, t)
				VCVTDQ2PS(sum, sum)
				VFMADD231PS(t, sum, acc)
				if d.mins {
					VBROADCASTSS(d.minSum(h, n), t)
					VFMADD231PS(t, minimum, acc)
				}
				d.put(n, part, acc)
			}
		}
	}
	d.advance()
}

// sums returns the dot products of half h of the block.
func (d *dotter256) sums(part, h int) []reg.VecVirtual {
	sums, words := make([]reg.VecVirtual, d.cols), make([]reg.VecVirtual, d.cols)
	per := 8 / d.subs()
	together := min(per, d.together())
	for i := range per {
		g := h*per + i
		codes, size := d.operands(part, g)
		for n := range d.cols {
			t := YMM()
			VPBROADCASTD(d.codesOf(g, n), t)
			if d.signed() {
				VPSIGNB(codes, t, t)
			}
			VPMADDUBSW(t, size, t)
			words[n] = added(VPADDW, words[n], t)
			if (i+1)%together == 0 {
				VPMADDWD(dwords256(0x00010001), words[n], words[n])
				sums[n], words[n] = added(VPADDD, sums[n], words[n]), nil
			}
		}
	}
	for n := range d.cols {
		if !d.mins && !d.signed() {
			t := YMM()
			VPBROADCASTD(d.zeroSum(h, n), t)
			VPSRAD(U8(d.shift()), t, t)
			VPADDD(t, sums[n], sums[n])
		}
	}
	return sums
}

// added is x added to a sum, which may not have begun.
func added(add func(ops ...Op), sum, x reg.VecVirtual) reg.VecVirtual {
	if sum == nil {
		return x
	}
	add(x, sum, sum)
	return sum
}

// operands are the codes of a group, and their sizes if they are signed.
func (d *dotter256) operands(part, g int) (codes, size reg.VecVirtual) {
	codes = d.group(part, g)
	if !d.signed() {
		return codes, codes
	}
	if d.low == 8 {
		VPXOR(bytes256(0x80), codes, codes)
	}
	size = YMM()
	VPABSB(codes, size)
	return codes, size
}
