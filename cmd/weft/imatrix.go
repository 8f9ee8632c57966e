package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"weft/inspect"
)

type imatrixCommand struct {
	computeFlags
	Model string `arg:"" help:"Model to watch: best one that is not quantised yet."`
	Text  string `arg:"" help:"Text to read; some hundred kilobytes of what the model is for." type:"path"`
	Out   string `help:"File for the importance matrix." required:"" type:"path" placeholder:"FILE"`
	Ctx   int    `help:"Tokens per window." default:"512" placeholder:"N"`
	Limit int    `help:"Stop after so many tokens; 0 reads all." default:"0" placeholder:"N"`
	Force bool   `help:"Write over what is there."`
}

type imatrixJSON struct {
	Matrices int `json:"matrices"`
	Tokens   int `json:"tokens"`
}

func (imatrixCommand) Help() string {
	return `Lets the model read a text and notes how large the inputs of every weight matrix are, column by column. "weft convert
--imatrix" then spends its bits where they matter. The file is GGUF, as llama.cpp's tools write and read it.

Example:

    weft imatrix my-model book.txt --out my-model.imatrix.gguf
    weft convert my-model my-model.gguf --type q4_k_m --imatrix my-model.imatrix.gguf`
}

func (c *imatrixCommand) Run(a *app) error {
	if c.Ctx < 1 || c.Limit < 0 {
		return usagef("--ctx must be 1 or more, --limit 0 or more")
	}
	if _, err := os.Stat(c.Out); err == nil && !c.Force {
		return errors.New(c.Out + " exists already (--force writes over it)")
	}
	text, err := a.readFile(c.Text)
	if err != nil {
		return err
	}
	m, err := a.openModel(c.Model, c.computeFlags)
	if err != nil {
		return err
	}
	defer m.Close()
	ids, _ := scored(m.Tokenizer, text)
	if c.Limit > 0 {
		ids = ids[:min(c.Limit, len(ids))]
	}
	windows := slices.Collect(slices.Chunk(ids, min(c.Ctx, m.Core.Config.Context)))
	if len(windows) == 0 {
		return inspect.ErrShort
	}
	if first, ok := begin(m.Tokenizer); ok { // in place of each window's first token, as llama-imatrix has it
		for _, w := range windows {
			w[0] = first
		}
	}
	ctx, stop := interruptible()
	defer stop()
	began, last := time.Now(), time.Now()
	result, err := inspect.Importance(ctx, m.Core, windows, func(done int) {
		if time.Since(last) >= restate && done < len(windows) {
			last = time.Now()
			a.note("%d of %d windows, %s left", done, len(windows), clock(time.Duration(float64(time.Since(began))/float64(done)*float64(len(windows)-done))))
		}
	})
	switch {
	case errors.Is(err, context.Canceled):
		return errInterrupted
	case err != nil:
		return err
	}
	result.Datasets = []string{filepath.Base(c.Text)}
	if err := result.Write(c.Out); err != nil {
		return err
	}
	if a.JSON {
		return a.writeJSON(imatrixJSON{len(result.Entries), len(ids)})
	}
	a.note("%d matrices over %d tokens: %s", len(result.Entries), len(ids), c.Out)
	return nil
}
