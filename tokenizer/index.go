package tokenizer

import (
	"fmt"
	"sort"
)

// index builds what encoding looks things up in, once tokens, added and merges
// are set.
func (t *Tokenizer) index() error {
	isAdded := map[int32]bool{}
	seen := map[string]bool{}
	for _, a := range t.added {
		if a.Text == "" || seen[a.Text] {
			return fmt.Errorf("added token %d: its text %q is empty or used twice", a.ID, a.Text)
		}
		isAdded[a.ID], seen[a.Text] = true, true
	}
	t.ids = make(map[string]int32, len(t.tokens))
	for b := range t.byteIDs {
		t.byteIDs[b] = -1
	}
	for id, bytes := range t.tokens {
		if isAdded[int32(id)] || bytes == nil {
			continue
		}
		t.ids[string(bytes)] = int32(id)
		if len(bytes) == 1 {
			t.byteIDs[bytes[0]] = int32(id)
		}
	}
	for b, id := range t.byteIDs {
		if id < 0 {
			return fmt.Errorf("vocabulary has no token for the byte 0x%02x", b)
		}
	}
	sort.Slice(t.added, func(i, j int) bool { return t.added[i].ID < t.added[j].ID })
	for i, a := range t.added {
		list := append(t.addedByByte[a.Text[0]], i)
		sort.SliceStable(list, func(x, y int) bool { return len(t.added[list[x]].Text) > len(t.added[list[y]].Text) })
		t.addedByByte[a.Text[0]] = list
	}
	if err := t.indexMerges(); err != nil {
		return err
	}
	t.encoders.New = func() any { return newEncoder(t) }
	return nil
}

func (t *Tokenizer) indexMerges() error {
	t.table = newMergeTable(len(t.merges))
	for rank, m := range t.merges {
		joined := string(t.tokens[m.left]) + string(t.tokens[m.right])
		id, ok := t.ids[joined]
		if !ok {
			return fmt.Errorf("merge %d makes %q, which is no token", rank, joined)
		}
		t.table.put(m, int32(rank), id)
	}
	return nil
}

// mergeTable finds a pair's rank and the token it makes: open addressing, at
// most half full.
type mergeTable struct {
	keys []uint64 // left<<32 | right, plus 1; 0 is free
	vals []merge
	mask uint64
}

type merge struct{ rank, id int32 }

func newMergeTable(n int) mergeTable {
	size := 2
	for size < 2*n {
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

const noMerge = 1<<31 - 1
