package model_test

import (
	"testing"

	"weft/model"
)

// TestCost: all matrices of a dense model count once, and of experts those that a token goes to.
func TestCost(t *testing.T) {
	for name, c := range configs() {
		weights, used := 0.0, 0.0
		for _, p := range c.Params() {
			if p.Kind == model.Matrix {
				weights += float64(p.Rows * p.Cols)
			}
		}
		if e := c.Experts; e.Count > 0 {
			for l := range c.Layers {
				if c.HasExperts(l) {
					used += float64((e.Count - e.Used) * 3 * e.Hidden * c.Dim)
				}
			}
		}
		weights -= used
		m := randomModel(t, c, 1)
		for _, packed := range []bool{false, true} {
			if packed {
				m.Pack(model.Packing{})
			}
			blocks, head := m.Cost()
			if blocks.Bytes != 4*weights || blocks.FLOPs != (model.FLOPs{2 * weights}) {
				t.Errorf("%s, packed %v: %+v, want %v weights", name, packed, blocks, weights)
			}
			if n := float64(c.Vocab * c.Dim); head.Bytes != 4*n || head.FLOPs != (model.FLOPs{2 * n}) {
				t.Errorf("%s, packed %v: the head takes %+v, want %v weights", name, packed, head, n)
			}
		}
	}
}
