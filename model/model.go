// Package model is the transformer: its Config (an architecture is data), its
// Weights, the one Forward that inference, training and inspection share, and
// the Backward of every layer beside that layer's forward.
//
//   - To decode, open a Session and Append tokens.
//   - To train, make Activations and gradients and call LossAndGrad.
//   - To look inside, give Forward a Run with Hooks.
//
// A result is a function of weights and tokens alone. Each output number is one
// chain of operations in a fixed order, so it does not depend on the number of
// threads, on how a prompt is cut into chunks, or on what else shares a batch.
//
// Weights have GGUF's names, activations TransformerLens's. Matrices are
// row-major: a row per token in activations, a row per output in weights.
package model

import (
	"context"
	"errors"
	"fmt"

	"weft/internal/par"
	"weft/kvcache"
	"weft/tensor"
)

// Errors that callers may want to tell apart.
var (
	ErrToken   = errors.New("token ID outside the vocabulary")
	ErrContext = errors.New("context is full")
)

// Model is weights that can run. Its methods may be called by several
// goroutines at once as long as each has its own Activations, cache or Session
// and nobody writes the weights.
type Model struct {
	Config Config
	W      *Weights
	Pool   *par.Pool // nil runs on the caller's goroutine alone

	// KV is how keys and values are kept. A pass without a cache rounds them alike,
	// so that no result depends on there being one; Loss and LossAndGrad never round.
	KV kvcache.Type

	observe func(l *Linear, x tensor.Mat)
	until   context.Context // nil: passes end when they are done
}

// Observe is the same model, with f called for every product of a weight matrix:
// x is what it reads, a row per token, valid during the call and not to be changed.
func (m *Model) Observe(f func(l *Linear, x tensor.Mat)) *Model {
	observed := *m
	observed.observe = f
	return &observed
}

// Until is the same model, whose passes end between two blocks, with ctx's error, once
// ctx is done.
func (m *Model) Until(ctx context.Context) *Model {
	bounded := *m
	bounded.until = ctx
	return &bounded
}

// ended is why the pass must not go on, if so.
func (m *Model) ended() error {
	if m.until == nil {
		return nil
	}
	return m.until.Err()
}

// New makes a model of weights.
func New(w *Weights, pool *par.Pool) (*Model, error) {
	if err := w.Config.Validate(); err != nil {
		return nil, err
	}
	return &Model{Config: w.Config, W: w, Pool: pool}, nil
}

// Packing says how [Model.Pack] may arrange weights.
type Packing struct {
	Exact  bool // compute with float32 activations, whatever the weights are
	Decode bool // matrices of types without a fast arrangement may become float32 in memory

	Arena *tensor.Arena // where they go; nil: one of their own

	// Release, if not nil, is called now and then: what was stored of the matrices so far
	// is not needed for a while, so that its pages need not stay in memory beside the copy.
	Release func()
}

// releaseEvery is how many bytes are arranged between calls of Release.
const releaseEvery = 256 << 20

// Pack arranges the weights once for fast products. Products with quantised weights
// then round activations to 8 bits, and those with bfloat16 weights to bfloat16, unless
// Exact is set: then no bit of any result changes. The weights must not change
// afterwards.
func (m *Model) Pack(o Packing) {
	if o.Arena == nil {
		o.Arena = new(tensor.Arena)
	}
	held := 0
	pack := func(l *Linear) {
		l.pack(m.Pool, o)
		bytes, _ := l.held()
		if held += bytes; held >= releaseEvery && o.Release != nil {
			held = 0
			o.Release()
		}
	}
	m.W.each(func(p Param, at place) {
		if at.linear != nil && p.Kind == Matrix {
			pack(at.linear)
		}
	})
	pack(&m.W.Output)
	if o.Release != nil {
		o.Release()
	}
}

func (c Config) checkTokens(tokens []int32) error {
	for i, t := range tokens {
		if t < 0 || int(t) >= c.Vocab {
			return fmt.Errorf("%w: token %d is %d, the vocabulary has %d", ErrToken, i, t, c.Vocab)
		}
	}
	return nil
}

// block is the rows r0..r1 and columns c0..c1 of a row-major matrix.
func block(m tensor.Mat, r0, r1, c0, c1 int) tensor.Mat {
	m.Data = m.Data[r0*m.RS+c0 : (r1-1)*m.RS+c1]
	m.Rows, m.Cols = r1-r0, c1-c0
	return m
}

// rows is the rows r0..r1 of a row-major matrix.
func rows(m tensor.Mat, r0, r1 int) tensor.Mat { return block(m, r0, r1, 0, m.Cols) }

// row is one row of a row-major matrix.
func row(m tensor.Mat, i int) []float32 { return m.Data[i*m.RS : i*m.RS+m.Cols] }
