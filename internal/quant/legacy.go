package quant

import (
	"encoding/binary"
	"math"
)

// The simple GGUF formats: 32 numbers share a scale d (and, in some, a minimum m), stored as halves before the codes.
//
//	Q8_0  d, 32 × int8                        x = d·q
//	Q8_1  d, s, 32 × int8                     x = d·q; the sum s serves dot products only
//	Q4_0  d, 16 bytes of nibbles              x = d·(q-8)
//	Q4_1  d, m, 16 bytes of nibbles           x = d·q + m
//	Q5_0  d, uint32, 16 bytes of nibbles      x = d·(q-16)
//	Q5_1  d, m, uint32, 16 bytes of nibbles   x = d·q + m
//
// The low nibbles of the 16 bytes are elements 0 to 15, the high ones 16 to 31; bit i of the uint32 is the fifth of
// element i. Products are converted explicitly before a sum, so that no platform fuses the two and every one gives the
// same bits. How the four- and five-bit formats are written is in blockencode.go.

const block = 32

func half(b []byte) float32 { return F16ToF32(binary.LittleEndian.Uint16(b)) }

// putHalf stores a scale. It reports false when the half is not finite.
func putHalf(b []byte, f float32) bool {
	h := F32ToF16(f)
	binary.LittleEndian.PutUint16(b, h)
	return h&0x7c00 != 0x7c00
}

// inverse is 1/d, or 0 for a scale so small that there is no finite inverse: such a block is stored as zeros (its
// scale is far below the smallest half, so it would decode to zeros anyway).
func inverse(d float32) float32 {
	if id := 1 / d; !math.IsInf(float64(id), 0) {
		return id
	}
	return 0
}

func decodeQ8_0(dst []float32, src []byte) {
	for len(src) >= 34 {
		d, q, out := half(src), src[2:34], dst[:block]
		for i := range out {
			out[i] = float32(int8(q[i])) * d
		}
		dst, src = dst[block:], src[34:]
	}
}

func encodeQ8_0(dst []byte, src, _ []float32) int {
	for n := 0; len(src) >= block; n++ {
		x, out := src[:block], dst[:34]
		d := absMax(x) / 127
		if !putHalf(out, d) {
			return n
		}
		id := inverse(d)
		for i, f := range x {
			out[2+i] = byte(int8(math.Round(float64(f * id)))) // halves away from zero
		}
		dst, src = dst[34:], src[block:]
	}
	return -1
}

func decodeQ4_0(dst []float32, src []byte) {
	for len(src) >= 18 {
		d, q, lo, hi := half(src), src[2:18], dst[:16], dst[16:block]
		for i, b := range q {
			lo[i] = float32(int(b&15)-8) * d
			hi[i] = float32(int(b>>4)-8) * d
		}
		dst, src = dst[block:], src[18:]
	}
}

func decodeQ4_1(dst []float32, src []byte) {
	for len(src) >= 20 {
		d, m, q, lo, hi := half(src), half(src[2:]), src[4:20], dst[:16], dst[16:block]
		for i, b := range q {
			lo[i] = float32(float32(b&15)*d) + m
			hi[i] = float32(float32(b>>4)*d) + m
		}
		dst, src = dst[block:], src[20:]
	}
}

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

// fifth is the fifth bit of element i, in its place.
func fifth(h uint32, i int) byte { return byte(h>>(i&31)) & 1 << 4 }

func decodeQ8_1(dst []float32, src []byte) {
	for ; len(src) >= 36; dst, src = dst[block:], src[36:] {
		d, q, out := half(src), src[4:36], dst[:block]
		for i := range out {
			out[i] = float32(int8(q[i])) * d
		}
	}
}

// absMax is the largest magnitude, NaN if there is one.
func absMax(x []float32) float32 {
	var m float32
	for _, f := range x {
		m = max(m, float32(math.Abs(float64(f))))
	}
	return m
}
