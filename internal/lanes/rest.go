package lanes

import (
	"fmt"
	"slices"
)

// Rest is what rounding left over of a panel's outliers, rounded to 8 bits once more.
//
// Where one number of a block is much larger than the others, the scale is too coarse
// for them. Most of what rounding loses of a column is lost in a few such blocks: those
// whose scale is more than twice the root mean square of the column's scales. Language
// models have them in the same places for almost every token [1].
//
// A rest is a panel of the blocks in which any column has an outlier. To the other
// columns they add zero, so that nothing depends on the columns beside.
//
// [1] Dettmers et al., LLM.int8(): 8-bit Matrix Multiplication for Transformers at Scale, 2022.
type Rest struct {
	Panel
	at   []int32 // the numbers of its blocks in the whole panel
	acts []int32
	mark []bool // by column and block
	row  []float32
}

// outlier is how many times the mean square of a column's scales an outlier's has at least.
const outlier = 4

// Of makes r the rest of p, whose columns were rounded from the numbers that column returns. It uses r's memory again.
func (r *Rest) Of(p Panel, column func(c int) []float32) {
	r.find(p)
	r.Panel = Panel{Cols: p.Cols, Blocks: len(r.at)}
	if len(r.at) == 0 {
		return
	}
	size := PanelLen(len(r.at)*BlockLen, p.Cols)
	r.acts = resized(r.acts, size)
	r.row = resized(r.row, len(r.at)*BlockLen)
	r.data = r.acts
	for c := range p.Cols {
		x := column(c)
		for i, b := range r.at {
			row := r.row[i*BlockLen:][:BlockLen]
			if r.mark[c*p.Blocks+int(b)] {
				p.residual(row, x[b*BlockLen:], int(b), c)
			} else {
				clear(row)
			}
		}
		r.Quantise(c, r.row)
	}
}

// find marks each column's outliers and lists the blocks that have any.
func (r *Rest) find(p Panel) {
	r.mark = resized(r.mark, p.Cols*p.Blocks)
	r.at = r.at[:0]
	for c := range p.Cols {
		var sum float64
		for b := range p.Blocks {
			sum += p.square(b, c)
		}
		least := outlier * sum / float64(p.Blocks)
		for b := range p.Blocks {
			found := p.square(b, c) > least
			r.mark[c*p.Blocks+b] = found
			if found && !slices.Contains(r.at, int32(b)) {
				r.at = append(r.at, int32(b))
			}
		}
	}
	slices.Sort(r.at)
}

// square is that of a block's scale.
func (p Panel) square(b, c int) float64 {
	d := float64(float(p.data[(coreDwords*b+8)*p.Cols+c]))
	return d * d
}

// residual is x less what block b of column c holds of it.
func (p Panel) residual(dst, x []float32, b, c int) {
	core := p.core(b)
	d := float(core[8*p.Cols+c])
	for g := range 8 {
		codes := core[g*p.Cols+c]
		for j := range 4 {
			dst[4*g+j] = x[4*g+j] - d*float32(int8(codes>>(8*j))) // the product is exact
		}
	}
}

// AddRest adds the products with a rest to c, as Tile would. w has room for one unpacked strip of its blocks.
func (f *Form) AddRest(c []float32, ldc int, strip []byte, r *Rest, rows int, w []byte) {
	size := len(strip) / strips(rows)
	if len(w) < r.Blocks*f.Kind().BlockBytes() || size%f.Bytes != 0 || !r.fits(c, ldc, 0, r.Blocks, rows) || r.Blocks > 0 && int(r.at[r.Blocks-1]) >= size/f.Bytes*f.Blocks() {
		panic(fmt.Sprintf("lanes: rest of %d blocks × %d columns, %v strips of %d bytes, %d rows, stride %d, %d bytes, into %d numbers", r.Blocks, r.Cols, f.Type, size, rows, ldc, len(w), len(c)))
	}
	if r.Blocks > 0 && !f.rest(c, strip, size, r, rows) {
		f.restTile(c, ldc, strip, size, r, rows, w)
	}
}

// restTile unpacks the blocks of one strip after the other.
func (f *Form) restTile(c []float32, ldc int, strip []byte, size int, r *Rest, rows int, w []byte) {
	kind := f.Kind()
	for first := 0; first < rows; first += Rows {
		for i, b := range r.at {
			f.unpack(w[i*kind.BlockBytes():], strip[first/Rows*size:], int(b), 1)
		}
		kind.tile(c[first:], ldc, w, r.Panel, 0, r.Blocks, min(Rows, rows-first), true)
	}
}

// AddRest is Form.AddRest with strips that are unpacked, each of so many blocks; spare has room for those of one
// strip that the rest has.
func (k Kind) AddRest(c []float32, ldc int, w []byte, blocks int, r *Rest, rows int, spare []byte) {
	size := k.BlockBytes()
	if len(w) < strips(rows)*blocks*size || len(spare) < r.Blocks*size || !r.fits(c, ldc, 0, r.Blocks, rows) || r.Blocks > 0 && int(r.at[r.Blocks-1]) >= blocks {
		panic(fmt.Sprintf("lanes: rest of %d blocks × %d columns, strips of %d blocks, %d rows, stride %d, %d and %d bytes, into %d numbers", r.Blocks, r.Cols, blocks, rows, ldc, len(w), len(spare), len(c)))
	}
	if r.Blocks == 0 || k.rest(c, ldc, w, blocks, r, rows) {
		return
	}
	for first := 0; first < rows; first += Rows {
		for i, b := range r.at {
			copy(spare[i*size:][:size], w[(first/Rows*blocks+int(b))*size:])
		}
		k.tile(c[first:], ldc, spare, r.Panel, 0, r.Blocks, min(Rows, rows-first), true)
	}
}

func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
