package tokenizer

import (
	"math"
	"slices"
	"unicode/utf8"
)

// unigram cuts a piece into the tokens whose probabilities have the largest
// product (Kudo 2018, arXiv 1804.10959), by Viterbi's algorithm.
type unigram struct {
	tokens   *trie
	scores   []float64 // by ID, log probabilities
	unk      int32
	unkScore float64
	single   bool       // sums are rounded to float32, as SentencePiece has them
	byteIDs  [256]int32 // for unknown characters; -1: none
}

// arc is the best way to a place in a piece: the token that ends there.
type arc struct {
	score float64
	from  int32 // where the token begins; -1: no way is known
	id    int32
}

const unkPenalty = 10 // how much less likely an unknown character is than the least likely token

func (t *Tokenizer) newUnigram() (*unigram, error) {
	m := &unigram{tokens: newTrie(t.length()), scores: t.scores, unk: t.unk, single: t.kinds != nil}
	least := math.Inf(1)
	for id, text := range t.vocab {
		if text != "" && t.mergeable(int32(id)) {
			if err := m.tokens.add(text, int32(id)); err != nil {
				return nil, err
			}
			least = min(least, t.scores[id])
		}
	}
	m.unkScore = m.round(least - unkPenalty)
	var err error
	m.byteIDs, err = t.byteTokens()
	return m, err
}

func (m *unigram) encode(dst []int32, e *encoder, p []byte) []int32 {
	best := append(e.arcs[:0], arc{})
	for range p {
		best = append(best, arc{from: -1})
	}
	for i := 0; i < len(p); {
		_, size := utf8.DecodeRune(p[i:])
		if !m.extend(best, p, i, size) {
			m.reach(best, i, i+size, m.unk, m.unkScore)
		}
		i += size
	}
	e.path = e.path[:0]
	for at := int32(len(p)); at > 0; at = best[at].from {
		e.path = append(e.path, at)
	}
	unknown := false
	for _, end := range slices.Backward(e.path) {
		a := best[end]
		switch {
		case a.id != m.unk:
			dst = append(dst, a.id)
		case inBytes(&m.byteIDs, p[a.from:end]):
			dst = appendBytes(dst, &m.byteIDs, p[a.from:end])
		case !unknown: // several in a row are one
			dst = append(dst, m.unk)
		}
		unknown = a.id == m.unk
	}
	e.arcs = best
	return dst
}

// extend tries all tokens that begin at i. It says whether one of them is the
// character there.
func (m *unigram) extend(best []arc, p []byte, i, size int) (single bool) {
	node, ok := int32(0), true
	for end := i; end < len(p); {
		if node, ok = m.tokens.step(node, p[end]); !ok {
			break
		}
		end++
		if id := m.tokens.value[node]; id >= 0 {
			m.reach(best, i, end, id, m.scores[id])
			single = single || end == i+size
		}
	}
	return single
}

// reach offers a token from i to end; the first of two equally good ways stays.
func (m *unigram) reach(best []arc, i, end int, id int32, score float64) {
	score = m.round(best[i].score + score)
	if a := &best[end]; a.from < 0 || score > a.score {
		*a = arc{score, int32(i), id}
	}
}

func (m *unigram) round(score float64) float64 {
	if m.single {
		return float64(float32(score))
	}
	return score
}
