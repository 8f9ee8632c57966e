//go:build !purego

package lanes

import "weft/internal/cpu"

// tileStep is the blocks that one call of the assembly takes at most. The strip is
// read for every 4 columns and every 8 rows; so much of it stays in the first cache
// meanwhile.
const tileStep = 32

func (k Kind) tile(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool) {
	if cpu.Active() < cpu.AVX2 {
		k.tileGeneric(c, ldc, w, p, from, blocks, rows, add)
		return
	}
	for r := 0; r < rows; r += Rows {
		for done := 0; done < blocks; done += tileStep {
			k.tile256(c[r:], ldc, w[done*k.BlockBytes():], p, from+done, min(tileStep, blocks-done), min(Rows, rows-r), add || done > 0)
		}
		w = w[blocks*k.BlockBytes():]
	}
}

func (k Kind) tile256(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool) {
	wide := k == Whole && !narrow256(&w[0], blocks, k.BlockBytes())
	for r := 0; r < rows; r += 8 {
		for n := 0; n < p.Cols; n += 4 {
			k.part256(&c[n*ldc+r], ldc, &w[4*r], p, from, n, blocks, min(rows-r, 8), wide, add)
		}
	}
}

// part256 is up to 8 rows and the 4 columns from n on.
func (k Kind) part256(c *float32, ldc int, w *byte, p Panel, from, n, blocks, rows int, wide, add bool) {
	core, sums, halves := p.places(from, n)
	cols := min(p.Cols-n, 4)
	switch {
	case wide:
		tile256WholeWide(c, ldc, w, &p.data[core], blocks, p.Cols, rows, cols, add)
	case k == Whole:
		tile256Whole(c, ldc, w, &p.data[core], blocks, p.Cols, rows, cols, add)
	case k == WholeMins:
		tile256WholeMins(c, ldc, w, &p.data[core], &p.data[sums], blocks, p.Cols, rows, cols, add)
	case k == Halves:
		tile256Halves(c, ldc, w, &p.data[core], &p.data[halves], blocks, p.Cols, rows, cols, add)
	case k == HalvesMins:
		tile256HalvesMins(c, ldc, w, &p.data[core], &p.data[halves], blocks, p.Cols, rows, cols, add)
	}
}
