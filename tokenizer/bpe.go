package tokenizer

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// bpe merges symbols by rank. The symbols are a piece's bytes, or its
// characters, those that are no tokens in bytes or as unknown.
type bpe struct {
	byteIDs [256]int32     // the token of a byte; -1: none
	chars   map[rune]int32 // the token of a character; nil: symbols are bytes
	unk     int32          // -1: none
	fuseUnk bool           // several unknown characters in a row are one
	whole   bool           // pieces that are tokens as they are are not merged
	table   mergeTable
}

const shortPiece = 64 // symbols up to which merging by repeated scans is fastest

func (m *bpe) encode(dst []int32, e *encoder, p []byte) []int32 {
	if m.whole {
		if id, ok := e.whole(p); ok {
			return append(dst, id)
		}
	}
	before := len(dst)
	if m.chars != nil {
		dst = m.symbols(dst, p)
	} else {
		for _, b := range p {
			dst = append(dst, m.byteIDs[b])
		}
	}
	if len(dst)-before > shortPiece {
		return e.long.merge(dst, before, &m.table)
	}
	return dst[:before+m.short(dst[before:], &e.next)]
}

// whole is the token that a piece is as it is.
func (e *encoder) whole(p []byte) (id int32, ok bool) {
	if e.t.byteLevel {
		e.written = e.written[:0]
		for _, b := range p {
			e.written = utf8.AppendRune(e.written, runeOfByte[b])
		}
		p = e.written
	}
	id, ok = e.t.ids.get(string(p))
	return id, ok && e.t.addedAt[id] == nil
}

// symbols are a piece's characters as tokens.
func (m *bpe) symbols(dst []int32, p []byte) []int32 {
	unknown := false
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		id, ok := m.chars[r]
		switch {
		case ok && (r != utf8.RuneError || n > 1):
			dst, unknown = append(dst, id), false
		case inBytes(&m.byteIDs, p[:n]):
			dst, unknown = appendBytes(dst, &m.byteIDs, p[:n]), false
		default:
			if !unknown || !m.fuseUnk {
				dst = append(dst, m.unk)
			}
			unknown = true
		}
		p = p[n:]
	}
	return dst
}

// short merges symbols in place and gives the number left.
func (m *bpe) short(ids []int32, next *[shortPiece]merge) int {
	n := len(ids)
	for i := range n - 1 {
		next[i] = m.table.get(ids[i], ids[i+1])
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
			next[best] = m.table.get(ids[best], ids[best+1])
		}
		if best > 0 {
			next[best-1] = m.table.get(ids[best-1], ids[best])
		}
	}
	return n
}

// cutWords has texts cut before the mark for a space where no merge reaches
// across. The tokens stay the same, and most words are in the cache.
func (t *Tokenizer) cutWords(m *bpe) error {
	mark, _ := utf8.DecodeRuneInString(lowBlock)
	if _, ok := m.chars[mark]; !ok || m.whole {
		return nil
	}
	across := "" // the characters before a mark that a merge joins to it
	for _, p := range t.merges {
		last, _ := utf8.DecodeLastRuneInString(t.vocab[p.left])
		if last != mark && strings.HasPrefix(t.vocab[p.right], lowBlock) && !strings.ContainsRune(across, last) {
			across += string(last)
		}
	}
	if utf8.RuneCountInString(across) > 8 {
		return nil
	}
	cut, err := behave(nextWord(across), "Isolated", false)
	t.cutters = append(t.cutters, cut)
	return err
}

// nextWord ends a piece before a mark that follows anything but a mark or one
// of the characters given.
func nextWord(across string) scanner {
	across += lowBlock
	return func(s []byte) (int, bool) {
		n := 1
		for n <= len(s) {
			i := bytes.Index(s[n:], []byte(lowBlock))
			if i < 0 {
				break
			}
			n += i
			if last, _ := utf8.DecodeLastRune(s[:n]); !strings.ContainsRune(across, last) {
				return n, true
			}
			n += len(lowBlock)
		}
		return len(s), true
	}
}

// newBPE makes the model of a vocabulary.
func (t *Tokenizer) newBPE(byteLevel bool) (*bpe, error) {
	m := &bpe{unk: t.unk, fuseUnk: t.spec.Model.FuseUnk, whole: t.spec.Model.IgnoreMerges, table: newMergeTable(len(t.merges))}
	var err error
	if byteLevel {
		err = m.indexBytes(t)
	} else {
		err = m.indexChars(t)
	}
	if err != nil {
		return nil, err
	}
	if err := m.indexMerges(t); err != nil {
		return nil, err
	}
	return m, t.cutWords(m)
}

// indexBytes finds the bytes' tokens. Some vocabularies lack bytes that were not
// in their corpus, control characters mostly: such a byte becomes the unknown
// token, or a question mark if there is none that text may spell.
func (m *bpe) indexBytes(t *Tokenizer) error {
	for b := range m.byteIDs {
		m.byteIDs[b] = -1
	}
	for id := range int32(t.Size()) {
		if piece := t.Piece(id); len(piece) == 1 && t.addedAt[id] == nil {
			m.byteIDs[piece[0]] = id
		}
	}
	instead := m.byteIDs['?']
	if m.unk >= 0 && !t.IsSpecial(m.unk) {
		instead = m.unk
	}
	for b, id := range m.byteIDs {
		if id < 0 && instead < 0 {
			return fmt.Errorf("vocabulary has no token for the byte 0x%02x", b)
		} else if id < 0 {
			m.byteIDs[b] = instead
		}
	}
	return nil
}

func (m *bpe) indexChars(t *Tokenizer) error {
	m.chars = map[rune]int32{}
	for id, text := range t.vocab {
		if r, n := utf8.DecodeRuneInString(text); n > 0 && n == len(text) && t.mergeable(int32(id)) {
			m.chars[r] = int32(id)
		}
	}
	var err error
	m.byteIDs, err = t.byteTokens()
	return err
}

// byteTokens are the tokens <0x00> to <0xFF>, if the model falls back on them.
func (t *Tokenizer) byteTokens() (ids [256]int32, err error) {
	all := true
	for b := range ids {
		id, ok := t.ids.get(fmt.Sprintf("<0x%02X>", b))
		if !ok || !t.spec.Model.ByteFallback {
			id, all = -1, false
		}
		ids[b] = id
	}
	if !all && t.unk < 0 {
		return ids, errors.New("vocabulary has neither tokens for all bytes nor an unknown token")
	}
	return ids, nil
}

// inBytes says whether there are tokens for all bytes of a character.
func inBytes(ids *[256]int32, char []byte) bool {
	for _, b := range char {
		if ids[b] < 0 {
			return false
		}
	}
	return true
}

func appendBytes(dst []int32, ids *[256]int32, char []byte) []int32 {
	for _, b := range char {
		dst = append(dst, ids[b])
	}
	return dst
}

func (m *bpe) indexMerges(t *Tokenizer) error {
	for i, p := range t.merges {
		joined := t.vocab[p.left] + t.vocab[p.right]
		id, ok := t.ids.get(joined)
		if !ok {
			return fmt.Errorf("merge %d makes %q, which is no token", i, joined)
		}
		if a := t.addedAt[id]; a != nil && (a.Special || a.IsMark()) {
			continue // it comes of text only as a whole, if at all
		}
		rank := int32(i)
		if t.ranks != nil {
			rank = t.ranks[i]
		}
		m.table.put(p, rank, id)
	}
	return nil
}
