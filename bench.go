package weft

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"weft/model"
)

// BenchOptions says what to measure.
type BenchOptions struct {
	Prompt int // tokens read at once
	Gen    int // tokens read one by one, as generating does
	Depth  int // tokens that are there before either
}

// Bench measures how fast a model reads and generates. It counts the model alone:
// tokens are random, and sampling is left out.
type Bench struct {
	BenchOptions
	model   *Model
	session *model.Session
	tokens  []int32
}

// Bench makes what is to be there before, and runs everything once to warm up.
func (m *Model) Bench(ctx context.Context, o BenchOptions) (*Bench, error) {
	if o.Prompt < 1 || o.Gen < 1 || o.Depth < 0 {
		return nil, fmt.Errorf("bench: a prompt of %d tokens, %d to generate, %d before", o.Prompt, o.Gen, o.Depth)
	}
	most, longest := m.Core.Config.Context, max(o.Prompt, o.Gen)
	if o.Depth > most || longest > most-o.Depth {
		return nil, fmt.Errorf("bench: %d tokens after %d: %w, of %d", longest, o.Depth, model.ErrContext, most)
	}
	n := o.Depth + longest
	b := &Bench{BenchOptions: o, model: m, session: m.Core.NewSession(n), tokens: m.randomTokens(n)}
	if err := b.append(ctx, 0, o.Depth, benchStep); err != nil {
		return nil, err
	}
	b.session.Mark() // every round begins here
	if err := b.append(ctx, o.Depth, o.Depth+o.Prompt, benchStep); err != nil {
		return nil, err
	}
	if err := b.session.Truncate(o.Depth); err != nil {
		return nil, err
	}
	return b, b.append(ctx, o.Depth, o.Depth+1, 1)
}

func (m *Model) randomTokens(n int) []int32 {
	rng, tokens := rand.New(rand.NewPCG(1, 1)), make([]int32, n)
	for i := range tokens {
		tokens[i] = rng.Int32N(int32(m.Core.Config.Vocab))
	}
	return tokens
}

// benchStep is how many tokens run between looks at the context's cancellation.
const benchStep = 512

// Read is how fast the prompt is read, in tokens per second.
func (b *Bench) Read(ctx context.Context) (rate float64, err error) {
	return b.time(ctx, b.Prompt, benchStep)
}

// Generate is how fast tokens are read one by one, as generating does.
func (b *Bench) Generate(ctx context.Context) (rate float64, err error) {
	return b.time(ctx, b.Gen, 1)
}

// time is how fast n tokens run, step at once.
func (b *Bench) time(ctx context.Context, n, step int) (rate float64, err error) {
	if err := b.session.Truncate(b.Depth); err != nil {
		return 0, err
	}
	start := time.Now()
	if err := b.append(ctx, b.Depth, b.Depth+n, step); err != nil {
		return 0, err
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

// append runs tokens from..to, step at once.
func (b *Bench) append(ctx context.Context, from, to, step int) error {
	for from < to {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n := min(step, to-from)
		if _, err := b.session.Append(b.tokens[from : from+n]); err != nil {
			return fmt.Errorf("bench: %w", err)
		}
		from += n
	}
	return nil
}

// DecodeBytes is how many bytes a generated token reads on average: the weights,
// as memory holds them, and keys and values.
func (b *Bench) DecodeBytes() float64 {
	blocks, head := b.model.Core.Cost()
	return blocks.Bytes + head.Bytes + b.session.CacheBytes(b.Depth+b.Gen/2)
}

// PrefillFLOPs is how many operations of products with weights a token of the
// prompt takes on average, by what they are computed with. Logits are computed for
// the last token of each step only.
func (b *Bench) PrefillFLOPs() model.FLOPs {
	blocks, head := b.model.Core.Cost()
	for i, f := range head.FLOPs {
		blocks.FLOPs[i] += f * float64((b.Prompt+benchStep-1)/benchStep) / float64(b.Prompt)
	}
	return blocks.FLOPs
}
