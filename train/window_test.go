package train

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// counting is a ring whose token i is i.
type counting int

func (c counting) Len() int       { return int(c) }
func (c counting) At(i int) int32 { return int32(i) }

func TestPermuteIsAPermutation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(1, 3000).Draw(t, "n")
		key := rapid.Uint64().Draw(t, "key")
		seen := make([]bool, n)
		for i := range n {
			p := permute(key, i, n)
			if p >= n || seen[p] {
				t.Fatalf("%d goes to %d, which is outside or taken", i, p)
			}
			seen[p] = true
		}
	})
}

// TestPermuteMixes: neighbours must not stay neighbours, and two keys must not
// give one order.
func TestPermuteMixes(t *testing.T) {
	const n = 10000
	adjacent, same := 0, 0
	for i := range uint64(n - 1) {
		if permute(1, i+1, n) == permute(1, i, n)+1 {
			adjacent++
		}
		if permute(1, i, n) == permute(2, i, n) {
			same++
		}
	}
	if adjacent > 10 || same > 10 { // each is 1 on average when the order is random
		t.Errorf("%d neighbours stayed together, %d places are equal under another key", adjacent, same)
	}
}

// TestEveryTokenIsATargetOncePerEpoch, whatever the sizes, text shorter than a
// window included.
func TestEveryTokenIsATargetOncePerEpoch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 500).Draw(t, "tokens")
		w := windows{tokens: counting(n), seq: rapid.IntRange(1, 70).Draw(t, "seq"), seed: rapid.Uint64().Draw(t, "seed")}
		per := w.perEpoch()
		for epoch := range 3 {
			seen := make([]int, n)
			tokens, targets := make([]int32, per*w.seq), make([]int32, per*w.seq)
			count := w.fill(tokens, targets, epoch*per)
			for i, target := range targets {
				if target < 0 {
					continue
				}
				if int(target) != (int(tokens[i])+1)%n {
					t.Fatalf("after %d comes %d", tokens[i], target)
				}
				seen[target]++
			}
			if count != n || slices.Min(seen) != 1 || slices.Max(seen) != 1 {
				t.Fatalf("epoch %d: %d targets, seen %v", epoch, count, seen)
			}
		}
	})
}

// TestBatchesDoNotChangeTheOrder: example g is the same whichever batch it is in.
func TestBatchesDoNotChangeTheOrder(t *testing.T) {
	w := windows{tokens: counting(1000), seq: 16, seed: 3}
	all, allTargets := make([]int32, 96*16), make([]int32, 96*16)
	w.fill(all, allTargets, 0)
	for _, batch := range []int{1, 4, 32} {
		tokens, targets := make([]int32, batch*16), make([]int32, batch*16)
		for first := 0; first < 96; first += batch {
			w.fill(tokens, targets, first)
			if lo := first * 16; !slices.Equal(tokens, all[lo:lo+batch*16]) || !slices.Equal(targets, allTargets[lo:lo+batch*16]) {
				t.Fatalf("batch of %d at %d differs", batch, first)
			}
		}
	}
}

func TestEpochsDiffer(t *testing.T) {
	w := windows{tokens: counting(1 << 16), seq: 64, seed: 3}
	same := 0
	for i := range w.perEpoch() {
		a, _ := w.locate(i)
		b, _ := w.locate(i + w.perEpoch())
		if a == b {
			same++
		}
	}
	if same > 10 {
		t.Errorf("%d of %d windows are the same in two epochs", same, w.perEpoch())
	}
}

func TestValidationReadsEverythingOnce(t *testing.T) {
	for _, n := range []int{1, 2, 16, 17, 100} {
		w := windows{tokens: counting(n), seq: 16}
		tokens, targets := make([]int32, w.perEpoch()*16), make([]int32, w.perEpoch()*16)
		w.fillInOrder(tokens, targets, 0)
		var got []int32
		for _, target := range targets {
			if target >= 0 {
				got = append(got, target)
			}
		}
		for i, target := range got {
			if int(target) != i+1 {
				t.Fatalf("n=%d: target %d is %d", n, i, target)
			}
		}
		if len(got) != n-1 {
			t.Fatalf("n=%d: %d targets", n, len(got))
		}
	}
}
