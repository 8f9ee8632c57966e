package view

import (
	"fmt"
	"math"

	"weft/inspect"
)

// AddAttention draws where all heads looked; shown is the one to show token by
// token, or nil for the one that looks around most.
func (r *Report) AddAttention(m *inspect.AttentionMaps, shown *inspect.Head) {
	r.Attention = m
	h, why := roams(m), "the one that looks around most (--attention L.H shows another)"
	if shown != nil {
		h, why = headMap(m, *shown), "as asked"
	}
	r.add(m.Provenance, m.Checks, section{
		Title: "Attention: where heads look",
		Say: "What share of a token's attention goes to the first token, by block and head, in percent. Much of it often rests there: a place to look when " +
			"there is nothing to fetch (a sink). Then head " + fmt.Sprintf("%d.%d", h.Layer, h.Head) + ", " + why + ": where each token looks, and how long the vector is that it fetches from there. " +
			"A token that is much looked at and gives a short vector is a sink.",
		Figures: []figure{sinks(m), distances(m), small(m), r.looks(h), r.fetches(h)},
		After:   "Attention is where a head looked, not why the answer came out: --attribute and --ablate ask that.",
	})
}

func headMap(m *inspect.AttentionMaps, at inspect.Head) *inspect.HeadMap {
	for i := range m.Heads {
		if h := &m.Heads[i]; h.Layer == at.Layer && h.Head == at.Head {
			return h
		}
	}
	return &m.Heads[0]
}

// roams is the head that is farthest from resting on the first token or on itself.
func roams(m *inspect.AttentionMaps) *inspect.HeadMap {
	best, most := &m.Heads[0], math.Inf(-1)
	for i := range m.Heads {
		h := &m.Heads[i]
		rests := h.First
		for j := range m.Tokens {
			rests += float64(h.Pattern[j*(j+1)/2+j]) / float64(len(m.Tokens))
		}
		if 1-rests > most {
			best, most = h, 1-rests
		}
	}
	return best
}

// headGrid has a row per block and a column per head.
func headGrid(m *inspect.AttentionMaps, title string, value func(h *inspect.HeadMap) cell) grid {
	g := grid{Title: title, Corner: "block", Hue: Looked, Wide: 5, Bands: true}
	for i := range m.Heads {
		h := &m.Heads[i]
		if last := len(g.Names) - 1; last < 0 || g.Names[last] != fmt.Sprint(h.Layer) {
			g.Names, g.Cells = append(g.Names, fmt.Sprint(h.Layer)), append(g.Cells, nil)
		}
		last := len(g.Cells) - 1
		g.Cells[last] = append(g.Cells[last], value(h))
		g.Columns = numbered("H", max(len(g.Columns), len(g.Cells[last])))
	}
	return g
}

func sinks(m *inspect.AttentionMaps) grid {
	return headGrid(m, "On the first token, in percent", func(h *inspect.HeadMap) cell {
		return cell{Text: whole(h.First), V: h.First, Title: fmt.Sprintf("head %d.%d: mean attention to the first token %.6g", h.Layer, h.Head, h.First)}
	})
}

func distances(m *inspect.AttentionMaps) grid {
	most := 1e-30
	for _, h := range m.Heads {
		most = max(most, h.Distance)
	}
	return headGrid(m, "How far back, in tokens", func(h *inspect.HeadMap) cell {
		return cell{Text: short(h.Distance), V: h.Distance / most, Title: fmt.Sprintf("head %d.%d: mean distance %.6g tokens, entropy %.6g bits", h.Layer, h.Head, h.Distance, h.Entropy)}
	})
}

// small is every head's pattern as a small picture.
func small(m *inspect.AttentionMaps) patterns {
	p := patterns{Title: "All heads, a row for each block: down are tokens, across where they look"}
	if len(m.Heads) > 1100 {
		p.Title = "Too many heads to draw them all; --json has them"
		return p
	}
	for _, h := range m.Heads {
		p.Columns = max(p.Columns, h.Head+1)
		p.List = append(p.List, pattern{fmt.Sprintf("head %d.%d", h.Layer, h.Head), len(m.Tokens), h.Pattern})
	}
	return p
}

func (r *Report) looks(h *inspect.HeadMap) grid {
	g := r.triangle(fmt.Sprintf("Head %d.%d: where it looks, in percent", h.Layer, h.Head))
	for i := range g.Names {
		for j := range i + 1 {
			v := float64(h.Pattern[i*(i+1)/2+j])
			g.Cells[i] = append(g.Cells[i], cell{Text: fmt.Sprintf("%.0f", 100*v), V: v,
				Title: fmt.Sprintf("blocks.%d.attn.hook_pattern[0, %d, %d, %d] = %.6g", h.Layer, h.Head, i, j, v)})
		}
	}
	return g
}

func (r *Report) fetches(h *inspect.HeadMap) grid {
	g := r.triangle(fmt.Sprintf("Head %d.%d: length of the vector that it brings from there", h.Layer, h.Head))
	largest := 1e-30
	for _, v := range h.Written {
		largest = max(largest, float64(v))
	}
	for i := range g.Names {
		for j := range i + 1 {
			v := float64(h.Written[i*(i+1)/2+j])
			g.Cells[i] = append(g.Cells[i], cell{Text: short(v), V: v / largest,
				Title: fmt.Sprintf("‖blocks.%d.attn.hook_pattern[0, %d, %d, %d] · W_O v‖ = %.6g", h.Layer, h.Head, i, j, v)})
		}
	}
	return g
}

// triangle is an empty grid with a row and a column per token.
func (r *Report) triangle(title string) grid {
	names := r.shown(r.Tokens)
	return grid{Title: title, Corner: "token", Names: names, Columns: names, Cells: make([][]cell, len(names)), Hue: Looked, Wide: 6}
}
