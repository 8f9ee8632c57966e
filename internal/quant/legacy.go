package quant

import (
	"encoding/binary"
	"math"
)

// The simple GGUF formats: 32 numbers share a scale d (and, in Q4_1, a minimum m), stored as halves before the codes.
//
//	Q8_0  d, 32 × int8            x = d·q
//	Q4_0  d, 16 bytes of nibbles  x = d·(q-8)
//	Q4_1  d, m, 16 bytes          x = d·q + m
//
// The low nibbles of the 16 bytes are elements 0 to 15, the high ones 16 to 31. Products are converted explicitly
// before a sum, so that no platform fuses the two and every one gives the same bits.

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

func encodeQ8_0(dst []byte, src []float32) int {
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

func encodeQ4_0(dst []byte, src []float32) int {
	for n := 0; len(src) >= block; n++ {
		x, out := src[:block], dst[:18]
		d := largest(x) / -8 // the largest magnitude gets code 0, the one side that reaches -8
		if !putHalf(out, d) {
			return n
		}
		id := inverse(d)
		code := func(f float32) byte { return min(15, byte(float32(f*id)+8.5)) }
		for i := range 16 {
			out[2+i] = code(x[i]) | code(x[16+i])<<4
		}
		dst, src = dst[18:], src[block:]
	}
	return -1
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

func encodeQ4_1(dst []byte, src []float32) int {
	for n := 0; len(src) >= block; n++ {
		x, out := src[:block], dst[:20]
		m, top := bounds(x)
		d := (top - m) / 15
		if !putHalf(out, d) || !putHalf(out[2:], m) {
			return n
		}
		id := inverse(d)
		code := func(f float32) byte { return min(15, byte(float32((f-m)*id)+0.5)) }
		for i := range 16 {
			out[4+i] = code(x[i]) | code(x[16+i])<<4
		}
		dst, src = dst[20:], src[block:]
	}
	return -1
}

// absMax is the largest magnitude, NaN if there is one.
func absMax(x []float32) float32 {
	var m float32
	for _, f := range x {
		m = max(m, float32(math.Abs(float64(f))))
	}
	return m
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
