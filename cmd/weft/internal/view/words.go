package view

import (
	"fmt"
	"strings"

	"weft/inspect"
)

// Words is a token's neighbours in one or both spaces, and a picture of them.
type Words struct {
	Asked      string                `json:"asked"`
	Near       []*inspect.Neighbours `json:"spaces"`
	Projection *inspect.Projection   `json:"projection"`
	Other      []int32               `json:"other_forms"` // tokens with the same letters
}

// spaces are whose vectors, in words.
var spaces = map[inspect.Space]string{
	inspect.Embedding:   "By what it means when read (embedding)",
	inspect.Unembedding: "By when it is said (unembedding)",
}

// AddWords draws a word among its neighbours.
func (r *Report) AddWords(w *Words) {
	r.Words = w
	first := w.Near[0]
	s := section{
		Title: "Words: what is near " + r.sum(first),
		Say: "Every token has a learned vector; tokens are near when their vectors point the same way (cosine 1 is the same direction, 0 has nothing to do with it). " +
			"Words with a space before them, as inside a text, and without are different tokens.",
		After: fmt.Sprintf("The picture puts the tokens on the two axes along which their vectors differ most (PCA); these keep %s and %s of all their differences, so what is near here may be far in truth.",
			trimmed(percent(w.Projection.Explained[0])), trimmed(percent(w.Projection.Explained[1]))),
	}
	if len(w.Other) > 0 {
		s.Say += fmt.Sprintf(" Other forms here: %s.", strings.Join(r.shown(w.Other), "  "))
	}
	checks := inspect.CheckList{}
	for _, n := range w.Near {
		checks = append(checks, n.Checks...)
		s.Figures = append(s.Figures, r.near(n))
	}
	asked := map[int32]bool{}
	for _, id := range append(append([]int32{}, first.Plus...), first.Minus...) {
		asked[id] = true
	}
	c := cloud{Title: "On the two axes along which they differ most"}
	for i, id := range w.Projection.Tokens {
		hue := Learned
		if asked[id] {
			hue = Likely
		}
		c.Points = append(c.Points, spot{w.Projection.Points[i][0], w.Projection.Points[i][1], r.show(id), hue})
	}
	s.Figures = append(s.Figures, c)
	r.add(first.Provenance, append(checks, w.Projection.Checks...), s)
	r.Sheet.about[0].Origin = "learned vectors alone, no text"
}

// sum writes the arithmetic that was asked.
func (r *Report) sum(n *inspect.Neighbours) string {
	parts := "“" + strings.Join(r.shown(n.Plus), "” + “") + "”"
	for _, t := range r.shown(n.Minus) {
		parts += " − “" + t + "”"
	}
	return parts
}

func (r *Report) near(n *inspect.Neighbours) table {
	title := spaces[n.Space]
	if n.Tied {
		title = "By vector (this model reads and says with the same)"
	}
	t := table{Title: title, Columns: []column{{"token", word}, {"id", number}, {"cosine", number}, {"", bar}}}
	for _, x := range n.Near {
		t.Rows = append(t.Rows, []cell{{Text: r.show(x.ID)}, {Text: fmt.Sprint(x.ID)}, {Text: short(x.Cosine)}, {V: x.Cosine, Title: fmt.Sprintf("cosine %.6g", x.Cosine)}})
	}
	return t
}
