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

const (
	matchTokens  = 512  // of the text that neurons are compared on
	matchNeurons = 4096 // most of a layer: the assignment takes their number cubed
)

// MatchUnits finds which neuron of B does what each neuron of A does, by how their
// activations go together over the first tokens of the text, one to one such that
// the correlations' sum is largest (Li et al. 2015, arXiv 1511.07543; Ainsworth et
// al. 2022, arXiv 2209.04836). Two models trained apart have their neurons in
// another order, which changes nothing that they do, and makes raw distances of
// weights meaningless; so may have their streams turned, which this leaves as it is.
func MatchUnits(ctx context.Context, a, b *Subject, windows [][]int32) (*Matching, error) {
	ca, cb := a.Model.Config, b.Model.Config
	switch {
	case ca.Experts.Count > 0 || cb.Experts.Count > 0:
		return nil, fmt.Errorf("%w: the neurons of experts have no hook points", ErrArch)
	case ca.Layers != cb.Layers || ca.Hidden != cb.Hidden || ca.Dim != cb.Dim || ca.Gated != cb.Gated || ca.Vocab != cb.Vocab:
		return nil, fmt.Errorf("%w: the models are not of one shape", ErrAsk)
	case ca.Hidden > matchNeurons:
		return nil, fmt.Errorf("%w: to match %d neurons takes their number cubed; %d are the most", ErrBudget, ca.Hidden, matchNeurons)
	}
	windows = firstTokens(windows, matchTokens)
	tokens := 0
	for _, w := range windows {
		tokens += len(w)
	}
	if tokens < 4 {
		return nil, ErrShort
	}
	if err := a.afford("the neurons' activations", 8*int64(ca.Layers)*int64(tokens)*int64(ca.Hidden)); err != nil {
		return nil, err
	}
	m := &Matching{A: a.provenance(nil), B: b.provenance(nil)}
	seen := [2]map[string][]float32{}
	for i, s := range []*Subject{a, b} {
		caught := newCatcher()
		for l := range ca.Layers {
			caught.whole(block(l, "mlp.hook_post"))
		}
		for _, w := range windows {
			if _, err := caught.run(ctx, s.Model, w, model.Run{Logits: model.NoLogits}); err != nil {
				return nil, err
			}
		}
		seen[i] = caught.got
	}
	off := 0.0
	for l := range ca.Layers {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		point := block(l, "mlp.hook_post")
		if !finite(seen[0][point]) || !finite(seen[1][point]) { // assign would not end
			return nil, fmt.Errorf("neurons of block %d: %w", l, ErrNotFinite)
		}
		match := matchLayer(a.Model, tensor.Of(seen[0][point], tokens, ca.Hidden), tensor.Of(seen[1][point], tokens, ca.Hidden))
		match.Layer = l
		match.distances(a.Model, b.Model)
		m.Layers = append(m.Layers, match)
		d, err := b.permuted(windows[0], match)
		if err != nil {
			return nil, err
		}
		off = worse(off, d)
	}
	m.Checks.add("function", "B with its neurons in A's order computes what it did, relative to each MLP's largest number", off, 10*b.rounding())
	return m, m.Checks.err()
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

func matchLayer(m *model.Model, x, y tensor.Mat) LayerMatch {
	standardise(x)
	standardise(y)
	correlations := tensor.New(x.Cols, x.Cols)
	tensor.Gemm(m.Pool, correlations, x.T(), y, false)
	match := LayerMatch{Neurons: assign(correlations)}
	for i, j := range match.Neurons {
		match.Before += float64(correlations.At(i, i)) / float64(x.Cols)
		match.After += float64(correlations.At(i, j)) / float64(x.Cols)
	}
	return match
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

// assign picks a column for every row, one to one, such that the sum is largest
// (Jonker and Volgenant 1987: shortest augmenting paths).
func assign(value tensor.Mat) []int {
	n := value.Rows
	u, v := make([]float64, n+1), make([]float64, n+1)
	owner, way := make([]int, n+1), make([]int, n+1) // of columns, counted from 1; row 0 is none
	for row := 1; row <= n; row++ {
		owner[0] = row
		at := 0
		least, used := make([]float64, n+1), make([]bool, n+1)
		for j := range least {
			least[j] = math.Inf(1)
		}
		for owner[at] != 0 {
			used[at] = true
			i, delta, next := owner[at], math.Inf(1), 0
			costs := value.Row(i - 1)
			for j := 1; j <= n; j++ {
				if used[j] {
					continue
				}
				if c := -float64(costs[j-1]) - u[i] - v[j]; c < least[j] {
					least[j], way[j] = c, at
				}
				if least[j] < delta {
					delta, next = least[j], j
				}
			}
			for j := range n + 1 {
				if used[j] {
					u[owner[j]] += delta
					v[j] -= delta
				} else {
					least[j] -= delta
				}
			}
			at = next
		}
		for at != 0 {
			owner[at] = owner[way[at]]
			at = way[at]
		}
	}
	columns := make([]int, n)
	for j := 1; j <= n; j++ {
		columns[owner[j]-1] = j - 1
	}
	return columns
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

// apart is the square of the distance.
func apart(a, b []float32) (sum float64) {
	for i, v := range a {
		d := float64(v) - float64(b[i])
		sum += d * d
	}
	return sum
}
