package tokenizer

import (
	"container/heap"
	"encoding/binary"
)

// encoder is the working memory of one goroutine's encoding.
type encoder struct {
	t     *Tokenizer
	cache [cacheSize]cached
	ids   [shortPiece]int32
	next  [shortPiece]merge // the merge of symbol i with the one after it
	long  longMerger
}

const (
	cacheSize  = 1 << 14 // pieces remembered, about 800 kB
	cacheIDs   = 6       // tokens a remembered piece may have
	cacheBytes = 15      // and bytes
	shortPiece = 64      // bytes up to which merging by repeated scans is fastest
)

// cached is a piece of at most 15 bytes, as itself with its length on top, and
// its tokens.
type cached struct {
	lo, hi uint64
	n      int32
	ids    [cacheIDs]int32
}

func newEncoder(t *Tokenizer) *encoder { return &encoder{t: t} }

// text appends the tokens of ordinary text.
func (e *encoder) text(dst []int32, text []byte) []int32 {
	if e.t.prefixSpace && text[0] != ' ' {
		text = append([]byte{' '}, text...)
	}
	for len(text) > 0 {
		n := e.t.split.next(text)
		dst = e.piece(dst, text[:n])
		text = text[n:]
	}
	return dst
}

// piece appends the tokens of one pre-token.
func (e *encoder) piece(dst []int32, p []byte) []int32 {
	if len(p) == 1 {
		return append(dst, e.t.byteIDs[p[0]])
	}
	if len(p) > cacheBytes {
		return e.merge(dst, p)
	}
	lo, hi := pack(p)
	c := &e.cache[hash64(lo^hash64(hi))>>16%cacheSize]
	if c.lo == lo && c.hi == hi {
		return append(dst, c.ids[:c.n]...)
	}
	before := len(dst)
	dst = e.merge(dst, p)
	if ids := dst[before:]; len(ids) <= cacheIDs {
		c.lo, c.hi, c.n = lo, hi, int32(copy(c.ids[:], ids))
	}
	return dst
}

// pack is up to 15 bytes and their number as two words.
func pack(p []byte) (lo, hi uint64) {
	if n := len(p); n >= 8 {
		lo = binary.LittleEndian.Uint64(p)
		hi = binary.LittleEndian.Uint64(p[n-8:]) >> (8 * (16 - n))
	} else {
		for i := n - 1; i >= 0; i-- {
			lo = lo<<8 | uint64(p[i])
		}
	}
	return lo, hi | uint64(len(p))<<56
}

// merge appends the tokens of a piece: its bytes, merged by rank.
func (e *encoder) merge(dst []int32, p []byte) []int32 {
	if e.t.whole {
		if id, ok := e.t.ids[string(p)]; ok {
			return append(dst, id)
		}
	}
	if len(p) > shortPiece {
		return e.long.merge(dst, e.t, p)
	}
	n, ids, next := len(p), &e.ids, &e.next
	for i, b := range p {
		ids[i] = e.t.byteIDs[b]
	}
	for i := range n - 1 {
		next[i] = e.t.table.get(ids[i], ids[i+1])
	}
	for n > 1 {
		best := 0
		for i := 1; i < n-1; i++ {
			if next[i].rank < next[best].rank {
				best = i
			}
		}
		if next[best].rank == noMerge {
			break
		}
		ids[best] = next[best].id
		copy(ids[best+1:n-1], ids[best+2:n])
		if best+2 < n-1 {
			copy(next[best+1:], next[best+2:n-1])
		}
		n--
		if best < n-1 {
			next[best] = e.t.table.get(ids[best], ids[best+1])
		}
		if best > 0 {
			next[best-1] = e.t.table.get(ids[best-1], ids[best])
		}
	}
	return append(dst, ids[:n]...)
}

// longMerger merges long pieces in O(n log n): symbols in a linked list, the
// possible merges in a heap, those that others have undone dropped when met.
type longMerger struct {
	syms []symbol
	heap mergeHeap
}

type symbol struct{ id, prev, next int32 }

type candidate struct {
	merge
	at          int32 // the left symbol
	left, right int32 // what it was when this was found
}

type mergeHeap []candidate

func (h mergeHeap) Len() int { return len(h) }
func (h mergeHeap) Less(i, j int) bool {
	return h[i].rank < h[j].rank || h[i].rank == h[j].rank && h[i].at < h[j].at
}
func (h mergeHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *mergeHeap) Push(x any)   { *h = append(*h, x.(candidate)) }
func (h *mergeHeap) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	*h = (*h)[:last]
	return c
}

func (m *longMerger) merge(dst []int32, t *Tokenizer, p []byte) []int32 {
	m.syms, m.heap = m.syms[:0], m.heap[:0]
	for i, b := range p {
		m.syms = append(m.syms, symbol{t.byteIDs[b], int32(i - 1), int32(i + 1)})
	}
	m.syms[len(p)-1].next = -1
	for i := range len(p) - 1 {
		if c, ok := m.candidate(t, int32(i)); ok {
			m.heap = append(m.heap, c)
		}
	}
	heap.Init(&m.heap)
	for len(m.heap) > 0 {
		m.apply(t, heap.Pop(&m.heap).(candidate))
	}
	for i := int32(0); i >= 0; i = m.syms[i].next {
		dst = append(dst, m.syms[i].id)
	}
	if cap(m.syms) > 1<<20 { // one huge piece should not be remembered by every goroutine
		*m = longMerger{}
	}
	return dst
}

func (m *longMerger) candidate(t *Tokenizer, at int32) (candidate, bool) {
	s := m.syms[at]
	if s.next < 0 {
		return candidate{}, false
	}
	right := m.syms[s.next].id
	found := t.table.get(s.id, right)
	return candidate{found, at, s.id, right}, found.rank != noMerge
}

func (m *longMerger) apply(t *Tokenizer, c candidate) {
	s := &m.syms[c.at]
	if s.id != c.left || s.next < 0 || m.syms[s.next].id != c.right {
		return
	}
	gone := s.next
	s.id, s.next = c.id, m.syms[gone].next
	m.syms[gone].id = -1
	if s.next >= 0 {
		m.syms[s.next].prev = c.at
	}
	for _, at := range [2]int32{s.prev, c.at} {
		if at < 0 {
			continue
		}
		if n, ok := m.candidate(t, at); ok {
			heap.Push(&m.heap, n)
		}
	}
}
