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
	f32 []float32
	f16 []uint16
}

// MultiplyInto computes c = a·p, or c += a·p when add is set, for k rows of p: a
// is rows × k with stride lda, c is rows × Columns with stride ldc, and rows is at
// most MaxRows. Each element is one chain of FMAs over ascending k.
func (p Panel) MultiplyInto(c []float32, ldc int, a []float32, lda, rows, k int, add bool) {
	if p.f16 != nil {
		kernel.PanelF16(c, ldc, a, lda, p.f16, rows, k, add)
	} else {
		kernel.PanelF32(c, ldc, a, lda, p.f32, rows, k, add)
	}
}

// From is the rows from row on.
func (p Panel) From(row int) Panel {
	if p.f16 != nil {
		return Panel{f16: p.f16[row*Columns:]}
	}
	return Panel{f32: p.f32[row*Columns:]}
}

// MaxRows is the most rows of one product with a panel.
const MaxRows = kernel.TileRows

// block is the memory of some positions of one layer, P of them:
//
//   - keys: for each head and each 32 positions a panel of KeyDim rows, so
//     [head][P/32][KeyDim][32];
//   - values: for each head and each 32 numbers of it a panel of P rows, so
//     [head][ValueDim/32][P][32], the last one filled up with zeros.
type block struct{ keys, values Panel }

func (c *Cache) newBlock() block {
	s := c.shape
	return block{s.Type.panel(s.Heads * c.block * s.KeyDim), s.Type.panel(s.Heads * c.valuePanels() * c.block * Columns)}
}

// panel makes n zeros.
func (t Type) panel(n int) Panel {
	if t == F16 {
		return Panel{f16: make([]uint16, n)}
	}
	return Panel{f32: make([]float32, n)}
}

func (c *Cache) valuePanels() int { return (c.shape.ValueDim + Columns - 1) / Columns }

// Keys is the panel of positions [pos, pos+Columns) of a head, pos a multiple of
// Columns: row i is number i of these keys.
func (c *Cache) Keys(layer, head, pos int) Panel {
	b, at := &c.layers[layer][pos/c.block], pos%c.block
	size := c.shape.KeyDim * Columns
	return b.keys.part((head*c.block+at)*c.shape.KeyDim, size)
}

// Values is numbers [part·Columns, part·Columns+Columns) of a head's values, a
// row for each of n positions from pos on. n is as many as lie together.
func (c *Cache) Values(layer, head, part, pos int) (p Panel, n int) {
	b, at := &c.layers[layer][pos/c.block], pos%c.block
	n = c.block - at
	return b.values.part(((head*c.valuePanels()+part)*c.block+at)*Columns, n*Columns), n
}

// part is size numbers from number at on.
func (p Panel) part(at, size int) Panel {
	if p.f16 != nil {
		return Panel{f16: p.f16[at : at+size : at+size]}
	}
	return Panel{f32: p.f32[at : at+size : at+size]}
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

// setColumn writes one column, a number per row.
func (p Panel) setColumn(j int, x []float32) {
	if p.f16 == nil {
		for i, v := range x {
			p.f32[i*Columns+j] = v
		}
		return
	}
	var narrow [256]uint16
	for lo := 0; lo < len(x); lo += len(narrow) {
		part := x[lo:min(lo+len(narrow), len(x))]
		kernel.NarrowF16(narrow[:len(part)], part)
		for i, v := range narrow[:len(part)] {
			p.f16[(lo+i)*Columns+j] = v
		}
	}
}

// setRow writes the beginning of the first row.
func (p Panel) setRow(x []float32) {
	if p.f16 == nil {
		copy(p.f32, x)
		return
	}
	kernel.NarrowF16(p.f16[:len(x)], x)
}
