package inspect

import (
	"fmt"
	"strings"

	"weft/kvcache"
	"weft/model"
)

// Inventory is what a model is: what was chosen, where the learned parameters are, and
// what running it takes. Its JSON is that of `weft info --json`.
type Inventory struct {
	Name    string `json:"name"`
	Arch    string `json:"arch"`
	License string `json:"license,omitempty"`

	Params     int            `json:"params"`
	ByPart     ByPart         `json:"params_by_part"`
	DTypeBytes map[string]int `json:"dtype_bytes"` // as stored

	Context  int  `json:"context"`
	Vocab    int  `json:"vocab"`
	Layers   int  `json:"layers"`
	Dim      int  `json:"dim"`
	Heads    int  `json:"heads"`
	KVHeads  int  `json:"kv_heads"`
	HeadDim  int  `json:"head_dim"`
	Hidden   int  `json:"hidden"`
	TiedHead bool `json:"tied_head"`

	MemoryBytes map[string]int `json:"memory_bytes"` // by context: all together
	Memory      []Memory       `json:"memory"`       // by context: what it is made of
	Tensors     []StoredTensor `json:"tensors,omitempty"`

	Config model.Config `json:"-"`
}

// ByPart is how many parameters each part of the model has. A head tied to the
// embedding has none of its own.
type ByPart struct {
	Embedding int `json:"embedding"`
	Attention int `json:"attention"`
	MLP       int `json:"mlp"`
	Norms     int `json:"norms"`
	Head      int `json:"head"`
}

// Memory is what one sequence of a context takes while it runs, in bytes.
type Memory struct {
	Context     int `json:"context"`
	Weights     int `json:"weights"`
	KV          int `json:"kv"`
	Activations int `json:"activations"`
	Total       int `json:"total"`
}

// StoredTensor is one stored tensor.
type StoredTensor struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
	Bytes int    `json:"bytes"`
}

// NewInventory takes stock of a model; tensors are those of its file.
func NewInventory(name, license string, c model.Config, tensors []StoredTensor) *Inventory {
	info := &Inventory{Name: name, Arch: c.Arch, License: license, Params: c.ParamCount(), ByPart: byPart(c), DTypeBytes: map[string]int{},
		Context: c.Context, Vocab: c.Vocab, Layers: c.Layers, Dim: c.Dim, Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim,
		Hidden: c.Hidden, TiedHead: c.TiedHead, MemoryBytes: map[string]int{}, Tensors: tensors, Config: c}
	for _, t := range tensors {
		info.DTypeBytes[t.DType] += t.Bytes
	}
	for _, context := range contexts(c.Context) {
		m := memory(c, tensors, context)
		info.Memory = append(info.Memory, m)
		info.MemoryBytes[fmt.Sprint(context)] = m.Total
	}
	return info
}

// byPart sorts the parameters by what they are for. Biases go with their matrix.
func byPart(c model.Config) ByPart {
	var b ByPart
	for _, p := range c.Params() {
		n := p.Rows * p.Cols
		switch {
		case p.Kind == model.Embedding:
			b.Embedding += n
		case p.Kind == model.Head:
			b.Head += n
		case strings.Contains(p.Name, "_norm."):
			b.Norms += n
		case strings.Contains(p.Name, ".attn_"):
			b.Attention += n
		default:
			b.MLP += n
		}
	}
	return b
}

// contexts are the powers of four from 256 up that the model can take, and its own.
func contexts(most int) []int {
	var list []int
	for n := 256; n < most; n *= 4 {
		list = append(list, n)
	}
	return append(list[max(0, len(list)-4):], most)
}

// promptChunk is how many tokens a session works on at once.
const promptChunk = 512

// memory counts what a session of a context holds: weights as the engine keeps
// them, which takes what the files take, keys and values in half precision (where
// layers have windows, the most there may be), and the working memory of one chunk.
// A test compares it with what the engine allocates.
func memory(c model.Config, tensors []StoredTensor, context int) Memory {
	weights := 0
	for _, t := range tensors {
		weights += t.Bytes
	}
	if weights == 0 { // made in memory
		weights = 4 * c.ParamCount()
	}
	n := min(context, promptChunk)
	gate := 0
	if c.Gated {
		gate = c.Hidden
	}
	rows := 6*c.Dim + 2*c.QDim() + 2*c.KVDim() + 2*c.Hidden + gate
	m := Memory{Context: context, Weights: weights, KV: c.CacheShape(kvcache.F16).Bytes(context, promptChunk), Activations: 4 * (n*rows + c.Vocab)}
	m.Total = m.Weights + m.KV + m.Activations
	return m
}
