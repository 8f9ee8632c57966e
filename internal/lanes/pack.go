package lanes

import (
	"encoding/binary"

	"weft/internal/quant"
)

// A file keeps a row's codes together, a strip keeps those of 16 rows side by side. Where a plane's byte holds what
// a file's byte does, packing moves dwords to their lane; elsewhere fields of bits change places first, in eight
// bytes at a time. packGeneric, which takes codes one by one, says the same slowly.

// rowStep bounds the piece of a strip that is packed row after row: it should stay in the first cache.
const rowStep = 16 << 10

// packRows is Pack after its checks, in Go, row by row.
func (f *Form) packRows(strip []byte, rows [][]byte, units, size int) {
	if len(rows) < Rows {
		clear(strip)
	}
	step := max(1, rowStep/f.Bytes)
	for u := 0; u < units; u += step {
		n := min(step, units-u)
		for r, row := range rows {
			f.packRow(strip[u*f.Bytes:][:n*f.Bytes], row[u*size:][:n*size], r, size)
		}
	}
}

// packRow writes row r of the units of a strip, each size bytes of the file's row.
func (f *Form) packRow(strip, row []byte, r, size int) {
	switch {
	case f.Type == quant.Q8_0:
		packBytes(strip, row, r)
	case f.Len == BlockLen:
		f.packNibbles(strip, row, r)
	default:
		for ; len(row) > 0; strip, row = strip[f.Bytes:], row[size:] {
			f.packSuper(strip[:f.Bytes], row[:size], r)
		}
	}
}

var le = binary.LittleEndian

// putTwo stores a dword in each of two planes, one after the other.
func putTwo(planes []byte, two uint64) {
	le.PutUint32(planes, uint32(two))
	le.PutUint32(planes[64:], uint32(two>>32))
}

// packBytes packs Q8_0.
func packBytes(strip, row []byte, r int) {
	const unit, size, flip = 544, 34, 0x8080808080808080
	for ; len(strip) >= unit && len(row) >= size; strip, row = strip[unit:], row[size:] {
		le.PutUint16(strip[2*r:], le.Uint16(row))
		planes := strip[32+4*r:]
		putTwo(planes[0:], le.Uint64(row[2:])^flip)
		putTwo(planes[128:], le.Uint64(row[10:])^flip)
		putTwo(planes[256:], le.Uint64(row[18:])^flip)
		putTwo(planes[384:], le.Uint64(row[26:])^flip)
	}
}

// packNibbles packs the other forms with units of 32: scale, minimum, fifth bits and
// nibbles, in this order, and of these what there is.
func (f *Form) packNibbles(strip, row []byte, r int) {
	head, unit := f.codesAt()/Rows, f.Bytes
	size := head + 4*f.High + 16
	for ; len(strip) >= unit && len(row) >= size; strip, row = strip[unit:], row[size:] {
		switch head {
		case 1:
			strip[r] = row[0]
		case 2:
			le.PutUint16(strip[2*r:], le.Uint16(row))
		case 4:
			le.PutUint16(strip[2*r:], le.Uint16(row))
			le.PutUint16(strip[2*Rows+2*r:], le.Uint16(row[2:]))
		}
		planes, nibbles := strip[Rows*head+4*r:], row[size-16:size]
		putTwo(planes, le.Uint64(nibbles))
		putTwo(planes[128:], le.Uint64(nibbles[8:]))
		if f.High > 0 {
			le.PutUint32(planes[256:], fifths(le.Uint32(row[head:])))
		}
	}
}

// fifths moves bit 4g+j to 8j+g: two turns of the five bits of its place.
func fifths(x uint32) uint32 {
	x = swapped(x, 14, 0x0000cccc) // places 1 and 4
	x = swapped(x, 7, 0x00aa00aa)  // 0 and 3
	x = swapped(x, 2, 0x0c0c0c0c)  // 1 and 2
	return swapped(x, 1, 0x22222222)
}

// swapped exchanges the bits of a mask with those that are so much higher.
func swapped(x uint32, by int, mask uint32) uint32 {
	t := (x ^ x>>by) & mask
	return x ^ t ^ t<<by
}
