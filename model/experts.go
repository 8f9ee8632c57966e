package model

import (
	"cmp"
	"math"
	"slices"

	"weft/internal/kernel"
	"weft/tensor"
)

// choice is one expert that a token was sent to.
type choice struct {
	token, expert int
	weight        float32
}

// experts: y = Σ weight·expert(x) over the experts that the router picks for each
// token, in the order of their numbers, plus the shared expert's. A token's
// result depends on that token alone.
func (m *Model) experts(y, x tensor.Mat, a *Activations, w *Layer) {
	c, e := m.Config, m.Config.Experts
	scores := tensor.New(x.Rows, e.Count)
	m.linear(scores, x, &w.Experts.Router)
	choices := make([][]choice, e.Count)
	for i := range x.Rows {
		for _, ch := range e.choose(row(scores, i), w.Experts.Correction) {
			ch.token = i
			choices[ch.expert] = append(choices[ch.expert], ch)
		}
	}
	clear(y.Data)
	for i, list := range choices {
		if len(list) == 0 {
			continue
		}
		in := tensor.New(len(list), c.Dim)
		for j, ch := range list {
			copy(row(in, j), row(x, ch.token))
		}
		out := m.ffn(in, &w.Experts.List[i], e.Hidden)
		for j, ch := range list {
			kernel.Axpy(row(y, ch.token), ch.weight, row(out, j))
		}
	}
	if e.Shared > 0 {
		m.sharedExpert(y, x, w)
	}
}

// sharedExpert adds the expert that every token takes.
func (m *Model) sharedExpert(y, x tensor.Mat, w *Layer) {
	out := m.ffn(x, &w.Experts.Shared, m.Config.Experts.Shared)
	if !m.Config.Experts.SharedGate {
		kernel.AddTo(y.Data, out.Data)
		return
	}
	gates := tensor.New(x.Rows, 1)
	m.linear(gates, x, &w.Experts.SharedGate)
	for i := range x.Rows {
		kernel.Axpy(row(y, i), float32(1/(1+math.Exp(-float64(gates.Data[i])))), row(out, i))
	}
}

// ffn is one gated feed-forward network on rows of its own.
func (m *Model) ffn(x tensor.Mat, f *FFN, hidden int) tensor.Mat {
	gate, up, y := tensor.New(x.Rows, hidden), tensor.New(x.Rows, hidden), tensor.New(x.Rows, m.Config.Dim)
	m.linears(x, out{gate, &f.Gate}, out{up, &f.Up})
	m.Pool.Range(len(up.Data), grain, func(lo, hi int) {
		m.Config.gate(gate.Data[lo:hi], gate.Data[lo:hi], up.Data[lo:hi])
	})
	m.linear(y, gate, &f.Down)
	return y
}

// choose picks a token's experts from its router scores, which it changes, and
// weighs them. Of equal scores the lower number wins.
func (e Experts) choose(scores, correction []float32) []choice {
	switch {
	case e.Chosen: // the softmax comes last
	case e.Sigmoid:
		for i, s := range scores {
			scores[i] = float32(1 / (1 + math.Exp(-float64(s))))
		}
	default:
		kernel.Softmax(scores, 1)
	}
	rank := slices.Clone(scores)
	if e.Correction {
		kernel.AddTo(rank, correction)
	}
	open := e.openGroups(rank)
	list := make([]choice, 0, e.Count)
	for i := range scores {
		if e.Groups == 0 || open[i/(e.Count/e.Groups)] {
			list = append(list, choice{expert: i, weight: scores[i]})
		}
	}
	slices.SortStableFunc(list, func(a, b choice) int { return cmp.Compare(rank[b.expert], rank[a.expert]) })
	list = list[:e.Used]
	e.weigh(list)
	return list
}

// openGroups says which groups of experts take part: those with the best scores.
func (e Experts) openGroups(rank []float32) []bool {
	if e.Groups == 0 {
		return nil
	}
	size := e.Count / e.Groups
	score := make([]float32, e.Groups)
	order := make([]int, e.Groups)
	for g := range score {
		members := slices.Clone(rank[g*size : (g+1)*size])
		slices.Sort(members)
		score[g], order[g] = members[size-1], g
		if e.GroupTwo {
			score[g] += members[size-2]
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(score[b], score[a]) })
	open := make([]bool, e.Groups)
	for _, g := range order[:e.GroupsUsed] {
		open[g] = true
	}
	return open
}

// weigh turns the scores of the chosen into their weights.
func (e Experts) weigh(list []choice) {
	w := make([]float32, len(list))
	for i := range list {
		w[i] = list[i].weight
	}
	if e.Chosen {
		kernel.Softmax(w, 1)
	}
	if e.Normed {
		sum := 0.0
		for _, v := range w {
			sum += float64(v)
		}
		kernel.Scale(w, float32(1/(sum+1e-20)))
	}
	if scaled(e.Scale) {
		kernel.Scale(w, e.Scale)
	}
	for i := range list {
		list[i].weight = w[i]
	}
}
