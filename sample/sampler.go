// Package sample turns a model's logits, one number per token of the
// vocabulary, into the next token.
//
// A [Sampler] runs the chain, always in this order (llama.cpp's); steps that
// are off are skipped:
//
//	penalties → top-k → top-p → min-p → temperature → draw
//
// Each step sees what the one before left, renormalised. Temperature comes
// last, so it changes how daring the draw is but not which tokens are in it.
// (Hugging Face transformers applies it before top-k; with both a temperature
// and a top-p the two therefore keep different tokens.)
//
//   - [New] and [Sampler.Next] choose tokens.
//   - [Sampler.Trace] shows what each step left, and with what probability, and
//     [Sampler.Drawn] how the draw fell.
//   - [Top], [LogSumExp] and [Entropy] give exact numbers over the full
//     vocabulary, whatever the options.
//
// All of it is deterministic: ties go to the lower ID, and the draw uses a
// seeded PCG generator (O'Neill 2014, HMC-CS-2014-0905).
package sample

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// ErrLogits is wrapped when no token can be chosen: a logit that is NaN or +Inf,
// no logit at all, or none that is finite.
var ErrLogits = errors.New("cannot sample")

// stream is PCG's second word: which of its sequences the seed walks along.
const stream = 0x9e3779b97f4a7c15

// choice is a token still in the running.
type choice struct {
	id    int32
	logit float32
}

// before orders choices: higher logit first, of equals the lower ID.
func (c choice) before(d choice) bool {
	return c.logit > d.logit || c.logit == d.logit && c.id < d.id
}

// Sampler chooses tokens. It is not safe for concurrent use.
type Sampler struct {
	options Options
	chain   []step
	rng     *rand.Rand

	// What one call works on; kept to avoid allocating per token.
	choices []choice        // still in the running
	sorted  bool            // choices are in order of before
	max     float64         // largest logit among choices
	scale   float64         // 1/temperature, once that step has run
	weights []float64       // of choices, when all of them are needed at once
	drawn   Draw            // of the last Next
	counts  map[int32]int32 // recent tokens
}

// New makes a sampler, or says which option is wrong.
func New(o Options) (*Sampler, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Sampler{
		options: o,
		chain:   chain(o),
		rng:     rand.New(rand.NewPCG(o.Seed, stream)),
		counts:  map[int32]int32{},
	}, nil
}

// Options are those that the sampler was made with.
func (s *Sampler) Options() Options { return s.options }

// Next chooses a token. logits has one number per token and is only read;
// history is all tokens so far, prompt included, for the penalties.
func (s *Sampler) Next(logits []float32, history []int32) (int32, error) {
	s.drawn = Draw{}
	if err := s.load(logits); err != nil {
		return 0, err
	}
	for _, st := range s.chain {
		if err := st.apply(s, history); err != nil {
			return 0, err
		}
	}
	return s.draw(), nil
}

// load makes every token a choice.
func (s *Sampler) load(logits []float32) error {
	if err := check(logits); err != nil {
		return err
	}
	if cap(s.choices) < len(logits) {
		s.choices = make([]choice, len(logits))
	}
	s.choices, s.sorted, s.scale = s.choices[:len(logits)], false, 1
	for i, x := range logits {
		s.choices[i] = choice{int32(i), x}
	}
	s.max = float64(peak(s.choices))
	if math.IsInf(s.max, -1) {
		return fmt.Errorf("%w: none of %d logits is finite", ErrLogits, len(logits))
	}
	return nil
}

// check refuses logits that have no distribution: exp(x - max) would be NaN.
// -Inf is fine and means never.
func check(logits []float32) error {
	if len(logits) == 0 {
		return fmt.Errorf("%w: no logits", ErrLogits)
	}
	for i, x := range logits {
		if !(x <= math.MaxFloat32) { // also true for NaN
			return fmt.Errorf("%w: the logit of token %d is %v", ErrLogits, i, x)
		}
	}
	return nil
}

func peak(choices []choice) float32 {
	m := choices[0].logit
	for _, c := range choices {
		m = max(m, c.logit)
	}
	return m
}

// weight is a choice's probability times an unknown constant, at most 1.
func (s *Sampler) weight(c choice) float64 {
	return exp((float64(c.logit) - s.max) * s.scale)
}

// draw picks one of the choices by its weight.
func (s *Sampler) draw() int32 {
	if len(s.choices) == 1 {
		return s.choices[0].id
	}
	total := s.weigh()
	u := s.rng.Float64()
	r := u * total
	last := 0
	for i, w := range s.weights {
		if w == 0 {
			continue
		}
		if last, r = i, r-w; r < 0 {
			break
		}
	}
	// Rounding may leave r ≥ 0 at the end: then it is the last with any weight.
	s.drawn = Draw{U: u, From: max(0, u-(r+s.weights[last])/total), Width: s.weights[last] / total}
	return s.choices[last].id
}

// weigh fills weights for the choices and returns their sum.
func (s *Sampler) weigh() (total float64) {
	if cap(s.weights) < len(s.choices) {
		s.weights = make([]float64, len(s.choices))
	}
	s.weights = s.weights[:len(s.choices)]
	for i, c := range s.choices {
		w := s.weight(c)
		s.weights[i] = w
		total += w
	}
	return total
}
