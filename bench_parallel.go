package weft

import (
	"context"
	"fmt"
	"time"

	"weft/model"
)

// ParallelBench measures how fast a model generates several answers at once. Like
// [Bench] it counts the model alone.
type ParallelBench struct {
	depth  int
	gen    int
	batch  *model.Batch
	slots  []int
	tokens []int32 // random
}

// BenchParallel makes answers of depth tokens, to which each round adds gen tokens,
// and runs one step to warm up.
func (m *Model) BenchParallel(ctx context.Context, answers, gen, depth int) (*ParallelBench, error) {
	if answers < 1 || gen < 1 || depth < 0 {
		return nil, fmt.Errorf("bench: %d answers of %d tokens, %d before", answers, gen, depth)
	}
	if most := m.Core.Config.Context; depth > most || gen > most-depth {
		return nil, fmt.Errorf("bench: %d tokens after %d: %w, of %d", gen, depth, model.ErrContext, most)
	}
	if answers > MaxSlots {
		return nil, fmt.Errorf("bench: %d answers, at most %d", answers, MaxSlots)
	}
	n := depth + gen
	b := &ParallelBench{depth: depth, gen: gen, batch: m.Core.NewBatch(answers, n), tokens: m.randomTokens(n + answers)}
	for i := range answers {
		b.slots = append(b.slots, i)
		for at := 0; at < depth; at += benchStep {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if _, err := b.batch.Append([]int{i}, [][]int32{b.of(i)[at:min(at+benchStep, depth)]}, false); err != nil {
				return nil, fmt.Errorf("bench: %w", err)
			}
		}
		b.batch.Mark(i) // every round begins here
	}
	return b, b.step(depth)
}

// of is the tokens of an answer: each has others.
func (b *ParallelBench) of(answer int) []int32 { return b.tokens[answer:] }

// step gives each answer its token at that place.
func (b *ParallelBench) step(at int) error {
	tokens := make([][]int32, len(b.slots))
	for i := range tokens {
		tokens[i] = b.of(i)[at : at+1]
	}
	if _, err := b.batch.Append(b.slots, tokens, false); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return nil
}

// Round measures once, in tokens per second of all answers together.
func (b *ParallelBench) Round(ctx context.Context) (rate float64, err error) {
	for i := range b.slots {
		if err := b.batch.Truncate(i, b.depth); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	for at := range b.gen {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if err := b.step(b.depth + at); err != nil {
			return 0, err
		}
	}
	return float64(b.gen*len(b.slots)) / time.Since(start).Seconds(), nil
}
