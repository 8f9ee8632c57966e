package quant

import (
	"encoding/binary"
	"math"
)

// F16ToF32 widens an IEEE 754 half-precision number. It is exact.
func F16ToF32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	magnitude := uint32(h & 0x7fff)
	if magnitude >= 0x7c00 { // infinity or NaN; a NaN keeps its payload and becomes quiet, as hardware does
		bits := sign | 0x7f800000 | magnitude<<13&0x007fffff
		if magnitude > 0x7c00 {
			bits |= 0x00400000
		}
		return math.Float32frombits(bits)
	}
	// Moving the fields over leaves the exponent 112 too small. Multiplying by 2¹¹² mends that and normalises
	// subnormals in one exact step.
	const scale = 0x1p112
	return math.Float32frombits(sign | math.Float32bits(math.Float32frombits(magnitude<<13)*scale))
}

// F32ToF16 rounds to the nearest half-precision number, ties to even. What is too large becomes infinity; a NaN stays
// one and becomes quiet.
func F32ToF16(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	magnitude := bits & 0x7fffffff
	switch {
	case magnitude > 0x7f800000: // NaN
		return sign | 0x7e00 | uint16(magnitude>>13&0x01ff)
	case magnitude >= 0x477ff000: // 65520, from where on the nearest is infinity
		return sign | 0x7c00
	case magnitude < 0x38800000: // below 2⁻¹⁴: subnormal, in steps of 2⁻²⁴
		// Adding 2⁻¹ makes the last bit of the sum worth 2⁻²⁴, so that the addition itself rounds as we want.
		sum := math.Float32frombits(magnitude) + 0.5
		return sign | uint16(math.Float32bits(sum)-math.Float32bits(0.5))
	}
	// Rebias the exponent (112 = 127-15) and round the 13 bits that go, half to even; a carry moves up the exponent.
	return sign | uint16((magnitude-112<<23+0x0fff+magnitude>>13&1)>>13)
}

// BF16ToF32 widens a bfloat16 number: the upper half of a float32. It is exact.
func BF16ToF32(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// F32ToBF16 rounds to the nearest bfloat16, ties to even. A NaN stays one and becomes quiet.
func F32ToBF16(f float32) uint16 {
	bits := math.Float32bits(f)
	if bits&0x7fffffff > 0x7f800000 {
		return uint16(bits>>16) | 0x0040
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

func decodeF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = F16ToF32(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func encodeF16(dst []byte, src, _ []float32) int {
	for i, f := range src {
		h := F32ToF16(f)
		if h&0x7fff == 0x7c00 && !math.IsInf(float64(f), 0) {
			return i
		}
		binary.LittleEndian.PutUint16(dst[2*i:], h)
	}
	return -1
}

func decodeBF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = BF16ToF32(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func encodeBF16(dst []byte, src, _ []float32) int {
	for i, f := range src {
		b := F32ToBF16(f)
		if b&0x7fff == 0x7f80 && !math.IsInf(float64(f), 0) {
			return i
		}
		binary.LittleEndian.PutUint16(dst[2*i:], b)
	}
	return -1
}
