//go:build !purego

package lanes

import "weft/internal/cpu"

// quantiseStep is how many blocks one call of the assembly takes at most.
const quantiseStep = 512

func quantise(p Panel, c int, x []float32) {
	if cpu.Active() < cpu.NEON {
		quantiseGeneric(p, c, x)
		return
	}
	for b := 0; b < p.Blocks; b += quantiseStep {
		core, sums, halves := p.places(b, c)
		quantiseNEON(&p.data[core], &p.data[sums], &p.data[halves], p.Cols, &x[b*BlockLen], min(quantiseStep, p.Blocks-b))
	}
}
