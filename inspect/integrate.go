package inspect

import (
	"context"
	"fmt"
	"math"

	"weft/tensor"
)

// integrate averages the gradient along the straight way from the baseline: once at
// half the nodes, to see whether they are enough, and once at all.
func (w *salient) integrate(ctx context.Context) error {
	half := w.a.Steps / 2
	if half == 0 {
		half = 2 // one node is compared with two
	}
	w.acts = w.s.Model.NewActivations(max(2, saliencySide(w.a.Steps, len(w.a.Tokens))), len(w.a.Tokens)) // two are the ends
	if err := w.along(ctx, half); err != nil {
		return err
	}
	w.share()
	other := w.a.Shares
	w.a.Shares, w.a.Norms = nil, nil
	clear(w.gradient)
	if err := w.along(ctx, w.a.Steps); err != nil {
		return err
	}
	w.share()
	w.checkNodes(half, other)
	return w.checkSum(ctx)
}

// along adds up the gradient at the nodes of Gauss and Legendre's quadrature, several
// points of the way side by side.
func (w *salient) along(ctx context.Context, nodes int) error {
	n, width := len(w.a.Tokens), w.s.Model.Config.Dim
	at, weights := legendre(nodes)
	side := saliencySide(w.a.Steps, n)
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
	return nil
}

// integrated is how far integrals may be off, of the sizes of all shares together.
const integrated = 0.02

// checkNodes compares every token's share with what another number of nodes says. The
// sum alone may be right by luck where no share is.
func (w *salient) checkNodes(nodes int, other []float64) {
	off, size := 0.0, 0.0
	for i, v := range w.a.Shares {
		off = worse(off, math.Abs(v-other[i]))
		size += math.Abs(v)
	}
	w.a.Checks.add("nodes", fmt.Sprintf("%d and %d nodes on the way give every token the same share, relative to the sizes of all; more help a small model, a deep one's way is too rough", w.a.Steps, nodes),
		off/max(size, 1e-30), integrated)
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
	w.a.Checks.add("completeness", "the shares sum to the change of the logit, relative to their sizes",
		math.Abs(sum-(values[1]-values[0]))/max(size, 1e-30), integrated)
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
