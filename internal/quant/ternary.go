package quant

// The ternary formats hold -1, 0 and 1 times a half d, which follows the codes.
//
//	TQ2_0  64 bytes of four 2-bit numbers, d
//	TQ1_0  48 bytes of five numbers, 4 bytes of four, d
//
// A byte of TQ1_0 is a fraction of 256 in base three: multiplied by 3ⁿ, its part below 256 begins with digit n.

func decodeTQ1_0(dst []float32, src []byte) {
	for ; len(src) >= 54; dst, src = dst[super:], src[54:] {
		d := half(src[52:])
		putTrits(dst, d, src[:32], 5)
		putTrits(dst[160:], d, src[32:48], 5)
		putTrits(dst[240:], d, src[48:52], 4)
	}
}

// putTrits stores the first digits of all the bytes, then the second ones, and so on.
func putTrits(dst []float32, d float32, codes []byte, digits int) {
	for power := byte(1); digits > 0; power, digits = 3*power, digits-1 {
		for i, c := range codes {
			dst[i] = d * float32(int(c*power)*3>>8-1)
		}
		dst = dst[len(codes):]
	}
}

func decodeTQ2_0(dst []float32, src []byte) {
	for ; len(src) >= 66; dst, src = dst[super:], src[66:] {
		var c codes
		c.take(src[:64], 32, 2, 0)
		d := half(src[64:])
		for i, q := range c {
			dst[i] = d * float32(int(q)-1)
		}
	}
}
