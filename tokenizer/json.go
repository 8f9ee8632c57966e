package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ErrUnsupported is wrapped by the errors about files that are sound but ask
// for something that this package does not do.
var ErrUnsupported = errors.New("unsupported tokenizer")

// Limits above the largest vocabularies in use (Gemma's have 262,208 tokens and
// 514,906 merges), which bound the memory that a hostile file can make us take.
const (
	maxSize   = 5 << 16 // tokens
	maxMerges = 5 << 17
	maxAdded  = 1 << 16
	maxPart   = 1 << 20 // bytes of a normalizer, pre-tokenizer, post-processor or decoder
)

// The layout of tokenizer.json. Parts that come in several kinds stay raw until
// their "type" is known.
type file struct {
	AddedTokens   []byte // where the text has them
	Normalizer    json.RawMessage
	PreTokenizer  json.RawMessage
	PostProcessor json.RawMessage
	Decoder       json.RawMessage
	Model         fileModel
}

type fileAdded struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

type fileModel struct {
	Type                    string
	Dropout                 *float64
	UnkToken                *string
	UnkID                   *int32 // Unigram
	ContinuingSubwordPrefix *string
	EndOfWordSuffix         *string
	MaxInputChars           *int // WordPiece
	FuseUnk                 bool
	ByteFallback            bool
	IgnoreMerges            bool
	Vocab                   []byte // where the text has them
	Merges                  []byte
}

// read takes one part of the file.
func (f *file) read(key string, value []byte) error {
	raw := map[string]*json.RawMessage{"normalizer": &f.Normalizer, "pre_tokenizer": &f.PreTokenizer,
		"post_processor": &f.PostProcessor, "decoder": &f.Decoder}[key]
	switch {
	case raw != nil && len(value) > maxPart:
		return unsupported("a %s of %d bytes", key, len(value))
	case raw != nil:
		*raw = bytes.Clone(value)
	case key == "added_tokens":
		f.AddedTokens = value
	case key == "model":
		return members(value, f.Model.read)
	}
	return nil
}

// read takes one setting of the model.
func (m *fileModel) read(key string, value []byte) error {
	field := map[string]any{
		"type": &m.Type, "dropout": &m.Dropout, "unk_token": &m.UnkToken, "unk_id": &m.UnkID,
		"continuing_subword_prefix": &m.ContinuingSubwordPrefix, "end_of_word_suffix": &m.EndOfWordSuffix,
		"max_input_chars_per_word": &m.MaxInputChars, "fuse_unk": &m.FuseUnk, "byte_fallback": &m.ByteFallback, "ignore_merges": &m.IgnoreMerges,
	}[key]
	switch {
	case key == "vocab":
		m.Vocab = value
	case key == "merges":
		m.Merges = value
	case field == nil:
	default:
		if err := json.Unmarshal(value, field); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// Open reads a tokenizer.json file.
func Open(path string) (*Tokenizer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open tokenizer: %w", err)
	}
	t, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// Parse reads the text of a tokenizer.json. What it asks for is done or
// refused by name, never passed over. Truncation and padding are for callers
// and not read. A pattern that no scanner is known for is searched with a limit
// of two seconds a text, after which the rest of the text is one piece.
func Parse(text []byte) (*Tokenizer, error) {
	t := &Tokenizer{BOS: -1, EOS: -1, unk: -1}
	if err := t.spec.parse(text); err != nil {
		return nil, fmt.Errorf("parse tokenizer: %w", err)
	}
	for _, step := range []func() error{t.checkModel, t.parseVocab, t.parseAdded, t.parseMerges, t.build} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("parse tokenizer: %w", err)
		}
	}
	t.guessEnds()
	return t, nil
}

// parse reads all but the vocabulary, and where that is.
func (f *file) parse(text []byte) error {
	if text = bytes.TrimSpace(text); !json.Valid(text) {
		var nothing struct{}
		return json.Unmarshal(text, &nothing) // which says what is wrong
	}
	return members(text, f.read)
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

// checkModel names the model's type where an old file does not.
func (t *Tokenizer) checkModel() error {
	m := &t.spec.Model
	if m.Type == "" {
		switch {
		case len(m.Merges) > 0:
			m.Type = "BPE"
		case bytes.HasPrefix(m.Vocab, []byte{'['}):
			m.Type = "Unigram"
		case m.MaxInputChars != nil:
			m.Type = "WordPiece"
		}
	}
	bpe := m.Type == "BPE"
	switch {
	case m.Dropout != nil && *m.Dropout != 0:
		return unsupported("dropout %g", *m.Dropout)
	case bpe && m.ContinuingSubwordPrefix != nil && *m.ContinuingSubwordPrefix != "":
		return unsupported("continuing_subword_prefix %q", *m.ContinuingSubwordPrefix)
	case bpe && m.EndOfWordSuffix != nil && *m.EndOfWordSuffix != "":
		return unsupported("end_of_word_suffix %q", *m.EndOfWordSuffix)
	}
	return nil
}

func (t *Tokenizer) parseVocab() (err error) {
	m := &t.spec.Model
	switch m.Type {
	case "BPE", "WordPiece":
		err = t.parseVocabMap(m.Vocab)
	case "Unigram":
		err = t.parseScores(m.Vocab)
	default:
		err = unsupported("model type %q", m.Type)
	}
	m.Vocab = nil
	if err != nil {
		return err
	}
	if m.UnkToken != nil {
		if id, ok := t.ids.get(*m.UnkToken); ok {
			t.unk = id
		}
	}
	if m.UnkID != nil {
		if t.unk = *m.UnkID; t.unk < 0 || int(t.unk) >= len(t.vocab) {
			return fmt.Errorf("unk_id %d is out of range", t.unk)
		}
	}
	return nil
}

func (t *Tokenizer) parseVocabMap(raw []byte) error {
	t.ids = newIndex(t.written, 0)
	err := members(raw, func(text string, value []byte) error {
		id, err := strconv.ParseInt(string(value), 10, 32)
		if err != nil {
			return fmt.Errorf("the ID of %q is %s", text, shorten(value))
		}
		if err := t.place(int32(id)); err != nil {
			return err
		}
		if _, twice := t.ids.get(text); twice || t.vocab[id] != "" {
			return fmt.Errorf("the token %q or its ID %d is used twice", text, id)
		}
		t.vocab[id] = text
		if text != "" {
			t.ids.put(text, int32(id))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	return nil
}

// parseScores reads the vocabulary of a unigram model: [["text", -1.5], …].
func (t *Tokenizer) parseScores(raw []byte) error {
	t.ids = newIndex(t.written, 0)
	err := elements(raw, func(value []byte) error {
		text, score, err := scored(value)
		if err != nil {
			return fmt.Errorf("entry %d: %w", len(t.vocab), err)
		}
		if len(t.vocab) >= maxSize {
			return fmt.Errorf("more than %d entries", maxSize)
		}
		t.vocab, t.scores = append(t.vocab, text), append(t.scores, score)
		if text != "" {
			t.ids.put(text, int32(len(t.vocab)-1))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	return nil
}

// scored reads ["text", -1.5].
func scored(value []byte) (text string, score float64, err error) {
	n := 0
	err = elements(value, func(value []byte) (err error) {
		switch n++; n {
		case 1:
			text, err = unquote(value)
		case 2:
			err = json.Unmarshal(value, &score)
		}
		return err
	})
	if err == nil && n != 2 {
		err = fmt.Errorf("%s is not a text and its score", shorten(value))
	}
	return text, score, err
}

// place makes room for an ID.
func (t *Tokenizer) place(id int32) error {
	if id < 0 || id >= maxSize {
		return fmt.Errorf("token ID %d is out of range", id)
	}
	for len(t.vocab) <= int(id) {
		t.vocab = append(t.vocab, "")
	}
	for t.scores != nil && len(t.scores) < len(t.vocab) {
		t.scores = append(t.scores, 0)
	}
	return nil
}

// parseMerges reads merges in both spellings, "a b" and ["a", "b"].
func (t *Tokenizer) parseMerges() error {
	raw := t.spec.Model.Merges
	t.spec.Model.Merges = nil
	if t.spec.Model.Type != "BPE" || isNull(raw) {
		return nil
	}
	err := elements(raw, func(value []byte) error {
		left, right, err := twoTokens(value)
		if err != nil {
			return fmt.Errorf("merge %d: %w", len(t.merges), err)
		}
		return t.addMerge(left, right)
	})
	if err != nil {
		return fmt.Errorf("merges: %w", err)
	}
	return nil
}

func twoTokens(value []byte) (left, right string, err error) {
	if value[0] != '[' {
		line, err := unquote(value)
		left, right, ok := strings.Cut(line, " ")
		if err != nil || !ok {
			return "", "", fmt.Errorf("%s is not two tokens", shorten(value))
		}
		return left, right, nil
	}
	var both []string
	err = elements(value, func(value []byte) error {
		text, err := unquote(value)
		if both = append(both, text); len(both) > 2 {
			return errors.New("a third token")
		}
		return err
	})
	if err != nil || len(both) != 2 {
		return "", "", fmt.Errorf("%s is not two tokens", shorten(value))
	}
	return both[0], both[1], nil
}

func (t *Tokenizer) addMerge(left, right string) error {
	l, ok := t.ids.get(left)
	r, ok2 := t.ids.get(right)
	if !ok || !ok2 {
		return fmt.Errorf("merge %d joins %q and %q, which are not both tokens", len(t.merges), left, right)
	}
	if len(t.merges) == maxMerges {
		return fmt.Errorf("there are more than %d merges", maxMerges)
	}
	t.merges = append(t.merges, pair{l, r})
	return nil
}

func (t *Tokenizer) parseAdded() error {
	raw := t.spec.AddedTokens
	t.spec.AddedTokens = nil
	if isNull(raw) {
		return nil
	}
	err := elements(raw, func(value []byte) error {
		var a fileAdded
		if err := json.Unmarshal(value, &a); err != nil {
			return err
		}
		return t.add(Added{a.ID, a.Content, a.Special, a.LStrip, a.RStrip, a.SingleWord, a.Normalized})
	})
	if err != nil {
		return fmt.Errorf("added_tokens: %w", err)
	}
	return nil
}

func (t *Tokenizer) add(a Added) error {
	if err := t.place(a.ID); err != nil {
		return err
	}
	if old := t.vocab[a.ID]; old != "" && old != a.Text {
		return fmt.Errorf("added token %q has the ID %d of another", a.Text, a.ID)
	}
	if len(t.added) == maxAdded {
		return fmt.Errorf("there are more than %d", maxAdded)
	}
	t.vocab[a.ID] = a.Text
	if a.Text != "" {
		t.ids.put(a.Text, a.ID)
	}
	t.added = append(t.added, a)
	return nil
}

// guessEnds names the start and end of text where the file does not say: the
// post-processor's first token, and well-known names.
func (t *Tokenizer) guessEnds() {
	if len(t.prefix) > 0 {
		t.BOS = t.prefix[0]
	}
	for _, name := range []string{"<|endoftext|>", "<|end_of_text|>", "</s>", "<|im_end|>", "<|eot_id|>", "<eos>", "[SEP]"} {
		if id, ok := t.SpecialID(name); ok {
			t.EOS = id
			return
		}
	}
}
