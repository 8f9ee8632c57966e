package model

import (
	"math"
	"math/rand/v2"
	"strings"

	"weft/internal/par"
	"weft/tensor"
)

// Weights are a model's learned parameters. Gradients are held in the same type.
type Weights struct {
	Config     Config
	TokenEmbd  Linear // Vocab × Dim: a row per token; no bias
	PosEmbd    Linear // Context × Dim; learned positions only
	Layers     []Layer
	OutputNorm Norm
	Output     Linear // Vocab × Dim; its storage is TokenEmbd's when the head is tied
}

// Layer is the parameters of one transformer block. What the config does not
// have is empty.
type Layer struct {
	AttnNorm, AttnPostNorm Norm   // before and after attention
	AttnQ, AttnK, AttnV    Linear // QDim × Dim, KVDim × Dim, VDim × Dim
	AttnQNorm, AttnKNorm   Norm   // of a head, or of all
	AttnSinks              []float32
	AttnOut                Linear // Dim × ZDim
	Latent                 LatentLayer
	FFNNorm, FFNPostNorm   Norm
	FFN                    FFN
	Experts                ExpertLayer
}

// FFN is a feed-forward network.
type FFN struct {
	Gate /* if gated */, Up Linear // Hidden × Dim
	Down                    Linear // Dim × Hidden
}

// ExpertLayer is a block's experts.
type ExpertLayer struct {
	Router     Linear    // Count × Dim
	Correction []float32 // Count
	List       []FFN
	Shared     FFN
	SharedGate Linear // 1 × Dim
}

// LatentLayer is what latent attention has in place of AttnQ, AttnK and AttnV.
// With Latent.Q 0, queries are AttnQ's, and QA and QB are empty.
type LatentLayer struct {
	QA, QB  Linear // Q × Dim, QDim × Q
	QANorm  Norm
	KVA     Linear // (KV + Rope) × Dim
	KVANorm Norm
	KB, VB  Linear // Heads·(HeadDim - Rope) × KV, VDim × KV
}

// Norm is the parameters of a normalisation; Bias may be nil.
type Norm struct{ Gain, Bias []float32 }

// Linear is the parameters of y = x·Wᵀ + B; B may be nil. The matrix is W, or
// stays as a file holds it.
type Linear struct {
	W      tensor.Mat     // out × in
	Stored *tensor.Stored // out × in; nil: W is the matrix
	B      []float32      // out

	packed    *tensor.Packed // arranged for speed, at most one of these
	quantised *tensor.Quantised
}

// Row is row i of the matrix, decoded into dst if it is stored.
func (l *Linear) Row(dst []float32, i int) []float32 {
	if l.Stored == nil {
		return l.W.Row(i)
	}
	l.Stored.Row(dst, i)
	return dst
}

// copyRow writes row i of the matrix to dst.
func (l *Linear) copyRow(dst []float32, i int) {
	if l.Stored != nil {
		l.Stored.Row(dst, i)
		return
	}
	copy(dst, l.W.Row(i))
}

// pack arranges the matrix for fast products.
func (l *Linear) pack(p *par.Pool, o Packing) {
	switch {
	case l.Stored != nil && !o.Exact && tensor.CanQuantised(l.Stored.DType(), l.Stored.Cols):
		l.quantised = o.Arena.PackQuantised(p, l.Stored)
	case l.Stored != nil && (o.Decode || tensor.IsHalf(l.Stored.DType())):
		l.packed = o.Arena.PackStored(p, l.Stored, o.Exact)
	case l.Stored == nil && l.W.Data != nil:
		l.packed = o.Arena.Pack(p, l.W.T())
	}
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

// Param is one named tensor of the weights. Names are GGUF's; an expert's have
// its number before the last dot.
type Param struct {
	Name       string
	Kind       Kind
	Rows, Cols int            // a vector has one row
	Data       []float32      // Rows × Cols; nil in Config.Params, and for a matrix that is Stored
	Stored     *tensor.Stored // nil: Data holds the numbers
}

// IsVector says whether the parameter has one dimension.
func (p Param) IsVector() bool { return p.Kind == Gain || p.Kind == Bias }

// Float32s is the numbers, decoded if they are stored.
func (p Param) Float32s() []float32 {
	if p.Stored != nil {
		return p.Stored.Float32s(nil).Data
	}
	return p.Data
}

// NewWeights allocates weights that are all zero.
func NewWeights(c Config) *Weights {
	w := &Weights{Config: c, Layers: layers(c)}
	w.each(func(p Param, at place) { *at.data() = make([]float32, p.Rows*p.Cols) })
	w.finish()
	return w
}

// layers makes room for a config's blocks.
func layers(c Config) []Layer {
	list := make([]Layer, c.Layers)
	for l := range list {
		if c.HasExperts(l) {
			list[l].Experts.List = make([]FFN, c.Experts.Count)
		}
	}
	return list
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
		w.TokenEmbd.W.Data[i] += g
		head[i] = 0
	}
}

// Zero sets every number to zero, the unfolded part of a tied gradient too.
func (w *Weights) Zero() {
	w.each(func(_ Param, at place) { clear(*at.data()) })
	clear(w.Output.W.Data)
}

// Params lists the parameters in their one fixed order, sharing storage.
func (w *Weights) Params() []Param {
	var list []Param
	w.each(func(p Param, at place) {
		if at.linear != nil && at.linear.Stored != nil {
			p.Stored = at.linear.Stored
		} else {
			p.Data = *at.data()
		}
		list = append(list, p)
	})
	return list
}

// Params lists the parameters that a model of this config has, without data.
func (c Config) Params() []Param {
	w := &Weights{Config: c, Layers: layers(c)}
	return w.Params()
}

// place is where a parameter is kept: a vector, or the matrix of a Linear.
type place struct {
	vector *[]float32
	linear *Linear
}

func (p place) data() *[]float32 {
	if p.linear != nil {
		return &p.linear.W.Data
	}
	return p.vector
}

// finish gives every matrix its shape, and what has no parameters of its own
// its numbers, once the storage is there.
func (w *Weights) finish() {
	w.each(func(p Param, at place) {
		if at.linear != nil && at.linear.Stored == nil {
			at.linear.W = tensor.Of(at.linear.W.Data, p.Rows, p.Cols)
		}
	})
	if w.Config.TiedHead {
		bias := w.Output.B
		w.Output = w.TokenEmbd
		w.Output.B = bias
	}
	if w.Config.NormPlain {
		ones := make([]float32, w.Config.Dim)
		for i := range ones {
			ones[i] = 1
		}
		w.OutputNorm.Gain = ones
		for i := range w.Layers {
			w.Layers[i].AttnNorm.Gain, w.Layers[i].FFNNorm.Gain = ones, ones
		}
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
