package quant

import "encoding/binary"

// IQ1: a code of 11 bits stands for 8 numbers of -1, 0 and 1, which are then all moved by an eighth up or down.
//
//	IQ1_S  d, 32 bytes of codes, 8 × [4 × 3 more bits of code, 3 bits of scale, 1 of direction]           1.56 bits
//	IQ1_M  32 bytes of codes, 32 × [3 more bits of code, 1 of direction], 4 × [4 × 3 bits of scale, 4 of d]  1.75

func decodeIQ1S(dst []float32, src []byte) {
	for ; len(src) >= 50; dst, src = dst[super:], src[50:] {
		d, codes, high := half(src), src[2:34], src[34:50]
		for i := range 8 {
			h := binary.LittleEndian.Uint16(high[2*i:])
			scale := d * float32(2*(h>>12&7)+1)
			for j := range 4 {
				c := int(codes[4*i+j]) | int(h>>(3*j)&7)<<8
				putIQ1(dst[32*i+8*j:], scale, c, h>>15 != 0)
			}
		}
	}
}

func decodeIQ1M(dst []float32, src []byte) {
	for ; len(src) >= 56; dst, src = dst[super:], src[56:] {
		codes, high := src[:32], src[32:48]
		var scales [4]uint16
		var h uint16 // d, four bits of which are at the top of each
		for i := range scales {
			scales[i] = binary.LittleEndian.Uint16(src[48+2*i:])
			h |= scales[i] >> 12 << (4 * i)
		}
		d := F16ToF32(h)
		for i := range 32 {
			bits := nibble(high, i)
			scale := d * float32(2*(scales[i/8]>>(3*(i/2%4))&7)+1)
			putIQ1(dst[8*i:], scale, int(codes[i])|bits&7<<8, bits&8 != 0)
		}
	}
}

func putIQ1(dst []float32, scale float32, code int, down bool) {
	var delta float32 = 0.125
	if down {
		delta = -0.125
	}
	dst = dst[:8]
	for i, g := range &iq1Grid[code] {
		dst[i] = scale * (float32(g) + delta)
	}
}
