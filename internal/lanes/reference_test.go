package lanes

import (
	"encoding/binary"

	"weft/internal/quant"
)

// packGeneric is Pack code by code, for any form: the reference.
func (f *Form) packGeneric(strip []byte, rows [][]byte, units, size int) {
	clear(strip)
	var b quant.Block
	for u := range units {
		unit := strip[u*f.Bytes:][:f.Bytes]
		for r, row := range rows {
			quant.Split(f.Type, &b, row[u*size:][:size])
			f.putHead(unit, &b, r)
			for i := range f.Blocks() {
				f.putCodes(unit[f.codesAt()+i*f.blockBytes():], b.Codes[i*BlockLen:][:BlockLen], r)
			}
		}
	}
}

// putHead stores row r's scales and minima.
func (f *Form) putHead(unit []byte, b *quant.Block, r int) {
	if f.Type == quant.MXFP4 {
		unit[r] = byte(b.D)
		return
	}
	binary.LittleEndian.PutUint16(unit[2*r:], b.D)
	if f.Mins {
		binary.LittleEndian.PutUint16(unit[f.dBytes()+2*r:], b.M)
	}
	if f.Len == BlockLen {
		return
	}
	for i := range f.Len / f.Sub {
		switch at := i*Rows + r; {
		case f.Type == quant.Q2_K:
			unit[f.sAt()+at] = b.S[i] | b.T[i]<<4
		case f.Mins:
			unit[f.sAt()+at], unit[f.tAt()+at] = b.S[i], b.T[i]
		default:
			unit[f.sAt()+at] = b.S[i]
		}
	}
}

// putCodes stores row r's codes of a block, whose planes are all zero there.
func (f *Form) putCodes(planes []byte, codes []uint8, r int) {
	high := planes[f.Low*BlockLen*Rows/8:]
	for k, c := range codes {
		g, at := k/4, 4*r+k%4
		switch f.Low {
		case 8:
			planes[64*g+at] = c
		case 4:
			planes[64*(g%4)+at] |= c & 15 << (g / 4 * 4)
		case 2:
			planes[64*(g/4)+at] |= c & 3 << (g % 4 * 2)
		}
		switch f.High {
		case 1:
			high[at] |= c >> f.Low << g
		case 2:
			high[64*(g/4)+at] |= c >> f.Low << (g % 4 * 2)
		}
	}
}
