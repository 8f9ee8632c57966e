package modelfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"weft/tokenizer"
)

// hfTokenizer is what tokenizer_config.json says beside tokenizer.json. The class only chooses Python code; how text
// is cut is all in tokenizer.json.
type hfTokenizer struct {
	Class     string          `json:"tokenizer_class"`
	BOS       tokenText       `json:"bos_token"`
	EOS       tokenText       `json:"eos_token"`
	MaxLength json.RawMessage `json:"model_max_length,omitempty"` // a number, in old files a huge float
	CleanUp   bool            `json:"clean_up_tokenization_spaces"`
	Template  json.RawMessage `json:"chat_template,omitempty"`
}

// tokenText is a token's text, plain or as an object that holds it, or null.
type tokenText string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *tokenText) UnmarshalJSON(b []byte) error {
	if b[0] != '{' {
		return json.Unmarshal(b, (*string)(t))
	}
	var object struct {
		Content string `json:"content"`
	}
	err := json.Unmarshal(b, &object)
	*t = tokenText(object.Content)
	return err
}

// MarshalJSON implements [json.Marshaler].
func (t tokenText) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}

// apply tells the tokenizer which of its tokens start and end a text.
func (h hfTokenizer) apply(t *tokenizer.Tokenizer) error {
	for _, e := range []struct {
		name string
		text tokenText
		id   *int32
	}{{"bos_token", h.BOS, &t.BOS}, {"eos_token", h.EOS, &t.EOS}} {
		if e.text == "" {
			continue
		}
		id, ok := t.SpecialID(string(e.text))
		if !ok {
			return fmt.Errorf("%s %q is not a special token of %s", e.name, e.text, tokenizerName)
		}
		*e.id = id
	}
	return nil
}

// template is the chat template: a text, or a list of named ones of which "default" counts.
func (h hfTokenizer) template() string {
	var text string
	if json.Unmarshal(h.Template, &text) == nil {
		return text
	}
	list := json.NewDecoder(bytes.NewReader(h.Template))
	if open, err := list.Token(); err != nil || open != json.Delim('[') {
		return ""
	}
	for list.More() {
		var named struct{ Name, Template string }
		if list.Decode(&named) != nil {
			return ""
		}
		if named.Name == "default" {
			return named.Template
		}
	}
	return ""
}

func makeTokenizerConfig(t *tokenizer.Tokenizer, context int) hfTokenizer {
	text := func(id int32) tokenText { return tokenText(t.Piece(id)) } // nothing for -1
	return hfTokenizer{Class: "PreTrainedTokenizerFast", BOS: text(t.BOS), EOS: text(t.EOS),
		MaxLength: json.RawMessage(fmt.Sprint(context))}
}

// cardLicense is what the model card (README.md) says in its front matter, or nothing.
func cardLicense(dir string) string {
	f, err := os.Open(filepath.Join(dir, "README.md"))
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	if !lines.Scan() || strings.TrimSpace(lines.Text()) != "---" {
		return ""
	}
	for lines.Scan() && strings.TrimSpace(lines.Text()) != "---" {
		if value, ok := strings.CutPrefix(lines.Text(), "license:"); ok {
			return strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return ""
}
