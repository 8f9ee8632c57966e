package kernel

import "math"

// AdamW is one step of the optimiser (Loshchilov and Hutter 2019, arXiv
// 1711.05101): C1 = 1/(1-β1ᵗ) and C2 = 1/(1-β2ᵗ) correct the bias of step t,
// GradScale is what gradients are multiplied with first.
type AdamW struct{ LR, Beta1, Beta2, Eps, WeightDecay, C1, C2, GradScale float32 }

// AdamWStep updates parameters p and the moments m and v from gradients g, in
// the order of operations of torch.optim.AdamW.
func AdamWStep(p, g, m, v []float32, a AdamW) {
	same("AdamWStep", len(p), len(g), len(m), len(v))
	keep, step := 1-a.LR*a.WeightDecay, a.LR*a.C1
	root := float32(math.Sqrt(float64(a.C2)))
	each(len(p), func(lo, hi int) {
		adamw(p[lo:hi], m[lo:hi], v[lo:hi], g[lo:hi], keep, 1-a.Beta1, a.Beta2, 1-a.Beta2, step, root, a.Eps, a.GradScale)
	})
}
