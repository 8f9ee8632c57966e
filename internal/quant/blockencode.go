package quant

import (
	"encoding/binary"
	"math"
)

// Writing the formats whose 32 numbers share one scale. Without importance, Q4 and Q5 are written as the reference
// does, bit for bit: the numbers' range decides the scale. With it, and in IQ4_NL always, the scale is searched for.
// MXFP4 has only powers of two to choose from.

var (
	q4Grid    = evenGrid(-8, 7, around(0.9, 7, -8, 7))
	q5Grid    = evenGrid(-16, 15, around(0.9, 7, -16, 15))
	q4MinGrid = evenGrid(0, 15, around(0.9, 19, 15))
	q5MinGrid = evenGrid(0, 31, around(0.9, 19, 31))
	mxfp4Grid = unevenGrid(&mxfp4Levels, 12, nil)
)

func encodeQ4_0(dst []byte, src, w []float32) int { return encodeCentred(q4Grid, dst, src, w) }
func encodeQ5_0(dst []byte, src, w []float32) int { return encodeCentred(q5Grid, dst, src, w) }
func encodeQ4_1(dst []byte, src, w []float32) int { return encodeFromMinimum(q4MinGrid, dst, src, w) }
func encodeQ5_1(dst []byte, src, w []float32) int { return encodeFromMinimum(q5MinGrid, dst, src, w) }

// one is a block being encoded.
type one struct {
	x, w  [block]float64
	codes [block]uint8
}

// weigh takes the n-th block of a row and the weights of its numbers.
func (k *one) weigh(x, importance []float32, n int) bool {
	if importance != nil {
		importance = importance[n*block:]
	}
	return weigh(k.x[:], k.w[:], x, importance)
}

// encodeCentred writes d, a fifth bit for each number if g is large enough to need it, nibbles.
func encodeCentred(g *grid, dst []byte, src, importance []float32) int {
	var k one
	size := 2 + packedSize(g)
	for n := 0; len(src) > 0; n++ {
		x := src[:block]
		var d float32
		if importance == nil {
			d = k.fromLargest(g, x)
		} else if !k.weigh(x, importance, n) {
			return n
		} else {
			d = k.fit(g)
		}
		if !putHalf(dst, d) {
			return n
		}
		k.pack(g, dst[2:size])
		dst, src = dst[size:], src[block:]
	}
	return -1
}

// fromLargest gives the largest magnitude the code 0, on the one side that reaches so far.
func (k *one) fromLargest(g *grid, x []float32) float32 {
	zero := float32(len(g.level) / 2)
	d := largest(x) / -zero
	id := inverse(d)
	for i, f := range x {
		k.codes[i] = min(uint8(2*zero-1), uint8(float32(f*id)+(zero+0.5)))
	}
	return d
}

// fit searches for the scale and takes the codes nearest to what it is stored as.
func (k *one) fit(g *grid) float32 {
	d := asHalf(g.fit(k.x[:], k.w[:]))
	k.nearest(g, inverseOf(d), 0)
	return float32(d)
}

func (k *one) nearest(g *grid, inverse, from float64) {
	for i, v := range k.x {
		k.codes[i] = g.code[g.cell(float64((v-from)*inverse))]
	}
}

// encodeFromMinimum writes d, m, a fifth bit for each number if g is large enough to need it, nibbles.
func encodeFromMinimum(g *grid, dst []byte, src, importance []float32) int {
	var k one
	size := 4 + packedSize(g)
	for n := 0; len(src) > 0; n++ {
		x := src[:block]
		var d, m float32
		if importance == nil {
			d, m = k.fromRange(g, x)
		} else if !k.weigh(x, importance, n) {
			return n
		} else {
			d, m = k.fitOffset(g)
		}
		if !putHalf(dst, d) || !putHalf(dst[2:], m) {
			return n
		}
		k.pack(g, dst[4:size])
		dst, src = dst[size:], src[block:]
	}
	return -1
}

// fromRange spreads the codes over the numbers' range.
func (k *one) fromRange(g *grid, x []float32) (d, m float32) {
	m, top := bounds(x)
	last := len(g.level) - 1
	d = (top - m) / float32(last)
	id := inverse(d)
	for i, f := range x {
		k.codes[i] = min(uint8(last), uint8(float32((f-m)*id)+0.5))
	}
	return d, m
}

func (k *one) fitOffset(g *grid) (d, m float32) {
	scale, offset := g.fitOffset(k.x[:], k.w[:], true)
	scale, offset = asHalf(scale), asHalf(offset)
	k.nearest(g, inverseOf(scale), offset)
	return float32(scale), float32(offset)
}

// packedSize is the number of bytes that pack writes.
func packedSize(g *grid) int {
	if len(g.decoded) > 16 {
		return 20
	}
	return 16
}

func (k *one) pack(g *grid, b []byte) {
	if len(g.decoded) > 16 {
		var h uint32
		for i, q := range k.codes {
			h |= uint32(q>>4) << i
		}
		binary.LittleEndian.PutUint32(b, h)
		b = b[4:]
	}
	for i := range 16 {
		b[i] = k.codes[i]&15 | k.codes[16+i]<<4
	}
}

func encodeIQ4NL(dst []byte, src, importance []float32) int {
	var k one
	for n := 0; len(src) > 0; n++ {
		if !k.weigh(src[:block], importance, n) || !putHalf(dst, k.fit(iq4Grid)) {
			return n
		}
		k.pack(iq4Grid, dst[2:18])
		dst, src = dst[18:], src[block:]
	}
	return -1
}

func encodeMXFP4(dst []byte, src, importance []float32) int {
	var k one
	for n := 0; len(src) > 0; n++ {
		if !k.weigh(src[:block], importance, n) {
			return n
		}
		dst[0] = k.exponent(absMax(src[:block]))
		k.nearest(mxfp4Grid, 1/float64(halfPower(dst[0])), 0)
		k.pack(mxfp4Grid, dst[1:17])
		dst, src = dst[17:], src[block:]
	}
	return -1
}

// exponent tries two powers of two. With one, the largest number lies between 4 and 8, while levels end at 6; with the
// other between 2 and 4, and small numbers have fewer levels.
func (k *one) exponent(top float32) byte {
	if top == 0 {
		return 0
	}
	_, e := math.Frexp(float64(top))
	first := byte(max(0, e-3+127))
	err, _ := mxfp4Grid.err(k.x[:], k.w[:], float64(halfPower(first)), 0)
	second, _ := mxfp4Grid.err(k.x[:], k.w[:], float64(halfPower(first+1)), 0)
	if second < err && first < 252 { // with 253, the largest level would be infinite
		return first + 1
	}
	return first
}

// largest is the number of the largest magnitude, the first of equals, with its sign; NaN if there is one.
func largest(x []float32) float32 {
	m := x[0]
	for _, f := range x {
		if f != f || math.Abs(float64(f)) > math.Abs(float64(m)) {
			m = f
		}
	}
	return m
}

// bounds are the smallest and largest number, NaN if there is one.
func bounds(x []float32) (lo, hi float32) {
	lo, hi = x[0], x[0]
	for _, f := range x[1:] {
		lo, hi = min(lo, f), max(hi, f)
	}
	return lo, hi
}
