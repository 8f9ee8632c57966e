package modelfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"weft/gguf"
	"weft/tensor"
	"weft/tokenizer"
)

const sentencePieceName = "tokenizer.model"

// OpenTokenizer reads a tokenizer without its model, which may be of an architecture that we do not know: from a model
// folder, a .gguf file, a tokenizer.json, or a SentencePiece tokenizer.model.
func OpenTokenizer(path string) (*tokenizer.Tokenizer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open tokenizer: %w", err)
	}
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case info.IsDir():
		var b Bundle
		err := b.readTokenizer(path)
		return b.Tokenizer, err
	case ext == ".json":
		return readTokenizerFile(path, tokenizer.Parse)
	case ext == ".model":
		return readTokenizerFile(path, tokenizer.FromModel)
	}
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := tokenizerGGUF(newSettings(f))
	if err != nil {
		return nil, fmt.Errorf("%s: tokenizer: %w", path, err)
	}
	return t, nil
}

// readTokenizerFile parses a file where it lies: it may be large, and nothing of it is kept.
func readTokenizerFile(path string, parse func([]byte) (*tokenizer.Tokenizer, error)) (*tokenizer.Tokenizer, error) {
	m, err := tensor.Map(path)
	if err != nil {
		return nil, fmt.Errorf("open tokenizer: %w", err)
	}
	defer m.Close()
	t, err := parse(m.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// folderTokenizer reads tokenizer.json, or tokenizer.model where there is only that.
func folderTokenizer(dir string) (*tokenizer.Tokenizer, error) {
	t, err := readTokenizerFile(filepath.Join(dir, tokenizerName), tokenizer.Parse)
	if !errors.Is(err, fs.ErrNotExist) {
		return t, err
	}
	t, err = readTokenizerFile(filepath.Join(dir, sentencePieceName), tokenizer.FromModel)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open model: %s has no %s", dir, tokenizerName)
	}
	return t, err
}
