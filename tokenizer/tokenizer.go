// Package tokenizer turns text into token IDs and back: byte-level BPE, as
// GPT-2, GPT-4, Llama 3 and Qwen use it.
//
//   - Open or Parse reads a Hugging Face tokenizer.json; JSON writes one.
//   - Train makes a tokenizer from text.
//   - Encode and Decode translate; a Stream decodes token by token without
//     ever showing half a character.
//
// Text is bytes: what is not valid UTF-8 comes back as it went in. Special
// tokens are control marks; text cannot spell them unless Encode says so.
package tokenizer

import (
	"sync"
)

// Tokenizer translates between text and token IDs. It is safe for concurrent use.
type Tokenizer struct {
	BOS, EOS int32 // -1: none

	split       Split
	prefixSpace bool     // a space is put before the text
	whole       bool     // a piece that is a token is taken as it is, before any merge
	tokens      [][]byte // by ID; nil: the ID is unused
	added       []Added  // by ID ascending
	addedByByte [256][]int
	byteIDs     [256]int32
	ids         map[string]int32 // ordinary tokens by their bytes
	merges      []pair           // by rank
	table       mergeTable
	prefix      []int32 // what AddSpecial puts before
	suffix      []int32 // and after
	encoders    sync.Pool
}

// Added is a token matched as a whole before the text is split.
type Added struct {
	ID      int32
	Text    string
	Special bool // found only on demand (ParseSpecial), not part of decoded text's meaning
	LStrip  bool // swallows the white space before it
	RStrip  bool // and after it
}

type pair struct{ left, right int32 }

// Encode says how Tokenizer.Encode treats control tokens.
type Encode struct {
	ParseSpecial bool // text that spells a special token becomes that token
	AddSpecial   bool // put the model's start (and end) tokens around the text
}

// Size is the number of IDs, used or not: every ID is below it.
func (t *Tokenizer) Size() int { return len(t.tokens) }

// Split is how the tokenizer cuts text into pieces before merging.
func (t *Tokenizer) Split() Split { return t.split }

// Piece is the bytes of one token, the text of a special one, nil for an ID
// that does not exist. The caller must not change it.
func (t *Tokenizer) Piece(id int32) []byte {
	if id < 0 || int(id) >= len(t.tokens) {
		return nil
	}
	return t.tokens[id]
}

// IsSpecial says whether the token is a control mark rather than text.
func (t *Tokenizer) IsSpecial(id int32) bool {
	for _, a := range t.added {
		if a.ID == id {
			return a.Special
		}
	}
	return false
}

// SpecialID finds a special token by its text.
func (t *Tokenizer) SpecialID(text string) (int32, bool) {
	for _, a := range t.added {
		if a.Special && a.Text == text {
			return a.ID, true
		}
	}
	return -1, false
}

// Added lists the tokens that are matched as a whole.
func (t *Tokenizer) Added() []Added { return t.added }

// Decode is the bytes of all tokens in a row, special ones as their text.
// Unknown IDs give nothing.
func (t *Tokenizer) Decode(ids []int32) []byte {
	var out []byte
	for _, id := range ids {
		out = append(out, t.Piece(id)...)
	}
	return out
}

// Encode gives the tokens of a text.
func (t *Tokenizer) Encode(text string, o Encode) []int32 {
	return t.AppendEncode(nil, []byte(text), o)
}

// AppendEncode appends the tokens of a text to dst.
func (t *Tokenizer) AppendEncode(dst []int32, text []byte, o Encode) []int32 {
	if o.AddSpecial {
		dst = append(dst, t.prefix...)
	}
	e := t.encoders.Get().(*encoder)
	for len(text) > 0 {
		at, end, a := t.nextAdded(text, o.ParseSpecial)
		if at > 0 {
			dst = e.text(dst, text[:at])
		}
		if a != nil {
			dst = append(dst, a.ID)
		}
		text = text[end:]
	}
	t.encoders.Put(e)
	if o.AddSpecial {
		dst = append(dst, t.suffix...)
	}
	return dst
}

// nextAdded finds the first added token, the longest at its place: ordinary
// text ends at at, the token (nil: none) at end, stripped white space included.
func (t *Tokenizer) nextAdded(text []byte, special bool) (at, end int, found *Added) {
	if len(t.added) == 0 {
		return len(text), len(text), nil
	}
	for i, b := range text {
		for _, k := range t.addedByByte[b] { // longest first
			a := &t.added[k]
			if a.Special && !special || len(text)-i < len(a.Text) || string(text[i:i+len(a.Text)]) != a.Text {
				continue
			}
			at, end = i, i+len(a.Text)
			if a.LStrip {
				at = trimRight(text[:at])
			}
			if a.RStrip {
				end += spaceRun(text[end:])
			}
			return at, end, a
		}
	}
	return len(text), len(text), nil
}

// Bytes is a tokenizer of the 256 bytes, without merges, and special tokens
// after them.
func Bytes(specials ...string) *Tokenizer {
	t := &Tokenizer{split: GPT2, BOS: -1, EOS: -1}
	for b := range 256 {
		t.tokens = append(t.tokens, []byte{byte(b)})
	}
	for i, text := range specials {
		t.added = append(t.added, Added{ID: int32(256 + i), Text: text, Special: true})
		t.tokens = append(t.tokens, []byte(text))
	}
	if len(specials) > 0 {
		t.EOS = 256
	}
	if err := t.index(); err != nil {
		panic("tokenizer: " + err.Error()) // only two equal specials can do this
	}
	return t
}
