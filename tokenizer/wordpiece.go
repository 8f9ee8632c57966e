package tokenizer

import (
	"errors"
	"unicode/utf8"
)

// wordPiece takes the longest token that a word begins with, and goes on with
// the rest (Wu et al. 2016, arXiv 1609.08144, as BERT does it). A word that
// cannot be cut so is unknown as a whole.
type wordPiece struct {
	starts, inner *trie // tokens that begin a word, and those that go on with it
	unk           int32
	most          int // characters in a word
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
	m := &wordPiece{starts: newTrie(), inner: newTrie(), unk: t.unk, most: most}
	for id, text := range t.vocab {
		if text == "" || !t.mergeable(int32(id)) {
			continue
		}
		m.starts.add(text, int32(id))
		if len(text) > len(prefix) && text[:len(prefix)] == prefix {
			m.inner.add(text[len(prefix):], int32(id))
		}
	}
	return m, nil
}

func (m *wordPiece) encode(dst []int32, _ *encoder, p []byte) []int32 {
	if utf8.RuneCount(p) > m.most {
		return append(dst, m.unk)
	}
	before, tokens := len(dst), m.starts
	for len(p) > 0 {
		id, n := tokens.longest(p)
		if n == 0 {
			return append(dst[:before], m.unk)
		}
		dst, p, tokens = append(dst, id), p[n:], m.inner
	}
	return dst
}
