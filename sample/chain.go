package sample

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// step is one link of the chain: it narrows or reweights the choices.
type step struct {
	name, setting string
	apply         func(s *Sampler, history []int32) error
}

// chain lists the steps that the options turn on, in the package's order.
func chain(o Options) []step {
	var steps []step
	add := func(on bool, name, setting string, apply func(*Sampler, []int32) error) {
		if on {
			steps = append(steps, step{name, setting, apply})
		}
	}
	add(o.penalises(), "penalties", penaltySetting(o), (*Sampler).penalise)
	if o.Temp <= 0 {
		add(true, "greedy", "", func(s *Sampler, _ []int32) error { s.topK(1); return nil })
		return steps
	}
	add(o.TopK > 0, "top-k", strconv.Itoa(o.TopK), func(s *Sampler, _ []int32) error { s.topK(o.TopK); return nil })
	add(o.TopP > 0 && o.TopP < 1, "top-p", number(o.TopP), func(s *Sampler, _ []int32) error { s.topP(float64(o.TopP)); return nil })
	add(o.MinP > 0, "min-p", number(o.MinP), func(s *Sampler, _ []int32) error { s.minP(float64(o.MinP)); return nil })
	add(true, "temperature", number(o.Temp), func(s *Sampler, _ []int32) error { s.scale = 1 / float64(o.Temp); return nil })
	return steps
}

func number(x float32) string { return strconv.FormatFloat(float64(x), 'g', -1, 32) }

func penaltySetting(o Options) string {
	text := ""
	for _, p := range []struct {
		name string
		v    float32
		on   bool
	}{
		{"repeat", o.RepeatPenalty, o.repeats()},
		{"presence", o.PresencePenalty, o.PresencePenalty != 0},
		{"frequency", o.FrequencyPenalty, o.FrequencyPenalty != 0},
	} {
		if p.on {
			text += " " + p.name + " " + number(p.v)
		}
	}
	return text[min(1, len(text)):]
}

// penalise makes recent tokens less likely (or more, if the options say so).
// The repeat penalty is that of CTRL (Keskar et al. 2019, arXiv 1909.05858,
// section 4.1), except that it multiplies negative logits, which dividing would
// raise; the other two are subtracted afterwards. Runs on all choices, so that
// a token's ID is its index.
func (s *Sampler) penalise(history []int32) error {
	clear(s.counts)
	for _, id := range s.options.recent(history) {
		if id < 0 || int(id) >= len(s.choices) {
			return fmt.Errorf("%w: the history has token %d, the vocabulary %d tokens", ErrLogits, id, len(s.choices))
		}
		s.counts[id]++
	}
	for id, n := range s.counts {
		s.choices[id].logit = penalised(s.options, s.choices[id].logit, n)
	}
	s.max = float64(peak(s.choices))
	return nil
}

// penalised is one logit after n recent occurrences. What was finite stays so,
// whatever the options, or the distribution could become NaN.
func penalised(o Options, logit float32, n int32) float32 {
	x := float64(logit)
	if math.IsInf(x, -1) {
		return logit
	}
	if o.repeats() {
		if x > 0 {
			x /= float64(o.RepeatPenalty)
		} else {
			x *= float64(o.RepeatPenalty)
		}
	}
	x -= float64(o.PresencePenalty) + float64(n)*float64(o.FrequencyPenalty)
	return float32(max(-math.MaxFloat32, min(x, math.MaxFloat32)))
}

// topK keeps the k best choices, sorted.
func (s *Sampler) topK(k int) {
	if !s.sorted {
		s.choices, s.sorted = best(s.choices, k), true
	}
	s.choices = s.choices[:min(k, len(s.choices))]
}

// best moves the k best choices to the front, sorted, and returns them. It
// keeps a heap of k with the worst on top, so most choices cost one comparison.
func best(choices []choice, k int) []choice {
	k = min(k, len(choices))
	if k == 0 {
		return nil
	}
	heap := choices[:k]
	heapify(heap, last)
	for _, c := range choices[k:] {
		if c.before(heap[0]) {
			heap[0] = c
			sink(heap, 0, last)
		}
	}
	sortChoices(heap)
	return heap
}

func sortChoices(choices []choice) {
	slices.SortFunc(choices, func(a, b choice) int {
		if a.before(b) {
			return -1
		}
		return 1 // no two are equal: IDs differ
	})
}

// first and last say which choice a heap has on top.
func first(a, b choice) bool { return a.before(b) }
func last(a, b choice) bool  { return b.before(a) }

// heapify makes choices a binary heap: the one above all others comes first.
func heapify(choices []choice, above func(a, b choice) bool) {
	for i := len(choices)/2 - 1; i >= 0; i-- {
		sink(choices, i, above)
	}
}

// sink moves the choice at i down to its place in the heap.
func sink(heap []choice, i int, above func(a, b choice) bool) {
	for {
		child := 2*i + 1
		if child >= len(heap) {
			return
		}
		if child+1 < len(heap) && above(heap[child+1], heap[child]) {
			child++
		}
		if !above(heap[child], heap[i]) {
			return
		}
		heap[i], heap[child] = heap[child], heap[i]
		i = child
	}
}

// topP keeps the fewest best choices whose probabilities reach p together, the
// one that crosses included (nucleus sampling, Holtzman et al. 2020, arXiv
// 1904.09751).
func (s *Sampler) topP(p float64) {
	need := s.weigh() * p
	if !s.sorted {
		s.crop((1 - p) / p * need / float64(len(s.choices)))
		s.choices, s.sorted = s.heaviest(s.choices, need), true
		return
	}
	for i, w := range s.weights {
		if need -= w; need <= 0 {
			s.choices = s.choices[:i+1]
			return
		}
	}
}

// crop drops choices lighter than limit, so that fewer need ordering. n choices
// of less than (1-p)/n have less than 1-p together: the rest still reaches p.
func (s *Sampler) crop(limit float64) {
	kept := s.choices[:0]
	for i, c := range s.choices {
		if s.weights[i] >= limit {
			kept = append(kept, c)
		}
	}
	s.choices = kept
}

// heaviest returns the fewest best choices, sorted, that weigh need together.
// It takes them one by one off a heap, since they are usually few.
func (s *Sampler) heaviest(choices []choice, need float64) []choice {
	heapify(choices, first)
	end := len(choices)
	for end > 0 && need > 0 {
		end--
		need -= s.weight(choices[0])
		choices[0], choices[end] = choices[end], choices[0]
		sink(choices[:end], 0, first)
	}
	taken := choices[end:]
	slices.Reverse(taken)
	return append(choices[:0], taken...) // to the front, or the buffer would shrink
}

// minP keeps choices with at least p times the best one's probability (Nguyen
// et al. 2024, arXiv 2407.01082).
func (s *Sampler) minP(p float64) {
	limit := s.max + math.Log(p)
	s.choices = slices.DeleteFunc(s.choices, func(c choice) bool { return float64(c.logit) < limit })
}
