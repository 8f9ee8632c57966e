//go:build !purego

package lanes

import "weft/internal/cpu"

// tileStep is how many blocks one call of the assembly takes at most. The strip is read
// for every few columns and every 4 or 8 rows; so much of it stays in the first cache
// meanwhile.
const tileStep = 32

func (k Kind) tile(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool) {
	switch {
	case cpu.Active() < cpu.NEON:
		k.tileGeneric(c, ldc, w, p, from, blocks, rows, add)
	case cpu.I8MM():
		k.tileNEON(c, ldc, w, p, from, blocks, rows, add, byUSMMLA)
	case cpu.DotProd():
		k.tileNEON(c, ldc, w, p, from, blocks, rows, add, bySDOT)
	default:
		k.tileNEON(c, ldc, w, p, from, blocks, rows, add, bySMULL)
	}
}

// way is the instruction that sums products, and the rows and columns that a call takes.
type way struct {
	instruction  uint8
	height, cols int
}

var (
	bySMULL  = way{0, 4, 4}
	bySDOT   = way{1, 8, 4}
	byUSMMLA = way{2, 8, 6}
)

func (k Kind) tileNEON(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool, by way) {
	for top := 0; top < rows; top += Rows {
		for done := 0; done < blocks; done += tileStep {
			for r := 0; r < min(Rows, rows-top); r += by.height {
				for n := 0; n < p.Cols; n += by.cols {
					t := partNEON{k, w[done*k.BlockBytes()+4*r:], p, from + done, n, min(by.cols, p.Cols-n), min(tileStep, blocks-done), add || done > 0, by}
					t.rows(c[n*ldc+top+r:], ldc, min(by.height, rows-top-r))
				}
			}
		}
		w = w[blocks*k.BlockBytes():]
	}
}

// partNEON is a piece of work for one call: some rows of w and columns from n on, some
// blocks.
type partNEON struct {
	Kind
	w                     []byte
	p                     Panel
	from, n, cols, blocks int
	add                   bool
	by                    way
}

// rows works on c, by way of the stack if not all rows are there.
func (t partNEON) rows(c []float32, ldc, rows int) {
	height := t.by.height
	if rows == height {
		t.call(&c[0], ldc)
		return
	}
	var all [6 * 8]float32
	for i := range t.cols {
		copy(all[i*height:], c[i*ldc:][:rows])
	}
	t.call(&all[0], height)
	for i := range t.cols {
		copy(c[i*ldc:][:rows], all[i*height:])
	}
}

func (t partNEON) call(c *float32, ldc int) {
	p, w, blocks, cols, add := t.p, &t.w[0], t.blocks, t.cols, t.add
	at, atSums, atHalves := p.places(t.from, t.n)
	core, sums, halves := &p.data[at], &p.data[atSums], &p.data[atHalves]
	switch t.by {
	case byUSMMLA:
		switch t.Layout {
		case Whole:
			tileI8MMWhole(c, ldc, w, core, blocks, p.Cols, cols, add)
		case WholeMins:
			tileI8MMWholeMins(c, ldc, w, core, sums, blocks, p.Cols, cols, add)
		case Halves:
			tileI8MMHalves(c, ldc, w, core, halves, blocks, p.Cols, cols, add)
		default:
			tileI8MMHalvesMins(c, ldc, w, core, halves, blocks, p.Cols, cols, add)
		}
	case bySDOT:
		switch t.Layout {
		case Whole:
			tileDotWhole(c, ldc, w, core, blocks, p.Cols, cols, add)
		case WholeMins:
			tileDotWholeMins(c, ldc, w, core, sums, blocks, p.Cols, cols, add)
		case Halves:
			tileDotHalves(c, ldc, w, core, blocks, p.Cols, cols, add)
		default:
			tileDotHalvesMins(c, ldc, w, core, halves, blocks, p.Cols, cols, add)
		}
	default:
		switch t.Layout {
		case Whole:
			tileWhole(c, ldc, w, core, blocks, p.Cols, cols, add)
		case WholeMins:
			tileWholeMins(c, ldc, w, core, sums, blocks, p.Cols, cols, add)
		case Halves:
			tileHalves(c, ldc, w, core, blocks, p.Cols, cols, add)
		default:
			tileHalvesMins(c, ldc, w, core, halves, blocks, p.Cols, cols, add)
		}
	}
}
