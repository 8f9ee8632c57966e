package inspect

import (
	"context"
	"fmt"
	"math"
	"slices"

	"weft/model"
	"weft/tensor"
)

// Matching is how units of two models that were trained apart correspond.
type Matching struct {
	A      Provenance   `json:"a"`
	B      Provenance   `json:"b"`
	Layers []LayerMatch `json:"layers"`
	Checks CheckList    `json:"checks"`
}

// LayerMatch is one block's. Correlations are over tokens of the text.
type LayerMatch struct {
	Layer        int     `json:"layer"`
	Neurons      []int   `json:"neurons"`       // of B, in the order of A's
	Before       float64 `json:"before"`        // mean correlation of neuron i with neuron i
	After        float64 `json:"after"`         // with its partner
	WeightBefore float64 `json:"weight_before"` // relative distance of the MLP's weights
	WeightAfter  float64 `json:"weight_after"`
}

// matchTokens is how much of the text neurons are compared on.
const matchTokens = 512

// MatchBytes is how many bytes MatchUnits holds for windows of these lengths.
func MatchBytes(c model.Config, lengths []int) int64 {
	list, tokens := []int{}, 0
	for _, n := range lengths {
		if n = min(n, matchTokens-tokens); n > 0 {
			list, tokens = append(list, n), tokens+n
		}
	}
	hidden := int64(c.Hidden)
	neurons := 2 * 4 * int64(tokens) * hidden
	pairing := 4*hidden*hidden + 8*7*hidden + productBytes(c.Hidden, tokens, c.Hidden)
	moved := rounded(floats(3, c.Hidden, c.Dim)) // matrices in another order
	return 2*walkBytes(c, list, 0) + neurons + pairing + moved + 3*4*int64(tokens)*int64(c.Dim)
}

// matcher is one matching on its way.
type matcher struct {
	a, b     *walker
	out      *Matching
	off, gap float64
}

// MatchUnits finds which neuron of B does what each neuron of A does, by how their
// activations go together over the first tokens of the text, one to one such that
// the correlations' sum is largest (Li et al. 2015, arXiv 1511.07543; Ainsworth et
// al. 2022, arXiv 2209.04836). Two models trained apart have their neurons in
// another order, which changes nothing that they do, and makes raw distances of
// weights meaningless; so may have their streams turned, which this leaves as it is.
// onLayer may be nil.
func MatchUnits(ctx context.Context, a, b *Subject, windows [][]int32, onLayer func(done, total int)) (*Matching, error) {
	ca, cb := a.Model.Config, b.Model.Config
	switch {
	case ca.Experts.Count > 0 || cb.Experts.Count > 0:
		return nil, fmt.Errorf("%w: the neurons of experts have no hook points", ErrArch)
	case ca.Layers != cb.Layers || ca.Hidden != cb.Hidden || ca.Dim != cb.Dim || ca.Gated != cb.Gated || ca.Vocab != cb.Vocab:
		return nil, fmt.Errorf("%w: the models are not of one shape", ErrAsk)
	}
	if err := a.afford("the matching of neurons", MatchBytes(ca, lengthsOf(windows))); err != nil {
		return nil, err
	}
	windows = firstTokens(windows, matchTokens)
	tokens := 0
	for _, w := range windows {
		tokens += len(w)
	}
	if tokens < 4 {
		return nil, ErrShort
	}
	m := &matcher{out: &Matching{A: a.Provenance(nil), B: b.Provenance(nil)}}
	var err error
	if m.a, err = a.walk(ctx, windows); err != nil {
		return nil, err
	}
	if m.b, err = b.walk(ctx, windows); err != nil {
		return nil, err
	}
	for l := range ca.Layers {
		if err := m.layer(ctx, l, tokens); err != nil {
			return nil, fmt.Errorf("neurons of block %d: %w", l, err)
		}
		if onLayer != nil {
			onLayer(l+1, ca.Layers)
		}
	}
	m.out.Checks.add("function", "B in float32 with its neurons in A's order computes what it does in its own, relative to each MLP's largest number", m.off, reordering)
	m.out.Checks.add("best", "no other pairing of a layer's neurons has a larger sum of correlations by more than this: their prices prove it", m.gap, 1e-6)
	return m.out, m.out.Checks.err()
}

// layer takes both models through a block and matches its neurons.
func (m *matcher) layer(ctx context.Context, l, tokens int) error {
	before := clone(m.b.streams[0])
	x, err := m.a.neurons(ctx, l, tokens)
	if err != nil {
		return err
	}
	y, err := m.b.neurons(ctx, l, tokens)
	if err != nil {
		return err
	}
	match, gap, err := matchLayer(ctx, m.a.s.Model, x, y)
	if err != nil {
		return err
	}
	match.Layer = l
	match.distances(m.a.s.Model, m.b.s.Model)
	m.out.Layers = append(m.out.Layers, match)
	d, err := m.b.checkOrder(ctx, match, before)
	m.off, m.gap = worse(m.off, d), worse(m.gap, gap)
	return err
}

// neurons takes all windows through block l: a row for each token.
func (w *walker) neurons(ctx context.Context, l, tokens int) (tensor.Mat, error) {
	x, at := tensor.New(tokens, w.s.Model.Config.Hidden), 0
	for i := range w.windows {
		h := &model.Hooks{}
		h.On(block(l, "mlp.hook_post"), func(p *model.Point) error {
			at += copy(x.Data[at:], p.Data)
			return nil
		})
		if err := w.through(ctx, i, l, l, h); err != nil {
			return x, err
		}
	}
	if !finite(x.Data) {
		return x, ErrNotFinite
	}
	return x, nil
}

// firstTokens is as many windows as give so many tokens, the last cut.
func firstTokens(windows [][]int32, n int) (list [][]int32) {
	for _, w := range windows {
		if n <= 0 {
			break
		}
		w = w[:min(len(w), n)]
		list, n = append(list, w), n-len(w)
	}
	return list
}

func matchLayer(ctx context.Context, m *model.Model, x, y tensor.Mat) (match LayerMatch, gap float64, err error) {
	standardise(x)
	standardise(y)
	correlations := tensor.New(x.Cols, x.Cols)
	tensor.Gemm(m.Pool, correlations, x.T(), y, false)
	best, err := assign(ctx, correlations)
	if err != nil {
		return match, 0, err
	}
	match.Neurons = best.columns
	for i, j := range match.Neurons {
		match.Before += float64(correlations.At(i, i)) / float64(x.Cols)
		match.After += float64(correlations.At(i, j)) / float64(x.Cols)
	}
	return match, best.gap(correlations), nil
}

// standardise centres columns and makes them of length 1, or 0 if constant.
func standardise(x tensor.Mat) {
	centreColumns(x)
	size := make([]float64, x.Cols)
	for i := range x.Rows {
		for j, v := range x.Row(i) {
			size[j] += float64(v) * float64(v)
		}
	}
	for i := range x.Rows {
		row := x.Row(i)
		for j := range row {
			if size[j] > 0 {
				row[j] = float32(float64(row[j]) / math.Sqrt(size[j]))
			}
		}
	}
}

// distances compares the MLP's weights as they are and with B's neurons in A's order.
func (t *LayerMatch) distances(a, b *model.Model) {
	c, fa, fb := a.Config, &a.W.Layers[t.Layer].FFN, &b.W.Layers[t.Layer].FFN
	before, after, size := 0.0, 0.0, 0.0
	rows := func(x, y *model.Linear) {
		bx, by := make([]float32, c.Dim), make([]float32, c.Dim)
		for i, j := range t.Neurons {
			row := slices.Clone(x.Row(bx, i))
			size += dot(row, row)
			before += apart(row, y.Row(by, i))
			after += apart(row, y.Row(by, j))
		}
	}
	rows(&fa.Up, &fb.Up)
	if c.Gated {
		rows(&fa.Gate, &fb.Gate)
	}
	bx, by, moved := make([]float32, c.Hidden), make([]float32, c.Hidden), make([]float32, c.Hidden)
	for i := range c.Dim {
		x, y := fa.Down.Row(bx, i), fb.Down.Row(by, i)
		for k, j := range t.Neurons {
			moved[k] = y[j]
		}
		size, before, after = size+dot(x, x), before+apart(x, y), after+apart(x, moved)
	}
	t.WeightBefore, t.WeightAfter = math.Sqrt(before/size), math.Sqrt(after/size)
}
