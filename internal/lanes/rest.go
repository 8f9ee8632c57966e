package lanes

import (
	"fmt"
	"math"
	"slices"
	"sync"
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
	at      []int32   // the numbers of its blocks in the whole panel
	mark    []bool    // by column and block of that
	squares []float64 // of a column's scales
}

const (
	outlier   = 4   // times the mean square of a column's scales: less than an outlier's has
	restScale = 128 // times finer than the first is the second scale: what is left is at most 0.54 of the first
)

// Of makes r the rest of p, whose columns were rounded from the numbers that column returns. It uses r's memory again.
func (r *Rest) Of(p Panel, column func(c int) []float32) {
	r.find(p)
	r.Cols, r.Blocks = p.Cols, len(r.at)
	r.data = resized(r.data, PanelLen(len(r.at)*BlockLen, p.Cols))
	clear(r.data)
	for c := range p.Cols {
		x := column(c)
		for i, b := range r.at {
			if !r.mark[c*p.Blocks+int(b)] {
				continue
			}
			var codes [8]uint32
			var sums [2]int32
			d := p.left(&codes, &sums, x[b*BlockLen:][:BlockLen], int(b), c)
			r.set(i, c, &codes, sums, d)
		}
	}
}

// find marks each column's outliers and lists the blocks that have any.
func (r *Rest) find(p Panel) {
	r.mark = resized(r.mark, p.Cols*p.Blocks)
	r.squares = resized(r.squares, p.Blocks)
	r.at = r.at[:0]
	for c := range p.Cols {
		var sum float64
		for b := range r.squares {
			d := float64(float(p.data[(coreDwords*b+8)*p.Cols+c]))
			r.squares[b] = d * d
			sum += d * d
		}
		least, mark := outlier*sum/float64(p.Blocks), r.mark[c*p.Blocks:][:p.Blocks]
		for b, square := range r.squares {
			mark[b] = square > least
			if mark[b] && !slices.Contains(r.at, int32(b)) {
				r.at = append(r.at, int32(b))
			}
		}
	}
	slices.Sort(r.at)
}

// left rounds what x is more than block b of column c says, and returns the scale.
func (p Panel) left(codes *[8]uint32, sums *[2]int32, x []float32, b, c int) float32 {
	const magic = 3 << 22 // added to a small number, leaves it rounded in the lowest bits
	core := p.core(b)
	d := float(core[8*p.Cols+c])
	inverse := restScale / d
	if inverse > math.MaxFloat32 {
		return 0
	}
	for g := range codes {
		first := core[g*p.Cols+c]
		for j := range 4 {
			rest := x[4*g+j] - d*float32(int8(first>>(8*j))) // the product is exact
			q := bits(float32(rest*inverse)+magic) - int32(math.Float32bits(magic))
			codes[g] |= uint32(uint8(q)) << (8 * j)
			sums[g/4] += q
		}
	}
	return d / restScale
}

// AddRest adds the products with a rest to c, as Tile would.
func (f *Form) AddRest(c []float32, ldc int, strip []byte, r *Rest, rows int) {
	size := len(strip) / strips(rows)
	if size%f.Bytes != 0 || !r.fits(c, ldc, 0, r.Blocks, rows) || !r.within(size/f.Bytes*f.Blocks()) {
		panic(fmt.Sprintf("lanes: rest of %d blocks × %d columns, %v strips of %d bytes, %d rows, stride %d, into %d numbers", r.Blocks, r.Cols, f.Type, size, rows, ldc, len(c)))
	}
	if r.Blocks > 0 && !f.rest(c, ldc, strip, size, r, rows) {
		r.tile(f.Kind(), c, ldc, rows, func(dst []byte, s, b int) { f.unpack(dst, strip[s*size:], b, 1) })
	}
}

// AddRest is Form.AddRest with strips that are unpacked, each of so many blocks.
func (k Kind) AddRest(c []float32, ldc int, w []byte, blocks int, r *Rest, rows int) {
	size := k.BlockBytes()
	if len(w) < strips(rows)*blocks*size || !r.fits(c, ldc, 0, r.Blocks, rows) || !r.within(blocks) {
		panic(fmt.Sprintf("lanes: rest of %d blocks × %d columns, strips of %d blocks, %d rows, stride %d, %d bytes, into %d numbers", r.Blocks, r.Cols, blocks, rows, ldc, len(w), len(c)))
	}
	if r.Blocks > 0 {
		r.tile(k, c, ldc, rows, func(dst []byte, s, b int) { copy(dst, w[(s*blocks+b)*size:]) })
	}
}

// within says whether strips of so many blocks have all that the rest has.
func (r *Rest) within(blocks int) bool { return r.Blocks == 0 || int(r.at[r.Blocks-1]) < blocks }

// chosen are unpacked blocks, side by side.
var chosen = sync.Pool{New: func() any { return new([]byte) }}

// tile multiplies strip after strip; block copies block b of strip s, unpacked.
func (r *Rest) tile(k Kind, c []float32, ldc, rows int, block func(dst []byte, s, b int)) {
	w, size := chosen.Get().(*[]byte), k.BlockBytes()
	defer chosen.Put(w)
	*w = resized(*w, r.Blocks*size)
	for s := range strips(rows) {
		for i, b := range r.at {
			block((*w)[i*size:][:size], s, int(b))
		}
		k.tile(c[s*Rows:], ldc, *w, r.Panel, 0, r.Blocks, min(Rows, rows-s*Rows), true)
	}
}

func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
