package tokenizer

type pair struct{ left, right int32 }

// mergeTable finds a pair's rank and the token it makes: open addressing, at
// most two thirds full.
type mergeTable struct {
	keys []uint64 // left<<32 | right, plus 1; 0 is free
	vals []merge
	mask uint64
}

type merge struct{ rank, id int32 }

const noMerge = 1<<31 - 1

func newMergeTable(n int) mergeTable {
	size := 2
	for 2*size < 3*n {
		size *= 2
	}
	return mergeTable{keys: make([]uint64, size), vals: make([]merge, size), mask: uint64(size - 1)}
}

func (p pair) key() uint64 { return uint64(uint32(p.left))<<32 | uint64(uint32(p.right)) + 1 }

func hash64(x uint64) uint64 {
	x *= 0x9E3779B97F4A7C15 // 2^64 over the golden ratio (Knuth, TAOCP 3, 6.4)
	return x ^ x>>29
}

func (m *mergeTable) put(p pair, rank, id int32) {
	k := p.key()
	for i := hash64(k) & m.mask; ; i = (i + 1) & m.mask {
		if m.keys[i] == 0 || m.keys[i] == k { // the last of two equal merges counts
			m.keys[i], m.vals[i] = k, merge{rank, id}
			return
		}
	}
}

// get gives rank noMerge for a pair that does not merge.
func (m *mergeTable) get(left, right int32) merge {
	k := pair{left, right}.key()
	for i := hash64(k) & m.mask; ; i = (i + 1) & m.mask {
		switch m.keys[i] {
		case k:
			return m.vals[i]
		case 0:
			return merge{rank: noMerge}
		}
	}
}
