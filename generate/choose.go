package generate

import (
	"fmt"
	"time"

	"weft/sample"
)

// choose takes the next token and says how likely it was. The sampler chooses also
// where the prefix decides, so that its random numbers stay in step: an answer that
// is made to begin as it would have anyway goes on as it would have.
func (r *run) choose(logits []float32, history []int32) (Token, error) {
	start := time.Now()
	defer func() { r.result.Decode += time.Since(start) }()
	trace, id, err := r.sample(logits, history)
	if err != nil {
		return Token{}, fmt.Errorf("choose token %d: %w", r.result.Sampled+1, err)
	}
	t := Token{ID: id, Trace: trace}
	if n := r.result.Sampled; n < len(r.req.Prefix) {
		t.ID, t.Forced = r.req.Prefix[n], true
		if t.ID < 0 || int(t.ID) >= len(logits) {
			return t, fmt.Errorf("%w: the prefix has token %d, the vocabulary %d tokens", ErrRequest, t.ID, len(logits))
		}
	}
	r.result.Sampled++
	return t, r.measure(&t, logits)
}

// sample lets the sampler choose, and show its work if that is asked for.
func (r *run) sample(logits []float32, history []int32) (trace *Trace, id int32, err error) {
	if r.req.Trace == 0 {
		id, err = r.req.Sampler.Next(logits, history)
		return nil, id, err
	}
	tracer := r.req.Sampler.(Tracer)
	trace = &Trace{}
	if trace.Steps, err = tracer.Trace(logits, history, r.req.Trace); err != nil {
		return nil, 0, err
	}
	id, err = r.req.Sampler.Next(logits, history)
	trace.Draw, trace.Drawn = tracer.Drawn()
	trace.Chosen = id
	return trace, id, err
}

// measure says how likely a token was.
func (r *run) measure(t *Token, logits []float32) (err error) {
	if r.req.Entropy {
		if t.Entropy, err = sample.Entropy(logits); err != nil {
			return err
		}
	}
	switch {
	case r.req.Top > 0:
		if t.Top, err = sample.Top(logits, r.req.Top); err != nil {
			return err
		}
		best := t.Top[0] // its logit minus its log probability is the normaliser
		t.LogProb = float64(logits[t.ID]) - (float64(best.Logit) - best.LogProb)
	case r.req.LogProbs:
		lse, err := sample.LogSumExp(logits)
		if err != nil {
			return err
		}
		t.LogProb = float64(logits[t.ID]) - lse
	}
	return nil
}
