package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// ErrUnsupported is wrapped by the errors about files that are sound but ask
// for something that this package does not do.
var ErrUnsupported = errors.New("unsupported tokenizer")

// maxSize bounds the IDs of a file, well above the largest vocabulary in use.
const maxSize = 1 << 22

// The layout of tokenizer.json. Parts that come in several kinds stay raw until
// their "type" is known.
type file struct {
	Version       string          `json:"version"`
	Truncation    json.RawMessage `json:"truncation"`
	Padding       json.RawMessage `json:"padding"`
	AddedTokens   []fileAdded     `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Decoder       json.RawMessage `json:"decoder"`
	Model         fileModel       `json:"model"`
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
	Type                    string          `json:"type"`
	Dropout                 *float64        `json:"dropout"`
	UnkToken                *string         `json:"unk_token"`
	UnkID                   *int32          `json:"unk_id"` // Unigram
	ContinuingSubwordPrefix *string         `json:"continuing_subword_prefix"`
	EndOfWordSuffix         *string         `json:"end_of_word_suffix"`
	MaxInputChars           *int            `json:"max_input_chars_per_word"` // WordPiece
	FuseUnk                 bool            `json:"fuse_unk"`
	ByteFallback            bool            `json:"byte_fallback"`
	IgnoreMerges            bool            `json:"ignore_merges"`
	Vocab                   json.RawMessage `json:"vocab"`
	Merges                  json.RawMessage `json:"merges"`
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
	if err := json.Unmarshal(text, &t.spec); err != nil {
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
		if id, ok := t.ids[*m.UnkToken]; ok {
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

func (t *Tokenizer) parseVocabMap(raw json.RawMessage) error {
	if err := json.Unmarshal(raw, &t.ids); err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	for text, id := range t.ids {
		if err := t.place(id); err != nil {
			return err
		}
		if t.vocab[id] != "" {
			return fmt.Errorf("token ID %d is used twice", id)
		}
		t.vocab[id] = text
	}
	return nil
}

// parseScores reads the vocabulary of a unigram model: [["text", -1.5], …].
func (t *Tokenizer) parseScores(raw json.RawMessage) error {
	t.ids = map[string]int32{}
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	for d.More() {
		var entry struct {
			text  string
			score float64
		}
		if err := d.Decode(&[2]any{&entry.text, &entry.score}); err != nil {
			return fmt.Errorf("vocab: entry %d: %w", len(t.vocab), err)
		}
		if len(t.vocab) >= maxSize {
			return fmt.Errorf("vocab: more than %d entries", maxSize)
		}
		t.ids[entry.text] = int32(len(t.vocab))
		t.vocab, t.scores = append(t.vocab, entry.text), append(t.scores, entry.score)
	}
	return nil
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
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, err := d.Token(); err != nil || open != json.Delim('[') {
		return fmt.Errorf("merges: not a list")
	}
	for i := 0; d.More(); i++ {
		left, right, err := nextMerge(d)
		if err != nil {
			return fmt.Errorf("merge %d: %w", i, err)
		}
		if err := t.addMerge(left, right); err != nil {
			return err
		}
	}
	return nil
}

func nextMerge(d *json.Decoder) (left, right string, err error) {
	first, err := d.Token()
	if err != nil {
		return "", "", err
	}
	if line, ok := first.(string); ok {
		left, right, ok = strings.Cut(line, " ")
		if !ok {
			return "", "", fmt.Errorf("%q is not two tokens", line)
		}
		return left, right, nil
	}
	if first != json.Delim('[') {
		return "", "", fmt.Errorf("%v is not two tokens", first)
	}
	var list []string
	for d.More() && len(list) < 3 {
		next, err := d.Token()
		text, ok := next.(string)
		if err != nil || !ok {
			return "", "", errors.Join(err, fmt.Errorf("%v is not a token", next))
		}
		list = append(list, text)
	}
	if _, err := d.Token(); err != nil && err != io.EOF || len(list) != 2 {
		return "", "", fmt.Errorf("%q is not two tokens", list)
	}
	return list[0], list[1], nil
}

func (t *Tokenizer) addMerge(left, right string) error {
	l, ok := t.ids[left]
	r, ok2 := t.ids[right]
	if !ok || !ok2 {
		return fmt.Errorf("merge %d joins %q and %q, which are not both tokens", len(t.merges), left, right)
	}
	t.merges = append(t.merges, pair{l, r})
	return nil
}

func (t *Tokenizer) parseAdded() error {
	for _, a := range t.spec.AddedTokens {
		if err := t.place(a.ID); err != nil {
			return err
		}
		if old := t.vocab[a.ID]; old != "" && old != a.Content {
			return fmt.Errorf("added token %q has the ID %d of another", a.Content, a.ID)
		}
		t.vocab[a.ID] = a.Content
		t.ids[a.Content] = a.ID
		t.added = append(t.added, Added{a.ID, a.Content, a.Special, a.LStrip, a.RStrip, a.SingleWord, a.Normalized})
	}
	t.spec.AddedTokens = nil
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
