package model

import (
	"errors"
	"fmt"
	"math"
)

// ErrConfig is wrapped by every error of Config.Validate.
var ErrConfig = errors.New("invalid model config")

// NormKind is how a vector is brought to unit size before a layer reads it.
type NormKind uint8

const (
	RMSNorm   NormKind = iota // x / rms(x) · gain (Zhang and Sennrich 2019, arXiv 1910.07467)
	LayerNorm                 // (x - mean) / std · gain + bias (Ba et al. 2016, arXiv 1607.06450)
)

// PositionKind is how a token's place in the sequence enters the computation.
type PositionKind uint8

const (
	RoPE             PositionKind = iota // queries and keys rotated by position (Su et al. 2021, arXiv 2104.09864)
	LearnedPositions                     // a learned vector per position, added to the embedding (GPT-2)
)

// Activation is the non-linearity of the feed-forward network.
type Activation uint8

const (
	SiLU    Activation = iota // x · sigmoid(x)
	GELU                      // the tanh approximation, "gelu_new" (Hendrycks and Gimpel 2016, arXiv 1606.08415)
	GELUErf                   // the exact form, x · Φ(x)
)

// Config says what a model is made of. It is data: the one Forward reads these
// switches, and an architecture is a setting of them.
type Config struct {
	Arch string // the family's name in files: "llama", "gpt2"

	Vocab   int // tokens in the vocabulary
	Context int // positions the model was made for
	Layers  int // transformer blocks
	Dim     int // width of the residual stream
	Heads   int // query heads
	KVHeads int // key/value heads; Heads must be a multiple (grouped-query attention)
	HeadDim int // width of a head
	Hidden  int // width of the feed-forward network

	Norm     NormKind
	NormEps  float32
	NormBias bool // LayerNorm only

	Position  PositionKind
	RopeTheta float64 // base of the rotation frequencies

	Activation Activation
	Gated      bool // act(gate(x)) · up(x), as in SwiGLU (Shazeer 2020, arXiv 2002.05202); else act(up(x))

	AttnBias bool // biases on Q, K, V and the attention output
	MLPBias  bool // biases on the feed-forward projections
	TiedHead bool // the unembedding is the embedding
}

// Validate reports the first thing that makes the config unusable.
func (c Config) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrConfig, fmt.Sprintf(format, args...))
	}
	for _, f := range []struct {
		name     string
		n, limit int
	}{
		{"vocab", c.Vocab, 1 << 22}, {"context", c.Context, 1 << 24}, {"layers", c.Layers, 1 << 12},
		{"dim", c.Dim, 1 << 18}, {"heads", c.Heads, 1 << 12}, {"kv heads", c.KVHeads, 1 << 12},
		{"head dim", c.HeadDim, 1 << 12}, {"hidden", c.Hidden, 1 << 20},
	} {
		if f.n < 1 || f.n > f.limit {
			return bad("%s is %d, must be between 1 and %d", f.name, f.n, f.limit)
		}
	}
	switch {
	case c.Heads%c.KVHeads != 0:
		return bad("%d heads are no multiple of %d kv heads", c.Heads, c.KVHeads)
	case c.Position == RoPE && c.HeadDim%2 != 0:
		return bad("head dim %d is odd, RoPE turns pairs", c.HeadDim)
	case c.Position == RoPE && !(c.RopeTheta >= 1 && c.RopeTheta < math.MaxFloat32):
		return bad("rope theta is %g", c.RopeTheta)
	case !(c.NormEps >= 0 && c.NormEps < 1):
		return bad("norm epsilon is %g", c.NormEps)
	case c.Norm > LayerNorm, c.Position > LearnedPositions, c.Activation > GELUErf:
		return bad("unknown norm, position or activation kind")
	case c.Norm == RMSNorm && c.NormBias:
		return bad("RMSNorm has no bias")
	case c.ParamCount() > 1<<42:
		return bad("%d parameters", c.ParamCount())
	}
	return nil
}

// QDim is the width of all query heads together.
func (c Config) QDim() int { return c.Heads * c.HeadDim }

// KVDim is the width of all key (or value) heads together.
func (c Config) KVDim() int { return c.KVHeads * c.HeadDim }

// ParamCount is the number of learned parameters; a tied head counts once.
func (c Config) ParamCount() int {
	n := 0
	for _, p := range c.Params() {
		n += p.Rows * p.Cols
	}
	return n
}

// FLOPsPerToken is what one token of a training step costs in sequences of
// seqLen tokens, forward and backward: 6 for every weight of a matrix product
// (the head included, embeddings read by row not) and 12·Layers·QDim for every
// attended position, of which causal attention has (seqLen+1)/2 on average
// (the count of Kaplan et al. 2020, arXiv 2001.08361, appendix B, made causal).
func (c Config) FLOPsPerToken(seqLen int) float64 {
	weights := 0
	for _, p := range c.Params() {
		if p.Kind == Matrix || p.Kind == Head {
			weights += p.Rows * p.Cols
		}
	}
	if c.TiedHead {
		weights += c.Vocab * c.Dim
	}
	return 6*float64(weights) + 12*float64(c.Layers*c.QDim())*float64(seqLen+1)/2
}
