package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"weft/cmd/weft/internal/view"
	"weft/imatrix"
	"weft/modelfile"
)

type convertCommand struct {
	In      string `arg:"" help:"Model to read: a .gguf file, a model folder or a name in the store."`
	Out     string `arg:"" help:"Where to write it: a name that ends in .gguf is a GGUF file, any other a model folder."`
	Type    string `help:"How GGUF stores the numbers: f32, f16, bf16, or fewer bits as q8_0, q6_k, q5_k_m, q4_k_m, q4_0 …; a wrong name lists all. Default: f16. A folder has f32." placeholder:"T"`
	Imatrix string `help:"Importance matrix, from \"weft imatrix\" or llama.cpp: spend the bits where they matter." placeholder:"FILE"`
	Force   bool   `help:"Write over what is there."`
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
	in, err := modelPath(c.In)
	if err != nil {
		return err
	}
	b, err := modelfile.Open(in)
	if err != nil {
		return err
	}
	defer b.Close()
	if err := c.write(a, b); err != nil {
		return err
	}
	doc := convertJSON{Tensors: len(b.Tensors)}
	for _, side := range []struct {
		path string
		size *int64
	}{{in, &doc.BytesIn}, {c.Out, &doc.BytesOut}} {
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

func (c *convertCommand) write(a *app, b *modelfile.Bundle) error {
	if !c.isGGUF() {
		return modelfile.SaveFolder(c.Out, b)
	}
	o := modelfile.GGUFOptions{Type: cmp.Or(strings.ToLower(c.Type), "f16"), Threads: a.Threads}
	types := append(modelfile.GGUFTypes(), "q3_k", "q4_k", "q5_k") // the last three as their _m
	if !slices.Contains(types, o.Type) {
		return usagef("--type is %q, must be one of %s", c.Type, strings.Join(types, ", "))
	}
	if c.Imatrix != "" {
		var err error
		if o.Importance, err = imatrix.Open(c.Imatrix); err != nil {
			return err
		}
	}
	return modelfile.SaveGGUF(c.Out, b, o)
}

// sizeOf is the bytes of a file, or of the files directly in a folder.
func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if !info.IsDir() {
		return info.Size(), nil
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
