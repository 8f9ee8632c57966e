package tokenizer

import "encoding/binary"

// model turns a piece of text into tokens, which it appends to dst.
type model interface {
	encode(dst []int32, e *encoder, piece []byte) []int32
}

// encoder is the working memory of one goroutine's encoding.
type encoder struct {
	t       *Tokenizer
	dst     []int32
	first   bool             // nothing of the text is encoded yet
	emits   []func(p []byte) // by stage: cut a piece and pass it on; the last encodes it
	cache   [cacheSize]cached
	next    [shortPiece]merge // bpe: the merge of a symbol with the one after it
	long    longMerger
	arcs    []arc  // unigram
	written []byte // bpe: a piece as the file would write it
	path    []int32
}

const (
	cacheSize  = 1 << 14 // pieces remembered, about 800 kB
	cacheIDs   = 6       // tokens a remembered piece may have
	cacheBytes = 15      // and bytes
)

// cached is a piece of at most 15 bytes, as itself with its length on top, and
// its tokens.
type cached struct {
	lo, hi uint64
	n      int32
	ids    [cacheIDs]int32
}

func newEncoder(t *Tokenizer) *encoder {
	e := &encoder{t: t, emits: make([]func([]byte), len(t.cutters)+1)}
	for i, cut := range t.cutters {
		e.emits[i] = func(p []byte) { cut(p, e.first, e.emits[i+1]) }
	}
	e.emits[len(t.cutters)] = func(p []byte) {
		e.first = false
		e.piece(p)
	}
	return e
}

// text appends the tokens of text without added tokens, normalized already.
func (e *encoder) text(text []byte) {
	if len(text) > 0 {
		e.emits[0](text)
	}
}

// piece appends the tokens of one pre-token.
func (e *encoder) piece(p []byte) {
	if len(p) > cacheBytes {
		e.dst = e.t.model.encode(e.dst, e, p)
		return
	}
	lo, hi := pack(p)
	c := &e.cache[hash64(lo^hash64(hi))>>16%cacheSize]
	if c.lo == lo && c.hi == hi {
		e.dst = append(e.dst, c.ids[:c.n]...)
		return
	}
	before := len(e.dst)
	e.dst = e.t.model.encode(e.dst, e, p)
	if ids := e.dst[before:]; len(ids) <= cacheIDs {
		c.lo, c.hi, c.n = lo, hi, int32(copy(c.ids[:], ids))
	}
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
