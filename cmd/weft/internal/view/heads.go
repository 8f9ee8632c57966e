package view

import (
	"fmt"

	"weft/inspect"
)

// kinds are the kinds of heads in the order in which they are shown.
var kinds = []struct {
	kind, letter, what string
	score              func(h inspect.HeadScores) float64
}{
	{inspect.KindPrevious, "p", "looks at the token before", func(h inspect.HeadScores) float64 { return h.Previous }},
	{inspect.KindDuplicate, "d", "finds the same token earlier", func(h inspect.HeadScores) float64 { return h.Duplicate }},
	{inspect.KindInduction, "i", "finds what came after the same token earlier", func(h inspect.HeadScores) float64 { return h.Induction }},
	{inspect.KindFirst, "f", "rests on the first token (a sink)", func(h inspect.HeadScores) float64 { return h.First }},
	{inspect.KindCopy, "c", "hands on the very token that it looks at", func(h inspect.HeadScores) float64 { return h.Copy }},
}

// AddHeads draws the card of heads.
func (r *Report) AddHeads(c *inspect.HeadCard) {
	r.Heads = c
	for _, tokens := range c.Tokens {
		r.shown(tokens)
	}
	s := section{Title: "Heads: what kind each one is",
		Say: fmt.Sprintf("%s of %s, each written twice: nothing but the repetition can be known, so what a head does with it is its habit. "+
			"A score is the mean attention, from %.2g on it names the head; copy is no attention but the share of other tokens whose logits the weights raise less than the very token's, listed from %.2g on. Seed %d.", many(c.Sequences, "random sequence"), many(c.Length, "token"), c.Threshold, c.Copies, c.Seed),
		Figures: []figure{headCard(c)},
		After:   fmt.Sprintf("Loss on the first copy %s nats per token, on the second %s: %s", short(c.LossFirst), short(c.LossSecond), useOfRepetition(c)),
	}
	for _, k := range kinds {
		s.Figures = append(s.Figures, headsFound(c, k.kind, k.what, k.score))
	}
	if c.NoCopy != "" {
		s.After += " Copying is not measured: " + c.NoCopy + "."
	}
	r.add(c.Provenance, c.Checks, s)
}

func useOfRepetition(c *inspect.HeadCard) string {
	if c.LossSecond < 0.9*c.LossFirst {
		return "the model uses the repetition."
	}
	return "the model makes little use of the repetition."
}

// headCard is a map of all heads with a letter for each kind.
func headCard(c *inspect.HeadCard) grid {
	g := grid{Title: "The map: p previous token, d duplicate, i induction, f first token", Corner: "block", Hue: Looked, Wide: 3, Bands: true}
	letters, scores := map[string]string{"": "·"}, map[string]func(inspect.HeadScores) float64{}
	for _, k := range kinds {
		letters[k.kind], scores[k.kind] = k.letter, k.score
	}
	for _, h := range c.Heads {
		if last := len(g.Names) - 1; last < 0 || g.Names[last] != fmt.Sprint(h.Layer) {
			g.Names, g.Cells = append(g.Names, fmt.Sprint(h.Layer)), append(g.Cells, nil)
		}
		v := 0.0
		if score := scores[h.Kind]; score != nil {
			v = score(h)
		}
		last := len(g.Cells) - 1
		g.Cells[last] = append(g.Cells[last], cell{Text: letters[h.Kind], V: v, Title: fmt.Sprintf("head %d.%d: previous %.3f, duplicate %.3f, induction %.3f, first %.3f, copy %.3f",
			h.Layer, h.Head, h.Previous, h.Duplicate, h.Induction, h.First, h.Copy)})
		g.Columns = numbered("", max(len(g.Columns), len(g.Cells[last])))
	}
	return g
}

// headsFound lists the strongest of a kind, also those that are not strong enough.
func headsFound(c *inspect.HeadCard, kind, what string, score func(inspect.HeadScores) float64) figure {
	found := len(c.Found[kind])
	if kind == inspect.KindCopy && c.NoCopy != "" {
		return table{}
	}
	title := fmt.Sprintf("%s (%s): %s", kind, many(found, "head"), what)
	if found == 0 {
		title = fmt.Sprintf("%s: none here; the closest", kind)
	}
	t := table{Title: title, Columns: []column{{"head", word}, {"score", number}, {"", bar}}}
	list := bySize(c.Heads, score)
	for _, h := range list[:min(len(list), max(1, min(5, found)))] {
		v := score(h)
		t.Rows = append(t.Rows, []cell{{Text: fmt.Sprintf("L%d.H%d", h.Layer, h.Head)}, {Text: short(v)}, {V: v, Title: fmt.Sprintf("%s %.6g", kind, v)}})
	}
	return t
}
