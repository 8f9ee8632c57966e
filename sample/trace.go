package sample

import (
	"math"
	"slices"
)

// Step is what one link of the chain left.
type Step struct {
	Name    string      // "model" (nothing done yet), "penalties", "top-k", "top-p", "min-p", "temperature" or "greedy"
	Setting string      // the option's value, for people
	Kept    int         // how many tokens can still be chosen
	Top     []Candidate // the most likely of them, best first; probabilities are among those kept
}

// Trace runs the chain on logits and history as Next would, without drawing,
// and returns what each step left: at most n candidates per step, all if n < 0.
// The last step's probabilities are those that Next draws with.
func (s *Sampler) Trace(logits []float32, history []int32, n int) ([]Step, error) {
	if err := s.load(logits); err != nil {
		return nil, err
	}
	steps := []Step{s.look(step{name: "model"}, n)}
	for _, st := range s.chain {
		if err := st.apply(s, history); err != nil {
			return nil, err
		}
		steps = append(steps, s.look(st, n))
	}
	return steps, nil
}

// look reports the choices as they are, and leaves them so.
func (s *Sampler) look(st step, n int) Step {
	total := math.Log(s.weigh())
	kept := 0
	for _, w := range s.weights {
		if w > 0 {
			kept++
		}
	}
	if n < 0 || n > kept {
		n = kept
	}
	found := Step{Name: st.name, Setting: st.setting, Kept: kept, Top: make([]Candidate, n)}
	for i, c := range best(slices.Clone(s.choices), n) {
		found.Top[i] = Candidate{c.id, c.logit, (float64(c.logit)-s.max)*s.scale - total}
	}
	return found
}

// Draw is how a token was drawn: the choices lie side by side, each as wide as its
// probability, and U fell on the one that begins at From.
type Draw struct {
	U     float64 // at least 0, below 1
	From  float64
	Width float64 // the probability that the token was drawn with
}

// Drawn is the draw of the last Next; false if there was none, because a single
// token was left to take.
func (s *Sampler) Drawn() (d Draw, ok bool) { return s.drawn, s.drawn.Width > 0 }
