package model

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"weft/tensor"
)

// TestRoute: tokens go to the experts with the best scores, of equal ones to the first, and
// stand in order at each.
func TestRoute(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	c := &Experts{Count: 20, Used: 6, Chosen: true}
	const n = 9
	scores, r := tensor.New(n, c.Count), newRouting(*c, n)
	for i := range scores.Data {
		scores.Data[i] = float32(rng.IntN(8)) // many are equal
		if rng.IntN(40) == 0 {
			scores.Data[i] = float32(math.NaN())
		}
	}
	r.route(c, scores, nil)
	var want [][2]int // expert, token
	for i := range n {
		order := make([]int, c.Count)
		for e := range order {
			order[e] = e
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores.Row(i)[b], scores.Row(i)[a]) })
		for _, e := range order[:c.Used] {
			want = append(want, [2]int{e, i})
		}
	}
	slices.SortFunc(want, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
	for i, ch := range r.of(0, c.Count) {
		if got := [2]int{ch.expert, ch.token}; got != want[i] {
			t.Errorf("choice %d is expert %d for token %d, want %v", i, ch.expert, ch.token, want[i])
		}
	}
	for lo := range c.Count {
		hi := r.upTo(lo, 10)
		if len(r.of(lo, hi)) > 10 && hi > lo+1 || hi < c.Count && len(r.of(lo, hi+1)) <= 10 {
			t.Errorf("experts %d to %d run together: %d choices", lo, hi, len(r.of(lo, hi)))
		}
	}
}

// TestRouteGroups: only experts of the groups with the best two are picked.
func TestRouteGroups(t *testing.T) {
	c := &Experts{Count: 9, Used: 3, Chosen: true, Groups: 3, GroupsUsed: 1, GroupTwo: true}
	r := newRouting(*c, 1)
	r.route(c, tensor.Of([]float32{9, 0, 0, 4, 2, 6, 1, 5, 3}, 1, 9), nil)
	var got []int
	for _, ch := range r.picked {
		got = append(got, ch.expert)
	}
	if want := []int{5, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("picked %v, want %v", got, want)
	}
}
