package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"weft/cmd/weft/internal/view"
	"weft/tokenizer"
)

type tokenizeCommand struct {
	Model        *string `arg:"" optional:"" help:"Model to use (default: the built-in one). A single argument is the text, unless it is a model's path."`
	Text         *string `arg:"" optional:"" help:"Text; - or nothing reads stdin."`
	NoSpecial    bool    `help:"Leave out the tokens that the tokenizer puts around any text."`
	ParseSpecial bool    `help:"Text that spells a special token is that token."`
	Decode       bool    `help:"The other way: TEXT is token IDs, the result their text, byte for byte."`
}

func (tokenizeCommand) Help() string {
	return `Each token gets a line: its ID, and its text with spaces and line breaks made visible.

Examples:

    weft tokenize "To be, or not to be"
    weft tokenize --decode "83 257"`
}

func (c *tokenizeCommand) Run(a *app) error {
	path, arg := c.split()
	text, err := a.input(arg)
	if err != nil {
		return err
	}
	m, err := a.readModel(path)
	if err != nil {
		return err
	}
	defer m.Close()
	t := m.Tokenizer
	if !c.Decode {
		return a.showTokens(t, t.Encode(text, tokenizer.Encode{ParseSpecial: c.ParseSpecial, AddSpecial: !c.NoSpecial}))
	}
	ids, err := parseIDs(text, t.Size())
	if err != nil {
		return err
	}
	if a.JSON {
		return a.writeJSON(tokensDoc(t, ids))
	}
	_, err = a.stdout.Write(t.Decode(ids))
	return err
}

// split tells a model from a text.
func (c *tokenizeCommand) split() (path, text string) {
	switch {
	case c.Model == nil:
		return "", "-"
	case c.Text != nil:
		return *c.Model, *c.Text
	case isModel(*c.Model):
		return *c.Model, "-"
	}
	return "", *c.Model
}

// isModel says whether an argument is the path of a model rather than a text.
func isModel(arg string) bool {
	info, err := os.Stat(arg)
	if err == nil && info.IsDir() {
		_, err = os.Stat(filepath.Join(arg, "config.json"))
		return err == nil
	}
	return err == nil && strings.EqualFold(filepath.Ext(arg), ".gguf")
}

func (a *app) showTokens(t *tokenizer.Tokenizer, ids []int32) error {
	if a.JSON {
		return a.writeJSON(tokensDoc(t, ids))
	}
	out := bufio.NewWriter(a.stdout)
	for _, id := range ids {
		fmt.Fprintf(out, "%7d  %s\n", id, view.Visible(t.Piece(id)))
	}
	if terminal(a.stdout) != nil {
		a.note("%d tokens", len(ids))
	}
	return out.Flush()
}

type tokensJSON struct {
	IDs    []int32  `json:"ids"`
	Pieces []string `json:"pieces"`
	Bytes  []string `json:"bytes"` // the same in hexadecimal: a piece need not be whole characters, as JSON's strings are
	Text   string   `json:"text"`
}

func tokensDoc(t *tokenizer.Tokenizer, ids []int32) tokensJSON {
	doc := tokensJSON{append([]int32{}, ids...), []string{}, []string{}, string(t.Decode(ids))}
	for _, id := range ids {
		doc.Pieces = append(doc.Pieces, string(t.Piece(id)))
		doc.Bytes = append(doc.Bytes, hex.EncodeToString(t.Piece(id)))
	}
	return doc
}

// parseIDs reads IDs between white space, commas or brackets, as JSON has them.
func parseIDs(text string, size int) ([]int32, error) {
	var ids []int32
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,[]", r) }) {
		id, err := strconv.ParseInt(word, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is no token ID", word)
		}
		if id < 0 || int(id) >= size {
			return nil, fmt.Errorf("there is no token %d, the vocabulary has %d", id, size)
		}
		ids = append(ids, int32(id))
	}
	return ids, nil
}
