package tokenizer

import "encoding/binary"

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
