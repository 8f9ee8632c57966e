package sample

import (
	"fmt"
	"math"
)

// Candidate is a token and how likely it is.
type Candidate struct {
	ID      int32
	Logit   float32
	LogProb float64 // natural logarithm of the probability
}

// P is the candidate's probability.
func (c Candidate) P() float64 { return math.Exp(c.LogProb) }

// LogSumExp is log Σ exp(logit) over the vocabulary: a token's log probability
// is its logit minus this. It is computed in float64, in the order of IDs.
func LogSumExp(logits []float32) (float64, error) {
	if err := check(logits); err != nil {
		return 0, err
	}
	top := math.Inf(-1)
	for _, x := range logits {
		top = max(top, float64(x))
	}
	if math.IsInf(top, -1) {
		return top, nil
	}
	sum := 0.0
	for _, x := range logits {
		sum += exp(float64(x) - top)
	}
	return top + math.Log(sum), nil
}

// Entropy is how undecided the model is, in bits, over the full vocabulary: 0 when
// one token has all the probability, log2 of the vocabulary when all have the same.
func Entropy(logits []float32) (float64, error) {
	if err := check(logits); err != nil {
		return 0, err
	}
	top := math.Inf(-1)
	for _, x := range logits {
		top = max(top, float64(x))
	}
	if math.IsInf(top, -1) {
		return 0, fmt.Errorf("%w: none of %d logits is finite", ErrLogits, len(logits))
	}
	sum, mean := 0.0, 0.0
	for _, x := range logits {
		if w := exp(float64(x) - top); w > 0 {
			sum += w
			mean += w * (float64(x) - top)
		}
	}
	return max(0, math.Log(sum)-mean/sum) / math.Ln2, nil
}

// Top returns the k most likely tokens, best first, with their exact
// probabilities over the full vocabulary: those of the model, before any
// sampling option. k above the size of the vocabulary means all.
func Top(logits []float32, k int) ([]Candidate, error) {
	lse, err := LogSumExp(logits)
	if err != nil {
		return nil, err
	}
	found := bestOf(logits, min(max(k, 0), len(logits)))
	top := make([]Candidate, len(found))
	for i, c := range found {
		top[i] = Candidate{c.id, c.logit, float64(c.logit) - lse}
	}
	return top, nil
}

// bestOf is best straight from logits, without room for all of them.
func bestOf(logits []float32, k int) []choice {
	heap := make([]choice, k)
	for i, x := range logits[:k] {
		heap[i] = choice{int32(i), x}
	}
	heapify(heap, last)
	for i, x := range logits[k:] {
		if k > 0 && x > heap[0].logit { // an equal one has the higher ID
			heap[0] = choice{int32(k + i), x}
			sink(heap, 0, last)
		}
	}
	sortChoices(heap)
	return heap
}
