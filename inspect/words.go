package inspect

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"weft/internal/kernel"
	"weft/model"
	"weft/tensor"
)

// Space is whose vectors tokens have.
type Space string

const (
	Embedding   Space = "embedding"
	Unembedding Space = "unembedding"
)

// Neighbours are tokens by the cosine of their vectors.
type Neighbours struct {
	Provenance Provenance  `json:"provenance"`
	Space      Space       `json:"space"`
	Tied       bool        `json:"tied"` // both spaces are one
	Plus       []int32     `json:"plus"`
	Minus      []int32     `json:"minus"`
	Near       []Neighbour `json:"near"` // nearest first, without the tokens asked with
	Checks     CheckList   `json:"checks"`
}

// Neighbour is one of them.
type Neighbour struct {
	ID     int32   `json:"id"`
	Cosine float64 `json:"cosine"`
}

// Promotion is what a direction of the residual stream says.
type Promotion struct {
	Provenance Provenance `json:"provenance"`
	Up         []Weighed  `json:"up"`   // strongest first
	Down       []Weighed  `json:"down"` // strongest first
	Checks     CheckList  `json:"checks"`
}

// Weighed is a token and what a unit of the direction adds to its logit, but for
// the final norm's divisor.
type Weighed struct {
	ID    int32   `json:"id"`
	Value float64 `json:"value"`
}

// table is the matrix of a space, a row per token.
func (s *Subject) table(space Space) (*model.Linear, error) {
	switch space {
	case Embedding:
		return &s.Model.W.TokenEmbd, nil
	case Unembedding:
		return &s.Model.W.Output, nil
	}
	return nil, fmt.Errorf("%w: there is no space %q; there are %s and %s", ErrAsk, space, Embedding, Unembedding)
}

// vector is a copy of a token's.
func (s *Subject) vector(l *model.Linear, id int32) []float32 {
	return slices.Clone(l.Row(make([]float32, s.Model.Config.Dim), int(id)))
}

// Neighbours are the tokens whose vectors point where the sum of plus less the sum
// of minus does, each vector brought to unit length first: one token in plus gives
// its neighbours, more are arithmetic with words.
func (s *Subject) Neighbours(space Space, plus, minus []int32, k int) (*Neighbours, error) {
	c := s.Model.Config
	l, err := s.table(space)
	if err != nil {
		return nil, err
	}
	if len(plus) == 0 {
		return nil, fmt.Errorf("%w: neighbours of nothing", ErrAsk)
	}
	query := make([]float32, c.Dim)
	for i, id := range slices.Concat(plus, minus) {
		if err := checkIDs(c, &id); err != nil {
			return nil, err
		}
		v := s.vector(l, id)
		size := lengthOf(v)
		if size == 0 {
			return nil, fmt.Errorf("%w: token %d has a vector of zeros there", ErrAsk, id)
		}
		sign := 1.0
		if i >= len(plus) {
			sign = -1
		}
		kernel.Axpy(query, float32(sign/size), v)
	}
	if lengthOf(query) < 1e-6 { // what rounding leaves
		return nil, fmt.Errorf("%w: what is added is also taken away", ErrAsk)
	}
	n := &Neighbours{Provenance: s.Provenance(nil), Space: space, Tied: c.TiedHead, Plus: plus, Minus: minus, Checks: CheckList{}}
	cosines := s.cosines(l, query)
	for id, cosine := range cosines {
		if slices.Contains(plus, int32(id)) || slices.Contains(minus, int32(id)) {
			continue
		}
		n.Near = append(n.Near, Neighbour{int32(id), cosine})
	}
	slices.SortStableFunc(n.Near, func(a, b Neighbour) int { return cmp.Compare(b.Cosine, a.Cosine) })
	n.Near = n.Near[:min(max(1, k), len(n.Near))]
	if len(plus) == 1 && len(minus) == 0 {
		n.Checks.add("self", "a single token is its own nearest: cosine 1", math.Abs(cosines[plus[0]]-1), 1e-5)
	}
	return n, n.Checks.err()
}

// cosines is of every token's vector with the query; 0 for vectors of zeros.
func (s *Subject) cosines(l *model.Linear, query []float32) []float64 {
	c := s.Model.Config
	list, size := make([]float64, c.Vocab), lengthOf(query)
	s.Model.Pool.Range(c.Vocab, 256, func(lo, hi int) {
		buf := make([]float32, c.Dim)
		for id := lo; id < hi; id++ {
			v := l.Row(buf, id)
			if both := size * math.Sqrt(kernel.SumSquares(v)); both > 0 {
				list[id] = float64(kernel.Dot(v, query)) / both
			}
		}
	})
	return list
}

// Promoted is which tokens a direction of the residual stream makes likelier and
// which less likely, read by the unembedding under the final norm's gain.
func (s *Subject) Promoted(direction []float32, k int) (*Promotion, error) {
	m, c := s.Model, s.Model.Config
	if len(direction) != c.Dim || !finite(direction) {
		return nil, fmt.Errorf("%w: the direction has %d numbers, the stream %d, all finite", ErrAsk, len(direction), c.Dim)
	}
	d := slices.Clone(direction)
	centre(c, d)
	kernel.Mul(d, d, m.W.OutputNorm.Gain)
	up := make([]float32, c.Vocab)
	m.Pool.Range(c.Vocab, 256, func(lo, hi int) {
		buf := make([]float32, c.Dim)
		for id := lo; id < hi; id++ {
			up[id] = kernel.Dot(m.W.Output.Row(buf, id), d)
		}
	})
	down := slices.Clone(up)
	kernel.Scale(down, -1)
	p := &Promotion{Provenance: s.Provenance(nil)}
	for _, x := range topOf(up, min(max(1, k), c.Vocab)) {
		p.Up = append(p.Up, Weighed{x.ID, float64(x.Logit)})
	}
	for _, x := range topOf(down, min(max(1, k), c.Vocab)) {
		p.Down = append(p.Down, Weighed{x.ID, -float64(x.Logit)})
	}
	s.checkPromotion(p, direction, up)
	return p, p.Checks.err()
}

// checkPromotion: the stream's own reading, the head behind the final norm, says of
// the direction alone the same up to the norm's divisor and the head's biases.
func (s *Subject) checkPromotion(p *Promotion, direction, up []float32) {
	m, c := s.Model, s.Model.Config
	scale := scaleOf(c, direction)
	off := 0.0
	said := m.Unembed(tensor.Of(slices.Clone(direction), 1, c.Dim))
	buf := make([]float32, c.Dim)
	for _, w := range slices.Concat(p.Up, p.Down) {
		row := m.W.Output.Row(buf, int(w.ID))
		want, close := c.Unfinished(float64(said.Data[w.ID])), c.Unfinished(float64(said.Data[w.ID])*(1-1e-6))
		noise := s.headNoise(direction, scale, w.ID, nil) + math.Abs(want-close) // which a soft cap makes large
		if b := m.W.Output.B; b != nil {
			want -= float64(b[w.ID])
		}
		if b := m.W.OutputNorm.Bias; b != nil {
			want -= dot(b, row)
		}
		off = worse(off, beyond(float64(up[w.ID])/scale-want, noise))
	}
	p.Checks.add("head", "the model's head says the same of the direction alone, in parts of what rounding explains", off, explained)
}
