package lanes

import (
	"encoding/binary"
	"math"

	"weft/internal/kernel"
	"weft/internal/quant"
)

// quantiseGeneric fills column c of a panel.
func quantiseGeneric(p Panel, c int, x []float32) {
	for b := range p.Blocks {
		var q [BlockLen]int32
		d := round(x[b*BlockLen:][:BlockLen], &q)
		var codes [8]uint32
		var sums [2]int32
		for k, v := range q {
			codes[k/4] |= uint32(uint8(v)) << (k % 4 * 8)
			sums[k/16] += v
		}
		p.set(b, c, &codes, sums, d)
	}
}

// round is one block's codes and scale.
func round(x []float32, q *[BlockLen]int32) float32 {
	var largest float32
	for _, v := range x {
		largest = max(largest, float32(math.Abs(float64(v)))) // NaN if there is one
	}
	if !(largest <= math.MaxFloat32) {
		return float32(math.NaN())
	}
	inverse := 127 / largest
	if !(inverse <= math.MaxFloat32) { // all zero, or as good as
		return 0
	}
	for k, v := range x {
		q[k] = int32(math.RoundToEven(float64(v * inverse)))
	}
	d := math.Float32bits(largest / 127)
	return math.Float32frombits((d + 0xfff + d>>13&1) &^ 0x1fff)
}

func bits(f float32) int32 { return int32(math.Float32bits(f)) }

func (f *Form) unpackGeneric(dst, strip []byte, first, blocks int) {
	size := f.Kind().BlockBytes()
	for b := range blocks {
		at := first + b
		f.unpackBlock(dst[b*size:][:size], strip[at/f.Blocks()*f.Bytes:][:f.Bytes], at%f.Blocks())
	}
}

// unpackBlock unpacks block i of a unit.
func (f *Form) unpackBlock(dst, unit []byte, i int) {
	planes := unit[f.codesAt()+i*f.blockBytes():]
	subs := BlockLen / f.Sub
	for r := range Rows {
		for k := range BlockLen {
			dst[64*(k/4)+4*r+k%4] = f.byteOf(f.code(planes, k, r))
		}
		for h := range subs {
			scale, minimum := f.scales(unit, i*subs+h, r)
			binary.LittleEndian.PutUint32(dst[512+64*h+4*r:], math.Float32bits(scale))
			if f.Mins {
				binary.LittleEndian.PutUint32(dst[512+64*(subs+h)+4*r:], math.Float32bits(minimum))
			}
		}
	}
}

// byteOf is an unpacked code.
func (f *Form) byteOf(code uint8) uint8 {
	switch {
	case f.Mins:
		return code
	case f.level != nil:
		return uint8(f.level[code]) + 128
	}
	return code + uint8(128-f.Zero)
}

// scales are those of sub-block s of row r. All products are exact.
func (f *Form) scales(unit []byte, s, r int) (scale, minimum float32) {
	if f.Type == quant.MXFP4 {
		return quant.HalfPower(unit[r]), 0
	}
	scale = quant.F16ToF32(binary.LittleEndian.Uint16(unit[2*r:]))
	if f.Mins {
		minimum = quant.F16ToF32(binary.LittleEndian.Uint16(unit[f.dBytes()+2*r:]))
	}
	if f.Len == BlockLen {
		return scale, minimum
	}
	b := unit[f.sAt()+s*Rows+r]
	switch {
	case f.Type == quant.Q2_K:
		return scale * float32(b&15), -minimum * float32(b>>4)
	case f.Mins:
		return scale * float32(b), -minimum * float32(unit[f.tAt()+s*Rows+r])
	}
	return scale * float32(int8(b)), 0
}

func (k Kind) tileGeneric(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool) {
	for n := range p.Cols {
		for r := range rows {
			acc, strip := c[n*ldc+r], w[r/Rows*blocks*k.BlockBytes():]
			if !add {
				acc = 0
			}
			for b := range blocks {
				acc = k.blockGeneric(strip[b*k.BlockBytes():], p, from+b, n, r%Rows, acc)
			}
			c[n*ldc+r] = acc
		}
	}
}

// blockGeneric adds one block of row r × column n.
func (k Kind) blockGeneric(w []byte, p Panel, b, n, r int, acc float32) float32 {
	core, cols := p.core(b), p.Cols
	d := float(core[8*cols+n])
	vector := func(i int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(w[512+64*i+4*r:])) }
	dot := func(from, to int) (sum int32) {
		for g := from; g < to; g++ {
			a := uint32(core[g*cols+n])
			for j := range 4 {
				sum += int32(w[64*g+4*r+j]) * int32(int8(a>>(8*j)))
			}
		}
		return sum
	}
	halves := p.halves(b)
	switch k.Layout {
	case Whole:
		return kernel.FMA(float32(dot(0, 8)+core[9*cols+n]), vector(0)*d, acc)
	case WholeMins:
		acc = kernel.FMA(float32(dot(0, 8)), vector(0)*d, acc)
		return kernel.FMA(vector(1), float(p.sums(b)[n]), acc)
	case Halves:
		first := float32(float32(dot(0, 4)+halves[n]) * vector(0))
		return kernel.FMA(kernel.FMA(float32(dot(4, 8)+halves[cols+n]), vector(1), first), d, acc)
	}
	first := float32(float32(dot(0, 4)) * vector(0))
	acc = kernel.FMA(vector(2), float(halves[2*cols+n]), acc)
	acc = kernel.FMA(kernel.FMA(float32(dot(4, 8)), vector(1), first), d, acc)
	return kernel.FMA(vector(3), float(halves[3*cols+n]), acc)
}

func float(b int32) float32 { return math.Float32frombits(uint32(b)) }

func (f *Form) dotGeneric(c []float32, ldc int, strip []byte, p Panel, rows int, add bool) {
	per := f.Blocks()
	var memory [8 * 768]byte
	unpacked := memory[:per*f.Kind().BlockBytes()]
	for r := 0; r < rows; r += Rows {
		for u := range p.Blocks / per {
			f.unpackGeneric(unpacked, strip, u*per, per)
			f.Kind().tileGeneric(c[r:], ldc, unpacked, p, u*per, per, min(Rows, rows-r), add || u > 0)
		}
		strip = strip[p.Blocks/per*f.Bytes:]
	}
}
