package inspect

import (
	"math"
	"slices"
	"sort"

	"weft/model"
	"weft/tensor"
)

// readLens is the logit lens (nostalgebraist 2020): the head, with the final
// norm's statistics taken anew, applied to the stream at every depth. The last
// depth is the model's own answer. One token's depths are read together, so
// that depths × vocab numbers are in memory and never tokens times that.
//
// It returns the last token's logits at the last depth.
func (t *Trace) readLens(m *model.Model, w *watcher, top int) (said []float32) {
	c, depths := t.Config, len(w.streams)
	x := tensor.New(depths, c.Dim)
	at := make([]Reading, depths)
	for i := range t.Tokens {
		for d, stream := range w.streams {
			copy(x.Data[d*c.Dim:], w.row(stream, i))
		}
		logits := m.Unembed(x)
		said = logits.Row(depths - 1)
		final := newDistribution(said)
		winner := final.top(1)[0].ID
		m.Pool.Run(depths, func(_, d int) {
			lens := final
			if d < depths-1 {
				lens = newDistribution(logits.Row(d))
			}
			at[d] = Reading{Top: lens.top(top), Entropy: lens.entropy(), KL: kl(final, lens),
				Rank: lens.rank(winner), P: math.Exp(lens.logP[winner])}
		})
		t.place(at)
		if i == 0 {
			t.Surprise = append(t.Surprise, math.NaN())
		}
		if i+1 < len(t.Tokens) {
			t.Surprise = append(t.Surprise, -final.logP[t.Tokens[i+1]]/math.Ln2)
		}
	}
	t.Next = t.Blocks[len(t.Blocks)-1].After.Lens[len(t.Tokens)-1]
	return said
}

// readNext reads the last depth of the last token alone.
func (t *Trace) readNext(m *model.Model, w *watcher, top int) (said []float32) {
	last := w.row(w.streams[len(w.streams)-1], len(t.Tokens)-1)
	said = m.Unembed(tensor.Of(slices.Clone(last), 1, t.Config.Dim)).Row(0)
	final := newDistribution(said)
	t.Next = Reading{Top: final.top(top), Entropy: final.entropy(), Rank: 1}
	t.Next.P = t.Next.Top[0].P
	return said
}

// place files one token's readings under their depths.
func (t *Trace) place(at []Reading) {
	t.Input.Lens = append(t.Input.Lens, at[0])
	lock := len(at) - 1
	for d := len(at) - 1; d >= 0 && at[d].Rank == 1; d-- {
		lock = d
	}
	t.LockIn = append(t.LockIn, lock)
	for l := range t.Blocks {
		lens := &t.Blocks[l].After.Lens
		*lens = append(*lens, at[l+1])
	}
}

// compare is the check that the lens on the last stream is the model.
func (c *Checks) compare(said, logits []float32) {
	lens, model := newDistribution(said), newDistribution(logits)
	for i := range logits {
		c.LensLogits = max(c.LensLogits, math.Abs(float64(logits[i])-float64(said[i])))
		c.LensEqualsModel = max(c.LensEqualsModel, math.Abs(math.Exp(model.logP[i])-math.Exp(lens.logP[i])))
	}
}

// distribution is what logits say, as natural log-probabilities in float64.
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

// rank counts from 1; equals are ranked by ID, as in top.
func (d distribution) rank(token int32) int { return rankOf(d.logits, token) }

func rankOf(logits []float32, token int32) int {
	rank, mine := 1, logits[token]
	for id, logit := range logits {
		if logit > mine || logit == mine && int32(id) < token {
			rank++
		}
	}
	return rank
}

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
