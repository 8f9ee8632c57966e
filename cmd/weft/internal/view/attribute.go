package view

import (
	"fmt"
	"slices"

	"weft/inspect"
)

// AddAttribution draws who wrote a logit.
func (r *Report) AddAttribution(a *inspect.LogitAttribution) {
	r.Attribution = a
	what := fmt.Sprintf("“%s”", r.show(a.Token))
	say := fmt.Sprintf("Its logit %s, after “%s”, is the sum of what every part wrote into the last vector (they sum to %s); its probability is %s.",
		short(a.Logit), r.show(a.Tokens[a.Position]), short(a.Sum), trimmed(percent(a.P)))
	if a.Against != nil {
		what = fmt.Sprintf("“%s” rather than “%s”", r.show(a.Token), r.show(*a.Against))
		say = fmt.Sprintf("The difference of their logits, %s, after “%s”, is the sum of what every part wrote into the last vector (they sum to %s). Above zero speaks for “%s”, whose probability is %s.",
			short(a.Logit), r.show(a.Tokens[a.Position]), short(a.Sum), r.show(a.Token), trimmed(percent(a.P)))
	}
	r.add(a.Provenance, a.Checks, section{
		Title: "Attribution: who wrote " + what, Say: say,
		Figures: r.attributed(a),
		After: "Each part counts with the final norm's divisor as it was in this run. This says who wrote the answer into the vector, not who made it " +
			"necessary: --ablate tests that." + r.withoutNeurons(a),
	})
}

func (r *Report) withoutNeurons(a *inspect.LogitAttribution) string {
	if a.NoNeurons == "" {
		return ""
	}
	return " Single neurons are left out: " + a.NoNeurons + "."
}

func (r *Report) attributed(a *inspect.LogitAttribution) []figure {
	list := []figure{attributedParts(a)}
	if heads := attributedHeads(a); len(heads.Rows) > 0 {
		list = append(list, heads, r.attributedSources(a))
	}
	if len(a.Neurons) > 0 {
		list = append(list, attributedNeurons(a))
	}
	return list
}

// attributedParts has a row per block, and one for everything outside the blocks.
func attributedParts(a *inspect.LogitAttribution) table {
	t := table{Title: "By part", Columns: []column{{"part", word}, {"attention", number}, {"MLP", number}, {"adds", number}, {"", both}}}
	var sums []float64
	for _, p := range a.Parts {
		last := len(t.Rows) - 1
		name := string(p.Part)
		if p.Layer >= 0 {
			name = fmt.Sprintf("block %d", p.Layer)
		}
		if last < 0 || t.Rows[last][0].Text != name {
			t.Rows, sums, last = append(t.Rows, []cell{{Text: name}, {}, {}, {}, {}}), append(sums, 0), last+1
		}
		sums[last] += p.Value
		row := t.Rows[last]
		switch p.Part {
		case inspect.Attention:
			row[1] = partCell(a, p)
		case inspect.MLP:
			row[2] = partCell(a, p)
		default:
			row[3].Title = partCell(a, p).Title
		}
	}
	size := relative(sums...)
	for i, sum := range sums {
		t.Rows[i][3].Text, t.Rows[i][4].V = short(sum), size(sum)
	}
	return t
}

func partCell(a *inspect.LogitAttribution, p inspect.LogitPart) cell {
	return cell{Text: short(p.Value), V: p.Value, Title: fmt.Sprintf("%s[0, %d]: %.6g", p.Point, a.Position, p.Value)}
}

// mostListed is how many heads, tokens or neurons a view lists.
const mostListed = 10

// bySize orders the largest first, by size.
func bySize[T any](list []T, value func(T) float64) []T {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(x, y T) int {
		a, b := value(x), value(y)
		switch a, b = max(a, -a), max(b, -b); {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
	return list
}

type layerHead struct {
	layer int
	inspect.HeadShare
}

func attributedHeads(a *inspect.LogitAttribution) table {
	var heads []layerHead
	for _, p := range a.Parts {
		for _, h := range p.Heads {
			heads = append(heads, layerHead{p.Layer, h})
		}
	}
	heads = bySize(heads, func(h layerHead) float64 { return h.Value })
	t := table{Title: "The heads that wrote most", Columns: []column{{"head", word}, {"adds", number}, {"", both}}}
	for _, h := range heads[:min(mostListed, len(heads))] {
		t.Rows = append(t.Rows, []cell{{Text: fmt.Sprintf("L%d.H%d", h.layer, h.Head)}, {Text: short(h.Value)},
			{V: h.Value / max(heads[0].Value, -heads[0].Value, 1e-30), Title: fmt.Sprintf("blocks.%d.attn.hook_z[0, %d, %d]: %.6g", h.layer, a.Position, h.Head, h.Value)}})
	}
	return t
}

func (r *Report) attributedSources(a *inspect.LogitAttribution) table {
	t := table{Title: "What all heads brought, by the token that it came from", Columns: []column{{"token", word}, {"", number}, {"adds", number}, {"", both}}}
	first, size := max(0, len(a.Sources)-maxRows), relative(a.Sources...)
	for i, v := range a.Sources[first:] {
		i += first
		t.Rows = append(t.Rows, []cell{{Text: r.show(a.Tokens[i])}, {Text: fmt.Sprint(i)}, {Text: short(v)}, {V: size(v), Title: fmt.Sprintf("from token %d: %.6g", i, v)}})
	}
	return t
}

func attributedNeurons(a *inspect.LogitAttribution) table {
	t := table{Title: "The MLP neurons that wrote most", Columns: []column{{"neuron", word}, {"fires", number}, {"adds", number}, {"", both}}}
	size := 1e-30
	for _, n := range a.Neurons {
		size = max(size, n.Value, -n.Value)
	}
	for _, n := range a.Neurons {
		t.Rows = append(t.Rows, []cell{{Text: fmt.Sprintf("L%d.N%d", n.Layer, n.Neuron)}, {Text: short(n.Activation)}, {Text: short(n.Value)},
			{V: n.Value / size, Title: fmt.Sprintf("blocks.%d.mlp.hook_post[0, %d, %d] = %.6g: %.6g", n.Layer, a.Position, n.Neuron, n.Activation, n.Value)}})
	}
	return t
}
