package modelfile

import (
	"encoding/json"
	"fmt"
	"slices"

	"weft/gguf"
	"weft/tokenizer"
)

// makeTokenizerGGUF lists a tokenizer's settings, with unused tokens up to the size of the model's vocabulary. eos are
// the tokens that end a text; GGUF has a name for two of them, and the rest go under a name of ours.
func makeTokenizerGGUF(t *tokenizer.Tokenizer, eos []int32, vocab int) ([]gguf.Setting, error) {
	text, err := t.JSON()
	if err != nil {
		return nil, err
	}
	var doc tokenizerJSON
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	pre, err := doc.splitName(t)
	if err != nil {
		return nil, err
	}
	tokens, types, err := doc.vocabulary(vocab)
	if err != nil {
		return nil, err
	}
	before, after := doc.around()
	if !onlyOrNone(before, t.BOS) || !onlyOrNone(after, t.EOS) {
		return nil, unsupported("in GGUF, a tokenizer that puts other tokens around a text than its start and end is")
	}
	merges := make([]string, len(doc.Model.Merges))
	for i, m := range doc.Model.Merges {
		merges[i] = m[0] + " " + m[1]
	}
	list := []gguf.Setting{
		{Key: tokenizerKey + "model", Value: gguf.Of("gpt2")}, {Key: tokenizerKey + "pre", Value: gguf.Of(pre)},
		{Key: tokenizerKey + "tokens", Value: gguf.ListOf(tokens)}, {Key: tokenizerKey + "token_type", Value: gguf.ListOf(types)},
		{Key: tokenizerKey + "merges", Value: gguf.ListOf(merges)},
		{Key: tokenizerKey + "add_bos_token", Value: gguf.Of(len(before) > 0)},
		{Key: tokenizerKey + "add_eos_token", Value: gguf.Of(len(after) > 0)},
	}
	if t.BOS >= 0 {
		list = append(list, gguf.Setting{Key: bosKey, Value: gguf.Of(uint32(t.BOS))})
	}
	if t.EOS >= 0 {
		list = append(list, gguf.Setting{Key: eosKey, Value: gguf.Of(uint32(t.EOS))})
	}
	if len(eos) > 0 && !slices.Equal(eos, []int32{t.EOS}) {
		list = append(list, gguf.Setting{Key: endsKey, Value: gguf.ListOf(eos)})
		if i := slices.IndexFunc(eos, func(id int32) bool { return id != t.EOS }); i >= 0 {
			list = append(list, gguf.Setting{Key: eotKey, Value: gguf.Of(uint32(eos[i]))})
		}
	}
	return list, nil
}

func onlyOrNone(ids []int32, id int32) bool { return len(ids) == 0 || len(ids) == 1 && ids[0] == id }

func (d *tokenizerJSON) splitName(t *tokenizer.Tokenizer) (string, error) {
	if d.PreTokenizer["add_prefix_space"] == true {
		return "", unsupported("in GGUF, a tokenizer that adds a space before a text is")
	}
	for _, s := range splits {
		if s.split == t.Split() && s.whole == d.Model.Whole {
			return s.name, nil
		}
	}
	return "", unsupported("in GGUF, a tokenizer with the split %v and ignore_merges %v is", t.Split(), d.Model.Whole)
}

// vocabulary lists tokens and their types by ID.
func (d *tokenizerJSON) vocabulary(size int) (tokens []string, types []int32, err error) {
	tokens, types = make([]string, size), make([]int32, size)
	for i := range tokens {
		tokens[i], types[i] = fmt.Sprintf("[PAD%d]", i), unusedToken
	}
	for text, id := range d.Model.Vocab {
		tokens[id], types[id] = text, normalToken
	}
	for _, a := range d.Added {
		if a.LStrip || a.RStrip {
			return nil, nil, unsupported("in GGUF, the token %q that swallows white space is", a.Text)
		}
		tokens[a.ID], types[a.ID] = a.Text, userToken
		if a.Special {
			types[a.ID] = controlToken
		}
	}
	return tokens, types, nil
}

// around are the tokens before and after each text.
func (d *tokenizerJSON) around() (before, after []int32) {
	ids := &before
	for _, item := range d.PostProcessor.Single {
		if item.Token == nil {
			ids = &after
			continue
		}
		*ids = append(*ids, d.PostProcessor.Special[item.Token.ID].IDs...)
	}
	return before, after
}
