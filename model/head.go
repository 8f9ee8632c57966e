package model

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"weft/internal/kernel"
	"weft/tensor"
)

// logits is the head over the wanted rows: final · Outputᵀ.
func (m *Model) logits(n int, a *Activations, p *pass, r *Run) (tensor.Mat, error) {
	var x tensor.Mat
	switch {
	case r.Rows != nil:
		x = tensor.New(len(r.Rows), m.Config.Dim)
		for i, at := range r.Rows {
			copy(x.Row(i), a.final.Row(at))
		}
	case r.Logits == NoLogits:
		return tensor.Mat{}, nil
	case r.Logits == AllLogits:
		x = rows(a.final, 0, n)
	default: // the last row of each sequence, seqLen rows apart
		x = rows(a.final, p.seqLen-1, n)
		x.Rows, x.RS = p.seqs, x.RS*p.seqLen
	}
	logits := a.logitRows(x.Rows, m.Config.Vocab)
	m.linear(logits, x, &m.W.Output)
	m.finish(logits)
	if err := p.fireShaped("hook_logits", logits.Data, p.seqs, x.Rows/p.seqs, m.Config.Vocab); err != nil {
		return tensor.Mat{}, err
	}
	return logits, nil
}

func (a *Activations) logitRows(n, vocab int) tensor.Mat {
	if a.logits.Rows < n {
		a.logits = tensor.New(n, vocab)
	}
	return rows(a.logits, 0, n)
}

// Unembed is the head applied to any residual stream: the final norm, its
// statistics taken anew, then the unembedding. x is n × Dim, the logits
// n × Vocab. On the last block's stream it is what Forward does: the logit lens
// (nostalgebraist 2020) is this on an earlier one.
func (m *Model) Unembed(x tensor.Mat) tensor.Mat {
	y, logits := tensor.New(x.Rows, m.Config.Dim), tensor.New(x.Rows, m.Config.Vocab)
	m.norm("", y, x, m.W.OutputNorm, newStats(x.Rows), &pass{layer: -1}) // unwatched: no error
	m.linear(logits, y, &m.W.Output)
	m.finish(logits)
	return logits
}

// finish scales and bounds logits.
func (m *Model) finish(logits tensor.Mat) {
	scale, limit := m.Config.LogitScale, m.Config.LogitSoftCap
	if !scaled(scale) && limit == 0 {
		return
	}
	m.eachUnit(logits, logits.Cols, func(u []float32) {
		if scaled(scale) {
			kernel.Scale(u, scale)
		}
		if limit > 0 {
			kernel.SoftCap(u, 1, limit)
		}
	})
}

// finishBack turns d from the gradient of finished logits into that of the head's
// product; finished may be nil without a soft cap.
func (m *Model) finishBack(d, finished []float32) {
	if limit := m.Config.LogitSoftCap; limit > 0 {
		kernel.SoftCapBack(d, finished, limit)
	}
	if scale := m.Config.LogitScale; scaled(scale) {
		kernel.Scale(d, scale)
	}
}

// Unfinished is what the head's product gave for a logit: the logit before its
// scale and soft cap. Direct attribution adds up to this.
func (c Config) Unfinished(logit float64) float64 {
	if limit := float64(c.LogitSoftCap); limit > 0 {
		logit = limit * math.Atanh(logit/limit)
	}
	if scaled(c.LogitScale) {
		logit /= float64(c.LogitScale)
	}
	return logit
}

// Loss runs sequences of a.seqLen tokens and returns the summed negative
// log-likelihood of the targets in nats. A target of -1 is not scored.
// perToken, if not nil, receives each token's part.
func (m *Model) Loss(a *Activations, tokens, targets []int32, perToken []float64) (float64, error) {
	return m.loss(a, nil, tokens, targets, 0, perToken, true)
}

// Score is Loss of the model as it runs: keys and values are rounded to m.KV.
func (m *Model) Score(a *Activations, tokens, targets []int32, perToken []float64) (float64, error) {
	return m.loss(a, nil, tokens, targets, 0, perToken, false)
}

// LossAndGrad is Loss, and adds the gradient of scale · the sum to g (made by
// NewGrads). Every number of g is one running sum over tokens in their order:
// batches given one after the other add up to the same bits as one large batch.
func (m *Model) LossAndGrad(a *Activations, g *Weights, tokens, targets []int32, scale float32) (float64, error) {
	if !a.keep {
		return 0, errors.New("loss: these activations keep nothing for a backward pass")
	}
	if err := m.Differentiable(); err != nil {
		return 0, fmt.Errorf("loss: %w", err)
	}
	return m.loss(a, g, tokens, targets, scale, nil, true)
}

func (m *Model) loss(a *Activations, g *Weights, tokens, targets []int32, scale float32, perToken []float64, exact bool) (float64, error) {
	n := len(tokens)
	p := &pass{seqLen: min(a.seqLen, n), exact: exact, layer: -1}
	if len(targets) != n {
		return 0, fmt.Errorf("loss: %d tokens, %d targets", n, len(targets))
	}
	if err := m.checkRun(tokens, &Run{Acts: a}, p); err != nil {
		return 0, fmt.Errorf("loss: %w", err)
	}
	for i, t := range targets {
		if t < -1 || int(t) >= m.Config.Vocab {
			return 0, fmt.Errorf("loss: %w: target %d is %d", ErrToken, i, t)
		}
	}
	if err := m.forward(tokens, a, p); err != nil {
		return 0, err
	}
	if g != nil && a.grads == nil {
		a.grads = newBackActs(m.Config, a.seqs*a.seqLen)
	}
	if perToken == nil {
		perToken = make([]float64, n)
	}
	m.headLoss(a, g, targets, scale, perToken)
	if g != nil {
		if err := m.backward(tokens, a, g, p); err != nil {
			return 0, err
		}
	}
	sum := 0.0
	for _, nll := range perToken[:n] {
		sum += nll
	}
	return sum, nil
}

// headLoss scores the targets and makes the head's gradients, a chunk of rows
// at a time, so that the whole tokens × Vocab matrix never exists.
func (m *Model) headLoss(a *Activations, g *Weights, targets []int32, scale float32, perToken []float64) {
	n, vocab := len(targets), m.Config.Vocab
	chunk := max(16, min(n, (4<<20)/vocab))
	for lo := 0; lo < n; lo += chunk {
		hi := min(lo+chunk, n)
		if g == nil && !scoresAny(targets[lo:hi]) {
			clear(perToken[lo:hi])
			continue
		}
		x, logits := rows(a.final, lo, hi), a.logitRows(hi-lo, vocab)
		m.linear(logits, x, &m.W.Output)
		m.finish(logits)
		m.Pool.Range(hi-lo, rowGrain(vocab), func(r0, r1 int) {
			var finished []float32
			for r := r0; r < r1; r++ {
				d := row(logits, r)
				if g != nil && m.Config.LogitSoftCap > 0 {
					finished = append(finished[:0], d...)
				}
				perToken[lo+r] = crossEntropy(d, targets[lo+r], scale)
				if g != nil {
					m.finishBack(d, finished)
				}
			}
		})
		if g != nil {
			m.linearBack(rows(a.grads.norm, lo, hi), logits, x, &m.W.Output, &g.Output, false)
		}
	}
}

func scoresAny(targets []int32) bool {
	return slices.ContainsFunc(targets, func(t int32) bool { return t >= 0 })
}

// crossEntropy returns a token's loss and turns its logits into their gradient.
func crossEntropy(logits []float32, target int32, scale float32) float64 {
	if target < 0 {
		clear(logits)
		return 0
	}
	return kernel.CrossEntropy(logits, int(target), scale)
}
