package inspect

import (
	"context"
)

// api is what *Subject offers, written down before it is: types are real, and a
// method leaves this list when it exists.
type api interface {
	// Saliency is what each token of the prompt did to a logit, by gradients. It
	// needs float32 weights of a model that can be trained; Floats makes them.
	Saliency(ctx context.Context, tokens []int32, o SaliencyOptions) (*Saliency, error)
	// Floats is the same model with all matrices decoded to float32 in memory.
	Floats() (*Subject, error)

	// FitJacobian measures how a change after each block arrives at the end, on
	// average over prompts. It needs what Saliency needs.
	FitJacobian(ctx context.Context, prompts [][]int32, o JacobianOptions) (*Jacobian, error)
	// JacobianLens reads the streams through such a fit.
	JacobianLens(ctx context.Context, tokens []int32, j *Jacobian, o LensOptions) (*Lens, error)
}

// Also: MatchUnits(ctx, a, b *model.Model, windows [][]int32) (*Matching, error),
// LayerLosses(ctx, a, b *model.Model, windows [][]int32) (*LayerLoss, error), and
// Comparison.Debiased, CKA without bias, beside the CKA that there is.
