package tokenizer

import (
	"encoding/json"
	"fmt"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// part is any normalizer, pre-tokenizer, post-processor or decoder of
// tokenizer.json: the type tells which fields count.
type part struct {
	Type string `json:"type"`

	Normalizers   []json.RawMessage `json:"normalizers"` // Sequence
	PreTokenizers []json.RawMessage `json:"pretokenizers"`
	Processors    []json.RawMessage `json:"processors"`
	Decoders      []json.RawMessage `json:"decoders"`

	Pattern struct { // Split, Replace
		Regex  *string `json:"Regex"`
		String *string `json:"String"`
	} `json:"pattern"`
	Content  string `json:"content"`
	Prepend  string `json:"prepend"`
	Behavior string `json:"behavior"` // Split, Punctuation
	Invert   bool   `json:"invert"`

	AddPrefixSpace *bool  `json:"add_prefix_space"` // ByteLevel, Metaspace
	UseRegex       *bool  `json:"use_regex"`
	Individual     bool   `json:"individual_digits"` // Digits
	Delimiter      string `json:"delimiter"`         // CharDelimiterSplit
	Replacement    string `json:"replacement"`       // Metaspace
	PrependScheme  string `json:"prepend_scheme"`
	DoSplit        *bool  `json:"split"`

	StripLeft  bool   `json:"strip_left"` // Strip, as a normalizer
	StripRight bool   `json:"strip_right"`
	Start      int    `json:"start"` // Strip, as a decoder
	Stop       int    `json:"stop"`
	Charsmap   []byte `json:"precompiled_charsmap"`
	Prefix     string `json:"prefix"` // WordPiece
	CleanUp    bool   `json:"cleanup"`
	bert              // BertNormalizer

	Single        []templateItem       `json:"single"` // TemplateProcessing
	SpecialTokens map[string]templated `json:"special_tokens"`
	Sep           endToken             `json:"sep"` // BertProcessing, RobertaProcessing
	Cls           endToken             `json:"cls"`
}

type templateItem struct {
	SpecialToken *templateID `json:"SpecialToken,omitempty"`
	Sequence     *templateID `json:"Sequence,omitempty"`
}

type templateID struct {
	ID     string `json:"id"`
	TypeID int    `json:"type_id"`
}

type templated struct {
	ID     string   `json:"id"`
	IDs    []int32  `json:"ids"`
	Tokens []string `json:"tokens"`
}

// endToken is ["[SEP]", 102].
type endToken struct {
	text string
	id   int32
}

// UnmarshalJSON implements [json.Unmarshaler].
func (e *endToken) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[2]any{&e.text, &e.id})
}

func isNull(raw []byte) bool { return len(raw) == 0 || string(raw) == "null" }

func kindOf(raw json.RawMessage) string {
	var p struct{ Type string }
	if json.Unmarshal(raw, &p) != nil || p.Type == "" {
		return "of no type"
	}
	return p.Type
}

// maxParts bounds the parts of a Sequence.
const maxParts = 256

func parsePart(raw json.RawMessage) (p part, err error) {
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, err
	}
	if n := len(p.Normalizers) + len(p.PreTokenizers) + len(p.Processors) + len(p.Decoders); n > maxParts {
		return p, unsupported("a Sequence of %d", n)
	}
	return p, nil
}

// flatten lists a part, or those of a Sequence, in order. Sequences nest a few
// deep at most.
func flatten(raw json.RawMessage, what string, depth int) ([]part, error) {
	if isNull(raw) {
		return nil, nil
	}
	p, err := parsePart(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if p.Type != "Sequence" {
		return []part{p}, nil
	}
	if depth > 3 {
		return nil, unsupported("%s: Sequences nested %d deep", what, depth)
	}
	var list []part
	for _, inner := range [][]json.RawMessage{p.Normalizers, p.PreTokenizers, p.Processors} {
		for _, raw := range inner {
			parts, err := flatten(raw, what, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, parts...)
		}
	}
	return list, nil
}

var unicodeForms = map[string]norm.Form{"NFC": norm.NFC, "NFD": norm.NFD, "NFKC": norm.NFKC, "NFKD": norm.NFKD}

func (t *Tokenizer) buildNormalizer() error {
	parts, err := flatten(t.spec.Normalizer, "normalizer", 0)
	if err != nil {
		return err
	}
	var list []normalizer
	for i := range parts {
		n, err := parts[i].normalizer()
		if err != nil {
			return fmt.Errorf("normalizer: %w", err)
		}
		list = append(list, n)
	}
	t.normalize = chain(list)
	return nil
}

func (p *part) normalizer() (normalizer, error) {
	if f, ok := unicodeForms[p.Type]; ok {
		return unicodeForm(f), nil
	}
	switch p.Type {
	case "Prepend":
		return prepend(p.Prepend), nil
	case "Replace":
		return p.replacer()
	case "Lowercase":
		return mapRunes(lowercase), nil
	case "StripAccents":
		return without(unicode.M), nil
	case "Strip":
		return strip(p.StripLeft, p.StripRight), nil
	case "BertNormalizer":
		return p.bert.normalizer(), nil
	case "Nmt":
		return mapRunes(nmt), nil
	case "Precompiled":
		c, err := parseCharsmap(p.Charsmap)
		if err != nil {
			return nil, err
		}
		return c.normalize, nil
	}
	return nil, unsupported("%q", p.Type)
}

func (p *part) replacer() (normalizer, error) {
	switch {
	case p.Pattern.String != nil && *p.Pattern.String != "":
		return replaceText(*p.Pattern.String, p.Content), nil
	case p.Pattern.Regex != nil:
		s, err := patternStage(*p.Pattern.Regex)
		if err != nil {
			return nil, err
		}
		return replaceMatches(s, p.Content), nil
	}
	return nil, unsupported("Replace of nothing")
}

func (t *Tokenizer) buildCutters() error {
	parts, err := flatten(t.spec.PreTokenizer, "pre_tokenizer", 0)
	if err != nil {
		return err
	}
	printable := false
	for _, p := range parts {
		list, err := p.cutters()
		if err != nil {
			return fmt.Errorf("pre_tokenizer: %w", err)
		}
		for _, c := range list {
			if printable {
				c = onPrintable(c)
			}
			t.cutters = append(t.cutters, c)
		}
		printable = printable || p.Type == "ByteLevel"
	}
	if t.byteLevel = printable; printable != t.decoder.byteLevel {
		return unsupported("pre_tokenizer and decoder: only one of them is ByteLevel")
	}
	return nil
}

// cutters are what a pre-tokenizer does.
func (p *part) cutters() ([]cutter, error) {
	one := func(s stage, behavior string) ([]cutter, error) {
		c, err := behave(s, behavior, p.Invert)
		return []cutter{c}, err
	}
	switch p.Type {
	case "ByteLevel":
		var list []cutter
		if p.AddPrefixSpace == nil || *p.AddPrefixSpace {
			list = append(list, spaced)
		}
		if p.UseRegex != nil && !*p.UseRegex {
			return list, nil
		}
		cut, err := one(scanner(nextGPT2), "Isolated")
		return append(list, cut...), err
	case "Split":
		s, err := p.splitter()
		if err != nil {
			return nil, err
		}
		return one(s, p.Behavior)
	case "Digits":
		if p.Individual {
			return one(oneOf(unicode.IsNumber), "Isolated")
		}
		return one(oneOf(unicode.IsNumber), "Contiguous")
	case "Punctuation":
		if p.Behavior == "" {
			return one(oneOf(isPunct), "Isolated")
		}
		return one(oneOf(isPunct), p.Behavior)
	case "WhitespaceSplit":
		return one(oneOf(unicode.IsSpace), "Removed")
	case "Whitespace":
		p.Invert = true
		return one(scanner(wordsAndSigns), "Removed")
	case "CharDelimiterSplit":
		return one(literal(p.Delimiter), "Removed")
	case "BertPreTokenizer":
		spaces, err := behave(oneOf(unicode.IsSpace), "Removed", false)
		if err != nil {
			return nil, err
		}
		signs, err := behave(oneOf(isPunct), "Isolated", false)
		return []cutter{spaces, signs}, err
	case "Metaspace":
		return []cutter{p.metaspace().cut}, nil
	}
	return nil, unsupported("%q", p.Type)
}

func (p *part) splitter() (stage, error) {
	switch {
	case p.Pattern.String != nil && *p.Pattern.String != "":
		return literal(*p.Pattern.String), nil
	case p.Pattern.Regex != nil:
		return patternStage(*p.Pattern.Regex)
	}
	return nil, unsupported("Split at nothing")
}

// metaspace reads old files too, which say add_prefix_space.
func (p *part) metaspace() metaspace {
	m := metaspace{mark: p.Replacement, prepend: p.PrependScheme, split: p.DoSplit == nil || *p.DoSplit}
	if m.mark == "" {
		m.mark = lowBlock
	}
	if m.prepend == "" {
		m.prepend = "always"
		if p.AddPrefixSpace != nil && !*p.AddPrefixSpace {
			m.prepend = "never"
		}
	}
	return m
}

// buildProcessor reads what AddSpecial puts around a text.
func (t *Tokenizer) buildProcessor() error {
	parts, err := flatten(t.spec.PostProcessor, "post_processor", 0)
	if err != nil {
		return err
	}
	for _, p := range parts {
		switch p.Type {
		case "ByteLevel": // only moves offsets
		case "TemplateProcessing":
			t.template(p)
		case "BertProcessing", "RobertaProcessing":
			t.prefix, t.suffix = append(t.prefix, p.Cls.id), append(t.suffix, p.Sep.id)
		default:
			return unsupported("post_processor %q", p.Type)
		}
	}
	for _, ids := range [][]int32{t.prefix, t.suffix} {
		for _, id := range ids {
			if t.Piece(id) == nil {
				return fmt.Errorf("post_processor: token %d does not exist", id)
			}
		}
	}
	return nil
}

func (t *Tokenizer) template(p part) {
	ends := &t.prefix
	for _, item := range p.Single {
		switch {
		case item.Sequence != nil:
			ends = &t.suffix
		case item.SpecialToken != nil:
			*ends = append(*ends, p.SpecialTokens[item.SpecialToken.ID].IDs...)
		}
	}
}
