//go:build !purego

package lanes

import "weft/internal/cpu"

// tileStep is how many blocks one call of the assembly takes at most: some 20 µs.
const tileStep = 512

func (k Kind) tile(c []float32, ldc int, w []byte, p Panel, from, blocks, rows int, add bool) {
	if !cpu.VNNI() {
		k.tileGeneric(c, ldc, w, p, from, blocks, rows, add)
		return
	}
	for done := 0; done < blocks; done += tileStep {
		k.tile512(&c[0], ldc, &w[done*k.BlockBytes()], p, from+done, min(tileStep, blocks-done), rows, add || done > 0)
	}
}

func (k Kind) tile512(c *float32, ldc int, w *byte, p Panel, from, blocks, rows int, add bool) {
	sums := coreDwords * p.Blocks * p.Cols // where they begin, and halves below
	halves := sums + sumsDwords*p.Blocks*p.Cols
	core := &p.data[coreDwords*from*p.Cols]
	switch k {
	case Whole:
		tile512Whole(c, ldc, w, core, blocks, rows, p.Cols, add)
	case WholeMins:
		tile512WholeMins(c, ldc, w, core, &p.data[sums+sumsDwords*from*p.Cols], blocks, rows, p.Cols, add)
	case Halves:
		tile512Halves(c, ldc, w, core, &p.data[halves+halfDwords*from*p.Cols], blocks, rows, p.Cols, add)
	case HalvesMins:
		tile512HalvesMins(c, ldc, w, core, &p.data[halves+halfDwords*from*p.Cols], blocks, rows, p.Cols, add)
	}
}
