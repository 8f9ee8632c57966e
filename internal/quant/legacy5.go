package quant

import "encoding/binary"

// The simple formats with a fifth bit: bit i of a uint32 belongs to number i. Q8_1 is what other programs turn
// activations into; its sum s serves dot products only.
//
//	Q5_0  d, uint32, 16 bytes of nibbles      x = d·(q-16)
//	Q5_1  d, m, uint32, 16 bytes of nibbles   x = d·q + m
//	Q8_1  d, s, 32 × int8                     x = d·q

func decodeQ5_0(dst []float32, src []byte) {
	for ; len(src) >= 22; dst, src = dst[block:], src[22:] {
		d, h, lo, hi := half(src), binary.LittleEndian.Uint32(src[2:]), dst[:16], dst[16:block]
		for i, b := range src[6:22] {
			lo[i] = float32(int(b&15|fifth(h, i))-16) * d
			hi[i] = float32(int(b>>4|fifth(h, 16+i))-16) * d
		}
	}
}

func decodeQ5_1(dst []float32, src []byte) {
	for ; len(src) >= 24; dst, src = dst[block:], src[24:] {
		d, m, h, lo, hi := half(src), half(src[2:]), binary.LittleEndian.Uint32(src[4:]), dst[:16], dst[16:block]
		for i, b := range src[8:24] {
			lo[i] = float32(float32(b&15|fifth(h, i))*d) + m
			hi[i] = float32(float32(b>>4|fifth(h, 16+i))*d) + m
		}
	}
}

// fifth is the fifth bit of number i, in its place.
func fifth(h uint32, i int) byte { return byte(h>>(i&31)) & 1 << 4 }

func decodeQ8_1(dst []float32, src []byte) {
	for ; len(src) >= 36; dst, src = dst[block:], src[36:] {
		d, q, out := half(src), src[4:36], dst[:block]
		for i := range out {
			out[i] = float32(int8(q[i])) * d
		}
	}
}
