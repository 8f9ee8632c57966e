package kvcache

import (
	"weft/internal/kernel"
	"weft/tensor"
)

// Columns is the width of a panel.
const Columns = kernel.TileCols

// Panel is numbers in rows of Columns. Where it goes on beyond what has been
// written it holds any numbers.
type Panel struct {
	typ    Type
	f32    []float32
	half   []uint16 // F16 and BF16
	codes  []int8   // Q8_0: of keys, two rows side by side in each column
	scales []uint16 // of codes: of keys one for each column of every 32 rows, of values one for each row
}

// From is the rows of a panel of values from row on.
func (p Panel) From(row int) Panel {
	return p.part(row*Columns, row)
}

// WidenedKeys is a panel of keys of dim numbers as its products with many rows are
// fastest: in float32, in buf, if it was of half precision or bfloat16.
func (p Panel) WidenedKeys(buf []float32, dim int) Panel {
	if p.typ == Q8_0 {
		return p
	}
	return p.WidenedValues(buf, dim)
}

// WidenedValues is the first rows of a panel of values as float32, in buf if they are
// not: for many rows of products it is faster to widen a panel once.
func (p Panel) WidenedValues(buf []float32, rows int) Panel {
	buf = buf[:rows*Columns]
	switch p.typ {
	case F16:
		kernel.FromF16(buf, p.half[:len(buf)])
	case BF16:
		kernel.FromBF16(buf, p.half[:len(buf)])
	case Q8_0:
		kernel.FromI8(buf, p.codes[:len(buf)])
	default:
		return p
	}
	return Panel{f32: buf, scales: p.scales}
}

// MaxRows is the most rows of one product with a panel.
const MaxRows = kernel.TileRows

// block is the memory of some positions of one layer, P of them:
//
//   - keys: for each head and each 32 positions a panel of KeyDim rows, so
//     [head][P/32][KeyDim][32];
//   - values: for each head and each 32 numbers of it a panel of P rows, so
//     [head][ValueDim/32][P][32], the last one filled up with zeros.
//
// Q8_0 has its codes in the same order, but for those of keys, of which two rows lie
// side by side: [head][P/32][KeyDim/2][32][2]. Its scales, one for 32 numbers of one
// position, are [head][P/32][KeyDim/32][32] and [head][ValueDim/32][P].
type block struct{ keys, values Panel }

func (c *Cache) newBlock() *block {
	s := c.shape
	keys, values := s.Heads*c.block, s.Heads*c.valuePanels()*c.block // keys, and pieces of values
	return &block{s.Type.panel(keys*s.keyRows(), keys*scales(s.KeyDim)), s.Type.panel(values*Columns, values)}
}

// keyRows is how many numbers a key takes.
func (s Shape) keyRows() int {
	if s.Type == Q8_0 {
		return 2 * pairs(s.KeyDim)
	}
	return s.KeyDim
}

// panel makes n zeros, and so many scales if the type has them.
func (t Type) panel(n, scales int) Panel {
	switch t {
	case F32:
		return Panel{f32: make([]float32, n)}
	case Q8_0:
		return Panel{typ: t, codes: make([]int8, n), scales: make([]uint16, scales)}
	}
	return Panel{typ: t, half: make([]uint16, n)}
}

func (c *Cache) valuePanels() int { return (c.shape.ValueDim + Columns - 1) / Columns }

// Keys is the panel of positions [pos, pos+Columns) of a head, pos a multiple of
// Columns: row i is number i of these keys.
func (c *Cache) Keys(layer, head, pos int) Panel {
	b, at := c.layers[layer][pos/c.block], pos%c.block
	first := head*c.block + at
	return b.keys.part(first*c.shape.keyRows(), first*scales(c.shape.KeyDim))
}

// Values is numbers [part·Columns, part·Columns+Columns) of a head's values, a
// row for each of n positions from pos on. n is as many as lie together.
func (c *Cache) Values(layer, head, part, pos int) (p Panel, n int) {
	b, at := c.layers[layer][pos/c.block], pos%c.block
	first := (head*c.valuePanels()+part)*c.block + at
	return b.values.part(first*Columns, first), c.block - at
}

// part begins at a number, and at a scale.
func (p Panel) part(number, scale int) Panel {
	if p.scales != nil {
		p.scales = p.scales[scale:]
	}
	switch p.typ {
	case F32:
		p.f32 = p.f32[number:]
	case Q8_0:
		p.codes = p.codes[number:]
	default:
		p.half = p.half[number:]
	}
	return p
}

// Write stores keys and values of a head, a row for each position from pos on,
// rounding them to the cache's type. Reserve has made room for them.
func (c *Cache) Write(layer, head, pos int, keys, values tensor.Mat) {
	for i := range keys.Rows {
		at := pos + i
		c.Keys(layer, head, at/Columns*Columns).setColumn(at%Columns, keys.Row(i))
		row := values.Row(i)
		for part := range c.valuePanels() {
			to, _ := c.Values(layer, head, part, at)
			to.setRow(row[part*Columns : min((part+1)*Columns, len(row))])
		}
	}
}

// setColumn writes one column of a panel of keys, a number per row.
func (p Panel) setColumn(j int, x []float32) {
	switch p.typ {
	case F32:
		for i, v := range x {
			p.f32[i*Columns+j] = v
		}
	case Q8_0:
		var codes [kernel.Q8Block]int8
		for lo := 0; lo < len(x); lo += len(codes) {
			part := x[lo:min(lo+len(codes), len(x))]
			p.scales[lo+j] = kernel.ToQ8(codes[:len(part)], part)
			for i, v := range codes[:len(part)] {
				p.codes[(lo+i)/2*2*Columns+2*j+i%2] = v
			}
		}
	default:
		var narrow [256]uint16
		for lo := 0; lo < len(x); lo += len(narrow) {
			part := x[lo:min(lo+len(narrow), len(x))]
			p.typ.round(narrow[:len(part)], part)
			for i, v := range narrow[:len(part)] {
				p.half[(lo+i)*Columns+j] = v
			}
		}
	}
}

// setRow writes the beginning of the first row of a panel of values.
func (p Panel) setRow(x []float32) {
	switch p.typ {
	case F32:
		copy(p.f32, x)
	case Q8_0:
		p.scales[0] = kernel.ToQ8(p.codes[:len(x)], x)
	default:
		p.typ.round(p.half[:len(x)], x)
	}
}

// round rounds to 16 bits.
func (t Type) round(dst []uint16, src []float32) {
	if t == BF16 {
		kernel.ToBF16(dst, src)
		return
	}
	kernel.ToF16(dst, src)
}
