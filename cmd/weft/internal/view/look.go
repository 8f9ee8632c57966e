package view

import (
	"math"
	"strings"

	"weft/inspect"
	"weft/model"
)

// Look is everything that one prompt shows, with its tokens spelled out. Its
// JSON is what `weft look --json` prints.
type Look struct {
	Model      ModelInfo         `json:"model"`
	About      about             `json:"provenance"`
	Prompt     string            `json:"prompt"`
	AddedBOS   bool              `json:"added_bos"` // the first token is not the prompt's but the model's own beginning mark
	Tokens     []Token           `json:"tokens"`
	Embedding  Embedding         `json:"embedding"`
	Blocks     []Block           `json:"blocks"`
	Attention  Attention         `json:"attention"`
	Prediction []Candidate       `json:"prediction"`
	Entropy    float64           `json:"prediction_entropy_bits"`
	LockIn     []int             `json:"lock_in"` // per token: the block after which the final top-1 stays on top; -1: from the embedding on
	Parts      Parts             `json:"attribution"`
	Checks     Checks            `json:"checks"`
	Proofs     inspect.CheckList `json:"proofs"` // the same, with what rounding explains of each

	config model.Config
	trace  *inspect.Trace
	layer  int // shown token by token; -1: none
}

// ModelInfo says which model it was.
type ModelInfo struct {
	Name    string `json:"name"`
	Arch    string `json:"arch"`
	Params  int    `json:"params"`
	Layers  int    `json:"layers"`
	Dim     int    `json:"dim"`
	Heads   int    `json:"heads"`
	Vocab   int    `json:"vocab"`
	Context int    `json:"context"`
}

// Token is one token of the prompt.
type Token struct {
	ID       int32    `json:"id"`
	Text     string   `json:"text"`
	Bytes    []int    `json:"bytes"`
	Surprise *float64 `json:"surprise_bits"` // how unexpected it was after the tokens before it; the first has none

	visible string
}

// Candidate is a token that may come next. P is over the whole vocabulary.
type Candidate struct {
	ID    int32   `json:"id"`
	Text  string  `json:"text"`
	P     float64 `json:"p"`
	Logit float32 `json:"logit"`

	visible string
}

// Embedding is the vectors that the tokens begin as. Tied says that the
// unembedding is the same matrix: then the lens at this depth mostly gives back
// the token that went in, which is no prediction.
type Embedding struct {
	Hook  string        `json:"hook"`
	Dim   int           `json:"dim"`
	Norms []float64     `json:"norms"`
	Tied  bool          `json:"tied"`
	Lens  [][]Candidate `json:"lens"`
}

// Block is what one block did; every list has one entry per token.
type Block struct {
	Layer     int           `json:"layer"`
	ResidNorm []float64     `json:"resid_norm"`
	AttnNorm  []float64     `json:"attn_norm"`
	AttnCos   []float64     `json:"attn_cos"`
	MLPNorm   []float64     `json:"mlp_norm"`
	MLPCos    []float64     `json:"mlp_cos"`
	Lens      [][]Candidate `json:"lens"`
	Entropy   []float64     `json:"entropy_bits"`
	KL        []float64     `json:"kl_bits"`
	Rank      []int         `json:"rank"`            // here, of the token that ends up on top
	Resid     [][]float32   `json:"resid,omitempty"` // whole vectors, of the layer asked for only
}

// Attention is one head's pattern: row i is where token i looked.
type Attention struct {
	Layer   int         `json:"layer"`
	Head    int         `json:"head"`
	Hook    string      `json:"hook"`
	Chosen  bool        `json:"chosen"` // by the caller; else because it looks around most
	Pattern [][]float32 `json:"pattern"`
}

// Parts is where the predicted token's logit comes from.
type Parts struct {
	ID    int32   `json:"id"`
	Text  string  `json:"text"`
	Logit float64 `json:"logit"`
	Sum   float64 `json:"sum"`
	Parts []Part  `json:"parts"`
}

// Part is one part's share of the logit; heads are attention's, one by one.
type Part struct {
	Hook  string    `json:"hook"`
	Layer int       `json:"layer"`
	Part  string    `json:"part"`
	Value float64   `json:"value"`
	Heads []float64 `json:"heads,omitempty"`
}

// Checks are the proofs that come with the pictures; exact arithmetic would
// make every one 0.
type Checks struct {
	LensEqualsModel float64 `json:"lens_equals_model"`
	AttributionSum  float64 `json:"attribution_sum_error"`
	PatternRows     float64 `json:"pattern_row_error"`
	StreamSum       float64 `json:"residual_sum_error"`
}

// Source is what a trace alone does not say.
type Source struct {
	Name     string
	Prompt   string
	AddedBOS bool
	Piece    func(id int32) []byte // a token's bytes
	Layer    int                   // whose vectors to show token by token; -1: none
	About    inspect.Provenance    // what the trace was made of
}

// NewLook spells a trace out.
func NewLook(t *inspect.Trace, src Source) *Look {
	c := t.Config
	l := &Look{
		Model:  ModelInfo{src.Name, c.Arch, c.ParamCount(), c.Layers, c.Dim, c.Heads, c.Vocab, c.Context},
		About:  about{Name: "model", From: src.About, Origin: origin(src.About, src.AddedBOS, func(id int32) string { return Visible(src.Piece(id)) })},
		Prompt: strings.ToValidUTF8(src.Prompt, "\uFFFD"), AddedBOS: src.AddedBOS,
		Embedding:  Embedding{Hook: t.Embedding.Hook, Dim: c.Dim, Norms: t.Embedding.Norms, Tied: c.TiedHead, Lens: src.lens(t.Input.Lens)},
		Attention:  Attention{t.Attention.Layer, t.Attention.Head.Head, t.Attention.Hook, t.Attention.Chosen, t.Attention.Rows},
		Prediction: src.candidates(t.Next.Top), Entropy: t.Next.Entropy,
		Checks: Checks{t.Checks.LensEqualsModel, t.Checks.AttributionSum, t.Checks.PatternRows, t.Checks.StreamSum}, Proofs: t.Proofs,
		config: c, trace: t, layer: src.Layer,
	}
	for i, id := range t.Tokens {
		l.Tokens = append(l.Tokens, src.token(id, t.Surprise[i]))
		l.LockIn = append(l.LockIn, t.LockIn[i]-1)
	}
	for _, b := range t.Blocks {
		l.Blocks = append(l.Blocks, src.block(b))
	}
	a := t.Attribution
	l.Parts = Parts{ID: a.Token, Text: text(src.Piece(a.Token)), Logit: a.Logit, Sum: a.Sum}
	for _, p := range a.Parts {
		l.Parts.Parts = append(l.Parts.Parts, Part{p.Hook, p.Layer, string(p.Part), p.Value, p.Heads})
	}
	return l
}

func (src Source) token(id int32, surprise float64) Token {
	piece := src.Piece(id)
	t := Token{ID: id, Text: text(piece), Bytes: make([]int, len(piece)), visible: Visible(piece)}
	for i, b := range piece {
		t.Bytes[i] = int(b)
	}
	if !math.IsNaN(surprise) {
		t.Surprise = &surprise
	}
	return t
}

func (src Source) block(b inspect.Block) Block {
	out := Block{Layer: b.Layer, ResidNorm: b.After.Norms,
		AttnNorm: b.Attn.Norms, AttnCos: b.Attn.Cosines, MLPNorm: b.MLP.Norms, MLPCos: b.MLP.Cosines,
		Lens: src.lens(b.After.Lens)}
	for _, r := range b.After.Lens {
		out.Entropy, out.KL, out.Rank = append(out.Entropy, r.Entropy), append(out.KL, r.KL), append(out.Rank, r.Rank)
	}
	if b.Layer == src.Layer {
		out.Resid = b.After.Cells
	}
	return out
}

func (src Source) lens(readings []inspect.Reading) [][]Candidate {
	out := make([][]Candidate, len(readings))
	for i, r := range readings {
		out[i] = src.candidates(r.Top)
	}
	return out
}

func (src Source) candidates(top []inspect.Candidate) []Candidate {
	out := make([]Candidate, len(top))
	for i, c := range top {
		piece := src.Piece(c.ID)
		out[i] = Candidate{c.ID, text(piece), c.P, c.Logit, Visible(piece)}
	}
	return out
}

// text is bytes as JSON can hold them; the bytes themselves are beside it.
func text(piece []byte) string { return strings.ToValidUTF8(string(piece), "\uFFFD") }
