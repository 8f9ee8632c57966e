package train

import "math/bits"

// Random numbers here are functions, not streams: a draw is named by the run's
// seed and by what it is for (its counters), so nothing has to be saved or
// replayed to resume. Purposes are kept apart by these first counters.
const (
	forOrder  = 1 + iota // the order of the windows in an epoch
	forOffset            // where an epoch's first window starts
	forSample            // the text sampled while training
)

// golden is 2^64 divided by the golden ratio, the increment of SplitMix64.
const golden = 0x9E3779B97F4A7C15

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014): a bijection
// on 64 bits in which every input bit reaches every output bit.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// draw is the random number that belongs to a seed and a list of counters.
func draw(seed uint64, counters ...uint64) uint64 {
	h := mix(seed + golden)
	for _, c := range counters {
		h = mix(h ^ mix(c+golden))
	}
	return h
}

// permute is where a random permutation of [0,n) puts i, without a table: a
// Feistel network on the next even number of bits, walked until it falls into
// the range again (Black and Rogaway 2002).
func permute(key, i, n uint64) uint64 {
	if n <= 1 {
		return 0
	}
	half := (bits.Len64(n-1) + 1) / 2
	mask := uint64(1)<<half - 1
	for {
		left, right := i>>half, i&mask
		for round := range uint64(6) {
			left, right = right, left^(draw(key, round, right)&mask)
		}
		if i = left<<half | right; i < n {
			return i
		}
	}
}
