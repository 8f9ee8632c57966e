//go:build !purego

package lanes

import "weft/internal/cpu"

// tileStep is how many blocks one call of the assembly takes at most. The strip is read
// for every 4 columns and every 4 or 8 rows; so much of it stays in the first cache
// meanwhile.
const tileStep = 32

func (k Kind) tile(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool) {
	if cpu.Active() < cpu.NEON {
		k.tileGeneric(c, ldc, w, p, from, blocks, rows, add)
		return
	}
	k.tileNEON(c, ldc, w, p, from, blocks, rows, add, cpu.DotProd())
}

func (k Kind) tileNEON(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add, dot bool) {
	height := 4
	if dot {
		height = 8
	}
	for top := 0; top < rows; top += Rows {
		for done := 0; done < blocks; done += tileStep {
			for r := 0; r < min(Rows, rows-top); r += height {
				for n := 0; n < p.Cols; n += 4 {
					t := partNEON{k, w[done*k.BlockBytes()+4*r:], p, from + done, n, min(tileStep, blocks-done), add || done > 0, dot}
					t.rows(c[n*ldc+top+r:], ldc, min(height, rows-top-r), height)
				}
			}
		}
		w = w[blocks*k.BlockBytes():]
	}
}

// partNEON is a piece of work for one call: 4 or 8 rows of w and up to 4 columns from n
// on, some blocks.
type partNEON struct {
	Kind
	w               []byte
	p               Panel
	from, n, blocks int
	add, dot        bool
}

// rows works on c, by way of the stack if not all rows are there.
func (t partNEON) rows(c []float32, ldc, rows, height int) {
	if rows == height {
		t.call(&c[0], ldc)
		return
	}
	var all [4 * 8]float32
	cols := min(t.p.Cols-t.n, 4)
	for i := range cols {
		copy(all[i*height:], c[i*ldc:][:rows])
	}
	t.call(&all[0], height)
	for i := range cols {
		copy(c[i*ldc:][:rows], all[i*height:])
	}
}

func (t partNEON) call(c *float32, ldc int) {
	p := t.p
	cols, w := min(p.Cols-t.n, 4), &t.w[0]
	core, sums, halves := p.places(t.from, t.n)
	switch {
	case t.dot && t.Layout == Whole:
		tileDotWhole(c, ldc, w, &p.data[core], t.blocks, p.Cols, cols, t.add)
	case t.dot && t.Layout == WholeMins:
		tileDotWholeMins(c, ldc, w, &p.data[core], &p.data[sums], t.blocks, p.Cols, cols, t.add)
	case t.dot && t.Layout == Halves:
		tileDotHalves(c, ldc, w, &p.data[core], t.blocks, p.Cols, cols, t.add)
	case t.dot:
		tileDotHalvesMins(c, ldc, w, &p.data[core], &p.data[halves], t.blocks, p.Cols, cols, t.add)
	case t.Layout == Whole:
		tileWhole(c, ldc, w, &p.data[core], t.blocks, p.Cols, cols, t.add)
	case t.Layout == WholeMins:
		tileWholeMins(c, ldc, w, &p.data[core], &p.data[sums], t.blocks, p.Cols, cols, t.add)
	case t.Layout == Halves:
		tileHalves(c, ldc, w, &p.data[core], t.blocks, p.Cols, cols, t.add)
	default:
		tileHalvesMins(c, ldc, w, &p.data[core], &p.data[halves], t.blocks, p.Cols, cols, t.add)
	}
}
