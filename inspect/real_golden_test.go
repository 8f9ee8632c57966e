package inspect

import (
	"errors"
	"math"
	"testing"
)

// TestRealPatchHeads: a whole row of heads of two layers, patched one at a time.
func TestRealPatchHeads(t *testing.T) {
	s, g := smolLM(t, true), openGolden(t, "smollm2")
	layers := map[int]int{11: 0, 20: 1}
	grid, err := s.Patch(background, g.Tokens, g.Corrupted, PatchOptions{Site: SiteHeads, Right: &g.Pair[0], Wrong: &g.Pair[1], Layers: []int{11, 20}})
	if err != nil {
		t.Fatal(err)
	}
	if len(g.PatchHeads) != 2*s.Model.Config.Heads {
		t.Fatalf("%d heads", len(g.PatchHeads))
	}
	for _, at := range g.PatchHeads {
		near(t, "patched head", []float64{grid.Grid[layers[int(at[0])]][int(at[1])]}, []float64{at[2]}, 1e-4)
	}
}

// TestRealHeads: the scores of all 270 heads.
func TestRealHeads(t *testing.T) {
	compareScores(t, smolLM(t, true), openGolden(t, "smollm2"))
}

// TestRealIntegrated is PyTorch's gradient at the same steps of the way. So few steps
// are not enough for a model of thirty blocks, which the result itself says.
func TestRealIntegrated(t *testing.T) {
	s, g := smolLM(t, true), openGolden(t, "smollm2")
	s.Budget = 2 << 30
	f, err := s.Floats()
	if err != nil {
		t.Fatal(err)
	}
	a, err := f.Saliency(background, g.Tokens, SaliencyOptions{Token: &g.Pair[0], Against: &g.Pair[1], Steps: g.Steps})
	if !errors.Is(err, ErrCheck) || a == nil {
		t.Fatalf("%v", err)
	}
	refuted(t, a.Checks, "nodes")
	size := 0.0
	for _, v := range g.Integrated {
		size = max(size, math.Abs(v))
	}
	near(t, "integrated gradients", a.Shares, g.Integrated, 1e-4*max(1, size))
	near(t, "value and baseline", []float64{a.Value, a.Baseline}, []float64{g.Value, g.BaselineValue}, 1e-4)
}

// TestRealRoughWay: the shares of " Paris" after "The capital of France is" sum to the
// change at 32 steps, by luck, and none of them is right.
func TestRealRoughWay(t *testing.T) {
	s, paris := smolLM(t, true), int32(7042)
	f, err := s.Floats()
	if err != nil {
		t.Fatal(err)
	}
	a, err := f.Saliency(background, []int32{504, 3575, 282, 4649, 314}, SaliencyOptions{Token: &paris, Steps: 32})
	if !errors.Is(err, ErrCheck) {
		t.Fatalf("%v", err)
	}
	refuted(t, a.Checks, "nodes")
}
