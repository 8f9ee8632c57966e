//go:build !purego

package lanes

import "weft/internal/cpu"

// The blocks that one call of the assembly takes at most: some 20 µs with VNNI.
// With AVX2 the strip is read for every 4 columns and every 8 rows; so much of it
// stays in the first cache meanwhile.
const (
	tileStep512 = 512
	tileStep256 = 32
)

func (k Kind) tile(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool) {
	step, piece := tileStep512, Kind.tile512
	switch {
	case cpu.VNNI() && blocks <= tileStep512:
		for n := min(rows/Rows, tileStep512/blocks); n > 0; n = min(rows/Rows, tileStep512/blocks) {
			k.strips512(c, ldc, w, blocks, counting[:], p, from, blocks, n, Rows, add)
			if rows -= n * Rows; rows == 0 {
				return
			}
			c, w = c[n*Rows:], w[n*blocks*k.BlockBytes():]
		}
	case cpu.VNNI():
	case cpu.Active() >= cpu.AVX2:
		step, piece = tileStep256, Kind.tile256
	default:
		k.tileGeneric(c, ldc, w, p, from, blocks, rows, add)
		return
	}
	for r := 0; r < rows; r += Rows {
		for done := 0; done < blocks; done += step {
			piece(k, c[r:], ldc, w[done*k.BlockBytes():], p, from+done, min(step, blocks-done), min(Rows, rows-r), add || done > 0)
		}
		w = w[blocks*k.BlockBytes():]
	}
}

func (k Kind) tile512(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool) {
	k.strips512(c, ldc, w, blocks, counting[:], p, from, blocks, 1, rows, add)
}

// counting is 0, 1, 2 …: the blocks of a strip one after the other.
var counting = func() (list [tileStep512]int32) {
	for i := range list {
		list[i] = int32(i)
	}
	return list
}()

// strips512 is several strips of as many rows each, which have size blocks; those with the numbers `at` are multiplied.
func (k Kind) strips512(c []float32, ldc int, w []byte, size int, at []int32, p Panel, from, blocks, strips, rows int, add bool) {
	core, sums, halves := p.places(from, 0)
	size *= k.BlockBytes()
	switch k {
	case Whole:
		tile512Whole(&c[0], ldc, &w[0], size, &at[0], &p.data[core], blocks, strips, rows, p.Cols, add)
	case WholeMins:
		tile512WholeMins(&c[0], ldc, &w[0], size, &at[0], &p.data[core], &p.data[sums], blocks, strips, rows, p.Cols, add)
	case Halves:
		tile512Halves(&c[0], ldc, &w[0], size, &at[0], &p.data[core], &p.data[halves], blocks, strips, rows, p.Cols, add)
	case HalvesMins:
		tile512HalvesMins(&c[0], ldc, &w[0], size, &at[0], &p.data[core], &p.data[halves], blocks, strips, rows, p.Cols, add)
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
