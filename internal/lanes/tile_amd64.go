//go:build !purego

package lanes

import "weft/internal/cpu"

// tileStep is the blocks that one call of the assembly takes at most: some 20 µs.
const tileStep = 256

func (k Kind) tile(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool) {
	switch {
	case cpu.Active() < cpu.AVX2:
		k.tileGeneric(c, ldc, w, p, from, blocks, rows, add)
	case cpu.VNNI() && k.Layout >= Halves && p.Cols == MaxCols:
		k.tile512(c, ldc, w, p, from, blocks, rows, add)
	default:
		k.tile256(c, ldc, w, p, from, blocks, rows, add, cpu.AVXVNNI())
	}
}

// tile512 multiplies 16 rows by 12 columns at a time.
func (k Kind) tile512(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool) {
	do, size := dot512Halvesx12, blocks*k.BlockBytes()
	if k.Layout == HalvesMins {
		do = dot512HalvesMinsx12
	}
	for r := 0; r < rows; r += Rows {
		_, mask := stripsAndMask(rows-r, 1)
		for b := 0; b < blocks; b += dotStep {
			do(&c[r], ldc, &w[r/Rows*size+b*k.BlockBytes()], size, &counting[0], &p.core(from + b)[0], &p.halves(from + b)[0], min(dotStep, blocks-b), 1, mask, add || b > 0)
		}
	}
}

func (k Kind) tile256(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add, vnni bool) {
	for r := 0; r < rows; r += Rows {
		for done := 0; done < blocks; done += tileStep {
			k.strip256(c[r:], ldc, w[done*k.BlockBytes():], p, from+done, min(tileStep, blocks-done), min(Rows, rows-r), add || done > 0, vnni)
		}
		w = w[blocks*k.BlockBytes():]
	}
}

// strip256 is one strip. What rows there are not takes its place on the stack.
func (k Kind) strip256(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add, vnni bool) {
	if rows == Rows {
		k.call256(&c[0], ldc, w, p, from, blocks, add, vnni)
		return
	}
	var all [MaxCols * Rows]float32
	for n := 0; n < p.Cols && add; n++ {
		copy(all[n*Rows:][:rows], c[n*ldc:])
	}
	k.call256(&all[0], Rows, w, p, from, blocks, add, vnni)
	for n := range p.Cols {
		copy(c[n*ldc:][:rows], all[n*Rows:])
	}
}

func (k Kind) call256(c *float32, ldc int, w []byte, p Panel, from, blocks int, add, vnni bool) {
	core, sums, halves := p.places(from, 0)
	switch {
	case vnni && k.Layout == Whole:
		tileVNNIWhole(c, ldc, &w[0], &p.data[core], blocks, p.Cols, add)
	case vnni && k.Layout == WholeMins:
		tileVNNIWholeMins(c, ldc, &w[0], &p.data[core], &p.data[sums], blocks, p.Cols, add)
	case vnni && k.Layout == Halves:
		tileVNNIHalves(c, ldc, &w[0], &p.data[core], &p.data[halves], blocks, p.Cols, add)
	case vnni:
		tileVNNIHalvesMins(c, ldc, &w[0], &p.data[core], &p.data[halves], blocks, p.Cols, add)
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
