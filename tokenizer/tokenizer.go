// Package tokenizer turns text into token IDs and back.
//
//   - [Open] and [Parse] read a Hugging Face tokenizer.json, [FromModel] a
//     SentencePiece tokenizer.model, [FromVocabulary] what a GGUF file says;
//     JSON writes a tokenizer.json.
//   - [Train] makes a byte-level BPE tokenizer from text.
//   - Encode and Decode translate; a Stream decodes token by token without
//     ever showing half a character.
//
// A text passes four stations, each with a file or two: added tokens are taken
// out (added.go); the rest is normalized (normalize.go) and cut into pieces
// (pretokenize.go, split.go); a model, which is byte-pair encoding (bpe.go),
// unigram (unigram.go) or WordPiece (wordpiece.go), makes tokens of each piece.
// decode.go is the way back.
//
// Text is bytes: for vocabularies that have tokens for all bytes, what is not
// valid UTF-8 comes back as it went in. Special tokens are control marks; text
// cannot spell them unless Encode says so.
package tokenizer

import (
	"errors"
	"fmt"
	"math"
	"sort"
	"sync"
)

// Tokenizer translates between text and token IDs. It is safe for concurrent use.
type Tokenizer struct {
	BOS, EOS int32 // -1: none

	spec   file      // tokenizer.json without vocabulary, merges and added tokens
	vocab  []string  // by ID, as the file writes them; "": the ID is unused
	ids    *index    // by what the file writes
	merges []pair    // bpe, by rank
	ranks  []int32   // of the merges, where they are not their places
	scores []float64 // unigram, by ID
	kinds  []int32   // by ID, where the file tells kinds of tokens; else nil
	unk    int32     // -1: none

	source *Vocabulary // what FromVocabulary made it of; nil: something else did

	added   []Added // by ID ascending
	addedAt map[int32]*Added
	raw     *finder // added tokens in the text as it comes
	normal  *finder // and in normalized text

	normalize normalizer // nil: nothing to do
	cutters   []cutter
	byteLevel bool // tokens are written with a character for each byte
	model     model
	decoder   decoder
	pieces    []byte   // what tokens stand for, one after the other
	ends      []uint32 // by ID, where in pieces
	prefix    []int32  // what AddSpecial puts before
	suffix    []int32  // and after
	encoders  sync.Pool
}

// Encode says how Tokenizer.Encode treats control tokens.
type Encode struct {
	ParseSpecial bool // text that spells a special token becomes that token
	Plain        bool // text that spells an added token (see [Added.IsMark]) does not become it, special or not
	AddSpecial   bool // put the model's start (and end) tokens around the text
	Continue     bool // the text goes on after other tokens: what Metaspace's "first" puts before a text is left out
}

// Size is the number of IDs, used or not: every ID is below it.
func (t *Tokenizer) Size() int { return len(t.ends) }

// Piece is the bytes of one token, the text of a special one, nil for an ID
// that does not exist. The caller must not change it.
func (t *Tokenizer) Piece(id int32) []byte {
	if id < 0 || int(id) >= len(t.ends) || t.vocab[id] == "" {
		return nil
	}
	begin := uint32(0)
	if id > 0 {
		begin = t.ends[id-1]
	}
	return t.pieces[begin:t.ends[id]:t.ends[id]]
}

// IsSpecial says whether the token is a control mark rather than text.
func (t *Tokenizer) IsSpecial(id int32) bool {
	a := t.addedAt[id]
	return a != nil && a.Special
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

// AddedToken is a token that is matched as a whole, nil if the ID is none. The
// caller must not change it.
func (t *Tokenizer) AddedToken(id int32) *Added { return t.addedAt[id] }

// Added lists the tokens that are matched as a whole.
func (t *Tokenizer) Added() []Added { return t.added }

// Ends are the tokens that AddSpecial puts before and after a text.
func (t *Tokenizer) Ends() (before, after []int32) { return t.prefix, t.suffix }

// Vocabulary is what FromVocabulary made the tokenizer of, nil if it comes from
// elsewhere. The caller must not change it.
func (t *Tokenizer) Vocabulary() *Vocabulary { return t.source }

// Normalizes says whether texts are rewritten before they are cut, and how:
// "" for not at all, "NFC" for that Unicode form alone, else "other".
func (t *Tokenizer) Normalizes() string {
	switch parts, _ := flatten(t.spec.Normalizer, "", 0); {
	case len(parts) == 0:
		return ""
	case len(parts) == 1 && parts[0].Type == "NFC":
		return "NFC"
	}
	return "other"
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
	e.dst, e.first = dst, !o.Continue
	for len(text) > 0 {
		at, end, a := t.raw.next(text, o)
		e.section(text[:at], o)
		e.added(a)
		text = text[end:]
	}
	dst, e.dst = e.dst, nil
	t.encoders.Put(e)
	if o.AddSpecial {
		dst = append(dst, t.suffix...)
	}
	return dst
}

func (e *encoder) added(a *Added) {
	if a != nil {
		e.dst = append(e.dst, a.ID)
		e.first = false
	}
}

// section encodes text that no token of the first finder is in.
func (e *encoder) section(text []byte, o Encode) {
	if len(text) > 0 && e.t.normalize != nil {
		text = e.t.normalize(text)
	}
	for len(text) > 0 {
		at, end, a := e.t.normal.next(text, o)
		e.text(text[:at])
		e.added(a)
		text = text[end:]
	}
}

// build makes everything that encoding needs of spec, vocab, merges, scores and added.
func (t *Tokenizer) build() error {
	for _, step := range []func() error{t.indexAdded, t.buildNormalizer, t.buildDecoder, t.buildCutters, t.buildModel, t.buildProcessor, t.buildFinders} {
		if err := step(); err != nil {
			return err
		}
	}
	t.encoders.New = func() any { return newEncoder(t) }
	return nil
}

func (t *Tokenizer) indexAdded() error {
	seen := map[string]bool{}
	sort.Slice(t.added, func(i, j int) bool { return t.added[i].ID < t.added[j].ID })
	t.addedAt = make(map[int32]*Added, len(t.added))
	for i := range t.added {
		a := &t.added[i]
		if a.Text == "" || seen[a.Text] || t.addedAt[a.ID] != nil {
			return fmt.Errorf("added token %d: its text %q is empty, or it or its ID is used twice", a.ID, a.Text)
		}
		t.addedAt[a.ID], seen[a.Text] = a, true
	}
	return nil
}

// buildFinders indexes the added tokens. Those for normalized text are
// normalized too, as Hugging Face does it.
func (t *Tokenizer) buildFinders() error {
	t.raw, t.normal = newFinder(t.added), newFinder(t.added)
	for i, a := range t.added {
		in, text := t.raw, a.Text
		if a.Normalized && t.normalize != nil {
			in = t.normal
			if t.kinds == nil { // SentencePiece does not
				text = string(t.normalize([]byte(text)))
			}
		}
		if err := in.add(text, i); err != nil {
			return fmt.Errorf("added tokens: %w", err)
		}
	}
	return nil
}

func (t *Tokenizer) buildDecoder() (err error) {
	if t.decoder, err = parseDecoder(t.spec.Decoder); err != nil {
		return err
	}
	t.pieces, t.ends = nil, make([]uint32, len(t.vocab))
	for id, text := range t.vocab {
		a := t.addedAt[int32(id)]
		switch {
		case text == "":
		case a != nil && int32(id) != t.unk && (a.Special || t.decoder.byteLevel || t.decoder.joiner != ""):
			t.pieces = append(t.pieces, text...)
		default:
			t.pieces = append(t.pieces, t.decoder.piece(text)...)
		}
		if len(t.pieces) > math.MaxUint32 {
			return errors.New("the tokens have more than 4 GB of text")
		}
		t.ends[id] = uint32(len(t.pieces))
	}
	return nil
}

func (t *Tokenizer) buildModel() (err error) {
	switch t.spec.Model.Type {
	case "BPE":
		t.model, err = t.newBPE(t.byteLevel)
	case "Unigram":
		t.model, err = t.newUnigram()
	case "WordPiece":
		t.model, err = t.newWordPiece()
	default:
		err = unsupported("model type %q", t.spec.Model.Type)
	}
	return err
}

// mergeable says whether a token may come of text that was not found as a whole.
func (t *Tokenizer) mergeable(id int32) bool {
	if a := t.addedAt[id]; a != nil && (a.Special || a.IsMark()) {
		return false
	}
	if t.kinds != nil {
		return t.kinds[id] == NormalToken || t.kinds[id] == UserToken
	}
	if _, ok := byteToken(t.vocab[id]); ok && t.spec.Model.ByteFallback {
		return false
	}
	return id != t.unk || t.spec.Model.Type == "BPE"
}

// Bytes is a tokenizer of the 256 bytes, without merges, and special tokens
// after them.
func Bytes(specials ...string) *Tokenizer {
	t := newByteLevel(GPT2)
	for b := range 256 {
		t.vocab = append(t.vocab, string(runeOfByte[b]))
	}
	for i, text := range specials {
		t.added = append(t.added, Added{ID: int32(256 + i), Text: text, Special: true})
		t.vocab = append(t.vocab, text)
	}
	if len(specials) > 0 {
		t.EOS = 256
	}
	t.indexVocab()
	if err := t.build(); err != nil {
		panic("tokenizer: " + err.Error()) // only two equal specials can do this
	}
	return t
}

// written is what the file writes for a token.
func (t *Tokenizer) written(id int32) string { return t.vocab[id] }

// length is the bytes of all tokens.
func (t *Tokenizer) length() (n int) {
	for _, text := range t.vocab {
		n += len(text)
	}
	return n
}

// indexVocab finds tokens by their text, once all are there.
func (t *Tokenizer) indexVocab() {
	t.ids = newIndex(t.written, len(t.vocab))
	for id, text := range t.vocab {
		if text != "" {
			t.ids.put(text, int32(id))
		}
	}
}
