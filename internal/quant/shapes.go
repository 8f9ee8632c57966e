package quant

import "encoding/binary"

// The shapes of the formats with super-blocks, and where their bits go (the layouts are in kquant.go and iq4.go).

var (
	fourBitScales = evenGrid(0, 15, around(1, 9, 15))
	sixBitScales  = evenGrid(0, 63, around(1, 9, 63))
	signedScales  = evenGrid(-32, 31, around(1, 9, -32, 31))

	levels4 = evenGrid(0, 15, around(0.9, 10, 15))
	levels5 = evenGrid(0, 31, around(0.9, 10, 31))

	shapeQ2K = shape{format: Q2_K, bytes: 84, sub: 16,
		levels: evenGrid(0, 3, around(0.9, 10, 3)), scales: fourBitScales, minimums: fourBitScales}
	shapeQ3K = shape{format: Q3_K, bytes: 110, sub: 16,
		levels: evenGrid(-4, 3, around(0.9, 9, -4, 3)), scales: signedScales}
	shapeQ4K = shape{format: Q4_K, bytes: 144, sub: 32,
		levels: levels4, scales: sixBitScales, minimums: sixBitScales}
	shapeQ5K = shape{format: Q5_K, bytes: 176, sub: 32,
		levels: levels5, scales: sixBitScales, minimums: sixBitScales}
	shapeQ6K = shape{format: Q6_K, bytes: 210, sub: 16,
		levels: evenGrid(-32, 31, around(0.8, 5, -32, 31)), scales: evenGrid(-128, 127, around(1, 9, -128, 127))}
	shapeIQ4XS = shape{format: IQ4_XS, bytes: 136, sub: 32,
		levels: iq4Grid, scales: signedScales}

	iq4Grid = unevenGrid(&iq4Levels, 127, around(6, 5, -127, 113))
)

func encodeQ2K(dst []byte, src, w []float32) int   { return encodeSuper(&shapeQ2K, dst, src, w) }
func encodeQ3K(dst []byte, src, w []float32) int   { return encodeSuper(&shapeQ3K, dst, src, w) }
func encodeQ4K(dst []byte, src, w []float32) int   { return encodeSuper(&shapeQ4K, dst, src, w) }
func encodeQ5K(dst []byte, src, w []float32) int   { return encodeSuper(&shapeQ5K, dst, src, w) }
func encodeQ6K(dst []byte, src, w []float32) int   { return encodeSuper(&shapeQ6K, dst, src, w) }
func encodeIQ4XS(dst []byte, src, w []float32) int { return encodeSuper(&shapeIQ4XS, dst, src, w) }

// pack writes a block into b, which is zeros.
func pack(t Type, b []byte, r *stored) {
	switch t {
	case Q2_K:
		packQ2K(b, r)
	case Q3_K:
		packQ3K(b, r)
	case Q4_K:
		packSixBits(b, r)
		r.codes.give(b[16:144], 32, 4, 0)
	case Q5_K:
		packSixBits(b, r)
		r.codes.give(b[48:176], 32, 4, 0)
		r.codes.give(b[16:48], 32, 1, 4)
	case Q6_K:
		packQ6K(b, r)
	case IQ4_XS:
		packIQ4XS(b, r)
	}
}

func packQ2K(b []byte, r *stored) {
	for i := range 16 {
		b[i] = byte(r.s[i] | r.t[i]<<4)
	}
	r.codes.give(b[16:80], 32, 2, 0)
	putHalf(b[80:], float32(r.d))
	putHalf(b[82:], float32(r.m))
}

func packQ3K(b []byte, r *stored) {
	r.codes.give(b[32:96], 32, 2, 0)
	r.codes.give(b[:32], 32, 1, 2)
	for i, s := range r.s {
		b[96+i%8] |= byte(s & 15 << (i / 8 * 4))
		b[104+i%4] |= byte(s >> 4 << (i / 4 * 2))
	}
	putHalf(b[108:], float32(r.d))
}

// packSixBits writes the beginning that Q4_K and Q5_K share; see sixBits.
func packSixBits(b []byte, r *stored) {
	putHalf(b, float32(r.d))
	putHalf(b[2:], float32(r.m))
	for i := range 4 {
		b[4+i] = byte(r.s[i] | r.s[4+i]>>4<<6)
		b[8+i] = byte(r.t[i] | r.t[4+i]>>4<<6)
		b[12+i] = byte(r.s[4+i]&15 | r.t[4+i]&15<<4)
	}
}

func packQ6K(b []byte, r *stored) {
	r.codes.give(b[:128], 64, 4, 0)
	r.codes.give(b[128:192], 32, 2, 4)
	for i, s := range r.s {
		b[192+i] = byte(s - 128)
	}
	putHalf(b[208:], float32(r.d))
}

func packIQ4XS(b []byte, r *stored) {
	putHalf(b, float32(r.d))
	high := uint16(0)
	for i, s := range r.s[:8] {
		b[4+i/2] |= byte(s & 15 << (i % 2 * 4))
		high |= uint16(s>>4) << (2 * i)
	}
	binary.LittleEndian.PutUint16(b[2:], high)
	r.codes.give(b[8:136], 16, 4, 0)
}
