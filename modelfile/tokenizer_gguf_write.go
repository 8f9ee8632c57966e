package modelfile

import (
	"encoding/json"
	"fmt"
	"slices"

	"weft/gguf"
	"weft/tokenizer"
)

// The parts of a tokenizer.json that a GGUF file has too.
type tokenizerJSON struct {
	Added []addedJSON `json:"added_tokens"`
	Model struct {
		Vocab  map[string]int32 `json:"vocab"`
		Merges [][2]string      `json:"merges"`
	} `json:"model"`
}

type addedJSON struct {
	ID         int32  `json:"id"`
	Text       string `json:"content"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	SingleWord bool   `json:"single_word"`
	Special    bool   `json:"special"`
}

// makeTokenizerGGUF lists a tokenizer's settings, with unused tokens up to the size of the model's vocabulary. eos are
// the tokens that end a text; GGUF has a name for two of them, and the rest go under a name of ours.
func makeTokenizerGGUF(t *tokenizer.Tokenizer, eos []int32, vocab int) ([]gguf.Setting, error) {
	var list []gguf.Setting
	var err error
	if v := t.Vocabulary(); v != nil && v.Model != "gpt2" {
		list = piecesGGUF(v, vocab)
	} else if list, err = byteLevelGGUF(t, vocab); err != nil {
		return nil, err
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

// byteLevelGGUF describes a byte-level BPE, wherever it comes from.
func byteLevelGGUF(t *tokenizer.Tokenizer, vocab int) ([]gguf.Setting, error) {
	text, err := t.JSON()
	if err != nil {
		return nil, err
	}
	var doc tokenizerJSON
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	pre, ok := t.Pre()
	if !ok {
		return nil, unsupported("in GGUF, a tokenizer that cuts text as this one does is")
	}
	if n := t.Normalizes(); n != "" && n != "NFC" {
		return nil, unsupported("in GGUF, a tokenizer that rewrites text as this one does is")
	}
	tokens, types, err := doc.vocabulary(vocab)
	if err != nil {
		return nil, err
	}
	before, after := t.Ends()
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
	if t.Normalizes() == "NFC" {
		list = append(list, gguf.Setting{Key: nfcKey, Value: gguf.Of(true)})
	}
	return list, nil
}

// piecesGGUF says again what a GGUF file said of its SentencePiece or WordPiece tokenizer, whose scores no other
// description has.
func piecesGGUF(v *tokenizer.Vocabulary, size int) []gguf.Setting {
	tokens, types, scores := unused(size)
	copy(tokens, v.Tokens)
	copy(scores, v.Scores)
	for i := range v.Tokens {
		types[i] = tokenizer.NormalToken
	}
	copy(types, v.Kinds)
	var list []gguf.Setting
	put := func(key string, x gguf.Value) { list = append(list, gguf.Setting{Key: tokenizerKey + key, Value: x}) }
	flag := func(key string, b *bool) {
		if b != nil {
			put(key, gguf.Of(*b))
		}
	}
	put("model", gguf.Of(v.Model))
	put("pre", gguf.Of(v.Pre))
	put("tokens", gguf.ListOf(tokens))
	put("token_type", gguf.ListOf(types))
	if v.Scores != nil {
		put("scores", gguf.ListOf(scores))
	}
	if v.Charsmap != nil {
		put("precompiled_charsmap", gguf.ListOf(v.Charsmap))
	}
	flag("add_bos_token", v.AddBOS)
	flag("add_eos_token", v.AddEOS)
	flag("add_sep_token", v.AddSEP)
	flag("add_space_prefix", v.SpacePrefix)
	flag("remove_extra_whitespaces", &v.CollapseSpace)
	if v.SEP >= 0 {
		put("seperator_token_id", gguf.Of(uint32(v.SEP)))
	}
	if v.Unknown >= 0 {
		put("unknown_token_id", gguf.Of(uint32(v.Unknown)))
	}
	return list
}

// unused is a vocabulary whose tokens nothing makes.
func unused(size int) (tokens []string, types []int32, scores []float32) {
	tokens, types, scores = make([]string, size), make([]int32, size), make([]float32, size)
	for i := range tokens {
		tokens[i], types[i] = fmt.Sprintf("[PAD%d]", i), tokenizer.UnusedToken
	}
	return tokens, types, scores
}

func onlyOrNone(ids []int32, id int32) bool { return len(ids) == 0 || len(ids) == 1 && ids[0] == id }

// vocabulary lists tokens and their types by ID.
func (d *tokenizerJSON) vocabulary(size int) (tokens []string, types []int32, err error) {
	tokens, types, _ = unused(size)
	for text, id := range d.Model.Vocab {
		tokens[id], types[id] = text, tokenizer.NormalToken
	}
	for _, a := range d.Added {
		if a.LStrip || a.RStrip || a.SingleWord {
			return nil, nil, unsupported("in GGUF, the token %q that swallows white space or stands alone is", a.Text)
		}
		tokens[a.ID], types[a.ID] = a.Text, tokenizer.UserToken
		if a.Special {
			types[a.ID] = tokenizer.ControlToken
		}
	}
	return tokens, types, nil
}
