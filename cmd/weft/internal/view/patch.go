package view

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"weft/inspect"
)

// sites are what a patch can move, in words.
var sites = map[inspect.Site]string{
	inspect.SiteResidPre: "the stream that enters a block",
	inspect.SiteAttnOut:  "what attention adds",
	inspect.SiteMLPOut:   "what the MLP adds",
	inspect.SiteHeads:    "what one head fetched, at all tokens",
}

// AddPatching draws where the clean answer can be restored.
func (r *Report) AddPatching(g *inspect.PatchGrid) {
	r.Patching = g
	right, wrong := r.show(g.Right), r.show(g.Wrong)
	r.add(g.Provenance, g.Checks, section{
		Title: fmt.Sprintf("Patching: where “%s” rather than “%s” comes from", right, wrong),
		Say: fmt.Sprintf("The clean text prefers “%s” by a logit difference of %s, the corrupted one by %s. One place of the clean run at a time (%s) is put into the corrupted run: "+
			"0 changes nothing, 100 restores the clean answer, in percent; below 0 makes it worse.", right, short(g.CleanDiff), short(g.CorruptedDiff), sites[g.Site]),
		Figures: []figure{r.prompts(g), r.differing(g), r.patchGrid(g), r.patchBest(g)},
		After:   "This shows places that suffice to bring the answer back; whether it needs them is the question the other way round (swap the two texts).",
	})
}

func (r *Report) prompts(g *inspect.PatchGrid) table {
	return table{Title: "The two texts", Columns: []column{{"", word}, {"", word}}, Rows: [][]cell{
		{{Text: "clean"}, {Text: strings.Join(r.shown(g.Clean), "")}}, {{Text: "corrupted"}, {Text: strings.Join(r.shown(g.Corrupted), "")}}}}
}

func (r *Report) differing(g *inspect.PatchGrid) table {
	t := table{Title: "Where the texts differ", Columns: []column{{"token", number}, {"clean", word}, {"corrupted", word}}}
	for _, i := range g.Differ {
		t.Rows = append(t.Rows, []cell{{Text: fmt.Sprint(i)}, {Text: r.show(g.Clean[i])}, {Text: r.show(g.Corrupted[i])}})
	}
	return t
}

// columns names the grid's columns, and says which is the first that can matter:
// what comes before the texts differ is the same in both.
func (r *Report) patchColumns(g *inspect.PatchGrid) (names []string, first int) {
	if g.Columns == "head" {
		return numbered("H", len(g.Grid[0])), 0
	}
	if len(g.Differ) > 0 {
		first = g.Differ[0]
	}
	return r.shown(g.Corrupted), first
}

func (r *Report) patchGrid(g *inspect.PatchGrid) grid {
	names, first := r.patchColumns(g)
	out := grid{Corner: "block", Columns: names[first:], Hue: positive, Wide: 6, Bands: g.Columns == "head"}
	if first > 0 {
		out.Title = fmt.Sprintf("By block and token, from the first that differs (token %d) on", first)
	}
	for i, row := range slices.Backward(g.Grid) {
		var cells []cell
		for j, v := range row[first:] {
			cells = append(cells, cell{Text: hundredths(v), V: max(-1, min(1, v)),
				Title: fmt.Sprintf("%s of block %d, %s %d: %.6g restored", g.Site, g.Layers[i], g.Columns, j+first, v)})
		}
		out.Names, out.Cells = append(out.Names, fmt.Sprint(g.Layers[i])), append(out.Cells, cells)
	}
	return out
}

type place struct {
	layer, column int
	value         float64
}

func (r *Report) patchBest(g *inspect.PatchGrid) table {
	names, _ := r.patchColumns(g)
	var places []place
	for i, row := range g.Grid {
		for j, v := range row {
			places = append(places, place{g.Layers[i], j, v})
		}
	}
	places = bySize(places, func(p place) float64 { return p.value })
	t := table{Title: "The places that restore most", Columns: []column{{"block", number}, {g.Columns, number}, {"", word}, {"restores", number}, {"", both}}}
	for _, p := range places[:min(mostListed, len(places))] {
		t.Rows = append(t.Rows, []cell{{Text: fmt.Sprint(p.layer)}, {Text: fmt.Sprint(p.column)}, {Text: names[p.column]}, {Text: hundredths(p.value) + "%"},
			{V: max(-1, min(1, p.value)), Title: fmt.Sprintf("%.6g", p.value)}})
	}
	return t
}

// hundredths writes a share in percent, with a true minus sign and no −0.
func hundredths(v float64) string {
	return strings.Replace(fmt.Sprintf("%d", int(math.Round(100*v))), "-", "−", 1)
}
