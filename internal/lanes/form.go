package lanes

import (
	"fmt"

	"weft/internal/quant"
)

// Form is how the strips of one quantised type are laid out. A strip is a run of
// units, each [Form.Len] weights long and 16 rows wide. Lane r of everything
// belongs to row r. A unit has, in this order:
//
//	D      16 halves: the rows' scales (MXFP4: 16 exponents of a byte each)
//	M      16 halves: the rows' minima; forms with minima. Else, in units of 256, nothing for as
//	       long, so that codes begin with a cache line
//	S      a byte for each lane of each sub-block; units of 256
//	T      the same for minima; Q4_K and Q5_K
//	codes  for each block of 32 weights: its low planes, then its high planes
//
// A block's weights are 8 groups of 4: group g has weights 4g to 4g+3. A plane is
// 64 bytes: byte 4r+j belongs to row r, weight j of a group. What a plane's byte
// holds is by the bits of the low part:
//
//	8 bits  plane g: group g
//	4 bits  plane i of 4: the low nibble is group i, the high one group i+4
//	2 bits  plane i of 2: bits 2j and 2j+1 are group 4i+j
//
// and of the high part:
//
//	1 bit   one plane: bit g is group g
//	2 bits  plane i of 2: bits 2j and 2j+1 are group 4i+j
//
// The code of a weight is low | high << (bits of low). Q2_K keeps S in the low and T
// in the high nibble of one byte.
type Form struct {
	Type  quant.Type
	Len   int // weights of a row in a unit: 32 or 256
	Low   int // bits of a code in the low planes
	High  int // and in the high planes
	Sub   int // weights that share a scale: 32 or 16
	Mins  bool
	Zero  int       // code of the weight 0, where codes are counted, not looked up
	level *[16]int8 // what a code stands for; nil: itself, less Zero

	Bytes int // of a unit: 16 rows
}

var iq4, mxfp4 = quant.IQ4Levels(), quant.MXFP4Levels()

// forms are all the types that have one.
var forms = []*Form{
	{Type: quant.Q8_0, Len: 32, Low: 8, Sub: 32, Zero: 128},
	{Type: quant.Q4_0, Len: 32, Low: 4, Sub: 32, Zero: 8},
	{Type: quant.Q4_1, Len: 32, Low: 4, Sub: 32, Mins: true},
	{Type: quant.Q5_0, Len: 32, Low: 4, High: 1, Sub: 32, Zero: 16},
	{Type: quant.Q5_1, Len: 32, Low: 4, High: 1, Sub: 32, Mins: true},
	{Type: quant.IQ4_NL, Len: 32, Low: 4, Sub: 32, level: &iq4},
	{Type: quant.MXFP4, Len: 32, Low: 4, Sub: 32, level: &mxfp4},
	{Type: quant.Q2_K, Len: 256, Low: 2, Sub: 16, Mins: true},
	{Type: quant.Q3_K, Len: 256, Low: 2, High: 1, Sub: 16, Zero: 4},
	{Type: quant.Q4_K, Len: 256, Low: 4, Sub: 32, Mins: true},
	{Type: quant.Q5_K, Len: 256, Low: 4, High: 1, Sub: 32, Mins: true},
	{Type: quant.Q6_K, Len: 256, Low: 4, High: 2, Sub: 16, Zero: 32},
	{Type: quant.IQ4_XS, Len: 256, Low: 4, Sub: 32, level: &iq4},
}

var byType = func() map[quant.Type]*Form {
	m := map[quant.Type]*Form{}
	for _, f := range forms {
		f.Bytes = f.codesAt() + f.Len/BlockLen*f.blockBytes()
		m[f.Type] = f
	}
	return m
}()

// FormOf is the form of a type, nil if it has none.
func FormOf(t quant.Type) *Form { return byType[t] }

// Forms lists all forms.
func Forms() []*Form { return forms }

// Blocks is how many blocks of 32 weights a unit has.
func (f *Form) Blocks() int { return f.Len / BlockLen }

// Where the parts of a unit begin; dBytes is the size of D.
func (f *Form) dBytes() int {
	if f.Type == quant.MXFP4 {
		return Rows
	}
	return 2 * Rows
}

func (f *Form) sAt() int {
	if f.Mins || f.Len > BlockLen {
		return f.dBytes() + 2*Rows
	}
	return f.dBytes()
}

func (f *Form) tAt() int {
	if f.Len == BlockLen {
		return f.sAt()
	}
	return f.sAt() + f.Len/f.Sub*Rows
}

func (f *Form) codesAt() int {
	if f.Len > BlockLen && f.Mins && f.Type != quant.Q2_K {
		return f.tAt() + f.Len/f.Sub*Rows
	}
	return f.tAt()
}

func (f *Form) blockBytes() int { return (f.Low + f.High) * BlockLen * Rows / 8 }

// StripBytes is the size of a strip whose rows have n weights.
func (f *Form) StripBytes(n int) int { return n / f.Len * f.Bytes }

// Pack arranges up to 16 rows, each n weights as a file has them, into a strip of
// StripBytes(n) bytes. Rows that are not there become zeros.
func (f *Form) Pack(strip []byte, rows [][]byte, n int) {
	format, _ := f.Type.Format()
	if n < 0 || n%f.Len != 0 || len(rows) > Rows || len(strip) != f.StripBytes(n) {
		panic(fmt.Sprintf("lanes: %d rows of %d %v into %d bytes", len(rows), n, f.Type, len(strip)))
	}
	for _, row := range rows {
		if len(row) != n/f.Len*format.Bytes {
			panic(fmt.Sprintf("lanes: a row of %d %v has %d bytes", n, f.Type, len(row)))
		}
	}
	f.pack(strip, rows, n/f.Len, format.Bytes)
}

// code is one weight's code; planes are its block's.
func (f *Form) code(planes []byte, k, r int) uint8 {
	high := planes[f.Low*BlockLen*Rows/8:]
	g, at := k/4, 4*r+k%4
	var c uint8
	switch f.Low {
	case 8:
		c = planes[64*g+at]
	case 4:
		c = planes[64*(g%4)+at] >> (g / 4 * 4) & 15
	case 2:
		c = planes[64*(g/4)+at] >> (g % 4 * 2) & 3
	}
	switch f.High {
	case 1:
		c |= high[at] >> g & 1 << f.Low
	case 2:
		c |= high[64*(g/4)+at] >> (g % 4 * 2) & 3 << f.Low
	}
	return c
}
