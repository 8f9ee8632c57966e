// Package inspect looks inside a model while it reads a prompt: what every
// block did to every token's vector, where attention looked, what the model
// would have said at each depth, and who wrote the final answer.
//
// [Look] does all of it in one forward pass, through the model's hooks; there
// is no second implementation whose numbers could differ. Every number of a
// [Trace] comes from a hook, which is named beside it, and every trace carries
// its own [Checks].
//
// [Subject] is for asking one thing, and for testing the answer: Lens, Attribute and
// Attention read; Patch, Ablate and Steer intervene, the latter two also live during
// generation; Heads says what kind each attention head is; Saliency and FitJacobian
// go through the model's one backward pass; Neighbours, Project and Promoted are
// about words. [Compare], [MatchUnits] and [MeasureLayerLosses] are about two models.
// Results are plain data that state what they were made of and prove themselves, or
// they are errors; functions named …Bytes say beforehand what memory they take.
//
// Rows are tokens throughout, in the order of the prompt. A depth counts what a
// residual stream has been through: 0 is the embedding, l+1 is after block l.
package inspect

import (
	"errors"
	"fmt"

	"weft/model"
)

// Options say what to keep. The zero value is a trace for reading: five
// candidates per place, no vectors, the head that looks around most.
type Options struct {
	Top   int   // candidates per lens reading and in the prediction; 0: 5
	Cells int   // leading numbers kept of every vector; 0: none, negative: all
	Head  *Head // whose pattern to keep; nil: the one that looks around most

	AllHeads bool  // keep every head's pattern too: layers × heads × tokens²/2 numbers
	NoLens   bool  // read the last stream's last token alone, for the prediction: far less work
	Budget   int64 // most bytes of activations that may be held; 0: 1 GiB

	Watch func(h *model.Hooks) // adds hooks of the caller's to the pass; may be nil
}

// Head names one attention head.
type Head struct {
	Layer int `json:"layer"`
	Head  int `json:"head"`
}

func (h Head) String() string { return fmt.Sprintf("%d.%d", h.Layer, h.Head) }

// Trace is what one forward pass over one prompt showed.
type Trace struct {
	Config model.Config
	Tokens []int32

	Embedding Vectors  // the learned vector of each token
	Position  *Vectors // the learned vector of each position; nil for RoPE
	Input     Stream   // what enters the first block
	Blocks    []Block

	Attention Pattern
	Heads     [][]Triangle // by layer and head, if Options.AllHeads

	Next        Reading   // the prediction: what comes after the last token
	LockIn      []int     // per token: the depth from which on the final top-1 is the lens's top-1
	Surprise    []float64 // per token: bits, given the tokens before it; the first has none (NaN)
	Attribution Attribution
	Checks      Checks
	Proofs      CheckList // Checks, with what rounding explains of each
}

// Vectors are one vector per token, caught at one hook.
type Vectors struct {
	Hook  string
	Norms []float64   // Euclidean length
	Cells [][]float32 // leading numbers, as many as Options.Cells
}

// Stream is the residual stream at one depth, and what it would say.
type Stream struct {
	Vectors
	Lens []Reading // per token
}

// Block is one transformer block: what it added, and what it handed on.
type Block struct {
	Layer int
	Attn  Change // hook_attn_out, added to hook_resid_pre
	MLP   Change // hook_mlp_out, added to hook_resid_mid
	After Stream // hook_resid_post
}

// Change is what a part of a block added to each token's vector.
type Change struct {
	Vectors
	Cosines []float64 // with the vector that it was added to: -1 turns back, 0 adds something new, 1 goes on
}

// Reading is what the head says of one vector, over the whole vocabulary.
type Reading struct {
	Top     []Candidate `json:"top"`          // most likely first
	Entropy float64     `json:"entropy_bits"` // bits
	KL      float64     `json:"kl_bits"`      // of the final distribution, from this one
	Rank    int         `json:"rank"`         // of the token that the model ends up with; 1 is the top
	P       float64     `json:"p"`            // of that token
}

// Candidate is a token that may come next.
type Candidate struct {
	ID    int32   `json:"id"`
	Logit float32 `json:"logit"`
	P     float64 `json:"p"`
}

// Pattern is where one head looked: Rows[i][j] is how much token i took from
// token j. Each row is as long as the tokens it may see, and sums to 1.
type Pattern struct {
	Head
	Hook   string
	Chosen bool // by the caller; else because it looks around most
	Rows   [][]float32
}

// Triangle is a whole pattern, row after row without what lies in the future:
// token i's row begins at i·(i+1)/2.
type Triangle = []float32

// Checks are the trace's proofs about itself. Exact arithmetic would make every one
// 0; what is more than rounding explains, Look refuses.
type Checks struct {
	LensEqualsModel float64 // largest difference of a probability: last lens layer against the model's own logits
	LensLogits      float64 // the same, of a logit
	AttributionSum  float64 // sum of the attribution against the logit
	FinalScale      float64 // the final norm's divisor against that of the last stream, relative
	HeadsSum        float64 // a layer's heads against what attention wrote, in parts of what rounding explains
	PatternRows     float64 // a pattern row's sum against 1 (with attention sinks: above 1), over every head of every layer
	StreamSum       float64 // before + attention + MLP against after, over every number of every block; relative to the largest

	splits bool // there are shares of heads, so HeadsSum was measured
}

// Errors that callers may want to tell apart.
var (
	ErrHead      = errors.New("no such attention head")
	ErrNotFinite = errors.New("the model's logits are not finite numbers")
)
