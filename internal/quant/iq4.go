package quant

import "math"

// Four bits that name one of 16 numbers: fixed ones in IQ4, small floats (E2M1) in MXFP4, whose scale is a power of
// two (OCP Microscaling Formats 1.0).
//
//	IQ4_NL  d, 16 bytes of nibbles                          x = d·level[q]
//	IQ4_XS  d, 8 × 6 bits of s, 128 bytes of nibbles        x = d·(s-32)·level[q]
//	MXFP4   exponent e, 16 bytes of nibbles                 x = 2^(e-128)·twice[q]

var iq4Levels = [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// mxfp4Levels are twice the numbers that E2M1 has.
var mxfp4Levels = [16]int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}

// putLevels stores 32 numbers from their 16 bytes.
func putLevels(dst []float32, nibbles []byte, levels *[16]int8, scale float32) {
	lo, hi := dst[:16], dst[16:32]
	for i, b := range nibbles[:16] {
		lo[i] = scale * float32(levels[b&15])
		hi[i] = scale * float32(levels[b>>4])
	}
}

func decodeIQ4NL(dst []float32, src []byte) {
	for ; len(src) >= 18; dst, src = dst[block:], src[18:] {
		putLevels(dst, src[2:], &iq4Levels, half(src))
	}
}

func decodeIQ4XS(dst []float32, src []byte) {
	for ; len(src) >= 136; dst, src = dst[super:], src[136:] {
		d := half(src)
		for i := range 8 {
			putLevels(dst[32*i:], src[8+16*i:], &iq4Levels, d*float32(int8(IQ4Scale(src, i))))
		}
	}
}

func decodeMXFP4(dst []float32, src []byte) {
	for ; len(src) >= 17; dst, src = dst[block:], src[17:] {
		putLevels(dst, src[1:], &mxfp4Levels, halfPower(src[0]))
	}
}

// halfPower is 2^(e-128), subnormal for the two smallest.
func halfPower(e byte) float32 {
	if e < 2 {
		return math.Float32frombits(0x00200000 << e)
	}
	return math.Float32frombits(uint32(e-1) << 23)
}
