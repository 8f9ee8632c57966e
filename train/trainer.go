package train

import (
	"fmt"
	"math"

	"weft/internal/par"
	"weft/model"
)

// trainer makes steps: examples to gradients to new weights.
type trainer struct {
	model   *model.Model
	grads   *model.Weights
	acts    *model.Activations
	opt     *optimizer
	windows windows
	bytes   []int32 // of text that each token stands for
	seq     int
	batch   int // examples per step
	micro   int // examples at once

	tokens, targets []int32   // batch × seq
	perToken        []float64 // micro × seq
}

// microTokens is how many tokens are worked on at once when a batch has more:
// it bounds the memory for activations and changes no bit of any result.
const microTokens = 4096

func newTrainer(r Recipe, m *model.Model, data tokenReader, tokenBytes []int32, micro int, pool *par.Pool) *trainer {
	if micro <= 0 {
		micro = max(1, microTokens/r.Seq)
	}
	micro = min(micro, r.Batch)
	g := model.NewGrads(m.Config)
	return &trainer{
		model: m, grads: g, acts: m.NewActivations(micro, r.Seq),
		opt:     newOptimizer(r.Optimizer, m.W, g, pool),
		windows: windows{tokens: data, seq: r.Seq, seed: r.Seed},
		bytes:   tokenBytes, seq: r.Seq, batch: r.Batch, micro: micro,
		tokens: make([]int32, r.Batch*r.Seq), targets: make([]int32, r.Batch*r.Seq), perToken: make([]float64, micro*r.Seq),
	}
}

// score is the loss over some targets.
type score struct {
	nats   float64 // summed
	tokens int     // targets that count
	bytes  int64   // of text that they stand for
}

// Loss is in nats per token.
func (s score) loss() float64 { return s.nats / float64(max(1, s.tokens)) }

// bpb is in bits per byte of text, which compares across tokenizers. Targets
// that stand for no text (the document token) count in the numerator alone.
func (s score) bpb() float64 { return s.nats / math.Ln2 / float64(max(1, s.bytes)) }

func (t *trainer) countBytes(targets []int32) (n int64) {
	for _, id := range targets {
		if id >= 0 {
			n += int64(t.bytes[id])
		}
	}
	return n
}

// divergedHint is what one can do: resuming would only come to the same step.
const divergedHint = "what was saved before is intact; start again in another folder with a lower learning rate"

// step is step number n (from 0) with the learning rates at share of their
// peak. Micro-batches run in order; each gradient is one running sum over the
// tokens of the whole batch, divided by the number of its targets.
func (t *trainer) step(n int, share float64) (score, float64, error) {
	s := score{tokens: t.windows.fill(t.tokens, t.targets, n*t.batch)}
	s.bytes = t.countBytes(t.targets)
	for lo := 0; lo < t.batch; lo += t.micro {
		from, to := lo*t.seq, min(lo+t.micro, t.batch)*t.seq
		nats, err := t.model.LossAndGrad(t.acts, t.grads, t.tokens[from:to], t.targets[from:to], float32(1/float64(s.tokens)))
		if err != nil {
			return s, 0, err
		}
		s.nats += nats
	}
	t.grads.Fold()
	norm := t.opt.step(n+1, share)
	switch {
	case !finite(s.nats) || !finite(norm):
		return s, norm, fmt.Errorf("%w at step %d: loss %g, gradient norm %g; %s", ErrDiverged, n+1, s.loss(), norm, divergedHint)
	case !finite(t.opt.weightNorm()): // seen here, such weights are never saved
		return s, norm, fmt.Errorf("%w at step %d: it made weights that are no numbers; %s", ErrDiverged, n+1, divergedHint)
	}
	return s, norm, nil
}
