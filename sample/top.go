package sample

import "math"

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

// Top returns the k most likely tokens, best first, with their exact
// probabilities over the full vocabulary: those of the model, before any
// sampling option. k above the size of the vocabulary means all.
func Top(logits []float32, k int) ([]Candidate, error) {
	lse, err := LogSumExp(logits)
	if err != nil {
		return nil, err
	}
	k = min(max(k, 0), len(logits))
	choices := make([]choice, len(logits))
	for i, x := range logits {
		choices[i] = choice{int32(i), x}
	}
	top := make([]Candidate, k)
	for i, c := range best(choices, k) {
		top[i] = Candidate{c.id, c.logit, float64(c.logit) - lse}
	}
	return top, nil
}
