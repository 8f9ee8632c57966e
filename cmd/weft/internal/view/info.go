package view

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"weft/inspect"
	"weft/model"
)

// Info is what `weft info` says of a model, Tensor one of its stored tensors.
type (
	Info   = inspect.Inventory
	Tensor = inspect.StoredTensor
)

// NewInfo takes stock of a model; tensors are those of its file.
func NewInfo(name, license string, c model.Config, tensors []Tensor) *Info {
	return inspect.NewInventory(name, license, c, tensors)
}

// landmarks are models of published size, to see where another one stands.
var landmarks = []struct {
	name   string
	params float64
}{
	{"GPT-2 (2019)", 124e6},
	{"GPT-2 XL (2019)", 1.56e9},
	{"Llama 3 8B (2024)", 8.03e9},
	{"Llama 3 70B (2024)", 70.6e9},
	{"GPT-3 (2020)", 175e9},
	{"Llama 3.1 405B (2024)", 405e9},
	{"a trillion", 1e12},
}

// InfoText draws the inventory for the terminal.
func InfoText(info *Info, p Paint, listTensors bool) string {
	d := &drawing{Paint: p, w: p.width()}
	d.design(info)
	d.inventory(info)
	d.stored(info)
	d.memories(info)
	d.standing(info)
	if listTensors {
		d.tensors(info)
	}
	return d.out.String()
}

func (d *drawing) design(info *Info) {
	c := info.Config
	d.line("%s  %s", d.bold("weft info"), cut(info.Name, d.w-11))
	d.title(d.ink(Chosen, "■"), "Chosen by its designers (hyperparameters)")
	heads := fmt.Sprintf("%d of width %d", c.Heads, c.HeadDim)
	if c.KVHeads != c.Heads {
		heads += fmt.Sprintf(", sharing %s", many(c.KVHeads, "key/value head"))
	}
	head := "its own"
	if c.TiedHead {
		head = "tied: the embedding, used again"
	}
	rows := [][2]string{
		{"architecture", c.Arch}, {"vocabulary", many(c.Vocab, "token")}, {"context", many(c.Context, "token")},
		{"blocks", fmt.Sprint(c.Layers)}, {"vectors of", many(c.Dim, "number")}, {"attention heads", heads},
		{"MLP", fmt.Sprintf("%s wide, %s", Count(c.Hidden), activation(c))}, {"norm", normName(c)}, {"positions", positions(c)}, {"head", head},
	}
	if info.License != "" {
		rows = append(rows, [2]string{"licence", info.License})
	}
	for _, r := range rows {
		d.line("    %s %s", d.ink(faint, pad(r[0], 16)), cut(r[1], d.w-21))
	}
}

func activation(c model.Config) string {
	name := [...]string{"SiLU", "GELU (tanh)", "GELU", "ReLU", "clamped SiLU"}[c.Activation]
	if c.Gated && c.Activation == model.SiLU {
		return "SwiGLU"
	} else if c.Gated {
		return "gated " + name
	}
	return name
}

func normName(c model.Config) string {
	if c.Norm == model.LayerNorm {
		return "LayerNorm"
	}
	return "RMSNorm"
}

func positions(c model.Config) string {
	if c.Position == model.LearnedPositions {
		return "a learned vector for each"
	}
	return fmt.Sprintf("rotations (RoPE, base %s)", Count(int(c.Rope.Theta)))
}

func (d *drawing) inventory(info *Info) {
	d.title(d.ink(Learned, "■"), fmt.Sprintf("Learned (parameters): %s", Count(info.Params)))
	head := "which token fits a vector"
	if info.TiedHead {
		head = "the embedding, used again"
	}
	for _, part := range []struct {
		name string
		n    int
		does string
	}{
		{"embedding", info.ByPart.Embedding, "a vector per token" + map[bool]string{true: " and position"}[info.Config.Position == model.LearnedPositions]},
		{"attention", info.ByPart.Attention, "who looks at whom, and takes what"},
		{"MLP", info.ByPart.MLP, "works on each vector alone"},
		{"norms", info.ByPart.Norms, "keep the sizes in hand"},
		{"head", info.ByPart.Head, head},
	} {
		share := float64(part.n) / float64(info.Params)
		columns := max(8, d.w-72)
		d.line("    %s %s %s %s %s", fit(part.name, 10), padLeft(Count(part.n), 14), d.bar(Learned, share, columns), percent(share), d.ink(faint, " "+part.does))
	}
}

func (d *drawing) stored(info *Info) {
	if len(info.DTypeBytes) == 0 {
		return
	}
	d.title(d.ink(Learned, "■"), "Stored as")
	var names []string
	total := 0
	for name, n := range info.DTypeBytes {
		names, total = append(names, name), total+n
	}
	slices.SortFunc(names, func(a, b string) int {
		if by := info.DTypeBytes[b] - info.DTypeBytes[a]; by != 0 {
			return by
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		n := info.DTypeBytes[name]
		share := float64(n) / float64(total)
		d.line("    %s %s %s %s", fit(name, 10), padLeft(Bytes(n), 14), d.bar(Learned, share, max(8, d.w-72)), percent(share))
	}
}

func (d *drawing) memories(info *Info) {
	d.title(d.ink(Made, "■"), "Memory it takes to run")
	d.line("    %s", d.ink(faint, fmt.Sprintf("%14s %12s %18s %12s %12s", "context", "weights", "keys and values", "workspace", "together")))
	for _, m := range info.Memory {
		d.line("    %14s %12s %18s %12s %12s", Count(m.Context), Bytes(m.Weights), Bytes(m.KV), Bytes(m.Activations), d.bold(padLeft(Bytes(m.Total), 12)))
	}
}

// standing places the model among others on a logarithmic scale.
func (d *drawing) standing(info *Info) {
	d.title("≈", "Where it stands")
	type row struct {
		name   string
		params float64
		mine   bool
	}
	rows := []row{{"this model", float64(info.Params), true}}
	for _, l := range landmarks {
		rows = append(rows, row{l.name, l.params, false})
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		switch {
		case a.params < b.params:
			return -1
		case a.params > b.params:
			return 1
		}
		return 0
	})
	low := math.Floor(math.Log10(rows[0].params)) - 1
	high := math.Log10(rows[len(rows)-1].params)
	columns := min(70, d.w-4-22-8-2)
	for _, r := range rows {
		share := (math.Log10(r.params) - low) / (high - low)
		name, kind := fit(r.name, 22), faint
		if r.mine {
			name, kind = d.bold(name), Learned
		}
		d.line("    %s %s %s", name, padLeft(Params(int(r.params)), 6), d.bar(kind, share, columns))
	}
	d.say("On this scale, every %s columns more are ten times as many parameters.", short(float64(columns)/(high-low)))
}

func (d *drawing) tensors(info *Info) {
	d.title(d.ink(Learned, "■"), many(len(info.Tensors), "tensor"))
	name := 20
	for _, t := range info.Tensors {
		name = max(name, width(t.Name))
	}
	name = min(name, d.w-44)
	for _, t := range info.Tensors {
		d.line("    %s %s %s %s", fit(t.Name, name), fit(shape(t.Shape), 16), fit(t.DType, 6), padLeft(Bytes(t.Bytes), 10))
	}
}

func shape(dims []int) string {
	parts := make([]string, len(dims))
	for i, n := range dims {
		parts[i] = fmt.Sprint(n)
	}
	return strings.Join(parts, " × ")
}
