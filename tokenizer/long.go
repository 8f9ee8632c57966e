package tokenizer

// longMerger merges long pieces in O(n log n): symbols in a linked list, the
// possible merges in a queue. Merges that others have undone are dropped when
// they are met.
type longMerger struct {
	syms  []symbol
	queue mergeQueue
}

// symbol is a token and the merge of it with the next one.
type symbol struct {
	id, prev, next int32
	merge          merge
}

// merge merges the symbols of dst from before on.
func (m *longMerger) merge(dst []int32, before int, t *mergeTable) []int32 {
	m.syms, m.queue = m.syms[:0], m.queue[:0]
	for i, id := range dst[before:] {
		m.syms = append(m.syms, symbol{id: id, prev: int32(i - 1), next: int32(i + 1)})
	}
	m.syms[len(m.syms)-1].next = -1
	for i := range m.syms {
		m.find(t, int32(i))
	}
	for len(m.queue) > 0 {
		rank, at := m.queue.pop()
		if m.syms[at].merge.rank == rank {
			m.apply(t, at)
		}
	}
	dst = dst[:before]
	for i := int32(0); i >= 0; i = m.syms[i].next {
		dst = append(dst, m.syms[i].id)
	}
	if cap(m.syms) > 1<<20 { // one huge piece should not be remembered by every goroutine
		*m = longMerger{}
	}
	return dst
}

// find looks up what a symbol and the next one make, and queues it.
func (m *longMerger) find(t *mergeTable, at int32) {
	s := &m.syms[at]
	s.merge.rank = noMerge
	if s.next < 0 {
		return
	}
	if s.merge = t.get(s.id, m.syms[s.next].id); s.merge.rank != noMerge {
		m.queue.push(s.merge.rank, at)
	}
}

func (m *longMerger) apply(t *mergeTable, at int32) {
	s := &m.syms[at]
	gone := &m.syms[s.next]
	gone.merge.rank = noMerge
	s.id, s.next = s.merge.id, gone.next
	if s.next >= 0 {
		m.syms[s.next].prev = at
	}
	m.find(t, at)
	if s.prev >= 0 {
		m.find(t, s.prev)
	}
}

// mergeQueue is a heap of (rank, place), the lowest first; each entry has four
// children, which costs fewer cache misses than two.
type mergeQueue []uint64

func (q *mergeQueue) push(rank, at int32) {
	key := uint64(rank)<<32 | uint64(at)
	*q = append(*q, key)
	h := *q
	i := len(h) - 1
	for i > 0 && h[(i-1)/4] > key {
		h[i] = h[(i-1)/4]
		i = (i - 1) / 4
	}
	h[i] = key
}

func (q *mergeQueue) pop() (rank, at int32) {
	h := *q
	top, key := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	*q = h
	for i := 0; len(h) > 0; {
		least, first := i, 4*i+1
		value := key
		for c := first; c < min(first+4, len(h)); c++ {
			if h[c] < value {
				least, value = c, h[c]
			}
		}
		h[i] = value
		if least == i {
			break
		}
		i = least
	}
	return int32(top >> 32), int32(top)
}
