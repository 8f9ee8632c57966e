// Package modelfile opens and saves whole models: weights, tokenizer and settings together. It is the only place that
// knows both the file formats and the model.
//
//   - [Open] reads a folder as Hugging Face transformers writes it (config.json, model.safetensors or shards,
//     tokenizer.json) or a .gguf file; [OpenBytes] a .gguf that is already in memory.
//   - [SaveFolder] and [SaveGGUF] write either, such that transformers and llama.cpp load them as they are.
//
// An architecture is a layout (where a file keeps each parameter, layout*.go and gguf_layout.go) and a translation
// of the settings (gguf_*.go, hf_*.go). What a file asks for is done or refused by name: an unknown architecture, tensor or setting that
// would change the computation is an error.
package modelfile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"weft/model"
	"weft/tensor"
	"weft/tokenizer"
)

// ErrUnsupported is wrapped by errors about files that are sound but ask for something that Weft does not do.
var ErrUnsupported = errors.New("not supported")

// Bundle is a model with what belongs to it.
type Bundle struct {
	Name         string // for people
	Path         string // where it was opened; empty for one made in memory
	Weights      *model.Weights
	Tokenizer    *tokenizer.Tokenizer
	Generation   Generation
	ChatTemplate string   // Jinja, as the files have it; may be empty
	License      string   // such as "apache-2.0"; may be empty
	Tensors      []Tensor // as they were stored; nil for a model made in memory

	source io.Closer // of the weights; nil: they are in memory
}

// Close closes the files that the weights lie in. Weights and model must not be used after.
func (b *Bundle) Close() error {
	if b.source == nil {
		return nil
	}
	return b.source.Close()
}

// DropPages tells the system that the files' content will not be needed for a while, such as when
// the model has arranged its weights in memory of its own. It can still be read.
func (b *Bundle) DropPages() {
	if f, ok := b.source.(interface{ DropPages() }); ok {
		f.DropPages()
	}
}

// Tensor is one tensor as it was stored.
type Tensor struct {
	Name  string // in the file
	DType string // such as "F32" or "Q8_0"
	Shape []int  // outermost first
	Bytes int
}

// Config is what the model is made of.
func (b *Bundle) Config() model.Config { return b.Weights.Config }

// DTypes is how many bytes of the files are of which type.
func (b *Bundle) DTypes() map[string]int {
	bytes := map[string]int{}
	for _, t := range b.Tensors {
		bytes[t.DType] += t.Bytes
	}
	return bytes
}

// Open reads the model at path: a folder or a .gguf file. Matrices stay in the files, which must not change until the
// bundle is closed; they may be replaced or removed.
func Open(path string) (*Bundle, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	if info.IsDir() {
		return openFolder(path)
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".safetensors", ".json":
		return nil, fmt.Errorf("open model: %s is a part of a model: give its folder", path)
	}
	return openGGUF(path)
}

// Hash identifies the weights as they run: the SHA-256, in hexadecimal, of every parameter's name and float32 numbers.
// A folder and a GGUF file that decode to the same numbers have the same one. It reads all of them, so it takes a
// second per gigabyte or so.
func (b *Bundle) Hash() string {
	h := sha256.New()
	for _, p := range b.Weights.Params() {
		fmt.Fprintf(h, "%s %d %d\n", p.Name, p.Rows, p.Cols)
		h.Write(tensor.RawOf(p.Float32s()).Data)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// complete checks what the parts say of each other.
func (b *Bundle) complete() error {
	vocab := b.Config().Vocab
	if n := b.Tokenizer.Size(); n > vocab {
		return fmt.Errorf("the tokenizer has %d tokens, the model %d", n, vocab)
	}
	for _, id := range b.Generation.EOS {
		if id < 0 || int(id) >= vocab {
			return fmt.Errorf("the token %d that should end a text is not in the vocabulary of %d", id, vocab)
		}
	}
	return nil
}

// unsupported says what is not supported: the format ends in a verb.
func unsupported(format string, args ...any) error {
	return fmt.Errorf("%s %w", fmt.Sprintf(format, args...), ErrUnsupported)
}
