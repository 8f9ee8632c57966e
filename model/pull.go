package model

import (
	"errors"
	"fmt"

	"weft/internal/kernel"
	"weft/tensor"
)

// ErrStored is returned for gradients of a model whose matrices are not float32.
var ErrStored = errors.New("gradients need float32 weights, and this model's are stored otherwise: Decode makes them")

// LogitSeed is a logit to differentiate: the token's, in the row of tokens,
// times Weight.
type LogitSeed struct {
	Row    int
	Token  int32
	Weight float32
}

// Pull is what to differentiate with respect to the residual stream: the sum of
// Logits, plus the sum of Last times the last stream.
type Pull struct {
	SeqLen int        // as in Run
	Stream tensor.Mat // as in Run, from block 0
	Logits []LogitSeed
	Last   tensor.Mat // a row of Dim numbers per token; empty: 0

	// See gets the gradient of the stream that enters each block, a row per token,
	// the last block's first; layer Layers is the last stream's. It may not keep d.
	See func(layer int, d tensor.Mat) error
}

// Pull runs tokens forward, with activations that keep, and pulls the gradient
// back through the one backward pass; no parameter's is made. It returns the
// logits of each sequence's last token, valid as Forward's are.
func (m *Model) Pull(a *Activations, tokens []int32, o Pull) (tensor.Mat, error) {
	if !a.keep {
		return tensor.Mat{}, errors.New("pull: these activations keep nothing for a backward pass")
	}
	if err := m.Differentiable(); err != nil {
		return tensor.Mat{}, fmt.Errorf("pull: %w", err)
	}
	n := len(tokens)
	p := &pass{seqLen: o.SeqLen, exact: true, layer: -1, stream: o.Stream, last: o.Last, see: o.See}
	if p.seqLen == 0 {
		p.seqLen = n
	}
	if err := m.checkRun(tokens, &Run{Acts: a}, p); err != nil {
		return tensor.Mat{}, fmt.Errorf("pull: %w", err)
	}
	if o.Last.Data != nil && (o.Last.Rows != n || o.Last.Cols != m.Config.Dim || len(o.Last.Data) != n*m.Config.Dim) {
		return tensor.Mat{}, fmt.Errorf("pull: the last stream's gradient is %d × %d, want %d × %d", o.Last.Rows, o.Last.Cols, n, m.Config.Dim)
	}
	if err := m.forward(tokens, a, p); err != nil {
		return tensor.Mat{}, err
	}
	if a.grads == nil {
		a.grads = newBackActs(m.Config, a.seqs*a.seqLen)
	}
	if err := m.seed(rows(a.grads.norm, 0, n), rows(a.final, 0, n), o.Logits); err != nil {
		return tensor.Mat{}, fmt.Errorf("pull: %w", err)
	}
	nothing := &Weights{Config: m.Config, Layers: layers(m.Config)}
	if err := m.backward(tokens, a, nothing, p); err != nil {
		return tensor.Mat{}, err
	}
	return m.logits(n, a, p, &Run{})
}

// seed is the gradient of x, the normalised last stream.
func (m *Model) seed(d, x tensor.Mat, list []LogitSeed) error {
	clear(d.Data)
	for _, s := range list {
		if s.Row < 0 || s.Row >= d.Rows || s.Token < 0 || int(s.Token) >= m.Config.Vocab {
			return fmt.Errorf("there is no logit of token %d in row %d", s.Token, s.Row)
		}
		w, slope := row(m.W.Output.W, int(s.Token)), []float32{s.Weight}
		logit := tensor.Of([]float32{kernel.Dot(row(x, s.Row), w)}, 1, 1)
		m.finish(logit)
		m.finishBack(slope, logit.Data)
		kernel.Axpy(row(d, s.Row), slope[0], w)
	}
	return nil
}

func (p *pass) showBack(layer int, d tensor.Mat) error {
	if p.see == nil {
		return nil
	}
	return p.see(layer, d)
}

// Differentiable reports why the model has no gradient, if so: its architecture
// (Config.Trainable), or how its weights are stored (ErrStored).
func (m *Model) Differentiable() error {
	if err := m.Config.Trainable(); err != nil {
		return err
	}
	for _, l := range m.W.Linears() {
		if l.Stored != nil {
			return ErrStored
		}
	}
	if m.W.TokenEmbd.Stored != nil || m.W.PosEmbd.Stored != nil {
		return ErrStored
	}
	return nil
}

// Decode is the same model with every matrix decoded to float32 in memory and not
// packed: 4 bytes for each parameter.
func (m *Model) Decode() (*Model, error) {
	w := NewWeights(m.Config)
	to := w.Params()
	for i, p := range m.W.Params() {
		copy(to[i].Data, p.Float32s())
	}
	d, err := New(w, m.Pool)
	return d, err
}
