package tokenizer

import (
	"encoding/json"
	"fmt"
)

// part is any pre-tokenizer, post-processor or decoder of tokenizer.json.
type part struct {
	Type string `json:"type"`

	AddPrefixSpace bool  `json:"add_prefix_space"` // ByteLevel
	UseRegex       *bool `json:"use_regex"`

	Pattern struct { // Split
		Regex  *string `json:"Regex"`
		String *string `json:"String"`
	} `json:"pattern"`
	Behavior string `json:"behavior"`
	Invert   bool   `json:"invert"`

	PreTokenizers []json.RawMessage `json:"pretokenizers"` // Sequence
	Processors    []json.RawMessage `json:"processors"`

	Single        []templateItem       `json:"single"` // TemplateProcessing
	SpecialTokens map[string]templated `json:"special_tokens"`
}

type templateItem struct {
	SpecialToken *struct {
		ID string `json:"id"`
	} `json:"SpecialToken,omitempty"`
	Sequence *struct {
		ID string `json:"id"`
	} `json:"Sequence,omitempty"`
}

type templated struct {
	IDs []int32 `json:"ids"`
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

func kindOf(raw json.RawMessage) string {
	var p part
	if json.Unmarshal(raw, &p) != nil || p.Type == "" {
		return "of no type"
	}
	return p.Type
}

// patternSplits finds a split by its published pattern.
var patternSplits = func() map[string]Split {
	m := map[string]Split{}
	for s, p := range patterns {
		m[p] = s
	}
	return m
}()

func (t *Tokenizer) parsePreTokenizer(f *file) error {
	if isNull(f.PreTokenizer) {
		return unsupported("no pre_tokenizer: a BPE that is not byte-level")
	}
	var p part
	if err := json.Unmarshal(f.PreTokenizer, &p); err != nil {
		return fmt.Errorf("pre_tokenizer: %w", err)
	}
	parts := []json.RawMessage{f.PreTokenizer}
	if p.Type == "Sequence" {
		parts = p.PreTokenizers
	}
	split, bytelevel := false, false
	for i, raw := range parts {
		var p part
		if err := json.Unmarshal(raw, &p); err != nil {
			return fmt.Errorf("pre_tokenizer: %w", err)
		}
		switch {
		case p.Type == "Split" && i == 0 && len(parts) == 2:
			if p.Pattern.Regex == nil || p.Behavior != "Isolated" && !(p.Behavior == "Removed" && p.Invert) {
				return unsupported("pre_tokenizer Split with behavior %q", p.Behavior)
			}
			known, ok := patternSplits[*p.Pattern.Regex]
			if !ok {
				return unsupported("pre_tokenizer pattern %q", *p.Pattern.Regex)
			}
			t.split, split = known, true
		case p.Type == "ByteLevel" && i == len(parts)-1:
			usesOwn := p.UseRegex == nil || *p.UseRegex
			if usesOwn == split {
				return unsupported("pre_tokenizer ByteLevel with use_regex %v here", usesOwn)
			}
			if split && p.AddPrefixSpace {
				return unsupported("pre_tokenizer ByteLevel with add_prefix_space after a Split")
			}
			t.prefixSpace, bytelevel = p.AddPrefixSpace, true
		default:
			return unsupported("pre_tokenizer %s in this place", p.Type)
		}
	}
	if !bytelevel {
		return unsupported("pre_tokenizer %s without ByteLevel", p.Type)
	}
	return nil
}

func parseDecoder(f *file) error {
	if kind := kindOf(f.Decoder); isNull(f.Decoder) || kind != "ByteLevel" {
		return unsupported("decoder %s", kind)
	}
	return nil
}

func (t *Tokenizer) parsePostProcessor(f *file) error {
	if isNull(f.PostProcessor) {
		return nil
	}
	return t.parseProcessor(f.PostProcessor)
}

func (t *Tokenizer) parseProcessor(raw json.RawMessage) error {
	var p part
	if err := json.Unmarshal(raw, &p); err != nil {
		return fmt.Errorf("post_processor: %w", err)
	}
	switch p.Type {
	case "ByteLevel": // only moves offsets
		return nil
	case "Sequence":
		for _, inner := range p.Processors {
			if kindOf(inner) == "Sequence" {
				return unsupported("post_processor Sequence in a Sequence")
			}
			if err := t.parseProcessor(inner); err != nil {
				return err
			}
		}
		return nil
	case "TemplateProcessing":
		return t.parseTemplate(p)
	}
	return unsupported("post_processor %s", p.Type)
}

func (t *Tokenizer) parseTemplate(p part) error {
	ends := &t.prefix
	for _, item := range p.Single {
		switch {
		case item.Sequence != nil:
			ends = &t.suffix
		case item.SpecialToken != nil:
			for _, id := range p.SpecialTokens[item.SpecialToken.ID].IDs {
				if t.Piece(id) == nil {
					return fmt.Errorf("post_processor: token %d does not exist", id)
				}
				*ends = append(*ends, id)
			}
		}
	}
	return nil
}

func byteLevel(prefixSpace, useRegex bool) map[string]any {
	return map[string]any{"type": "ByteLevel", "add_prefix_space": prefixSpace, "trim_offsets": false, "use_regex": useRegex}
}

func (t *Tokenizer) preTokenizer() any {
	if t.split == GPT2 {
		return byteLevel(t.prefixSpace, true)
	}
	return map[string]any{"type": "Sequence", "pretokenizers": []any{
		map[string]any{"type": "Split", "pattern": map[string]any{"Regex": patterns[t.split]}, "behavior": "Isolated", "invert": false},
		byteLevel(false, false),
	}}
}

func (t *Tokenizer) postProcessor() any {
	if len(t.prefix)+len(t.suffix) == 0 {
		return byteLevel(false, true)
	}
	var single []any
	special := map[string]any{}
	put := func(ids []int32) {
		for _, id := range ids {
			text := string(t.Piece(id))
			single = append(single, map[string]any{"SpecialToken": map[string]any{"id": text, "type_id": 0}})
			special[text] = map[string]any{"id": text, "ids": []int32{id}, "tokens": []string{text}}
		}
	}
	put(t.prefix)
	single = append(single, map[string]any{"Sequence": map[string]any{"id": "A", "type_id": 0}})
	put(t.suffix)
	pair := append(append([]any{}, single...), map[string]any{"Sequence": map[string]any{"id": "B", "type_id": 1}})
	return map[string]any{"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special}
}
