package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
	"unicode/utf8"

	"weft/inspect"
	"weft/tokenizer"
)

type evalCommand struct {
	computeFlags
	Args   []string `arg:"" help:"MODEL and FILE, or FILE alone for the built-in model; - is stdin." name:"model-and-file"`
	Ctx    int      `help:"Tokens per window." default:"0" placeholder:"512"`
	Stride int      `help:"Tokens from one window to the next; 0 is the whole window." default:"0" placeholder:"N"`
}

func (evalCommand) Help() string {
	return `Reads the text in windows of --ctx tokens and scores the second half of each, so that every token that counts has half
a window before it: what llama-perplexity does. Perplexity depends on the vocabulary; bits per byte do not.

Example:

    weft eval my-model book.txt`
}

type evalJSON struct {
	Tokens      int     `json:"tokens"`
	Scored      int     `json:"scored"`
	NLL         float64 `json:"nll"`
	Perplexity  float64 `json:"perplexity"`
	BitsPerByte float64 `json:"bits_per_byte"`
	StdErr      float64 `json:"perplexity_error"`
	Context     int     `json:"context"`
}

func (c *evalCommand) Run(a *app) error {
	path, file := "", c.Args[0]
	switch len(c.Args) {
	case 1:
	case 2:
		path, file = c.Args[0], c.Args[1]
	default:
		return usagef("MODEL and FILE are two, not %d", len(c.Args))
	}
	if c.Ctx < 0 || c.Stride < 0 {
		return usagef("--ctx and --stride must be 0 or more")
	}
	text, err := a.readFile(file)
	if err != nil {
		return err
	}
	if n := notText(text); n > 0 {
		a.note("%s is not text: %d of its %d bytes are not UTF-8, or zero; the figures say little", file, n, len(text))
	}
	m, err := a.openModel(path, c.computeFlags)
	if err != nil {
		return err
	}
	defer m.Close()
	if _, err := m.context(c.Ctx); err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	tokens, o := scored(m.Tokenizer, text)
	o.Context, o.Stride, o.OnWindow = c.Ctx, c.Stride, a.windows()
	p, err := inspect.MeasurePerplexity(ctx, m.Core, tokens, func(id int32) int { return len(m.Tokenizer.Piece(id)) }, o)
	switch {
	case errors.Is(err, context.Canceled):
		return errInterrupted
	case err != nil:
		return err
	}
	if o.Context == 0 {
		o.Context = min(512, m.Core.Config.Context)
	}
	doc := evalJSON{p.Tokens, p.Scored, p.NLL, p.Value(), p.BitsPerByte(), p.Value() * p.StdErr, o.Context}
	if a.JSON {
		return a.writeJSON(doc)
	}
	_, err = fmt.Fprintf(a.stdout, "perplexity     %.4f ± %.4f\nbits per byte  %.4f\nscored         %d of %d tokens, in windows of %d\n",
		doc.Perplexity, doc.StdErr, doc.BitsPerByte, doc.Scored, doc.Tokens, doc.Context)
	return err
}

// notText counts the bytes that no text in UTF-8 has.
func notText(text []byte) (n int) {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 || r == 0 {
			n++
		}
		text = text[size:]
	}
	return n
}

// begin is the token that a model expects every text to begin with, if any.
func begin(t *tokenizer.Tokenizer) (int32, bool) {
	before, _ := t.Ends()
	return t.BOS, len(before) > 0 && before[0] == t.BOS
}

// scored is a text as llama-perplexity cuts it, so that the figures compare: the tokens that begin every text are there
// once when it is cut into windows, and the start token is put over the first of each window.
func scored(t *tokenizer.Tokenizer, text []byte) (tokens []int32, o inspect.PerplexityOptions) {
	before, _ := t.Ends()
	o.First, o.Begin = begin(t)
	return t.AppendEncode(slices.Clone(before), text, tokenizer.Encode{}), o
}

// readFile reads a text that must fit in memory; - is stdin.
func (a *app) readFile(path string) ([]byte, error) {
	if path == "-" {
		text, err := a.input("-")
		return []byte(text), err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file", path)
	case info.Size() > maxInput:
		return nil, fmt.Errorf("%s has more than %d MiB", path, maxInput>>20)
	}
	return io.ReadAll(f)
}

// windows tells, every ten seconds, how far a measurement is.
func (a *app) windows() func(done, total int, p inspect.Perplexity) {
	began, last := time.Now(), time.Now()
	return func(done, total int, p inspect.Perplexity) {
		if time.Since(last) < restate || done == total {
			return
		}
		last = time.Now()
		left := time.Duration(float64(time.Since(began)) / float64(done) * float64(total-done))
		a.note("%d of %d windows, perplexity so far %.4f, %s left", done, total, p.Value(), clock(left))
	}
}
