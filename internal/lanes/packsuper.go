package lanes

import "weft/internal/quant"

// packSuper packs a row's part of a unit of 256. Where a file has what is in package
// quant (split.go).
func (f *Form) packSuper(unit, src []byte, r int) {
	planes, block := unit[f.codesAt()+4*r:], f.blockBytes()
	le.PutUint16(unit[2*r:], le.Uint16(src[f.headAt():]))
	if f.Mins {
		le.PutUint16(unit[2*Rows+2*r:], le.Uint16(src[f.headAt()+2:]))
	}
	switch s := unit[f.sAt()+r:]; f.Type {
	case quant.Q4_K:
		packSixes(s, src[4:16])
		packNibbles128(planes, block, src[16:144])
	case quant.Q5_K:
		packSixes(s, src[4:16])
		packNibbles128(planes, block, src[48:176])
		packBits(planes[256:], block, src[16:48])
	case quant.Q6_K:
		putVectors(s, src[192:208])
		for h := range 2 {
			half := planes[4*h*block:]
			packNibbles32(half, half[2*block:], src[64*h:])
			packNibbles32(half[block:], half[3*block:], src[64*h+32:])
			packPairs(half[256:], block, src[128+32*h:])
		}
	case quant.Q2_K:
		putVectors(s, src[:16])
		packPairs(planes, block, src[16:])
		packPairs(planes[4*block:], block, src[48:])
	case quant.Q3_K:
		for i := range 16 {
			s[i*Rows] = quant.Q3Scale(src[96:108], i)
		}
		packPairs(planes, block, src[32:])
		packPairs(planes[4*block:], block, src[64:])
		packBits(planes[128:], block, src[:32])
	case quant.IQ4_XS:
		for i := range 8 {
			s[i*Rows] = quant.IQ4Scale(src, i)
			putTwo(planes[i*block:], le.Uint64(src[8+16*i:]))
			putTwo(planes[i*block+128:], le.Uint64(src[16+16*i:]))
		}
	}
}

// headAt is where a block of the file has its scale; a minimum follows.
func (f *Form) headAt() int {
	switch f.Type {
	case quant.Q2_K:
		return 80
	case quant.Q3_K:
		return 108
	case quant.Q6_K:
		return 208
	}
	return 0
}

// putVectors stores a row's small scales, each in its sub-block's vector.
func putVectors(vectors, scales []byte) {
	for i, s := range scales {
		vectors[i*Rows] = s
	}
}

// packSixes packs the 6-bit scales and minima of Q4_K and Q5_K, four at a time. Those
// of the last four sub-blocks have their upper two bits above the first four's.
func packSixes(vectors, src []byte) {
	s, t, both := le.Uint32(src), le.Uint32(src[4:]), le.Uint32(src[8:])
	const low4, upper2, low6 = 0x0f0f0f0f, 0x30303030, 0x3f3f3f3f
	for i, four := range [4]uint32{
		s & low6, both&low4 | s>>2&upper2,
		t & low6, both>>4&low4 | t>>2&upper2,
	} {
		v := vectors[4*i*Rows:]
		v[0], v[Rows], v[2*Rows], v[3*Rows] = byte(four), byte(four>>8), byte(four>>16), byte(four>>24)
	}
}

// packNibbles128 packs the nibbles of 8 blocks: 32 bytes have two blocks.
func packNibbles128(planes []byte, block int, src []byte) {
	for i := range 4 {
		packNibbles32(planes[2*i*block:], planes[(2*i+1)*block:], src[32*i:])
	}
}

// packNibbles32 packs 32 bytes, whose low nibbles are one block and whose high ones
// are another.
func packNibbles32(lower, upper, src []byte) {
	const low = 0x0f0f0f0f0f0f0f0f
	for i := range 2 { // groups 2i and 2i+1, and those with 4 more
		a, b := le.Uint64(src[8*i:]), le.Uint64(src[8*i+16:])
		putTwo(lower[128*i:], a&low|b&low<<4)
		putTwo(upper[128*i:], a>>4&low|b&^low)
	}
}

// packPairs packs the 2-bit fields of 32 bytes: field i of every byte is block i's,
// and field j of a plane is group j's or 4+j's. So places of dwords and of fields
// change roles: a transposition of 4×4 fields, for both planes at once.
func packPairs(planes []byte, block int, src []byte) {
	var x [4]uint64
	for j := range x {
		x[j] = uint64(le.Uint32(src[4*j:])) | uint64(le.Uint32(src[4*j+16:]))<<32
	}
	const even, low = 0x3333333333333333, 0x0f0f0f0f0f0f0f0f
	x[0], x[1] = exchanged(x[0], x[1], 2, even)
	x[2], x[3] = exchanged(x[2], x[3], 2, even)
	x[0], x[2] = exchanged(x[0], x[2], 4, low)
	x[1], x[3] = exchanged(x[1], x[3], 4, low)
	for i, two := range x {
		putTwo(planes[i*block:], two)
	}
}

// packBits packs the bits of 32 bytes: bit i of every byte is block i's, and bit g of
// the plane is group g's: a transposition of 8×8 bits.
func packBits(planes []byte, block int, src []byte) {
	var x [4]uint64
	for j := range x {
		x[j] = uint64(le.Uint32(src[4*j:])) | uint64(le.Uint32(src[4*j+16:]))<<32
	}
	const even, pairs, high = 0x5555555555555555, 0x3333333333333333, 0xf0f0f0f0
	x[0], x[1] = exchanged(x[0], x[1], 1, even)
	x[2], x[3] = exchanged(x[2], x[3], 1, even)
	x[0], x[2] = exchanged(x[0], x[2], 2, pairs)
	x[1], x[3] = exchanged(x[1], x[3], 2, pairs)
	for i, two := range x { // dwords 4 apart are in one word
		t := (two ^ two>>28) & high
		two ^= t ^ t<<28
		le.PutUint32(planes[i*block:], uint32(two))
		le.PutUint32(planes[(i+4)*block:], uint32(two>>32))
	}
}

// exchanged swaps the fields of a above a mask with those of b under it.
func exchanged(a, b uint64, by int, mask uint64) (uint64, uint64) {
	t := (a>>by ^ b) & mask
	return a ^ t<<by, b ^ t
}
