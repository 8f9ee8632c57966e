package quant

import (
	"encoding/binary"
	"math"
)

// The K formats: 256 numbers share a half d (and a half m), and every 16 or 32 of them have a small scale s (and a
// minimum t) of their own.
//
//	Q2_K  16 × 4 bits of s and of t, 2-bit codes, d, m                      x = d·s·q - m·t            2.63 bits
//	Q3_K  a third bit, 2-bit codes, 16 × 6 bits of s, d                     x = d·(s-32)·(q-4)         3.44
//	Q4_K  d, m, 8 × 6 bits of s and of t, 4-bit codes                       x = d·s·q - m·t            4.5
//	Q5_K  d, m, 8 × 6 bits of s and of t, a fifth bit, 4-bit codes          x = d·s·q - m·t            5.5
//	Q6_K  4 bits of the codes, 2 more, 16 × int8 s, d                       x = d·s·(q-32)             6.56
//	Q8_K  float32 d, 256 × int8, 16 sums that only dot products need        x = d·q                    9.13
//
// Each decoder's order of operations is the reference's; see legacy.go on why products are converted.

const super = 256

// codes are the numbers of a block as they are stored, put together from the bits that a format keeps apart.
type codes [super]uint8

// take adds a plane of bits to the codes, shifted up: width bits of each number. A run of bytes has the lowest bits
// of all its bytes first, then the next ones.
func (c *codes) take(plane []byte, run int, width, shift uint) {
	mask := byte(1)<<width - 1
	for out := c[:]; len(out) > 0; plane = plane[run:] {
		for at := uint(0); at < 8; at += width {
			for i, b := range plane[:run] {
				out[i] |= b >> (at & 7) & mask << (shift & 7)
			}
			out = out[run:]
		}
	}
}

// give is take's reverse, into a plane of zeros.
func (c *codes) give(plane []byte, run int, width, shift uint) {
	mask := byte(1)<<width - 1
	for in := c[:]; len(in) > 0; plane = plane[run:] {
		for at := uint(0); at < 8; at += width {
			for i, q := range in[:run] {
				plane[i] |= q >> (shift & 7) & mask << (at & 7)
			}
			in = in[run:]
		}
	}
}

// putAffine stores x = scale·q - minimum.
func putAffine(dst []float32, q []uint8, scale, minimum float32) {
	for i, c := range q {
		dst[i] = float32(scale*float32(c)) - minimum
	}
}

// putShifted stores x = scale·(q - zero).
func putShifted(dst []float32, q []uint8, scale float32, zero int) {
	for i, c := range q {
		dst[i] = scale * float32(int(c)-zero)
	}
}

func decodeQ2K(dst []float32, src []byte) {
	for ; len(src) >= 84; dst, src = dst[super:], src[84:] {
		var b Block
		b.splitSuper(Q2_K, src)
		d, m := F16ToF32(b.D), F16ToF32(b.M)
		for i, s := range b.S {
			putAffine(dst[16*i:], b.Codes[16*i:16*i+16], d*float32(s), m*float32(b.T[i]))
		}
	}
}

func decodeQ3K(dst []float32, src []byte) {
	for ; len(src) >= 110; dst, src = dst[super:], src[110:] {
		var b Block
		b.splitSuper(Q3_K, src)
		b.putShifted16(dst, 4)
	}
}

func decodeQ4K(dst []float32, src []byte) {
	for ; len(src) >= 144; dst, src = dst[super:], src[144:] {
		var b Block
		b.splitSuper(Q4_K, src)
		b.putScaled(dst)
	}
}

func decodeQ5K(dst []float32, src []byte) {
	for ; len(src) >= 176; dst, src = dst[super:], src[176:] {
		var b Block
		b.splitSuper(Q5_K, src)
		b.putScaled(dst)
	}
}

// putScaled stores a block of Q4_K or Q5_K.
func (b *Block) putScaled(dst []float32) {
	d, m := F16ToF32(b.D), F16ToF32(b.M)
	for i := range 8 {
		putAffine(dst[32*i:], b.Codes[32*i:32*i+32], d*float32(b.S[i]), m*float32(b.T[i]))
	}
}

// putShifted16 stores a block of Q3_K or Q6_K.
func (b *Block) putShifted16(dst []float32, zero int) {
	d := F16ToF32(b.D)
	for i, s := range b.S {
		putShifted(dst[16*i:], b.Codes[16*i:16*i+16], d*float32(int8(s)), zero)
	}
}

// sixBits is the i-th scale and minimum of Q4_K: the first four of each have a byte, whose upper two bits belong to
// the last four, as the lower bits in the bytes after those do.
func sixBits(b []byte, i int) (s, t byte) {
	if i < 4 {
		return b[i] & 63, b[4+i] & 63
	}
	return b[4+i]&15 | b[i-4]>>6<<4, b[4+i]>>4 | b[i]>>6<<4
}

func decodeQ6K(dst []float32, src []byte) {
	for ; len(src) >= 210; dst, src = dst[super:], src[210:] {
		var b Block
		b.splitSuper(Q6_K, src)
		b.putShifted16(dst, 32)
	}
}

func decodeQ8K(dst []float32, src []byte) {
	for ; len(src) >= 292; dst, src = dst[super:], src[292:] {
		d := math.Float32frombits(binary.LittleEndian.Uint32(src))
		for i, q := range src[4:260] {
			dst[i] = d * float32(int8(q))
		}
	}
}
