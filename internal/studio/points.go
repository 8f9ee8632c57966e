package studio

import (
	"fmt"
	"strings"

	"weft/model"
)

// pointJSON is a place of the forward pass whose numbers a run can give.
type pointJSON struct {
	Name  string   `json:"name"`
	Kind  string   `json:"kind"`
	Layer int      `json:"layer"` // -1 outside the blocks
	Shape []int    `json:"shape"`
	Dims  []string `json:"dims"`
}

// points lists what a run of so many tokens can give, in the order of the pass.
func points(c model.Config, tokens int) []pointJSON {
	var list []pointJSON
	for _, name := range c.HookPoints() {
		p := pointJSON{Name: name, Kind: "activation", Shape: c.PointShape(name, 1, tokens)[1:]}
		p.Layer, _ = split(name)
		p.Dims = dims(p)
		list = append(list, p)
	}
	return list
}

// split takes the block from a point's name; -1: it is outside the blocks.
func split(name string) (layer int, point string) {
	rest, ok := strings.CutPrefix(name, "blocks.")
	if !ok {
		return -1, name
	}
	number, point, _ := strings.Cut(rest, ".")
	if _, err := fmt.Sscanf(number, "%d", &layer); err != nil {
		return -1, name
	}
	return layer, point
}

func isPattern(point string) bool {
	return strings.HasSuffix(point, "hook_pattern") || strings.HasSuffix(point, "hook_attn_scores")
}

// dims names a point's dimensions.
func dims(p pointJSON) []string {
	last := "d_model"
	switch {
	case isPattern(p.Name):
		return []string{"head", "query", "key"}
	case len(p.Shape) == 3:
		return []string{"position", "head", "d_head"}
	case strings.HasSuffix(p.Name, "hook_scale"):
		last = "1"
	case strings.Contains(p.Name, ".mlp."):
		last = "d_mlp"
	case p.Name == "hook_logits":
		last = "vocab"
	}
	return []string{"position", last}
}
