//go:build !purego

package lanes

import "weft/internal/cpu"

// quantiseStep is how many blocks one call of the assembly takes at most: some 5 µs.
const quantiseStep = 1024

func quantise(p Panel, c int, x []float32) {
	if cpu.Active() < cpu.AVX512 {
		quantiseGeneric(p, c, x)
		return
	}
	for b := 0; b < p.Blocks; b += quantiseStep {
		quantise512(&p.core(b)[c], &p.sums(b)[c], &p.halves(b)[c], p.Cols, &x[b*BlockLen], min(quantiseStep, p.Blocks-b))
	}
}
