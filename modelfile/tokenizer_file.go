package modelfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"weft/gguf"
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
		return tokenizer.Open(path)
	case ext == ".model":
		return openSentencePiece(path)
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

func openSentencePiece(path string) (*tokenizer.Tokenizer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open tokenizer: %w", err)
	}
	t, err := tokenizer.FromModel(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// folderTokenizer reads tokenizer.json, or tokenizer.model where there is only that.
func folderTokenizer(dir string) (*tokenizer.Tokenizer, error) {
	t, err := tokenizer.Open(filepath.Join(dir, tokenizerName))
	if !errors.Is(err, fs.ErrNotExist) {
		return t, err
	}
	t, err = openSentencePiece(filepath.Join(dir, sentencePieceName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open model: %s has no %s", dir, tokenizerName)
	}
	return t, err
}
