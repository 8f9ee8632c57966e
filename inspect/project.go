package inspect

import (
	"fmt"

	"weft/tensor"
)

// Projection is tokens on the two axes along which their vectors differ most (PCA).
type Projection struct {
	Provenance Provenance   `json:"provenance"`
	Space      Space        `json:"space"`
	Tokens     []int32      `json:"tokens"`
	Points     [][2]float64 `json:"points"`
	Explained  [2]float64   `json:"explained"` // shares of the variance
	Checks     CheckList    `json:"checks"`
}

// Project is tokens' vectors on their two main axes.
func (s *Subject) Project(space Space, tokens []int32) (*Projection, error) {
	c := s.Model.Config
	l, err := s.table(space)
	if err != nil {
		return nil, err
	}
	if len(tokens) < 3 {
		return nil, fmt.Errorf("%w: a plane through %d tokens; 3 are the least", ErrAsk, len(tokens))
	}
	if err := s.afford("the projection", floats(len(tokens)+6*pcaAxes, c.Dim)); err != nil {
		return nil, err
	}
	x := tensor.New(len(tokens), c.Dim)
	for i, id := range tokens {
		if err := checkIDs(c, &id); err != nil {
			return nil, err
		}
		copy(x.Row(i), l.Row(make([]float32, c.Dim), int(id)))
	}
	p := &Projection{Provenance: s.Provenance(nil), Space: space, Tokens: tokens}
	if p.Points, p.Explained, p.Checks, err = PCA(x); err != nil {
		return nil, err
	}
	return p, p.Checks.err()
}
