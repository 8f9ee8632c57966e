package inspect

import "math"

// distribution is what logits say, as natural log-probabilities in float64: what
// tests compare answers with.
type distribution struct {
	logits []float32
	logP   []float64
}

func newDistribution(logits []float32) distribution {
	highest := math.Inf(-1)
	for _, v := range logits {
		highest = max(highest, float64(v))
	}
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - highest)
	}
	d := distribution{logits, make([]float64, len(logits))}
	norm := highest + math.Log(sum)
	for i, v := range logits {
		d.logP[i] = float64(v) - norm
	}
	return d
}

// top is the k most likely tokens; of equals the lower ID comes first.
func (d distribution) top(k int) []Candidate {
	best := topOf(d.logits, k)
	for i := range best {
		best[i].P = math.Exp(d.logP[best[i].ID])
	}
	return best
}

// rank counts from 1; equals are ranked by ID, as in top.
func (d distribution) rank(token int32) int { return rankOf(d.logits, token) }

// entropy is in bits.
func (d distribution) entropy() float64 {
	sum := 0.0
	for _, l := range d.logP {
		if p := math.Exp(l); p > 0 { // 0·log 0 counts 0
			sum -= p * l
		}
	}
	return sum / math.Ln2
}

// kl is Σ p·log(p/q) in bits.
func kl(p, q distribution) float64 {
	sum := 0.0
	for i, l := range p.logP {
		if p := math.Exp(l); p > 0 {
			sum += p * (l - q.logP[i])
		}
	}
	return max(0, sum/math.Ln2)
}
