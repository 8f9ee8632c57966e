//go:build !purego

package lanes

import "weft/internal/cpu"

// The blocks that one call of the assembly takes at most: some 20 µs.
const (
	tileStep512 = 512
	tileStep256 = 256
)

func (k Kind) tile(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool) {
	step, piece := tileStep512, Kind.tile512
	switch {
	case cpu.VNNI() && blocks <= tileStep512:
		for n := min(rows/Rows, tileStep512/blocks); n > 0; n = min(rows/Rows, tileStep512/blocks) {
			k.strips512(c, ldc, w, p, from, blocks, n, Rows, add)
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
	k.strips512(c, ldc, w, p, from, blocks, 1, rows, add)
}

// strips512 is several strips of as many rows each.
func (k Kind) strips512(c []float32, ldc int, w []byte, p Panel, from, blocks, strips, rows int, add bool) {
	core, sums, halves := p.places(from, 0)
	switch k.Layout {
	case Whole:
		tile512Whole(&c[0], ldc, &w[0], &p.data[core], blocks, strips, rows, p.Cols, add)
	case WholeMins:
		tile512WholeMins(&c[0], ldc, &w[0], &p.data[core], &p.data[sums], blocks, strips, rows, p.Cols, add)
	case Halves:
		tile512Halves(&c[0], ldc, &w[0], &p.data[core], &p.data[halves], blocks, strips, rows, p.Cols, add)
	case HalvesMins:
		tile512HalvesMins(&c[0], ldc, &w[0], &p.data[core], &p.data[halves], blocks, strips, rows, p.Cols, add)
	}
}

func (k Kind) tile256(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool) {
	core, sums, halves := p.places(from, 0)
	switch {
	case k.Layout == Whole && k.Bits <= 4:
		tile256Whole4(&c[0], ldc, &w[0], &p.data[core], blocks, rows, p.Cols, add)
	case k.Layout == Whole && k.Bits == 5:
		tile256Whole5(&c[0], ldc, &w[0], &p.data[core], blocks, rows, p.Cols, add)
	case k.Layout == Whole:
		tile256Whole8(&c[0], ldc, &w[0], &p.data[core], blocks, rows, p.Cols, add)
	case k.Layout == WholeMins && k.Bits <= 4:
		tile256WholeMins4(&c[0], ldc, &w[0], &p.data[core], &p.data[sums], blocks, rows, p.Cols, add)
	case k.Layout == WholeMins:
		tile256WholeMins5(&c[0], ldc, &w[0], &p.data[core], &p.data[sums], blocks, rows, p.Cols, add)
	case k.Layout == Halves && k.Bits <= 4:
		tile256Halves4(&c[0], ldc, &w[0], &p.data[core], &p.data[halves], blocks, rows, p.Cols, add)
	case k.Layout == Halves:
		tile256Halves6(&c[0], ldc, &w[0], &p.data[core], &p.data[halves], blocks, rows, p.Cols, add)
	case k.Layout == HalvesMins:
		tile256HalvesMins4(&c[0], ldc, &w[0], &p.data[core], &p.data[halves], blocks, rows, p.Cols, add)
	}
}
