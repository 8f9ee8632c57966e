package modelfile

import (
	"errors"
	"fmt"

	"weft/tokenizer"
)

const (
	tokenizerKey = "tokenizer.ggml."
	bosKey       = tokenizerKey + "bos_token_id"
	eosKey       = tokenizerKey + "eos_token_id"
	eotKey       = tokenizerKey + "eot_token_id" // ends a turn
	endsKey      = "weft.eos_token_ids"          // all tokens that end a text, when they are more than the one above
	nfcKey       = "weft.tokenizer.nfc"          // texts are brought into Unicode's form C
)

// usualIDs are the IDs of start, end, separator and unknown token that a kind of tokenizer has where the file is silent.
var usualIDs = map[string][4]int32{
	"gpt2": {-1, -1, -1, -1}, "llama": {1, 2, -1, 0}, "t5": {-1, 1, -1, 2}, "bert": {101, -1, 102, 100},
}

// tokenizerGGUF makes a tokenizer of a file's vocabulary.
func tokenizerGGUF(s *settings) (*tokenizer.Tokenizer, error) {
	kind := s.text(tokenizerKey+"model", "")
	usual, ok := usualIDs[kind]
	if !ok {
		return nil, unsupported("a tokenizer of the kind %q is", kind)
	}
	v := &tokenizer.Vocabulary{Model: kind, Pre: s.text(tokenizerKey+"pre", ""), Tokens: s.texts(tokenizerKey + "tokens"),
		Kinds: s.ids(tokenizerKey + "token_type"), AddBOS: s.flag(tokenizerKey + "add_bos_token"), AddEOS: s.flag(tokenizerKey + "add_eos_token"),
		AddSEP: s.flag(tokenizerKey + "add_sep_token"), SpacePrefix: s.flag(tokenizerKey + "add_space_prefix"),
		CollapseSpace: s.bool(tokenizerKey+"remove_extra_whitespaces", false), NFC: s.bool(nfcKey, false)}
	if kind == "gpt2" {
		v.Merges = s.texts(tokenizerKey + "merges")
	}
	if kind == "llama" || kind == "t5" {
		v.Scores = s.floats(tokenizerKey + "scores")
	}
	if kind == "t5" {
		v.Charsmap = s.bytes(tokenizerKey + "precompiled_charsmap")
	}
	for i, id := range []struct {
		key string
		id  *int32
	}{{bosKey, &v.BOS}, {eosKey, &v.EOS}, {tokenizerKey + "seperator_token_id", &v.SEP}, {tokenizerKey + "unknown_token_id", &v.Unknown}} {
		if *id.id = int32(s.int(id.key, int(usual[i]))); !s.has(id.key) && int(*id.id) >= len(v.Tokens) {
			*id.id = -1
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	if len(v.Tokens) == 0 {
		return nil, fmt.Errorf("setting %stokens is missing or empty", tokenizerKey)
	}
	t, err := tokenizer.FromVocabulary(v)
	if errors.Is(err, tokenizer.ErrUnsupported) {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return t, err
}
