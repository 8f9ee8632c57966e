package tokenizer

import (
	"container/heap"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sort"
	"sync"
)

// TrainOptions says what tokenizer to make. The zero value of a field is the
// stated default.
type TrainOptions struct {
	Vocab    int                   // IDs in all: specials, 256 bytes, merges; required
	Split    Split                 // default GPT2
	MinCount int                   // a pair seen less often is not merged; default 1
	Specials []string              // control tokens; they get the first IDs
	Threads  int                   // default: all
	Progress func(done, total int) // called now and then with the number of IDs made
}

// Train learns byte-pair merges (Sennrich et al. 2016, arXiv 1508.07909) from
// documents: the most frequent pair of neighbours becomes a token, of equally
// frequent ones the pair with the lower IDs, until the vocabulary is full or
// no pair is frequent enough. IDs and merges are those that Hugging Face's
// BpeTrainer gives. The result depends on the documents and options alone.
func Train(docs iter.Seq[[]byte], o TrainOptions) (*Tokenizer, error) {
	if o.Vocab < 256+len(o.Specials) {
		return nil, fmt.Errorf("train tokenizer: vocabulary of %d, but %d bytes and special tokens", o.Vocab, 256+len(o.Specials))
	}
	if o.Split > Qwen2 {
		return nil, errors.New("train tokenizer: unknown split")
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	t := newByteLevel(o.Split)
	for i, text := range o.Specials {
		t.added = append(t.added, Added{ID: int32(i), Text: text, Special: true})
		t.vocab = append(t.vocab, text)
	}
	if len(o.Specials) > 0 {
		t.EOS = 0
	}
	for _, b := range bytesByRune() {
		t.vocab = append(t.vocab, string(runeOfByte[b]))
	}
	t.indexVocab()
	newTrainer(t, countPieces(docs, o), o).run()
	if err := t.build(); err != nil {
		return nil, fmt.Errorf("train tokenizer: %w", err)
	}
	return t, nil
}

// countPieces counts every distinct piece of all documents.
func countPieces(docs iter.Seq[[]byte], o TrainOptions) map[string]int64 {
	next := published[o.Split.Pattern()]
	work := make(chan []byte, o.Threads)
	parts := make([]map[string]*int64, o.Threads)
	var wg sync.WaitGroup
	for i := range parts {
		parts[i] = map[string]*int64{}
		wg.Go(func() {
			for text := range work {
				for len(text) > 0 {
					n, _ := next(text)
					if c := parts[i][string(text[:n])]; c != nil {
						*c++
					} else {
						one := int64(1)
						parts[i][string(text[:n])] = &one
					}
					text = text[n:]
				}
			}
		})
	}
	for doc := range docs {
		for _, part := range cut(doc) {
			work <- part
		}
	}
	close(work)
	wg.Wait()
	counts := map[string]int64{}
	for _, part := range parts {
		for piece, n := range part {
			counts[piece] += *n
		}
	}
	return counts
}

// cut parts a large document for several workers, at places where every split
// cuts: a newline between a letter and a letter.
func cut(doc []byte) [][]byte {
	const size = 1 << 20
	var parts [][]byte
	plain := func(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }
	for len(doc) > size {
		i := size
		for i+1 < len(doc) && !(doc[i] == '\n' && plain(doc[i-1]) && plain(doc[i+1])) {
			i++
		}
		if i+1 >= len(doc) {
			break
		}
		parts, doc = append(parts, doc[:i]), doc[i:]
	}
	return append(parts, doc)
}

// trainer holds every distinct piece as symbols, and how often each pair of
// neighbours occurs.
type trainer struct {
	t     *Tokenizer
	o     TrainOptions
	words []word
	count map[pair]int64
	where map[pair][]int32 // words that a pair newly occurs in, since it was last queued
	queue pairHeap
}

type word struct {
	syms  []int32
	count int64
}

// queued is a pair with its count when it was queued, and the words to visit.
type queued struct {
	pair
	count int64
	words []int32
}

type pairHeap []queued

func (h pairHeap) Len() int { return len(h) }
func (h pairHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.count != b.count {
		return a.count > b.count
	}
	return a.left < b.left || a.left == b.left && a.right < b.right
}
func (h pairHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *pairHeap) Push(x any)   { *h = append(*h, x.(queued)) }
func (h *pairHeap) Pop() any {
	last := len(*h) - 1
	q := (*h)[last]
	(*h)[last] = queued{}
	*h = (*h)[:last]
	return q
}

func newTrainer(t *Tokenizer, counts map[string]int64, o TrainOptions) *trainer {
	tr := &trainer{t: t, o: o, count: map[pair]int64{}, where: map[pair][]int32{}}
	pieces := make([]string, 0, len(counts))
	for p := range counts {
		if len(p) > 1 {
			pieces = append(pieces, p)
		}
	}
	sort.Strings(pieces)
	for _, p := range pieces {
		w := word{syms: make([]int32, len(p)), count: counts[p]}
		for i := range w.syms {
			w.syms[i], _ = t.ids.get(string(runeOfByte[p[i]]))
		}
		for i := range len(p) - 1 {
			tr.change(pair{w.syms[i], w.syms[i+1]}, w.count, int32(len(tr.words)))
		}
		tr.words = append(tr.words, w)
	}
	tr.requeue()
	return tr
}

// change counts n more (or fewer) of a pair in a word.
func (tr *trainer) change(p pair, n int64, word int32) {
	tr.count[p] += n
	if n > 0 {
		if list := tr.where[p]; len(list) == 0 || list[len(list)-1] != word {
			tr.where[p] = append(list, word)
		}
	}
}

// requeue queues every pair that has new places.
func (tr *trainer) requeue() {
	for p, words := range tr.where {
		if n := tr.count[p]; n > 0 {
			heap.Push(&tr.queue, queued{p, n, words})
		}
	}
	clear(tr.where)
}

func (tr *trainer) run() {
	least := int64(max(1, tr.o.MinCount))
	for len(tr.t.vocab) < tr.o.Vocab && len(tr.queue) > 0 {
		top := heap.Pop(&tr.queue).(queued)
		if n := tr.count[top.pair]; top.count != n {
			top.count = n
			heap.Push(&tr.queue, top)
			continue
		}
		if top.count < least {
			return
		}
		id := tr.token(top.pair)
		if int(id) < len(tr.o.Specials) { // text must not spell a special token
			tr.t.merges = tr.t.merges[:len(tr.t.merges)-1]
			continue
		}
		for _, w := range top.words {
			tr.mergeWord(w, top.pair, id)
		}
		tr.requeue()
		if n := len(tr.t.vocab); tr.o.Progress != nil && n%64 == 0 {
			tr.o.Progress(n, tr.o.Vocab)
		}
	}
}

// token is the ID of the token that a merge makes. Two merges can make the same.
func (tr *trainer) token(p pair) int32 {
	t := tr.t
	t.merges = append(t.merges, p)
	text := t.vocab[p.left] + t.vocab[p.right]
	id, ok := t.ids.get(text)
	if !ok {
		id = int32(len(t.vocab))
		t.vocab = append(t.vocab, text)
		t.ids.put(text, id)
	}
	return id
}

// mergeWord replaces the pair wherever it stands in a word, left to right, and
// recounts the neighbours. The pair's own count stays: it is never queued again.
func (tr *trainer) mergeWord(w int32, p pair, id int32) {
	word := &tr.words[w]
	in, out := word.syms, word.syms[:0]
	for i := 0; i < len(in); i++ {
		if in[i] != p.left || i+1 >= len(in) || in[i+1] != p.right {
			out = append(out, in[i])
			continue
		}
		if n := len(out); n > 0 {
			tr.change(pair{out[n-1], p.left}, -word.count, w)
			tr.change(pair{out[n-1], id}, word.count, w)
		}
		if i+2 < len(in) {
			tr.change(pair{p.right, in[i+2]}, -word.count, w)
			tr.change(pair{id, in[i+2]}, word.count, w)
		}
		out = append(out, id)
		i++
	}
	word.syms = out
}
