package inspect

import (
	"math"
	"sort"

	"weft/internal/kernel"
	"weft/model"
)

// answer is the distribution that readings are compared with: the model's own.
type answer struct {
	logits []float32
	p      []float32
	logZ   float64 // log Σ e^logit
	top    int32
}

func newAnswer(logits []float32) *answer {
	a := &answer{p: make([]float32, len(logits))}
	a.set(logits)
	return a
}

// set makes the answer that of other logits.
func (a *answer) set(logits []float32) {
	a.logits, a.top = logits, int32(kernel.ArgMax(logits))
	softmax(a.p, logits)
	a.logZ = kernel.LogSumExp(logits)
}

// softmax fills p, and returns the logarithm of what it divided by.
func softmax(p, logits []float32) (logZ float64) {
	copy(p, logits)
	most, sum := kernel.Softmax(p, 1)
	return float64(most) + math.Log(float64(sum))
}

// reading reads logits; buf is room for as many numbers.
func (a *answer) reading(logits, buf []float32, top int) Reading {
	logZ := softmax(buf, logits)
	entropy := logZ - float64(kernel.Dot(buf, logits))
	r := Reading{Top: topOf(logits, top), Entropy: max(0, entropy) / math.Ln2, Rank: rankOf(logits, a.top),
		P: math.Exp(float64(logits[a.top]) - logZ)}
	for i, c := range r.Top {
		r.Top[i].P = math.Exp(float64(c.Logit) - logZ)
	}
	if &logits[0] != &a.logits[0] { // itself from itself is 0, without rounding
		r.KL = a.klFrom(logits, buf, logZ) / math.Ln2
	}
	return r
}

// klFrom is KL(answer ‖ logits) in nats; buf is room for as many numbers. Differences
// are taken before they are added up, so that distributions which hardly differ are
// told apart.
func (a *answer) klFrom(logits, buf []float32, logZ float64) float64 {
	copy(buf, a.logits)
	kernel.Axpy(buf, -1, logits)
	return max(0, float64(kernel.Dot(a.p, buf))-(a.logZ-logZ))
}

func (a *answer) follow(logits []float32, logZ float64, targets []int32) []Followed {
	list := make([]Followed, len(targets))
	for i, id := range targets {
		list[i] = Followed{id, math.Exp(float64(logits[id]) - logZ), rankOf(logits, id)}
	}
	return list
}

// room is where a worker compares one answer after the other with others' logits.
type room struct {
	answer
	buf []float32
}

// rooms are every worker's of a pool, made when they are needed.
type rooms struct {
	vocab int
	list  []room
}

func newRooms(m *model.Model) rooms { return rooms{m.Config.Vocab, make([]room, m.Pool.Threads())} }

// leave lets go of what was compared.
func (r rooms) leave() {
	for i := range r.list {
		r.list[i].logits = nil
	}
}

func (r rooms) of(worker int) *room {
	w := &r.list[worker]
	if w.buf == nil {
		w.p, w.buf = make([]float32, r.vocab), make([]float32, r.vocab)
	}
	return w
}

// topOf is the k largest logits, without their probabilities.
func topOf(logits []float32, k int) []Candidate {
	best := make([]Candidate, 0, k+1)
	for id, logit := range logits {
		if len(best) == k && !(logit > best[k-1].Logit) {
			continue
		}
		at := sort.Search(len(best), func(i int) bool { return best[i].Logit < logit })
		best = append(best, Candidate{})
		copy(best[at+1:], best[at:])
		best[at] = Candidate{ID: int32(id), Logit: logit}
		best = best[:min(k, len(best))]
	}
	return best
}

// rankOf counts from 1; of equals the lower ID comes first.
func rankOf(logits []float32, token int32) int {
	rank, mine := 1, logits[token]
	for id, logit := range logits {
		if logit > mine || logit == mine && int32(id) < token {
			rank++
		}
	}
	return rank
}
