package view

import (
	"fmt"
	"slices"
	"strings"

	"weft/inspect"
)

// AddLens draws what the model would say at every depth.
func (r *Report) AddLens(l *inspect.Lens) {
	say := "The model's own head, read at every depth: what it would say if it stopped there. Rows are depths, the output on top, columns the tokens so far."
	after := ""
	if l.Tied {
		after = " The lowest row is no prediction: the head is the embedding itself here, so it gives back what went in."
	}
	r.addLens(l, l.Provenance, l.Checks, section{Title: "Lens: an answer forms on its way up", Say: say, After: after})
}

// LensFit is what a Jacobian lens was fitted on.
type LensFit struct {
	Text      string `json:"text"`
	Prompts   int    `json:"prompts"`
	Positions int    `json:"positions"`
}

// AddJacobianLens draws what depths come to at the end, as changes of them do on
// average. The model is what the report is about: the fit may be of its weights in
// float32.
func (r *Report) AddJacobianLens(l *inspect.Lens, j *inspect.Jacobian, text string, model inspect.Provenance) {
	r.LensFit = &LensFit{text, j.Prompts, j.Positions}
	say := fmt.Sprintf("What every depth comes to at the end, if all that follows did what it does to small changes on average (over %s of %s), read by the model's head. Rows are depths, the output on top, columns the tokens so far.",
		many(j.Positions, "place"), text)
	r.addLens(l, model, slices.Concat(l.Checks, j.Checks), section{Title: "Lens: what each depth comes to (Jacobian lens)", Say: say, After: decoded(l.Provenance, model)})
}

func (r *Report) addLens(l *inspect.Lens, of inspect.Provenance, checks inspect.CheckList, s section) {
	r.Lens = l
	for _, d := range l.Depths {
		for _, reading := range d.Readings {
			r.candidates(reading)
		}
	}
	last := len(l.Positions) - 1
	final := l.Depths[len(l.Depths)-1].Readings[last]
	s.After = "Rank and p are those of the final answer, entropy is how undecided the model is at this depth, KL how far from its final answer; both in bits." + s.After
	s.Figures = []figure{r.lensGrid(l), r.lensTable(l, last, r.show(final.Top[0].ID))}
	r.addMade(of, l.Provenance, checks, s)
}

func (r *Report) candidates(reading inspect.Reading) {
	for _, c := range reading.Top {
		r.show(c.ID)
	}
}

// depthName is what a row of the lens is called.
func depthName(d inspect.LensDepth) string {
	switch {
	case d.Layer < 0:
		return "embedding"
	case strings.HasSuffix(d.Point, "hook_resid_mid"):
		return fmt.Sprintf("attn %d", d.Layer)
	}
	return fmt.Sprintf("block %d", d.Layer)
}

func (r *Report) lensGrid(l *inspect.Lens) grid {
	g := grid{Corner: "after", Hue: Likely, Wide: lensCell, Marks: "from here on up the final answer stays"}
	for _, p := range l.Positions {
		g.Columns = append(g.Columns, r.show(l.Tokens[p]))
	}
	for depth, d := range slices.Backward(l.Depths) {
		var row []cell
		for i, reading := range d.Readings {
			best := reading.Top[0]
			name := r.show(best.ID)
			row = append(row, cell{Text: fit(name, lensCell-4) + padLeft(whole(best.P), 3), V: best.P, Mark: l.LockIn[i] == depth,
				Title: fmt.Sprintf("%s[0, %d]: “%s” %s, entropy %.2f bits, the final answer has rank %d", d.Point, l.Positions[i], name, strings.TrimSpace(percent(best.P)), reading.Entropy, reading.Rank)})
		}
		g.Names, g.Cells = append(g.Names, depthName(d)), append(g.Cells, row)
	}
	return g
}

func (r *Report) lensTable(l *inspect.Lens, at int, answer string) table {
	t := table{Title: fmt.Sprintf("After “%s”, on the way to “%s”", r.show(l.Tokens[l.Positions[at]]), answer),
		Columns: []column{{"after", word}, {"likeliest", word}, {"p", number}, {"final: p", number}, {"rank", number}, {"entropy", number}, {"KL", number}, {"", bar}}}
	for _, d := range slices.Backward(l.Depths) {
		v := d.Readings[at]
		best := v.Top[0]
		t.Rows = append(t.Rows, []cell{{Text: depthName(d)}, {Text: r.show(best.ID)}, {Text: percent(best.P)}, {Text: percent(v.P)}, {Text: Count(v.Rank)},
			{Text: short(v.Entropy)}, {Text: short(v.KL)}, {V: v.P, Title: fmt.Sprintf("%s[0, %d]: p = %.6g", d.Point, l.Positions[at], v.P)}})
	}
	return t
}
