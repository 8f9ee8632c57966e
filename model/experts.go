package model

import (
	"math"

	"weft/internal/kernel"
	"weft/tensor"
)

// expertActs is the working memory of a block with experts.
type expertActs struct {
	scores  tensor.Mat // the router's; tokens × Count
	routing routing
	list    products

	// Of the choices that run together. They are as many rows as tokens, or more where
	// those are few.
	in, gate, up, out tensor.Mat // rows × Dim, Hidden, Hidden, Dim

	shared struct { // of the expert that every token takes
		gate, up, out tensor.Mat // tokens × Shared, Shared, Dim
		open          tensor.Mat // how far its own gate is open; tokens × 1
	}
}

// expertRows is how many choices may run together though there are fewer tokens.
const expertRows = 512

func newExpertActs(c Config, n int) expertActs {
	x := c.Experts
	if x.Count == 0 {
		return expertActs{}
	}
	rows := min(n*x.Used, max(n, expertRows))
	e := expertActs{
		scores: tensor.New(n, x.Count), routing: newRouting(x, n),
		in: tensor.New(rows, c.Dim), gate: tensor.New(rows, x.Hidden), up: tensor.New(rows, x.Hidden), out: tensor.New(rows, c.Dim),
	}
	if x.Shared > 0 {
		e.shared.gate, e.shared.up, e.shared.out = tensor.New(n, x.Shared), tensor.New(n, x.Shared), tensor.New(n, c.Dim)
		e.shared.open = tensor.New(n, 1)
	}
	return e
}

// experts: y = Σ weight·expert(x) over the experts that the router picks for each
// token, in the order of their numbers, plus the shared expert's. A token's
// result depends on that token alone.
func (m *Model) experts(y, x tensor.Mat, a *Activations, w *Layer) {
	c, e := &m.Config.Experts, &a.experts
	scores := rows(e.scores, 0, x.Rows)
	m.linear(scores, x, &w.Experts.Router)
	e.routing.route(c, scores, w.Experts.Correction)
	clear(y.Data)
	for lo, hi := 0, 0; lo < c.Count; lo = hi {
		hi = e.routing.upTo(lo, e.in.Rows)
		m.someExperts(y, x, e, w, lo, hi)
	}
	if c.Shared > 0 {
		m.addShared(y, e)
	}
}

// someExperts adds what experts lo to hi make of their tokens: all their first products run
// together, and all their second. The first experts take the shared one along.
func (m *Model) someExperts(y, x tensor.Mat, e *expertActs, w *Layer, lo, hi int) {
	choices, start := e.routing.of(lo, hi), e.routing.first[lo]
	n := len(choices)
	gate, up, out := rows(e.gate, 0, n), rows(e.up, 0, n), rows(e.out, 0, n)
	if x.Rows > 1 { // else every expert reads the same row
		m.gather(rows(e.in, 0, n), x, choices)
	}
	list := products{e.list.packed[:0], e.list.quantised[:0]}
	for i := lo; i < hi; i++ {
		from, to := e.routing.first[i]-start, e.routing.first[i+1]-start
		if from == to {
			continue
		}
		in, f := x, &w.Experts.List[i]
		if x.Rows > 1 {
			in = rows(e.in, from, to)
		}
		list = m.collect(list, rows(gate, from, to), in, &f.Gate)
		list = m.collect(list, rows(up, from, to), in, &f.Up)
	}
	shared := lo == 0 && m.Config.Experts.Shared > 0
	if shared {
		list = m.collectShared(list, x, e, w)
	}
	m.multiply(list)

	m.activate(gate.Data, gate.Data, up.Data)
	list = products{list.packed[:0], list.quantised[:0]}
	for i := lo; i < hi; i++ {
		if from, to := e.routing.first[i]-start, e.routing.first[i+1]-start; from < to {
			list = m.collect(list, rows(out, from, to), rows(gate, from, to), &w.Experts.List[i].Down)
		}
	}
	if shared {
		s := &e.shared
		gate := rows(s.gate, 0, x.Rows)
		m.activate(gate.Data, gate.Data, s.up.Data[:len(gate.Data)])
		list = m.collect(list, rows(s.out, 0, x.Rows), gate, &w.Experts.Shared.Down)
	}
	m.multiply(list)
	e.list = list
	m.scatter(y, out, choices)
}

// collectShared is the first products of the shared expert, and its own gate's.
func (m *Model) collectShared(list products, x tensor.Mat, e *expertActs, w *Layer) products {
	s, f, n := &e.shared, &w.Experts.Shared, x.Rows
	list = m.collect(list, rows(s.gate, 0, n), x, &f.Gate)
	list = m.collect(list, rows(s.up, 0, n), x, &f.Up)
	if m.Config.Experts.SharedGate {
		list = m.collect(list, rows(s.open, 0, n), x, &w.Experts.SharedGate)
	}
	return list
}

// addShared adds what the shared expert made.
func (m *Model) addShared(y tensor.Mat, e *expertActs) {
	out := rows(e.shared.out, 0, y.Rows)
	if !m.Config.Experts.SharedGate {
		kernel.AddTo(y.Data, out.Data)
		return
	}
	for i := range y.Rows {
		kernel.Axpy(row(y, i), float32(1/(1+math.Exp(-float64(e.shared.open.Data[i])))), row(out, i))
	}
}

// gather copies the rows of x that the choices are for.
func (m *Model) gather(in, x tensor.Mat, choices []choice) {
	if few(in) {
		gatherRows(in, x, choices, 0, in.Rows)
		return
	}
	m.Pool.Range(in.Rows, rowGrain(in.Cols), func(lo, hi int) { gatherRows(in, x, choices, lo, hi) })
}

func gatherRows(in, x tensor.Mat, choices []choice, lo, hi int) {
	for i := lo; i < hi; i++ {
		copy(row(in, i), row(x, choices[i].token))
	}
}

// scatter adds the rows of out to those of y that they were made of. Threads share the
// columns, since a row of y gets several.
func (m *Model) scatter(y, out tensor.Mat, choices []choice) {
	if few(out) {
		scatterColumns(y, out, choices, 0, y.Cols)
		return
	}
	m.Pool.Range(y.Cols, 64, func(lo, hi int) { scatterColumns(y, out, choices, lo, hi) })
}

func scatterColumns(y, out tensor.Mat, choices []choice, lo, hi int) {
	for i, ch := range choices {
		kernel.Axpy(row(y, ch.token)[lo:hi], ch.weight, row(out, i)[lo:hi])
	}
}
