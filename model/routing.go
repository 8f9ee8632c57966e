package model

import (
	"cmp"
	"math"
	"slices"

	"weft/internal/kernel"
	"weft/tensor"
)

// choice is one expert that a token was sent to.
type choice struct {
	token, expert int
	weight        float32
}

// routing says which experts the tokens of a pass go to, and has memory to find out.
type routing struct {
	picked  []choice // of token after token
	choices []choice // the same of expert after expert; of each, tokens ascend
	first   []int    // of each expert's choices, and their number; Count + 1

	rank, weights []float32 // of one token: Count, Used
	free          []bool    // Count
	next          []int     // Count

	score, members []float32 // of groups, of one group's experts
	closed         []bool    // groups
}

func newRouting(c Experts, n int) routing {
	r := routing{
		picked: make([]choice, n*c.Used), choices: make([]choice, n*c.Used), first: make([]int, c.Count+1),
		rank: make([]float32, c.Count), weights: make([]float32, c.Used), free: make([]bool, c.Count), next: make([]int, c.Count),
	}
	if c.Groups > 0 {
		r.score, r.members, r.closed = make([]float32, c.Groups), make([]float32, c.Count/c.Groups), make([]bool, c.Groups)
	}
	return r
}

// route sends each token to its experts. The scores are changed.
func (r *routing) route(c *Experts, scores tensor.Mat, correction []float32) {
	clear(r.first)
	for i := range scores.Rows {
		list := r.picked[i*c.Used : (i+1)*c.Used]
		r.choose(c, list, row(scores, i), correction)
		for j := range list {
			list[j].token = i
			r.first[list[j].expert+1]++
		}
	}
	for i := range c.Count {
		r.next[i] = r.first[i]
		r.first[i+1] += r.first[i]
	}
	for _, ch := range r.picked[:scores.Rows*c.Used] {
		r.choices[r.next[ch.expert]] = ch
		r.next[ch.expert]++
	}
}

// of is the choices of experts lo to hi.
func (r *routing) of(lo, hi int) []choice { return r.choices[r.first[lo]:r.first[hi]] }

// upTo is the largest hi for which experts lo to hi have so many choices at most, or lo+1.
func (r *routing) upTo(lo, most int) int {
	hi := lo + 1
	for hi+1 < len(r.first) && r.first[hi+1]-r.first[lo] <= most {
		hi++
	}
	return hi
}

// choose picks a token's experts, best first, from its router scores, which it changes, and
// weighs them. Of equal scores the lower number wins.
func (r *routing) choose(c *Experts, list []choice, scores, correction []float32) {
	switch {
	case c.Chosen: // the softmax comes last
	case c.Sigmoid:
		for i, s := range scores {
			scores[i] = float32(1 / (1 + math.Exp(-float64(s))))
		}
	default:
		kernel.Softmax(scores, 1)
	}
	copy(r.rank, scores)
	if c.Correction {
		kernel.AddTo(r.rank, correction)
	}
	r.open(c)
	for i := range list {
		best := bestOf(r.rank, r.free)
		r.free[best] = false
		list[i] = choice{expert: best, weight: scores[best]}
	}
	r.weigh(c, list)
}

// bestOf is the free index of the highest rank, of equal ones the first.
func bestOf(rank []float32, free []bool) int {
	best := -1
	for i, v := range rank {
		if free[i] && (best < 0 || cmp.Compare(v, rank[best]) > 0) {
			best = i
		}
	}
	return best
}

// open frees the experts that may be picked: all, or those of the groups with the best
// scores.
func (r *routing) open(c *Experts) {
	for i := range r.free {
		r.free[i] = true
	}
	if c.Groups == 0 {
		return
	}
	size := len(r.members)
	for g := range r.score {
		copy(r.members, r.rank[g*size:])
		slices.Sort(r.members)
		r.score[g], r.closed[g] = r.members[size-1], true
		if c.GroupTwo {
			r.score[g] += r.members[size-2]
		}
	}
	for range c.GroupsUsed {
		r.closed[bestOf(r.score, r.closed)] = false
	}
	for i := range r.free {
		r.free[i] = !r.closed[i/size]
	}
}

// weigh turns the scores of the chosen into their weights.
func (r *routing) weigh(c *Experts, list []choice) {
	w := r.weights
	for i := range list {
		w[i] = list[i].weight
	}
	if c.Chosen {
		kernel.Softmax(w, 1)
	}
	if c.Normed {
		sum := 0.0
		for _, v := range w {
			sum += float64(v)
		}
		kernel.Scale(w, float32(1/(sum+1e-20)))
	}
	if scaled(c.Scale) {
		kernel.Scale(w, c.Scale)
	}
	for i := range list {
		list[i].weight = w[i]
	}
}
