//go:build !purego

package lanes

import "weft/internal/cpu"

// quantiseStep is how many blocks one call of the assembly takes at most: some 5 µs.
const quantiseStep = 1024

func quantise(p Panel, c int, x []float32) {
	level := cpu.Active()
	if level < cpu.AVX2 || p.Blocks < 4 {
		quantiseGeneric(p, c, x)
		return
	}
	for b := 0; b < p.Blocks; {
		n := min(quantiseStep, p.Blocks-b)
		if n < 4 { // with some of the blocks before, again
			b, n = p.Blocks-4, 4
		}
		core, sums, halves := &p.core(b)[c], &p.sums(b)[c], &p.halves(b)[c]
		if level >= cpu.AVX512 {
			quantise512(core, sums, halves, p.Cols, &x[b*BlockLen], n/4)
		} else {
			quantise256(core, sums, halves, p.Cols, &x[b*BlockLen], n/4)
		}
		b += n &^ 3
	}
}
