package view

import (
	"fmt"

	"weft/inspect"
)

// AddSaliency draws what tokens did to a logit, by gradients. The model is what the
// report is about: the gradients may be of its weights in float32.
func (r *Report) AddSaliency(a *inspect.Saliency, model inspect.Provenance) {
	r.Saliency = a
	what := fmt.Sprintf("“%s”", r.show(a.Token))
	value := "the logit of " + what
	if a.Against != nil {
		what, value = fmt.Sprintf("“%s” rather than “%s”", r.show(a.Token), r.show(*a.Against)), "the difference of their logits"
	}
	s := section{Title: "Saliency: which tokens speak for " + what, Figures: []figure{r.salient(a)},
		Say: fmt.Sprintf("Each token's vector times the gradient of %s, %s, by that vector: what more of the token would do, as long as little changes.", value, short(a.Value)),
		After: "Above zero speaks for it, below against it. Shares need not sum to the logit, and a gradient says little where the model has made up its mind: " +
			"in a small model, --steps 32 integrates it on the way from an average token. To test a share, change the word."}
	if a.Steps > 0 {
		s.Say = fmt.Sprintf("The gradient of %s by each token's vector, integrated in %s on the way from the mean of all tokens' vectors, where it is %s, to this text, where it is %s. The shares sum to the change.",
			value, many(a.Steps, "step"), short(a.Baseline), short(a.Value))
		s.After = "Above zero speaks for it, below against it, compared with an average token in its place. To test a share, change the word."
	}
	s.After += decoded(a.Provenance, model)
	r.addMade(model, a.Provenance, a.Checks, s)
}

// decoded says that a result is not of the weights as they are stored.
func decoded(made, model inspect.Provenance) string {
	if made.Hash == model.Hash {
		return ""
	}
	return " Computed with the stored weights decoded to float32, which have gradients."
}

func (r *Report) salient(a *inspect.Saliency) table {
	t := table{Title: "By token", Columns: []column{{"token", word}, {"", number}, {"gradient", number}, {"share", number}, {"", both}}}
	first, size := max(0, len(a.Shares)-maxRows), relative(a.Shares...)
	for i, v := range a.Shares[first:] {
		i += first
		t.Rows = append(t.Rows, []cell{{Text: r.show(a.Tokens[i])}, {Text: fmt.Sprint(i)}, {Text: short(a.Norms[i]), Title: fmt.Sprintf("length of the gradient: %.6g", a.Norms[i])},
			{Text: short(v)}, {V: size(v), Title: fmt.Sprintf("token %d: %.6g", i, v)}})
	}
	return t
}
