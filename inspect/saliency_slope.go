package inspect

import (
	"context"
	"math"

	"weft/model"
	"weft/tensor"
)

// slopeSteps are how far the input moves, relative to its length: less where the
// model bends, not so little that rounding drowns the change.
var slopeSteps = []float64{2e-3, 1e-3, 3e-4, 1e-4, 3e-5}

// checkSlope compares the gradient with what the very pass that it was taken of does
// when the input moves along it, to and fro: of two steps, one after the other, that
// agree to a hundredth, or else of those that agree best, whatever the gradient says.
// A gradient of 0 has no way to go, and so no such check.
func (w *salient) checkSlope(ctx context.Context) error {
	size := length64(w.gradient)
	if size == 0 {
		return nil
	}
	slope, before, agree := 0.0, math.Inf(1), math.Inf(1)
	for _, step := range slopeSteps {
		s, err := w.slope(ctx, step*lengthOf(w.input.Data)/size)
		if err != nil {
			return err
		}
		if apart := math.Abs(s - before); apart < agree {
			slope, agree = s, apart
		}
		if before = s; agree <= 0.01*math.Abs(slope) {
			break
		}
	}
	w.a.Checks.add("slope", "the pass rises along the gradient as the gradient says, relative", math.Abs(slope/(size*size)-1), 0.05)
	return nil
}

// slope is how the metric changes along the gradient, times which it moves by step.
func (w *salient) slope(ctx context.Context, step float64) (float64, error) {
	moved, x := [2]float64{}, tensor.New(w.input.Rows, w.input.Cols)
	for k, sign := range []float64{1, -1} {
		for j, v := range w.input.Data {
			x.Data[j] = float32(float64(v) + sign*step*w.gradient[j])
		}
		logits, err := w.exact.forward(ctx, w.a.Tokens, model.Run{Stream: x})
		if err != nil {
			return 0, err
		}
		moved[k] = w.metric(logits.Data)
	}
	return (moved[0] - moved[1]) / (2 * step), nil
}
