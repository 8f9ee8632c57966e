package studio

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"weft/inspect"
	"weft/model"
	"weft/sample"
	"weft/tensor"
)

type modelJSON struct {
	Provenance  inspect.Provenance `json:"provenance"`
	Name        string             `json:"name"`
	Arch        string             `json:"arch"`
	Params      int                `json:"params"`
	Layers      int                `json:"layers"`
	Dim         int                `json:"dim"`
	Heads       int                `json:"heads"`
	KVHeads     int                `json:"kv_heads"`
	HeadDim     int                `json:"head_dim"`
	MLPDim      int                `json:"mlp_dim"`
	Vocab       int                `json:"vocab"`
	Context     int                `json:"context"`
	Tied        bool               `json:"tied"`
	Chosen      []hyperparameter   `json:"hyperparameters"`
	ByPart      inspect.ByPart     `json:"params_by_part"`
	ByType      map[string]int     `json:"bytes_by_type"`
	Memory      []memoryJSON       `json:"memory_bytes"`
	Tensors     []tensorJSON       `json:"tensors"`
	Template    string             `json:"template"`      // its name
	Jinja       string             `json:"chat_template"` // its text; "": the model came with none
	License     string             `json:"licence"`
	Sampling    sample.Options     `json:"sampling"`
	Gradients   bool               `json:"gradients"` // saliency can be asked for
	NoGradients string             `json:"no_gradients,omitempty"`
}

// memoryJSON is what one sequence of a context takes, in bytes.
type memoryJSON struct {
	Context     int `json:"context"`
	Weights     int `json:"weights"`
	Cache       int `json:"cache"`
	Activations int `json:"activations"`
	Total       int `json:"total"`
}

// tensorJSON is a learned parameter.
type tensorJSON struct {
	Name   string `json:"name"`
	Point  string `json:"point,omitempty"` // TransformerLens's name
	Part   string `json:"part"`            // attention, mlp, embedding, norm or head
	Layer  int    `json:"layer"`           // -1 outside the blocks
	Shape  []int  `json:"shape"`
	Type   string `json:"type"`
	Bytes  int    `json:"bytes"`
	Params int    `json:"params"`
}

// model answers with what a model is.
func (s *Studio) model(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	name := q.text("model")
	if q.err != nil {
		return q.err
	}
	return s.with(r.Context(), name, func(o *opened) error { return writeJSON(w, http.StatusOK, o.stock()) })
}

type openRequest struct {
	Model string `json:"model"`
}

// open opens a model, and answers with what it is.
func (s *Studio) open(w http.ResponseWriter, r *http.Request) error {
	var q openRequest
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	return s.long(w, r, func(ctx context.Context, tell progress) (out any, err error) {
		tell("opening", 0, 0)
		err = s.with(ctx, q.Model, func(o *opened) error {
			tell("hashing", 0, 0)
			out = o.stock()
			return nil
		})
		return out, err
	})
}

// stock is what a model is.
func (o *opened) stock() modelJSON {
	c := o.Core.Config
	var stored []inspect.StoredTensor
	for _, t := range o.Stored {
		stored = append(stored, inspect.StoredTensor(t))
	}
	i := inspect.NewInventory(o.Name, o.License, c, stored)
	out := modelJSON{Provenance: o.subject.Provenance(o.plain("").ids), Name: o.name, Arch: i.Arch, Params: i.Params, Layers: i.Layers, Dim: i.Dim,
		Heads: i.Heads, KVHeads: i.KVHeads, HeadDim: i.HeadDim, MLPDim: i.Hidden, Vocab: i.Vocab, Context: i.Context, Tied: i.TiedHead,
		Chosen: hyperparameters(c), ByPart: i.ByPart, ByType: i.DTypeBytes,
		Template: o.Template.Name(), Jinja: o.Jinja, License: o.License, Sampling: o.Sampling, Gradients: true}
	for _, m := range i.Memory {
		out.Memory = append(out.Memory, memoryJSON{m.Context, m.Weights, m.KV, m.Activations, m.Total})
	}
	for _, p := range o.Core.W.Params() {
		out.Tensors = append(out.Tensors, describe(p))
	}
	switch need := inspect.FloatsBytes(c); {
	case c.Trainable() != nil:
		out.Gradients, out.NoGradients = false, c.Trainable().Error()
	case o.Core.Differentiable() != nil && need > o.subject.Budget:
		out.Gradients, out.NoGradients = false, fmt.Sprintf("its weights in float32 take %d MiB, the budget is %d MiB", mib(need), mib(o.subject.Budget))
	}
	return out
}

// describe is a parameter for the list.
func describe(p model.Param) tensorJSON {
	t := tensorJSON{Name: p.Name, Layer: -1, Shape: []int{p.Rows, p.Cols}, Type: tensor.F32.String(), Params: p.Rows * p.Cols}
	t.Bytes = 4 * t.Params
	if p.IsVector() {
		t.Shape = []int{p.Cols}
	}
	if p.Stored != nil {
		t.Type = p.Stored.DType().String()
		t.Bytes = p.Rows * len(p.Stored.RowBytes(0))
	}
	t.Layer, _ = blockOf(p.Name)
	t.Part, t.Point = partOf(p), lensName(p.Name)
	return t
}

// partOf is what a parameter is for, as in inspect.ByPart.
func partOf(p model.Param) string {
	switch {
	case p.Kind == model.Embedding:
		return "embedding"
	case p.Kind == model.Head:
		return "head"
	case strings.Contains(p.Name, "_norm."):
		return "norm"
	case strings.Contains(p.Name, ".attn_"):
		return "attention"
	}
	return "mlp"
}

// lensNames are TransformerLens's names of parameters.
var lensNames = map[string]string{
	"token_embd.weight": "embed.W_E", "position_embd.weight": "pos_embed.W_pos", "output.weight": "unembed.W_U", "output.bias": "unembed.b_U",
	"output_norm.weight": "ln_final.w", "output_norm.bias": "ln_final.b",
	"attn_norm.weight": "ln1.w", "attn_norm.bias": "ln1.b", "ffn_norm.weight": "ln2.w", "ffn_norm.bias": "ln2.b",
	"attn_q.weight": "attn.W_Q", "attn_k.weight": "attn.W_K", "attn_v.weight": "attn.W_V", "attn_output.weight": "attn.W_O",
	"attn_q.bias": "attn.b_Q", "attn_k.bias": "attn.b_K", "attn_v.bias": "attn.b_V", "attn_output.bias": "attn.b_O",
	"ffn_gate.weight": "mlp.W_gate", "ffn_up.weight": "mlp.W_in", "ffn_down.weight": "mlp.W_out",
	"ffn_up.bias": "mlp.b_in", "ffn_down.bias": "mlp.b_out",
}

// lensName is TransformerLens's name of a parameter, "" if it has none.
func lensName(name string) string {
	layer, rest := blockOf(name)
	short, ok := lensNames[rest]
	if !ok || layer < 0 {
		return short
	}
	return "blocks." + itoa(layer) + "." + short
}

type headsRequest struct {
	Model   string `json:"model"`
	Options struct {
		Length    int     `json:"length"`
		Sequences int     `json:"sequences"`
		Seed      uint64  `json:"seed"`
		Copied    int     `json:"copied"`
		Threshold float64 `json:"threshold"`
	} `json:"options"`
}

// heads answers with the card of heads.
func (s *Studio) heads(w http.ResponseWriter, r *http.Request) error {
	var q headsRequest
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	if q.Options.Sequences > 256 || q.Options.Copied > 1<<16 {
		return bad("%d sequences, %d copied tokens: 256 and 65536 are the most", q.Options.Sequences, q.Options.Copied)
	}
	return s.long(w, r, func(ctx context.Context, tell progress) (out any, err error) {
		err = s.with(ctx, q.Model, func(o *opened) error {
			done, err := s.turn(ctx, tell)
			if err != nil {
				return err
			}
			defer done()
			tell("examining heads", 0, 0)
			out, err = o.in(ctx, "").Heads(ctx, inspect.HeadOptions(q.Options))
			return err
		})
		return out, err
	})
}
