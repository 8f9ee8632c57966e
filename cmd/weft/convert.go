package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"weft/cmd/weft/internal/view"
	"weft/modelfile"
	"weft/tensor"
)

type convertCommand struct {
	In    string `arg:"" help:"Model to read: a .gguf file or a model folder."`
	Out   string `arg:"" help:"Where to write it: a name that ends in .gguf is a GGUF file, any other a model folder."`
	Type  string `help:"How GGUF stores the numbers of matrices: f32, f16, bf16, q8_0, q4_0 or q4_1. Default: f16. A folder has f32." placeholder:"T"`
	Force bool   `help:"Write over what is there."`
}

func (convertCommand) Help() string {
	return `Writes a model in the other format, tokenizer and chat template included: GGUF as llama.cpp and Ollama read it, or a
folder as Hugging Face transformers reads it.

Examples:

    weft convert my-model my-model.gguf --type q8_0
    weft convert downloaded.gguf folder`
}

type convertJSON struct {
	BytesIn  int64 `json:"bytes_in"`
	BytesOut int64 `json:"bytes_out"`
	Tensors  int   `json:"tensors"`
}

func (c *convertCommand) Run(a *app) error {
	if _, err := os.Stat(c.Out); err == nil && !c.Force {
		return fmt.Errorf("%s exists already (--force writes over it)", c.Out)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if c.Type != "" && !c.isGGUF() {
		return usagef("--type is for GGUF: name OUT something.gguf; a folder has f32")
	}
	b, err := modelfile.Open(c.In)
	if err != nil {
		return err
	}
	if err := c.write(b); err != nil {
		return err
	}
	doc := convertJSON{Tensors: len(b.Tensors)}
	for _, side := range []struct {
		path string
		size *int64
	}{{c.In, &doc.BytesIn}, {c.Out, &doc.BytesOut}} {
		if *side.size, err = sizeOf(side.path); err != nil {
			return err
		}
	}
	if a.JSON {
		return a.writeJSON(doc)
	}
	a.note("%d tensors, %s became %s: %s", doc.Tensors, view.Bytes(int(doc.BytesIn)), view.Bytes(int(doc.BytesOut)), c.Out)
	return nil
}

func (c *convertCommand) isGGUF() bool { return strings.EqualFold(filepath.Ext(c.Out), ".gguf") }

func (c *convertCommand) write(b *modelfile.Bundle) error {
	if !c.isGGUF() {
		return modelfile.SaveFolder(c.Out, b)
	}
	d, err := tensor.ParseDType(cmp.Or(c.Type, "f16"))
	if err != nil {
		return usageError{err}
	}
	return modelfile.SaveGGUF(c.Out, b, d)
}

// sizeOf is the bytes of a file, or of the files directly in a folder.
func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return info.Size(), err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
	}
	return sum, nil
}
