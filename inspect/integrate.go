package inspect

import (
	"context"
	"math"

	"weft/tensor"
)

// integrate averages the gradient along the straight way from the baseline, at the
// nodes of Gauss and Legendre's quadrature, several points of the way side by side.
func (w *salient) integrate(ctx context.Context) error {
	n, width := len(w.a.Tokens), w.s.Model.Config.Dim
	at, weights := legendre(w.a.Steps)
	side := saliencySide(w.a.Steps, n)
	w.acts = w.s.Model.NewActivations(max(2, side), n) // two are the ends
	for lo := 0; lo < len(at); lo += side {
		hi := min(lo+side, len(at))
		streams := tensor.New((hi-lo)*n, width)
		for i := lo; i < hi; i++ {
			for j, v := range w.input.Data {
				b := float64(w.base.Data[j])
				streams.Data[(i-lo)*n*width+j] = float32(b + at[i]*(float64(v)-b))
			}
		}
		if _, err := w.pull(ctx, streams, weights[lo:hi]); err != nil {
			return err
		}
	}
	w.share()
	return w.checkSum(ctx)
}

// checkSum is completeness: the shares sum to the change along the way.
func (w *salient) checkSum(ctx context.Context) error {
	gradient := w.gradient
	w.gradient = make([]float64, len(gradient)) // of the ends, which is not wanted
	ends := tensor.New(2*len(w.a.Tokens), w.input.Cols)
	copy(ends.Data, w.base.Data)
	copy(ends.Data[len(w.base.Data):], w.input.Data)
	values, err := w.pull(ctx, ends, []float64{0, 0})
	w.gradient = gradient
	if err != nil {
		return err
	}
	sum, size := 0.0, 0.0
	for _, v := range w.a.Shares {
		sum += v
		size += math.Abs(v)
	}
	w.a.Baseline = values[0]
	w.a.Checks.add("forward", "the pass that was differentiated says what the model says with keys and values as they are, to the bit", math.Abs(values[1]-w.a.Value), 0)
	w.a.Checks.add("completeness", "the shares sum to the change of the logit, relative to their sizes; more steps make it less",
		math.Abs(sum-(values[1]-values[0]))/max(size, 1e-30), 0.02)
	return nil
}

// legendre is the nodes and weights of Gauss and Legendre's quadrature on [0, 1].
func legendre(n int) (at, weights []float64) {
	at, weights = make([]float64, n), make([]float64, n)
	for i := range n {
		x := math.Cos(math.Pi * (float64(i) + 0.75) / (float64(n) + 0.5))
		slope := 0.0
		for range 100 {
			p, before := 1.0, 0.0
			for k := range n { // Legendre's polynomials by their recurrence
				p, before = ((2*float64(k)+1)*x*p-float64(k)*before)/(float64(k)+1), p
			}
			slope = float64(n) * (x*p - before) / (x*x - 1)
			step := p / slope
			x -= step
			if math.Abs(step) < 1e-15 {
				break
			}
		}
		at[n-1-i], weights[n-1-i] = (1+x)/2, 1/((1-x*x)*slope*slope)
	}
	return at, weights
}
