package quant

import "encoding/binary"

// Block is one block of a quantised row taken apart, for those who arrange the parts in an order of their own. Its
// numbers are D·S[i/Sub]·(level of Codes[i]) less M·T[i/Sub], by the formulas beside the decoders.
type Block struct {
	Codes [super]uint8 // as stored; Q8_0's int8 has 128 added
	D, M  uint16       // halves; MXFP4: D is its exponent
	S, T  [16]uint8    // the small scales and minima; signed ones (Q3_K, Q6_K, IQ4_XS) as int8
}

// Split takes the block at the start of src apart. It says false for a type that it does not know; src must hold a
// whole block.
func Split(t Type, b *Block, src []byte) bool {
	switch t {
	case Q8_0:
		b.D = binary.LittleEndian.Uint16(src)
		for i, q := range src[2:34] {
			b.Codes[i] = q ^ 0x80
		}
	case Q4_0, IQ4_NL:
		b.D = binary.LittleEndian.Uint16(src)
		b.nibbles(src[2:18])
	case Q4_1:
		b.D, b.M = binary.LittleEndian.Uint16(src), binary.LittleEndian.Uint16(src[2:])
		b.nibbles(src[4:20])
	case Q5_0:
		b.D = binary.LittleEndian.Uint16(src)
		b.nibbles(src[6:22])
		b.fifths(binary.LittleEndian.Uint32(src[2:]))
	case Q5_1:
		b.D, b.M = binary.LittleEndian.Uint16(src), binary.LittleEndian.Uint16(src[2:])
		b.nibbles(src[8:24])
		b.fifths(binary.LittleEndian.Uint32(src[4:]))
	case MXFP4:
		b.D = uint16(src[0])
		b.nibbles(src[1:17])
	default:
		return b.splitSuper(t, src)
	}
	return true
}

// splitSuper is Split for blocks of 256; the decoders put together what it took apart.
func (b *Block) splitSuper(t Type, src []byte) bool {
	c := (*codes)(&b.Codes)
	*c = codes{}
	switch t {
	case Q2_K:
		c.take(src[16:80], 32, 2, 0)
		b.D, b.M = binary.LittleEndian.Uint16(src[80:]), binary.LittleEndian.Uint16(src[82:])
		for i, s := range src[:16] {
			b.S[i], b.T[i] = s&15, s>>4
		}
	case Q3_K:
		c.take(src[32:96], 32, 2, 0)
		c.take(src[:32], 32, 1, 2)
		b.D = binary.LittleEndian.Uint16(src[108:])
		for i := range 16 {
			b.S[i] = Q3Scale(src[96:108], i)
		}
	case Q4_K:
		c.take(src[16:144], 32, 4, 0)
		b.sixes(src)
	case Q5_K:
		c.take(src[48:176], 32, 4, 0)
		c.take(src[16:48], 32, 1, 4)
		b.sixes(src)
	case Q6_K:
		c.take(src[:128], 64, 4, 0)
		c.take(src[128:192], 32, 2, 4)
		b.D = binary.LittleEndian.Uint16(src[208:])
		copy(b.S[:], src[192:208])
	case IQ4_XS:
		b.D = binary.LittleEndian.Uint16(src)
		for i := range 8 {
			b.S[i] = IQ4Scale(src, i)
			nibbles(b.Codes[32*i:], src[8+16*i:24+16*i])
		}
	default:
		return false
	}
	return true
}

// sixes reads the head that Q4_K and Q5_K begin with.
func (b *Block) sixes(src []byte) {
	b.D, b.M = binary.LittleEndian.Uint16(src), binary.LittleEndian.Uint16(src[2:])
	for i := range 8 {
		b.S[i], b.T[i] = sixBits(src[4:16], i)
	}
}

func (b *Block) nibbles(src []byte) { nibbles(b.Codes[:], src) }

// nibbles: the low halves of 16 bytes are numbers 0 to 15, the high ones 16 to 31.
func nibbles(dst []uint8, src []byte) {
	lo, hi := dst[:16], dst[16:32]
	for i, q := range src[:16] {
		lo[i], hi[i] = q&15, q>>4
	}
}

func (b *Block) fifths(h uint32) {
	for i := range block {
		b.Codes[i] |= fifth(h, i)
	}
}

// Q3Scale is the i-th of the 16 scales that 12 bytes of Q3_K hold, an int8 from -32 to 31.
func Q3Scale(b []byte, i int) uint8 {
	return b[i%8]>>(i/8*4)&15 | b[8+i%4]>>(i/4*2)&3<<4 - 32
}

// IQ4Scale is the i-th of the 8 scales of a block of IQ4_XS, an int8 from -32 to 31.
func IQ4Scale(b []byte, i int) uint8 {
	return uint8(nibble(b[4:8], i)) | uint8(binary.LittleEndian.Uint16(b[2:])>>(2*i)&3<<4) - 32
}

// IQ4Levels and MXFP4Levels are what a nibble stands for.
func IQ4Levels() [16]int8   { return iq4Levels }
func MXFP4Levels() [16]int8 { return mxfp4Levels }

// HalfPower is MXFP4's scale: 2^(e-128).
func HalfPower(e byte) float32 { return halfPower(e) }
