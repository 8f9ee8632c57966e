package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"weft/tensor"
)

// Weights are a model's learned parameters. Gradients are held in the same type.
type Weights struct {
	Config     Config
	TokenEmbd  tensor.Mat // Vocab × Dim: a row per token
	PosEmbd    tensor.Mat // Context × Dim; learned positions only
	Layers     []Layer
	OutputNorm Norm
	Output     Linear // Vocab × Dim; its storage is TokenEmbd's when the head is tied
}

// Layer is the parameters of one transformer block.
type Layer struct {
	AttnNorm                      Norm
	AttnQ, AttnK, AttnV           Linear // QDim × Dim, KVDim × Dim, KVDim × Dim
	AttnOut                       Linear // Dim × QDim
	FFNNorm                       Norm
	FFNGate /* if gated */, FFNUp Linear // Hidden × Dim
	FFNDown                       Linear // Dim × Hidden
}

// Norm is the parameters of a normalisation: Dim each; Bias may be nil.
type Norm struct{ Gain, Bias []float32 }

// Linear is the parameters of y = x·Wᵀ + B; B may be nil.
type Linear struct {
	W      tensor.Mat // out × in
	B      []float32  // out
	packed *tensor.Packed
}

// Kind says what a parameter is for; optimisers and inventories go by it.
type Kind uint8

const (
	Embedding Kind = iota // rows looked up
	Matrix                // of a block's matrix products
	Head                  // the unembedding, when it is not tied
	Gain                  // of a norm
	Bias
)

func (k Kind) String() string {
	return [...]string{"embedding", "matrix", "head", "gain", "bias"}[k]
}

// Param is one named tensor of the weights. Names are GGUF's.
type Param struct {
	Name       string
	Kind       Kind
	Rows, Cols int       // a vector has one row
	Data       []float32 // Rows × Cols; nil in Config.Params
}

// NewWeights allocates weights that are all zero.
func NewWeights(c Config) *Weights {
	w := &Weights{Config: c, Layers: make([]Layer, c.Layers)}
	w.each(func(p Param, data *[]float32) { *data = make([]float32, p.Rows*p.Cols) })
	w.shape()
	return w
}

// NewGrads allocates zero gradients. Unlike weights, they keep the two parts
// of a tied embedding's gradient (as embedding, as head) apart until Fold, so
// that each stays one running sum over tokens.
func NewGrads(c Config) *Weights {
	g := NewWeights(c)
	if c.TiedHead {
		g.Output.W = tensor.New(c.Vocab, c.Dim)
	}
	return g
}

// Fold adds the head's part of a tied embedding's gradient to the embedding's.
// Call it once after the last micro-batch of a step, before reading Params.
func (w *Weights) Fold() {
	if !w.Config.TiedHead {
		return
	}
	head := w.Output.W.Data
	for i, g := range head {
		w.TokenEmbd.Data[i] += g
		head[i] = 0
	}
}

// Zero sets every number to zero, the unfolded part of a tied gradient too.
func (w *Weights) Zero() {
	w.each(func(_ Param, data *[]float32) { clear(*data) })
	clear(w.Output.W.Data)
}

// Params lists the parameters in their one fixed order, sharing storage.
func (w *Weights) Params() []Param {
	var list []Param
	w.each(func(p Param, data *[]float32) { p.Data = *data; list = append(list, p) })
	return list
}

// Params lists the parameters that a model of this config has, without data.
func (c Config) Params() []Param {
	w := &Weights{Config: c, Layers: make([]Layer, c.Layers)}
	return w.Params()
}

// each visits every parameter: its description and the slice that stores it.
func (w *Weights) each(visit func(p Param, data *[]float32)) {
	c := w.Config
	add := func(name string, kind Kind, rows, cols int, data *[]float32) {
		visit(Param{Name: name, Kind: kind, Rows: rows, Cols: cols}, data)
	}
	norm := func(name string, n *Norm) {
		add(name+".weight", Gain, 1, c.Dim, &n.Gain)
		if c.NormBias {
			add(name+".bias", Bias, 1, c.Dim, &n.Bias)
		}
	}
	linear := func(name string, l *Linear, out, in int, bias bool) {
		add(name+".weight", Matrix, out, in, &l.W.Data)
		if bias {
			add(name+".bias", Bias, 1, out, &l.B)
		}
	}
	add("token_embd.weight", Embedding, c.Vocab, c.Dim, &w.TokenEmbd.Data)
	if c.Position == LearnedPositions {
		add("position_embd.weight", Embedding, c.Context, c.Dim, &w.PosEmbd.Data)
	}
	for i := range w.Layers {
		l, b := &w.Layers[i], fmt.Sprintf("blk.%d.", i)
		norm(b+"attn_norm", &l.AttnNorm)
		linear(b+"attn_q", &l.AttnQ, c.QDim(), c.Dim, c.AttnBias)
		linear(b+"attn_k", &l.AttnK, c.KVDim(), c.Dim, c.AttnBias)
		linear(b+"attn_v", &l.AttnV, c.KVDim(), c.Dim, c.AttnBias)
		linear(b+"attn_output", &l.AttnOut, c.Dim, c.QDim(), c.AttnBias)
		norm(b+"ffn_norm", &l.FFNNorm)
		if c.Gated {
			linear(b+"ffn_gate", &l.FFNGate, c.Hidden, c.Dim, c.MLPBias)
		}
		linear(b+"ffn_up", &l.FFNUp, c.Hidden, c.Dim, c.MLPBias)
		linear(b+"ffn_down", &l.FFNDown, c.Dim, c.Hidden, c.MLPBias)
	}
	norm("output_norm", &w.OutputNorm)
	if !c.TiedHead {
		add("output.weight", Head, c.Vocab, c.Dim, &w.Output.W.Data)
	}
}

// shape gives every matrix its rows and columns, once the storage is there.
func (w *Weights) shape() {
	c := w.Config
	w.TokenEmbd = tensor.Of(w.TokenEmbd.Data, c.Vocab, c.Dim)
	if c.Position == LearnedPositions {
		w.PosEmbd = tensor.Of(w.PosEmbd.Data, c.Context, c.Dim)
	}
	for i := range w.Layers {
		l := &w.Layers[i]
		for _, m := range []struct {
			l       *Linear
			out, in int
		}{
			{&l.AttnQ, c.QDim(), c.Dim}, {&l.AttnK, c.KVDim(), c.Dim}, {&l.AttnV, c.KVDim(), c.Dim},
			{&l.AttnOut, c.Dim, c.QDim()}, {&l.FFNUp, c.Hidden, c.Dim}, {&l.FFNDown, c.Dim, c.Hidden},
		} {
			m.l.W = tensor.Of(m.l.W.Data, m.out, m.in)
		}
		if c.Gated {
			l.FFNGate.W = tensor.Of(l.FFNGate.W.Data, c.Hidden, c.Dim)
		}
	}
	if c.TiedHead {
		w.Output.W = w.TokenEmbd
	} else {
		w.Output.W = tensor.Of(w.Output.W.Data, c.Vocab, c.Dim)
	}
}

// Init draws the random sand that training starts from: normal with deviation
// 0.02, the two projections that write into the residual stream smaller by
// √(2·Layers) (GPT-2's scheme), gains 1, biases 0. It is a function of the
// config and the seed alone.
func Init(c Config, seed uint64) *Weights {
	w := NewWeights(c)
	for i, p := range w.Params() {
		std := 0.02
		switch {
		case p.Kind == Gain:
			for j := range p.Data {
				p.Data[j] = 1
			}
			continue
		case p.Kind == Bias:
			continue
		case strings.HasSuffix(p.Name, "attn_output.weight"), strings.HasSuffix(p.Name, "ffn_down.weight"):
			std /= math.Sqrt(2 * float64(c.Layers))
		}
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		for j := range p.Data {
			p.Data[j] = float32(rng.NormFloat64() * std)
		}
	}
	return w
}
