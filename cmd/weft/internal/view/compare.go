package view

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"weft/inspect"
)

// Comparison is how two models differ, as data: its JSON is what `weft compare
// --json` prints.
type Comparison struct {
	A        inspect.Provenance   `json:"a"`
	B        inspect.Provenance   `json:"b"`
	Tokens   int                  `json:"tokens"`
	KL       KL                   `json:"kl"`
	Top1     float64              `json:"top1_agreement"`
	NLLA     float64              `json:"nll_a"`
	NLLB     float64              `json:"nll_b"`
	CKA      []float64            `json:"cka"`
	Debiased []*float64           `json:"cka_debiased"` // null where there are too few tokens
	Heads    []HeadMove           `json:"heads"`
	Weights  []Distance           `json:"weights"`
	Matching *inspect.Matching    `json:"matching"`     // null: NoMatching says why
	Layers   *inspect.LayerLosses `json:"layer_losses"` // null: NoLayers says why

	NoMatching string `json:"no_matching,omitempty"`
	NoLayers   string `json:"no_layer_losses,omitempty"`

	Sheet `json:"-"`
}

// KL is how far the second model's predictions are from the first's, in nats.
type KL struct {
	Mean   float64 `json:"mean"`
	Median float64 `json:"median"`
	P90    float64 `json:"p90"`
	P99    float64 `json:"p99"`
	Max    float64 `json:"max"`
}

// HeadMove is how differently a head looks.
type HeadMove struct {
	Layer    int     `json:"layer"`
	Head     int     `json:"head"`
	Distance float64 `json:"distance"`
}

// Distance is how far apart a parameter is, relative to its norm.
type Distance struct {
	Name     string  `json:"name"`
	Relative float64 `json:"relative"`
}

// NewComparison spells a comparison out.
func NewComparison(a, b inspect.Provenance, r *inspect.Comparison, weights []inspect.Distance) *Comparison {
	c := &Comparison{A: a, B: b, Tokens: r.Tokens, KL: KL(r.KL), Top1: r.Top1, NLLA: r.NLLA, NLLB: r.NLLB, CKA: r.CKA, Heads: []HeadMove{}, Weights: []Distance{}}
	for _, v := range r.Debiased {
		c.Debiased = append(c.Debiased, number64(v))
	}
	for _, h := range r.Heads {
		c.Heads = append(c.Heads, HeadMove{h.Layer, h.Head.Head, h.Distance})
	}
	for _, d := range weights {
		c.Weights = append(c.Weights, Distance(d))
	}
	return c
}

// number64 is nil for what JSON has no number for.
func number64(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// Draw makes the sheet.
func (c *Comparison) Draw() {
	text := fmt.Sprintf("%s of text", many(c.Tokens, "token"))
	c.Sheet = Sheet{command: "weft compare", about: []about{{Name: "A", From: c.A, Origin: text}, {Name: "B", From: c.B, Origin: "the same"}},
		sections: []section{c.predictions(), c.streams(), c.moved(), c.weights()}}
}

func (c *Comparison) predictions() section {
	row := func(name, text string) []cell { return []cell{{Text: name}, {Text: text}} }
	return section{Title: "Predictions: do they say the same?",
		Say: "How far B's predictions are from A's, after every token: the Kullback-Leibler divergence in nats, 0 if they are the same.",
		Figures: []figure{table{Columns: []column{{"", word}, {"", number}}, Rows: [][]cell{
			row("KL divergence, mean", fmt.Sprintf("%.4g", c.KL.Mean)), row("median", fmt.Sprintf("%.4g", c.KL.Median)),
			row("90 % lie below", fmt.Sprintf("%.4g", c.KL.P90)), row("99 % lie below", fmt.Sprintf("%.4g", c.KL.P99)), row("largest", fmt.Sprintf("%.4g", c.KL.Max)),
			row("same likeliest token", fmt.Sprintf("%.2f %%", 100*c.Top1)),
			row("loss of A, nats per token", fmt.Sprintf("%.4f", c.NLLA)), row("loss of B", fmt.Sprintf("%.4f", c.NLLB)),
		}}}}
}

// streams has a row per block: how alike the streams are, and what B's layer costs.
func (c *Comparison) streams() section {
	s := section{Title: "Layers: where do they part?",
		Say:   "CKA compares the streams after each block: 1 is the same up to rotation and scale. Debiased, it does not rise when there are few tokens for the streams' width.",
		After: c.NoLayers}
	t := table{Columns: []column{{"after", word}, {"CKA", number}, {"debiased", number}}}
	if c.CKA == nil {
		s.After = strings.TrimSpace("The models have not as many blocks, so their streams are not compared. " + s.After)
		return s
	}
	if c.Layers != nil {
		s.Say += fmt.Sprintf(" Then, on the first %s: how far apart the streams are, and what B's layer costs when it alone takes the place of A's (KL, nats per token; all of B: %.4g).",
			many(c.Layers.Tokens, "token"), c.Layers.Whole)
		s.Checks = c.Layers.Checks
		t.Columns = append(t.Columns, column{"apart", number}, column{"alone", number}, column{"", bar})
	}
	var costs []float64
	if c.Layers != nil {
		for _, l := range c.Layers.Layers {
			costs = append(costs, l.KL)
		}
	}
	size := relative(costs...)
	row := func(layer int) []cell {
		cells := []cell{{Text: "embedding"}, {}, {}}
		if layer >= 0 {
			cells = []cell{{Text: fmt.Sprintf("block %d", layer)}, {Text: fmt.Sprintf("%.4f", c.CKA[layer])}, {Text: optional(c.Debiased, layer)}}
		}
		if c.Layers != nil {
			l := c.Layers.Layers[layer+1]
			cells = append(cells, cell{Text: fmt.Sprintf("%.4f", l.Stream)}, cell{Text: fmt.Sprintf("%.2e", l.KL)}, cell{V: size(l.KL), Title: fmt.Sprintf("KL %.6g nats per token", l.KL)})
		}
		return cells
	}
	first := 0
	if c.Layers != nil {
		first = -1
	}
	for l := len(c.CKA) - 1; l >= first; l-- {
		t.Rows = append(t.Rows, row(l))
	}
	s.Figures = []figure{t}
	return s
}

func optional(list []*float64, i int) string {
	if i >= len(list) || list[i] == nil {
		return "–"
	}
	return fmt.Sprintf("%.4f", *list[i])
}

func (c *Comparison) moved() section {
	s := section{Title: "Heads: which look elsewhere?", Say: "What share of its attention a head puts elsewhere in B than in A, averaged over tokens: 0 is the same, 100 % elsewhere altogether."}
	t := table{Columns: []column{{"head", word}, {"moved", number}, {"", bar}}}
	list := bySize(c.Heads, func(h HeadMove) float64 { return h.Distance })
	for _, h := range list[:min(mostListed, len(list))] {
		if h.Distance > 0 {
			t.Rows = append(t.Rows, []cell{{Text: fmt.Sprintf("L%d.H%d", h.Layer, h.Head)}, {Text: fmt.Sprintf("%.2f %%", 100*h.Distance)}, {V: h.Distance, Title: fmt.Sprintf("%.6g", h.Distance)}})
		}
	}
	switch {
	case len(t.Rows) > 0:
		s.Figures = []figure{t}
	case len(c.Heads) > 0:
		s.After = "None does."
	default:
		s.After = "The models have not the same heads."
	}
	return s
}

func (c *Comparison) weights() section {
	s := section{Title: "Weights: how far apart are they?",
		Say:   "The norm of the difference over A's norm, by parameter. Of one model and what was made of it, or along one training, this tells; two trained apart have their neurons in another order, and are far apart even where they do the same.",
		After: c.NoMatching}
	t := table{Title: "Farthest apart", Columns: []column{{"parameter", word}, {"differs", number}, {"", bar}}}
	list := bySize(c.Weights, func(d Distance) float64 { return d.Relative })
	for _, d := range list[:min(mostListed, len(list))] {
		if d.Relative > 0 {
			t.Rows = append(t.Rows, []cell{{Text: d.Name}, {Text: fmt.Sprintf("%.4f", d.Relative)}, {V: d.Relative, Title: fmt.Sprintf("%.6g", d.Relative)}})
		}
	}
	if len(t.Rows) > 0 {
		s.Figures = []figure{t}
	} else if len(c.Weights) > 0 {
		s.After = strings.TrimSpace("They are the same. " + s.After)
	}
	if c.Matching != nil {
		s.Figures, s.Checks = append(s.Figures, c.matched()), c.Matching.Checks
		s.After = strings.TrimSpace(s.After + " Neurons are matched by what fires together. Of two models trained apart the weights stay far apart even so, since the streams that they read and write are turned, too.")
	}
	return s
}

// matched is the MLPs before and after B's neurons were put in A's order.
func (c *Comparison) matched() table {
	t := table{Title: "The MLPs, before and after putting B's neurons in the order of A's", Columns: []column{{"block", number}, {"moved", number}, {"correlation", number}, {"matched", number}, {"weights", number}, {"matched", number}, {"", bar}}}
	for _, l := range slices.Backward(c.Matching.Layers) {
		moved := 0
		for i, j := range l.Neurons {
			if i != j {
				moved++
			}
		}
		t.Rows = append(t.Rows, []cell{{Text: fmt.Sprint(l.Layer)}, {Text: Count(moved)}, {Text: fmt.Sprintf("%.3f", l.Before)}, {Text: fmt.Sprintf("%.3f", l.After)},
			{Text: fmt.Sprintf("%.4f", l.WeightBefore)}, {Text: fmt.Sprintf("%.4f", l.WeightAfter)}, {V: l.After, Title: fmt.Sprintf("correlation %.6g before, %.6g after", l.Before, l.After)}})
	}
	return t
}
