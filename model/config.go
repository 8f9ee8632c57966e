package model

import (
	"errors"
	"fmt"
)

// ErrConfig is wrapped by every error of Config.Validate.
var ErrConfig = errors.New("invalid model config")

// ErrNoBackward is wrapped by every error of Config.Trainable.
var ErrNoBackward = errors.New("there is no backward pass yet")

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
	SiLU        Activation = iota // x · sigmoid(x)
	GELU                          // the tanh approximation, "gelu_new" (Hendrycks and Gimpel 2016, arXiv 1606.08415)
	GELUErf                       // the exact form, x · Φ(x)
	ReLU                          // max(x, 0)
	ClampedSiLU                   // gpt-oss's: g · sigmoid(1.702·g) · (u + 1), g and u bounded; gated only
)

// Placement is where a block's norms stand.
type Placement uint8

const (
	PreNorm  Placement = iota // before attention and MLP
	PostNorm                  // after them, on what they add (OLMo 2)
	Sandwich                  // both (Gemma 2)
)

// Flow is how a block's two parts follow each other.
type Flow uint8

const (
	Sequential   Flow = iota // the MLP reads what attention wrote
	ParallelOne              // both read the block's input through one norm (Falcon 7B, Phi-2)
	ParallelEach             // each through a norm of its own (GPT-NeoX)
)

// QKNorm is whether queries and keys are normalised (RMSNorm) before they turn.
type QKNorm uint8

const (
	NoQKNorm    QKNorm = iota
	QKNormHead         // each head by itself, one gain for all heads (Qwen 3)
	QKNormWhole        // all heads together (OLMo 2)
)

// Block is what may differ from block to block.
type Block struct {
	Window int  // a token sees so many tokens, itself included; 0: all before it
	NoRope bool // queries and keys do not turn (SmolLM 3)
	Local  bool // they turn as RopeLocal says (Gemma 3)
	Dense  bool // a feed-forward network although the config has Experts
}

// Experts are feed-forward networks of which a router picks a few for each
// token (Shazeer et al. 2017, arXiv 1701.06538). Count 0: there are none.
type Experts struct {
	Count, Used int
	Hidden      int  // width of each
	Shared      int  // width of the one that every token takes besides; 0: none
	SharedGate  bool // whose output a gate of its own scales

	Sigmoid    bool    // scores are sigmoids, not a softmax over all experts
	Chosen     bool    // the softmax is over the chosen alone
	Normed     bool    // the weights of the chosen are divided by their sum
	Scale      float32 // of the weights; 0: 1
	Correction bool    // a learned number per expert is added to its score for choosing (DeepSeek-V3)
	Groups     int     // experts stand in groups, and only GroupsUsed of them take part; 0: no groups
	GroupsUsed int
	GroupTwo   bool // a group's score is the sum of its two best, not the best

	RouterBias, Bias bool // biases on the router, on the experts
}

// Latent is multi-head latent attention (DeepSeek-V2, arXiv 2405.04434): keys
// and values are made of one short vector. KV 0: attention is the usual one.
type Latent struct {
	Q    int // length of the vector that queries are made of; 0: they are made of the input
	KV   int // length of the vector that keys and values are made of
	Rope int // numbers of a head that turn; in keys they are the same for all heads

	NormEps float32 // of the two vectors' norms
}

// Config says what a model is made of. It is data: the one Forward reads these
// switches, and an architecture is a setting of them.
type Config struct {
	Arch string // the family's name in files: "llama", "gpt2"

	Vocab    int // tokens in the vocabulary
	Context  int // positions the model was made for
	Layers   int // transformer blocks
	Dim      int // width of the residual stream
	Heads    int // query heads
	KVHeads  int // key/value heads; Heads must be a multiple (grouped-query attention)
	HeadDim  int // width of a head
	ValueDim int // width of a value head; 0: HeadDim
	Hidden   int // width of the feed-forward network

	Norm      NormKind
	NormEps   float32
	NormBias  bool // LayerNorm only
	NormPlain bool // norms have no gain (OLMo)
	Placement Placement
	Flow      Flow
	QKNorm    QKNorm

	Position  PositionKind
	Rope      Rope
	RopeLocal Rope // of blocks that are Local

	Activation Activation
	ClampLimit float32 // bounds what ClampedSiLU reads; 0: 7
	Gated      bool    // act(gate(x)) · up(x), as in SwiGLU (Shazeer 2020, arXiv 2002.05202); else act(up(x))

	Blocks  []Block // one for each block; nil: all are plain
	Experts Experts
	Latent  Latent

	QKVBias  bool // biases on queries, keys and values
	OutBias  bool // on the attention output
	MLPBias  bool // on the feed-forward projections
	HeadBias bool // on the unembedding
	TiedHead bool // the unembedding is the embedding
	Sinks    bool // each head has a learned score for looking nowhere (gpt-oss)

	EmbedScale   float32 // multiplies embeddings; 0: 1
	ResidScale   float32 // multiplies what each part adds to the stream; 0: 1
	AttnScale    float32 // multiplies scores; 0: 1/√HeadDim
	LogitScale   float32 // multiplies logits; 0: 1
	AttnSoftCap  float32 // bounds scores: cap·tanh(score/cap); 0: none (Gemma 2)
	LogitSoftCap float32 // the same for logits
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
	if err := c.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}

// check looks at how the settings go together.
func (c Config) check() error {
	switch {
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("%d heads are no multiple of %d kv heads", c.Heads, c.KVHeads)
	case c.ValueDim < 0 || c.ValueDim > 1<<12:
		return fmt.Errorf("value heads of width %d", c.ValueDim)
	case !(c.NormEps >= 0 && c.NormEps < 1):
		return fmt.Errorf("norm epsilon is %g", c.NormEps)
	case c.Norm > LayerNorm, c.Position > LearnedPositions, c.Activation > ClampedSiLU, c.Placement > Sandwich, c.Flow > ParallelEach, c.QKNorm > QKNormWhole:
		return errors.New("unknown norm, position, activation, placement or flow")
	case c.Norm == RMSNorm && c.NormBias:
		return errors.New("RMSNorm has no bias")
	case c.Activation == ClampedSiLU && !c.Gated:
		return errors.New("the clamped SiLU is for gated networks")
	case c.Flow != Sequential && c.Placement != PreNorm:
		return errors.New("parallel blocks have their norms before")
	case len(c.Blocks) != 0 && len(c.Blocks) != c.Layers:
		return fmt.Errorf("%d blocks are described, there are %d", len(c.Blocks), c.Layers)
	}
	for i, b := range c.Blocks {
		if b.Window < 0 {
			return fmt.Errorf("block %d has a window of %d", i, b.Window)
		}
	}
	for _, f := range []float32{c.EmbedScale, c.ResidScale, c.AttnScale, c.LogitScale, c.AttnSoftCap, c.LogitSoftCap, c.ClampLimit, c.Experts.Scale} {
		if !(f >= 0 && f < 1e9) {
			return fmt.Errorf("a scale or cap is %g", f)
		}
	}
	if err := errors.Join(c.checkRope(), c.checkExperts(), c.checkLatent()); err != nil {
		return err
	}
	if n := c.ParamCount(); n > 1<<42 {
		return fmt.Errorf("%d parameters", n)
	}
	return nil
}

func (c Config) checkRope() error {
	if c.Position != RoPE {
		return nil
	}
	for _, r := range c.ropes() {
		if err := r.check(c.HeadDim); err != nil {
			return err
		}
	}
	return nil
}

// ropes are the rotations that blocks use: the common one, and the local one if
// any block is Local.
func (c Config) ropes() []Rope {
	list := []Rope{c.Rope}
	for _, b := range c.Blocks {
		if b.Local {
			return append(list, c.RopeLocal)
		}
	}
	return list
}

func (c Config) checkExperts() error {
	e := c.Experts
	switch {
	case e == Experts{}:
		return nil
	case e.Count < 1 || e.Count > 1<<12 || e.Used < 1 || e.Used > e.Count:
		return fmt.Errorf("%d of %d experts", e.Used, e.Count)
	case e.Count*c.Layers > 1<<17:
		return fmt.Errorf("%d experts in each of %d blocks", e.Count, c.Layers)
	case e.Hidden < 1 || e.Hidden > 1<<20 || e.Shared < 0 || e.Shared > 1<<20:
		return fmt.Errorf("experts of width %d and %d", e.Hidden, e.Shared)
	case e.Groups < 0 || e.Groups > 0 && (e.Count%e.Groups != 0 || e.GroupsUsed < 1 || e.GroupsUsed > e.Groups || e.Used > e.Count/e.Groups*e.GroupsUsed):
		return fmt.Errorf("%d of %d groups of %d experts", e.GroupsUsed, e.Groups, e.Count)
	case e.GroupTwo && e.Groups > 0 && e.Count/e.Groups < 2:
		return errors.New("groups of one expert have no two best")
	case !c.Gated:
		return errors.New("experts are gated networks")
	}
	return nil
}

func (c Config) checkLatent() error {
	l := c.Latent
	switch {
	case l == Latent{}:
		return nil
	case l.KV < 1 || l.KV > 1<<18 || l.Q < 0 || l.Q > 1<<18 || l.Rope < 2 || l.Rope >= c.HeadDim:
		return fmt.Errorf("latent attention of %d and %d, %d of %d turning", l.Q, l.KV, l.Rope, c.HeadDim)
	case !(l.NormEps >= 0 && l.NormEps < 1):
		return fmt.Errorf("norm epsilon of latent attention is %g", l.NormEps)
	case c.KVHeads != c.Heads || c.QKVBias || c.QKNorm != NoQKNorm || c.Position != RoPE || c.Rope.dims(c.HeadDim) != l.Rope:
		return errors.New("latent attention has no shared heads, biases or query norms, and turns its own part of a head")
	}
	return nil
}

// QDim is the width of all query heads together.
func (c Config) QDim() int { return c.Heads * c.HeadDim }

// KVDim is the width of all key heads together.
func (c Config) KVDim() int { return c.KVHeads * c.HeadDim }

// VHead is the width of one value head, VDim of all together, ZDim of what all
// query heads fetch.
func (c Config) VHead() int {
	if c.ValueDim > 0 {
		return c.ValueDim
	}
	return c.HeadDim
}

// VDim is described at VHead.
func (c Config) VDim() int { return c.KVHeads * c.VHead() }

// ZDim is described at VHead.
func (c Config) ZDim() int { return c.Heads * c.VHead() }

// Block is what block l is.
func (c Config) Block(l int) Block {
	if len(c.Blocks) == 0 {
		return Block{}
	}
	return c.Blocks[l]
}

// HasExperts says whether block l has experts.
func (c Config) HasExperts(l int) bool { return c.Experts.Count > 0 && !c.Block(l).Dense }

// Trainable reports what of the config has no backward pass yet, if anything.
func (c Config) Trainable() error {
	for _, f := range []struct {
		has  bool
		what string
	}{
		{c.Flow != Sequential, "parallel blocks"}, {c.NormPlain, "norms without gain"},
		{c.Experts.Count > 0, "experts"}, {c.Latent.KV > 0, "latent attention"}, {c.VHead() != c.HeadDim, "values of their own width"},
		{c.Sinks, "attention sinks"}, {c.HeadBias, "a bias on the head"},
		{c.Activation == ReLU, "ReLU"}, {c.Activation == ClampedSiLU, "the clamped SiLU"}, {scaled(c.ResidScale), "scaled parts of blocks"},
	} {
		if f.has {
			return fmt.Errorf("%w for %s", ErrNoBackward, f.what)
		}
	}
	return nil
}

func scaled(f float32) bool { return f != 0 && f != 1 }

// ParamCount is the number of learned parameters; a tied head counts once.
func (c Config) ParamCount() int {
	n := 0
	count := func(p Param, _ place) { n += p.Rows * p.Cols }
	(&Weights{Config: c}).each(count) // all but the blocks
	outside := n
	var kinds [2]int // parameters of a block with experts and of one without: all of a kind have the same
	blocks := 0
	for l := range c.Layers {
		kind := &kinds[0]
		if !c.HasExperts(l) {
			kind = &kinds[1]
		}
		if *kind == 0 {
			n = 0
			visitor{count}.layer(c, l, &Layer{Experts: ExpertLayer{List: make([]FFN, c.Experts.Count)}})
			*kind = n
		}
		blocks += *kind
	}
	return outside + blocks
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
