package view

import (
	"fmt"
	"strings"

	"weft/inspect"
)

// Effect is what an intervention did, and how the text goes on with and without it.
type Effect struct {
	*inspect.Effect
	Reference    string             `json:"reference,omitempty"` // what stands for a silenced part
	Vector       *inspect.Steering  `json:"vector,omitempty"`    // that was added
	Promotes     *inspect.Promotion `json:"promotes,omitempty"`  // by the vector
	Continuation [2]string          `json:"continuation"`        // the likeliest, before and after
}

// AddAblation draws what silencing parts did.
func (r *Report) AddAblation(e *Effect) {
	r.Ablation = e
	say := "The parts are silenced (set to zero) and the text is read again."
	if e.Reference != "" {
		say = fmt.Sprintf("What the parts say is replaced by what they said on another text (%s), and the text is read again.", e.Reference)
	}
	r.addEffect("Ablation: "+e.What, say, e, nil)
}

// AddSteering draws what adding a vector did.
func (r *Report) AddSteering(e *Effect) {
	r.Steering = e
	v := e.Vector
	say := fmt.Sprintf("A vector is added to the stream at %s, times %g, and the text is read again.", v.Point, v.Strength)
	if v.About != "" {
		say += " The vector: " + v.About + "."
	}
	var more []figure
	if e.Promotes != nil {
		more = []figure{r.promoted("The direction by itself speaks for", e.Promotes.Up), r.promoted("and against", e.Promotes.Down)}
	}
	r.addEffect("Steering", say, e, more)
}

func (r *Report) promoted(title string, list []inspect.Weighed) table {
	t := table{Title: title, Columns: []column{{"token", word}, {"adds", number}, {"", both}}}
	size := 1e-30
	for _, w := range list {
		size = max(size, w.Value, -w.Value)
	}
	for _, w := range list {
		t.Rows = append(t.Rows, []cell{{Text: r.show(w.ID)}, {Text: short(w.Value)}, {V: w.Value / size, Title: fmt.Sprintf("token %d: %.6g", w.ID, w.Value)}})
	}
	return t
}

func (r *Report) addEffect(title, say string, e *Effect, more []figure) {
	r.candidates(e.Before)
	r.candidates(e.After)
	best := r.show(e.Before.Top[0].ID)
	say += fmt.Sprintf(" “%s” went from %s to %s, its logit from %s to %s, its rank from 1 to %s. The prediction moved by %s bits (KL).",
		best, trimmed(percent(e.Before.Top[0].P)), trimmed(percent(e.After.P)), short(e.Logit[0]), short(e.Logit[1]), Count(e.After.Rank), short(e.After.KL))
	figures := []figure{r.predicted("What comes next, as it is", e.Before), r.predicted("What comes next, changed", e.After), r.moved(e)}
	r.add(e.Provenance, e.Checks, section{Title: title, Say: say, Figures: append(append(figures, continued(e)), more...),
		After: "An effect here is a test of this one text, not of what the part does in general."})
}

func (r *Report) predicted(title string, reading inspect.Reading) table {
	t := table{Title: title, Columns: []column{{"token", word}, {"p", number}, {"", bar}}}
	for _, c := range reading.Top {
		t.Rows = append(t.Rows, []cell{{Text: r.show(c.ID)}, {Text: percent(c.P)}, {V: c.P, Title: fmt.Sprintf("token %d: p = %.6g, logit %.6g", c.ID, c.P, c.Logit)}})
	}
	return t
}

func (r *Report) moved(e *Effect) table {
	t := table{Title: "How far the prediction after each token moved, in bits", Columns: []column{{"token", word}, {"", number}, {"KL", number}, {"", bar}}}
	first, size := max(0, len(e.KL)-maxRows), relative(e.KL...)
	for i, v := range e.KL[first:] {
		i += first
		t.Rows = append(t.Rows, []cell{{Text: r.show(e.Tokens[i])}, {Text: fmt.Sprint(i)}, {Text: short(v)}, {V: size(v), Title: fmt.Sprintf("after token %d: %.6g bits", i, v)}})
	}
	return t
}

func continued(e *Effect) table {
	t := table{Title: "How the text goes on, always the likeliest", Columns: []column{{"", word}, {"", word}}}
	for i, name := range []string{"as it is", "changed"} {
		t.Rows = append(t.Rows, []cell{{Text: name}, {Text: Visible([]byte(e.Continuation[i]))}})
	}
	return t
}

func trimmed(text string) string { return strings.TrimSpace(text) }
