package inspect

import (
	"math"

	"weft/internal/kernel"
)

// answer is the distribution that readings are compared with: the model's own.
type answer struct {
	logits []float32
	p      []float32
	logZ   float64 // log Σ e^logit
	own    float64 // Σ p·logit
	top    int32
}

func newAnswer(logits []float32) *answer {
	a := &answer{logits: logits, p: make([]float32, len(logits)), top: int32(kernel.ArgMax(logits))}
	a.logZ = softmax(a.p, logits)
	a.own = float64(kernel.Dot(a.p, logits))
	return a
}

// softmax fills p, and returns the logarithm of what it divided by.
func softmax(p, logits []float32) (logZ float64) {
	copy(p, logits)
	most, sum := kernel.Softmax(p, 1)
	return float64(most) + math.Log(float64(sum))
}

// reading reads logits; buf is room for as many probabilities.
func (a *answer) reading(logits, buf []float32, top int) Reading {
	logZ := softmax(buf, logits)
	entropy := logZ - float64(kernel.Dot(buf, logits))
	r := Reading{Top: topOf(logits, top), Entropy: max(0, entropy) / math.Ln2, Rank: rankOf(logits, a.top),
		P: math.Exp(float64(logits[a.top]) - logZ)}
	for i, c := range r.Top {
		r.Top[i].P = math.Exp(float64(c.Logit) - logZ)
	}
	if &logits[0] != &a.logits[0] { // itself from itself is 0, without rounding
		r.KL = a.klFrom(logits, logZ)
	}
	return r
}

// klFrom is KL(answer ‖ logits) in bits.
func (a *answer) klFrom(logits []float32, logZ float64) float64 {
	nats := a.own - a.logZ - (float64(kernel.Dot(a.p, logits)) - logZ)
	return max(0, nats) / math.Ln2
}

func (a *answer) follow(logits []float32, logZ float64, targets []int32) []Followed {
	list := make([]Followed, len(targets))
	for i, id := range targets {
		list[i] = Followed{id, math.Exp(float64(logits[id]) - logZ), rankOf(logits, id)}
	}
	return list
}
