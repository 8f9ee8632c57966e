package quant

import (
	"encoding/binary"
	"encoding/hex"
	"math"
)

// The IQ formats below four bits: a code stands for a group of 8 numbers (4 in IQ3) of a codebook. The codebook has
// magnitudes; signs are stored beside them. 256 numbers share a half d, and 16 or 32 of them a few bits of scale.
//
//	IQ2_XXS  d, 8 × [4 bytes of codes, 4 × 7 bits of signs, 4 bits of scale]           2.06 bits a number
//	IQ2_XS   d, 32 × [9 bits of code, 7 of signs], 16 × 4 bits of scale                2.31
//	IQ2_S    d, 32 bytes of codes, 32 of signs, 32 × 2 more bits of code, 16 × 4       2.56
//	IQ3_XXS  d, 64 bytes of codes, 8 × [4 × 7 bits of signs, 4 bits of scale]          3.06
//	IQ3_S    d, 64 bytes of codes, 64 more bits of them, 32 bytes of signs, 8 × 4      3.44
//
// Seven bits of signs stand for eight: the number of minuses is even.

// grid8 and grid4 unpack a codebook: 16 bits a row in hexadecimal, each an index into values.
func grid8(rows int, values []int8, packed string) [][8]int8 {
	grid := make([][8]int8, rows)
	for r, bits := range unpackRows(rows, packed) {
		for i := range grid[r] {
			grid[r][i] = values[bits>>(2*i)&3]
		}
	}
	return grid
}

func grid4(rows int, values []int8, packed string) [][4]int8 {
	grid := make([][4]int8, rows)
	for r, bits := range unpackRows(rows, packed) {
		for i := range grid[r] {
			grid[r][i] = values[bits>>(4*i)&7]
		}
	}
	return grid
}

func unpackRows(rows int, packed string) []uint16 {
	b, err := hex.DecodeString(packed)
	if err != nil || len(b) != 2*rows {
		panic("quant: a codebook is damaged") // only a changed source file can be
	}
	list := make([]uint16, rows)
	for r := range list {
		list[r] = binary.LittleEndian.Uint16(b[2*r:])
	}
	return list
}

// signs7 are eight signs from seven bits: the eighth makes the number of minuses even.
var signs7 = func() (table [128]byte) {
	for i := range table {
		odd := i ^ i>>4
		odd ^= odd >> 2
		odd ^= odd >> 1
		table[i] = byte(i | odd&1<<7)
	}
	return table
}()

// put8 and put4 store a group: scale times magnitude, negative where a bit of signs is set.
func put8(dst []float32, scale float32, group *[8]int8, signs byte) {
	dst = dst[:8]
	for i, g := range group {
		dst[i] = signed(scale*float32(g), signs>>i)
	}
}

func put4(dst []float32, scale float32, group *[4]int8, signs byte) {
	dst = dst[:4]
	for i, g := range group {
		dst[i] = signed(scale*float32(g), signs>>i)
	}
}

func signed(f float32, bit byte) float32 {
	return math.Float32frombits(math.Float32bits(f) ^ uint32(bit)<<31)
}

func decodeIQ2XXS(dst []float32, src []byte) {
	for ; len(src) >= 66; dst, src = dst[super:], src[66:] {
		d := half(src)
		for i := range 8 {
			codes := src[2+8*i:][:8]
			signs := binary.LittleEndian.Uint32(codes[4:])
			scale := d * (0.5 + float32(signs>>28)) * 0.25
			for j, c := range codes[:4] {
				put8(dst[32*i+8*j:], scale, &iq2xxsGrid[c], signs7[signs>>(7*j)&127])
			}
		}
	}
}

func decodeIQ2XS(dst []float32, src []byte) {
	for ; len(src) >= 74; dst, src = dst[super:], src[74:] {
		d, codes, scales := half(src), src[2:66], src[66:74]
		for i := range 32 {
			c := binary.LittleEndian.Uint16(codes[2*i:])
			scale := d * (0.5 + float32(nibble(scales, i/2))) * 0.25
			put8(dst[8*i:], scale, &iq2xsGrid[c&511], signs7[c>>9])
		}
	}
}

func decodeIQ2S(dst []float32, src []byte) {
	for ; len(src) >= 82; dst, src = dst[super:], src[82:] {
		d, codes, signs, high, scales := half(src), src[2:34], src[34:66], src[66:74], src[74:82]
		for i := range 32 {
			c := int(codes[i]) | int(high[i/4]>>(2*(i%4))&3)<<8
			scale := d * (0.5 + float32(nibble(scales, i/2))) * 0.25
			put8(dst[8*i:], scale, &iq2sGrid[c], signs[i])
		}
	}
}

func decodeIQ3XXS(dst []float32, src []byte) {
	for ; len(src) >= 98; dst, src = dst[super:], src[98:] {
		d, codes, words := half(src), src[2:66], src[66:98]
		for i := range 8 {
			signs := binary.LittleEndian.Uint32(words[4*i:])
			scale := d * (0.5 + float32(signs>>28)) * 0.5
			for j := range 4 {
				s, c := signs7[signs>>(7*j)&127], codes[8*i+2*j:]
				put4(dst[32*i+8*j:], scale, &iq3xxsGrid[c[0]], s)
				put4(dst[32*i+8*j+4:], scale, &iq3xxsGrid[c[1]], s>>4)
			}
		}
	}
}

func decodeIQ3S(dst []float32, src []byte) {
	for ; len(src) >= 110; dst, src = dst[super:], src[110:] {
		d, codes, high, signs, scales := half(src), src[2:66], src[66:74], src[74:106], src[106:110]
		for i := range 64 {
			c := int(codes[i]) | int(high[i/8]>>(i%8)&1)<<8
			scale := d * float32(1+2*nibble(scales, i/8))
			put4(dst[4*i:], scale, &iq3sGrid[c], signs[i/2]>>(4*(i%2)))
		}
	}
}

// nibble is the i-th of four bits each.
func nibble(b []byte, i int) int { return int(b[i/2]>>(4*(i%2))) & 15 }
