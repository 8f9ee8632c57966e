package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// ErrUnsupported is wrapped by the errors about tokenizer.json files that are
// sound but ask for something that this package does not do.
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
	ContinuingSubwordPrefix *string         `json:"continuing_subword_prefix"`
	EndOfWordSuffix         *string         `json:"end_of_word_suffix"`
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
// refused by name, never passed over.
func Parse(text []byte) (*Tokenizer, error) {
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("parse tokenizer: %w", err)
	}
	t := &Tokenizer{BOS: -1, EOS: -1}
	for _, step := range []func(*file) error{
		checkFile, t.parseModel, t.parseAdded, t.parsePreTokenizer, t.parsePostProcessor, parseDecoder,
	} {
		if err := step(&f); err != nil {
			return nil, fmt.Errorf("parse tokenizer: %w", err)
		}
	}
	if err := t.index(); err != nil {
		return nil, fmt.Errorf("parse tokenizer: %w", err)
	}
	t.guessEnds()
	return t, nil
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

func checkFile(f *file) error {
	m := &f.Model
	switch {
	case m.Type != "BPE" && !(m.Type == "" && len(m.Merges) > 0):
		return unsupported("model type %q", m.Type)
	case !isNull(f.Normalizer):
		return unsupported("normalizer %s", kindOf(f.Normalizer))
	case m.Dropout != nil && *m.Dropout != 0:
		return unsupported("dropout %g", *m.Dropout)
	case m.ByteFallback:
		return unsupported("byte_fallback")
	case m.ContinuingSubwordPrefix != nil && *m.ContinuingSubwordPrefix != "":
		return unsupported("continuing_subword_prefix %q", *m.ContinuingSubwordPrefix)
	case m.EndOfWordSuffix != nil && *m.EndOfWordSuffix != "":
		return unsupported("end_of_word_suffix %q", *m.EndOfWordSuffix)
	}
	return nil
}

func (t *Tokenizer) parseModel(f *file) error {
	var vocab map[string]int32
	if err := json.Unmarshal(f.Model.Vocab, &vocab); err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	isAdded := map[string]bool{}
	for _, a := range f.AddedTokens {
		isAdded[a.Content] = true
	}
	for text, id := range vocab {
		if err := t.place(id); err != nil {
			return err
		}
		if t.tokens[id] != nil {
			return fmt.Errorf("token ID %d is used twice", id)
		}
		bytes, ok := unprintable(text)
		if !ok || len(bytes) == 0 {
			if !isAdded[text] {
				return unsupported("token %q is not written in byte-level characters", text)
			}
			bytes = []byte(text)
		}
		t.tokens[id] = bytes
	}
	t.whole = f.Model.IgnoreMerges
	return t.parseMerges(f.Model.Merges, vocab)
}

// place makes room for an ID.
func (t *Tokenizer) place(id int32) error {
	if id < 0 || id >= maxSize {
		return fmt.Errorf("token ID %d is out of range", id)
	}
	for len(t.tokens) <= int(id) {
		t.tokens = append(t.tokens, nil)
	}
	return nil
}

// parseMerges reads merges in both spellings, "a b" and ["a", "b"].
func (t *Tokenizer) parseMerges(raw json.RawMessage, vocab map[string]int32) error {
	var pairs [][2]string
	var lines []string
	if json.Unmarshal(raw, &lines) == nil {
		for i, l := range lines {
			left, right, ok := bytes.Cut([]byte(l), []byte{' '})
			if !ok {
				return fmt.Errorf("merge %d is %q, not two tokens", i, l)
			}
			pairs = append(pairs, [2]string{string(left), string(right)})
		}
	} else if err := json.Unmarshal(raw, &pairs); err != nil {
		return fmt.Errorf("merges: %w", err)
	}
	for i, p := range pairs {
		left, ok := vocab[p[0]]
		right, ok2 := vocab[p[1]]
		if !ok || !ok2 {
			return fmt.Errorf("merge %d joins %q and %q, which are not both tokens", i, p[0], p[1])
		}
		t.merges = append(t.merges, pair{left, right})
	}
	return nil
}

func (t *Tokenizer) parseAdded(f *file) error {
	for _, a := range f.AddedTokens {
		if a.SingleWord {
			return unsupported("added token %q with single_word", a.Content)
		}
		if err := t.place(a.ID); err != nil {
			return err
		}
		if old := t.tokens[a.ID]; old != nil && string(old) != a.Content {
			if b, ok := unprintable(a.Content); !ok || string(b) != string(old) {
				return fmt.Errorf("added token %q has the ID %d of another", a.Content, a.ID)
			}
		}
		t.tokens[a.ID] = []byte(a.Content)
		t.added = append(t.added, Added{ID: a.ID, Text: a.Content, Special: a.Special, LStrip: a.LStrip, RStrip: a.RStrip})
	}
	return nil
}

// guessEnds names the start and end of text where the file does not say: the
// post-processor's first token, and well-known names.
func (t *Tokenizer) guessEnds() {
	if len(t.prefix) > 0 {
		t.BOS = t.prefix[0]
	}
	for _, name := range []string{"<|endoftext|>", "<|end_of_text|>", "</s>", "<|im_end|>", "<|eot_id|>"} {
		if id, ok := t.SpecialID(name); ok {
			t.EOS = id
			return
		}
	}
}

// JSON writes the tokenizer as a tokenizer.json that Hugging Face's tokenizers
// library reads.
func (t *Tokenizer) JSON() ([]byte, error) {
	added := []fileAdded{}
	isAdded := map[int32]bool{}
	for _, a := range t.added {
		added = append(added, fileAdded{ID: a.ID, Content: a.Text, LStrip: a.LStrip, RStrip: a.RStrip, Special: a.Special})
		isAdded[a.ID] = true
	}
	merges := make([][2]string, len(t.merges))
	for i, m := range t.merges {
		merges[i] = [2]string{printable(t.tokens[m.left]), printable(t.tokens[m.right])}
	}
	vocab := orderedVocab{}
	for id, text := range t.tokens {
		switch {
		case text == nil:
		case isAdded[int32(id)]:
			vocab = append(vocab, entry{string(text), id})
		default:
			vocab = append(vocab, entry{printable(text), id})
		}
	}
	doc := map[string]any{
		"version": "1.0", "truncation": nil, "padding": nil, "normalizer": nil,
		"added_tokens": added, "pre_tokenizer": t.preTokenizer(), "post_processor": t.postProcessor(),
		"decoder": byteLevel(false, true),
		"model": map[string]any{"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
			"end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false, "ignore_merges": t.whole,
			"vocab": vocab, "merges": merges},
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("write tokenizer: %w", err)
	}
	return out.Bytes(), nil
}

// orderedVocab is a JSON object whose keys stay in the order of their IDs.
type orderedVocab []entry

type entry struct {
	text string
	id   int
}

func (v orderedVocab) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, e := range v {
		if i > 0 {
			out = append(out, ',')
		}
		var key bytes.Buffer
		enc := json.NewEncoder(&key)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(e.text); err != nil {
			return nil, err
		}
		out = append(out, bytes.TrimRight(key.Bytes(), "\n")...)
		out = fmt.Appendf(out, ":%d", e.id)
	}
	return append(out, '}'), nil
}
