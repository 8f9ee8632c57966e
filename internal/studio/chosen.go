package studio

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"weft/model"
)

// hyperparameter is something that whoever designed the model chose.
type hyperparameter struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
	What  string `json:"what"` // in words
}

func itoa(n int) string { return strconv.Itoa(n) }

// blockOf takes the block from a parameter's name; -1: it is outside the blocks.
func blockOf(name string) (layer int, rest string) {
	after, ok := strings.CutPrefix(name, "blk.")
	if !ok {
		return -1, name
	}
	number, rest, _ := strings.Cut(after, ".")
	layer, err := strconv.Atoi(number)
	if err != nil {
		return -1, name
	}
	return layer, rest
}

// hyperparameters lists what was chosen.
func hyperparameters(c model.Config) []hyperparameter {
	list := []hyperparameter{
		{"architecture", c.Arch, "the family that the model's shape belongs to"},
		{"vocabulary", c.Vocab, "tokens that it knows"},
		{"context", c.Context, "tokens that it was made to read at once"},
		{"blocks", c.Layers, "transformer blocks, one after the other"},
		{"width", c.Dim, "numbers in a token's vector (d_model)"},
		{"heads", c.Heads, "attention heads of a block"},
		{"key/value heads", c.KVHeads, "heads that keys and values are made for; several query heads share one if there are fewer"},
		{"head width", c.HeadDim, "numbers in a head's queries and keys (d_head)"},
		{"MLP width", c.Hidden, "neurons of a block's feed-forward network (d_mlp)"},
		{"norm", [...]string{"RMSNorm", "LayerNorm"}[c.Norm], "how vectors are brought to unit size before they are read"},
		{"norm epsilon", float64(c.NormEps), "keeps the norm from dividing by 0"},
		{"norms stand", [...]string{"before the parts", "behind the parts", "before and behind the parts"}[c.Placement], "where a block's norms are"},
		{"activation", [...]string{"SiLU", "GELU (tanh)", "GELU", "ReLU", "clamped SiLU"}[c.Activation], "the MLP's non-linearity"},
		{"gated MLP", c.Gated, "the activation scales a second projection"},
		{"tied head", c.TiedHead, "the embedding is used again to say which token fits"},
	}
	add := func(is bool, name string, value any, what string) {
		if is {
			list = append(list, hyperparameter{name, value, what})
		}
	}
	add(c.Position == model.LearnedPositions, "positions", "learned", "a learned vector for each position")
	add(c.Position == model.RoPE, "positions", "RoPE", "queries and keys turn by their position")
	add(c.Position == model.RoPE, "RoPE base", c.Rope.Theta, "the slowest turns take longer, the larger it is")
	add(c.Position == model.RoPE && c.Rope.Dims > 0, "RoPE numbers", c.Rope.Dims, "leading numbers of a head that turn")
	add(c.QKNorm != model.NoQKNorm, "normalised queries and keys", [...]string{"no", "by head", "all heads together"}[c.QKNorm], "before they turn")
	add(c.Flow != model.Sequential, "parts", "in parallel", "attention and MLP read the same stream")
	add(c.QKVBias, "biases on Q, K, V", true, "learned numbers added to queries, keys and values")
	add(c.EmbedScale != 0 && c.EmbedScale != 1, "embedding scale", float64(c.EmbedScale), "multiplies embeddings")
	add(c.AttnScale != 0, "attention scale", float64(c.AttnScale), "multiplies scores, in place of 1/√(head width)")
	add(c.AttnSoftCap > 0, "attention soft cap", float64(c.AttnSoftCap), "bounds scores")
	add(c.LogitSoftCap > 0, "logit soft cap", float64(c.LogitSoftCap), "bounds logits")
	add(c.Sinks, "attention sinks", true, "each head has a learned score for looking nowhere")
	add(c.Experts.Count > 0, "experts", fmt.Sprintf("%d, of which a token takes %d", c.Experts.Count, c.Experts.Used), "feed-forward networks that a router picks from")
	add(c.Latent.KV > 0, "latent attention", c.Latent.KV, "numbers of the short vector that keys and values are made of")
	windows := map[int]int{}
	for l := range c.Layers {
		if w := c.Block(l).Window; w > 0 {
			windows[w]++
		}
	}
	for _, w := range slices.Sorted(maps.Keys(windows)) {
		add(true, "window", fmt.Sprintf("%d tokens in %d of %d blocks", w, windows[w], c.Layers), "how far back a token sees there")
	}
	return list
}
