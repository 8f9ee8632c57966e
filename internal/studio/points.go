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

	Formula string `json:"formula"` // in general; a cell's own has the numbers
}

// formulas say in general how points are made. What does not hold for every model is
// left out; the formula of a cell is exact.
var formulas = map[string]string{
	"hook_embed": "W_E[token]", "hook_pos_embed": "W_pos[position]",
	"hook_resid_pre": "the stream that enters the block", "hook_resid_mid": "resid_pre + attn_out", "hook_resid_post": "resid_pre + attn_out + mlp_out",
	"ln1.hook_scale": "√(mean x² + ε)", "ln1.hook_normalized": "x / scale", "ln2.hook_scale": "√(mean x² + ε)", "ln2.hook_normalized": "x / scale",
	"ln1_post.hook_scale": "√(mean x² + ε)", "ln1_post.hook_normalized": "x / scale", "ln2_post.hook_scale": "√(mean x² + ε)", "ln2_post.hook_normalized": "x / scale",
	"ln_final.hook_scale": "√(mean x² + ε)", "ln_final.hook_normalized": "x / scale",
	"attn.hook_q": "x · W_Q", "attn.hook_k": "x · W_K", "attn.hook_v": "x · W_V",
	"attn.hook_rot_q": "q, turned by its position", "attn.hook_rot_k": "k, turned by its position",
	"attn.hook_attn_scores": "q · k / √d_head", "attn.hook_pattern": "softmax(scores)", "attn.hook_z": "pattern · v", "hook_attn_out": "z · W_O",
	"mlp.hook_pre": "x · W_in", "mlp.hook_pre_linear": "x · W_in", "mlp.hook_post": "act(pre)", "hook_mlp_out": "post · W_out",
	finalLogits: "x · W_U",
}

// formula is how a point is made in a model of this kind.
func formula(c model.Config, point string) string {
	switch {
	case c.Norm == model.LayerNorm && strings.HasSuffix(point, "hook_scale"):
		return "√(mean (x − mean x)² + ε)"
	case c.Norm == model.LayerNorm && strings.HasSuffix(point, "hook_normalized"):
		return "(x − mean x) / scale"
	case c.Gated && point == "mlp.hook_pre":
		return "x · W_gate"
	case c.Gated && point == "mlp.hook_post":
		return "act(pre) · pre_linear"
	}
	return formulas[point]
}

// points lists what a run of so many tokens can give, in the order of the pass.
func points(c model.Config, tokens int) []pointJSON {
	var list []pointJSON
	for _, name := range c.HookPoints() {
		p := pointJSON{Name: name, Kind: "activation", Shape: c.PointShape(name, 1, tokens)[1:]}
		layer, point := split(name)
		p.Layer, p.Formula = layer, formula(c, point)
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
