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

// tile256 is one strip. What rows there are not takes its place on the stack.
func (k Kind) tile256(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool) {
	if rows == Rows {
		k.strip256(&c[0], ldc, w, p, from, blocks, add)
		return
	}
	var all [MaxCols * Rows]float32
	for n := 0; n < p.Cols && add; n++ {
		copy(all[n*Rows:][:rows], c[n*ldc:])
	}
	k.strip256(&all[0], Rows, w, p, from, blocks, add)
	for n := range p.Cols {
		copy(c[n*ldc:][:rows], all[n*Rows:])
	}
}

func (k Kind) strip256(c *float32, ldc int, w []byte, p Panel, from, blocks int, add bool) {
	core, sums, halves := p.places(from, 0)
	switch {
	case k.Layout == Whole && k.Bits <= 4:
		tile256Whole4(c, ldc, &w[0], &p.data[core], blocks, p.Cols, add)
	case k.Layout == Whole && k.Bits == 5:
		tile256Whole5(c, ldc, &w[0], &p.data[core], blocks, p.Cols, add)
	case k.Layout == Whole:
		tile256Whole8(c, ldc, &w[0], &p.data[core], blocks, p.Cols, add)
	case k.Layout == WholeMins && k.Bits <= 4:
		tile256WholeMins4(c, ldc, &w[0], &p.data[core], &p.data[sums], blocks, p.Cols, add)
	case k.Layout == WholeMins:
		tile256WholeMins5(c, ldc, &w[0], &p.data[core], &p.data[sums], blocks, p.Cols, add)
	case k.Layout == Halves && k.Bits <= 4:
		tile256Halves4(c, ldc, &w[0], &p.data[core], &p.data[halves], blocks, p.Cols, add)
	case k.Layout == Halves:
		tile256Halves6(c, ldc, &w[0], &p.data[core], &p.data[halves], blocks, p.Cols, add)
	case k.Layout == HalvesMins:
		tile256HalvesMins4(c, ldc, &w[0], &p.data[core], &p.data[halves], blocks, p.Cols, add)
	}
}
