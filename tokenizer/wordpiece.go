package tokenizer

import (
	"errors"
	"unicode/utf8"
)

// wordPiece takes the longest token that a word begins with, and goes on with
// the rest (Wu et al. 2016, arXiv 1609.08144, as BERT does it). A word that
// cannot be cut so is unknown as a whole.
type wordPiece struct {
	tokens *trie
	inner  int32 // the node behind the prefix of tokens that go on with a word; -1: there are none
	unk    int32
	most   int // characters in a word
}

func (t *Tokenizer) newWordPiece() (*wordPiece, error) {
	prefix, most := "##", 100
	if p := t.spec.Model.ContinuingSubwordPrefix; p != nil {
		prefix = *p
	}
	if n := t.spec.Model.MaxInputChars; n != nil {
		most = *n
	}
	if prefix == "" {
		return nil, unsupported("WordPiece without continuing_subword_prefix")
	}
	if t.unk < 0 {
		return nil, errors.New("vocabulary has no unknown token")
	}
	m := &wordPiece{tokens: newTrie(t.length()), unk: t.unk, most: most}
	for id, text := range t.vocab {
		if text == "" || !t.mergeable(int32(id)) {
			continue
		}
		if err := m.tokens.add(text, int32(id)); err != nil {
			return nil, err
		}
	}
	for i, ok := 0, true; i < len(prefix); i++ {
		if m.inner, ok = m.tokens.step(m.inner, prefix[i]); !ok {
			m.inner = -1
			break
		}
	}
	return m, nil
}

func (m *wordPiece) encode(dst []int32, _ *encoder, p []byte) []int32 {
	if utf8.RuneCount(p) > m.most {
		return append(dst, m.unk)
	}
	before, node := len(dst), int32(0)
	for len(p) > 0 {
		id, n := m.tokens.longest(node, p)
		if n == 0 {
			return append(dst[:before], m.unk)
		}
		dst, p, node = append(dst, id), p[n:], m.inner
	}
	return dst
}
