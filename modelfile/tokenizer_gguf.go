package modelfile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"weft/tokenizer"
)

// The types that GGUF gives tokens.
const (
	normalToken  = 1
	unknownToken = 2
	controlToken = 3
	userToken    = 4 // matched as a whole, and text like any other
	unusedToken  = 5
)

const (
	tokenizerKey = "tokenizer.ggml."
	bosKey       = tokenizerKey + "bos_token_id"
	eosKey       = tokenizerKey + "eos_token_id"
	eotKey       = tokenizerKey + "eot_token_id" // ends a turn
	endsKey      = "weft.eos_token_ids"          // all tokens that end a text, when they are more than the one above
)

// splits are GGUF's names for how text is cut before merging, and whether a piece that is a token is taken without
// merging. The first of a kind is what we write.
var splits = []struct {
	name  string
	split tokenizer.Split
	whole bool
}{
	{"gpt-2", tokenizer.GPT2, false},
	{"llama-bpe", tokenizer.CL100K, true}, {"llama3", tokenizer.CL100K, true}, {"llama-v3", tokenizer.CL100K, true},
	{"dbrx", tokenizer.CL100K, false}, {"smaug-bpe", tokenizer.CL100K, false},
	{"gpt-4o", tokenizer.O200K, false},
	{"qwen2", tokenizer.Qwen2, false},
}

// The parts of a tokenizer.json that a GGUF file has too.
type tokenizerJSON struct {
	Version       string         `json:"version"`
	Added         []addedJSON    `json:"added_tokens"`
	PreTokenizer  map[string]any `json:"pre_tokenizer"`
	PostProcessor *aroundJSON    `json:"post_processor"`
	Decoder       map[string]any `json:"decoder"`
	Model         struct {
		Type   string           `json:"type"`
		Whole  bool             `json:"ignore_merges"`
		Vocab  map[string]int32 `json:"vocab"`
		Merges [][2]string      `json:"merges"`
	} `json:"model"`
}

type addedJSON struct {
	ID      int32  `json:"id"`
	Text    string `json:"content"`
	LStrip  bool   `json:"lstrip"`
	RStrip  bool   `json:"rstrip"`
	Special bool   `json:"special"`
}

// aroundJSON is a post-processor that puts tokens around a text.
type aroundJSON struct {
	Type    string                 `json:"type"`
	Single  []itemJSON             `json:"single"`
	Pair    []itemJSON             `json:"pair"`
	Special map[string]specialJSON `json:"special_tokens"`
}

type itemJSON struct {
	Token    *idJSON `json:"SpecialToken,omitempty"`
	Sequence *idJSON `json:"Sequence,omitempty"`
}

type idJSON struct {
	ID     string `json:"id"`
	TypeID int    `json:"type_id"`
}

type specialJSON struct {
	ID     string   `json:"id"`
	IDs    []int32  `json:"ids"`
	Tokens []string `json:"tokens"`
}

// tokenizerGGUF makes a tokenizer of a file's vocabulary.
func tokenizerGGUF(s *settings) (*tokenizer.Tokenizer, error) {
	if kind := s.text(tokenizerKey+"model", ""); kind != "gpt2" {
		return nil, unsupported("a tokenizer of the kind %q is", kind)
	}
	pre := s.text(tokenizerKey+"pre", "")
	doc := tokenizerJSON{Version: "1.0"}
	if err := doc.setSplit(pre); err != nil {
		return nil, err
	}
	tokens, types := s.texts(tokenizerKey+"tokens"), s.ids(tokenizerKey+"token_type")
	if err := doc.setVocab(tokens, types); err != nil {
		return nil, err
	}
	if err := doc.setMerges(s.texts(tokenizerKey + "merges")); err != nil {
		return nil, err
	}
	bos, eos := int32(s.int(bosKey, -1)), int32(s.int(eosKey, -1))
	var before, after []int32
	if s.bool(tokenizerKey+"add_bos_token", pre == "llama-bpe") {
		before = []int32{bos}
	}
	if s.bool(tokenizerKey+"add_eos_token", false) {
		after = []int32{eos}
	}
	if s.err != nil {
		return nil, s.err
	}
	for _, id := range slices.Concat([]int32{bos, eos}, before, after) {
		if int(id) >= len(tokens) || id < -1 {
			return nil, fmt.Errorf("the token %d, which starts or ends a text, is not in the vocabulary of %d", id, len(tokens))
		}
	}
	if slices.Contains(before, -1) || slices.Contains(after, -1) {
		return nil, fmt.Errorf("a token should start or end each text, and none is named")
	}
	doc.setAround(before, after, tokens)
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	t, err := tokenizer.Parse(text)
	if err != nil {
		return nil, err
	}
	t.BOS, t.EOS = bos, eos
	return t, nil
}

func (d *tokenizerJSON) setSplit(pre string) error {
	for _, s := range splits {
		if s.name != pre {
			continue
		}
		byteLevel := map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false}
		d.Model.Type, d.Model.Whole, d.Decoder = "BPE", s.whole, byteLevel
		d.PreTokenizer = byteLevel
		if p := s.split.Pattern(); s.split != tokenizer.GPT2 {
			d.PreTokenizer = map[string]any{"type": "Sequence", "pretokenizers": []any{
				map[string]any{"type": "Split", "pattern": map[string]any{"Regex": p}, "behavior": "Isolated"},
				map[string]any{"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
			}}
		}
		return nil
	}
	return unsupported("the pre-tokenizer %q is", pre)
}

// setVocab sorts tokens into text and marks.
func (d *tokenizerJSON) setVocab(tokens []string, types []int32) error {
	if len(tokens) == 0 {
		return fmt.Errorf("setting %stokens is missing or empty", tokenizerKey)
	}
	if types != nil && len(types) != len(tokens) {
		return fmt.Errorf("%d tokens have %d types", len(tokens), len(types))
	}
	d.Model.Vocab = make(map[string]int32, len(tokens))
	for i, text := range tokens {
		id, kind := int32(i), int32(normalToken)
		if types != nil {
			kind = types[i]
		}
		switch kind {
		case unusedToken:
			continue
		case normalToken:
		case unknownToken, controlToken, userToken:
			d.Added = append(d.Added, addedJSON{ID: id, Text: text, Special: kind != userToken})
		default:
			return unsupported("token %d (%q) of type %d is", id, text, kind)
		}
		if other, ok := d.Model.Vocab[text]; ok {
			return fmt.Errorf("tokens %d and %d are both %q", other, id, text)
		}
		d.Model.Vocab[text] = id
	}
	return nil
}

// setMerges splits the lines "left right". Byte-level tokens are written without spaces.
func (d *tokenizerJSON) setMerges(lines []string) error {
	d.Model.Merges = make([][2]string, len(lines))
	for i, line := range lines {
		left, right, ok := strings.Cut(line, " ")
		if !ok {
			return fmt.Errorf("merge %d is %q, not two tokens", i, line)
		}
		d.Model.Merges[i] = [2]string{left, right}
	}
	return nil
}

// setAround has tokens put before and after each text.
func (d *tokenizerJSON) setAround(before, after []int32, tokens []string) {
	if len(before)+len(after) == 0 {
		return
	}
	p := &aroundJSON{Type: "TemplateProcessing", Pair: []itemJSON{}, Special: map[string]specialJSON{}}
	put := func(ids []int32) {
		for _, id := range ids {
			text := tokens[id]
			p.Single = append(p.Single, itemJSON{Token: &idJSON{ID: text}})
			p.Special[text] = specialJSON{ID: text, IDs: []int32{id}, Tokens: []string{text}}
		}
	}
	put(before)
	p.Single = append(p.Single, itemJSON{Sequence: &idJSON{ID: "A"}})
	put(after)
	d.PostProcessor = p
}
