package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"weft"
	"weft/cmd/weft/internal/view"
	"weft/inspect"
	"weft/internal/atomicfile"
)

type lookCommand struct {
	modelArg
	computeFlags
	lookViews
	Prompt       *string `short:"p" help:"Text to read; - reads stdin, which is also read if there is no -p." placeholder:"TEXT"`
	Layer        *int    `help:"Show every token's vector after block N, counted from 0." placeholder:"N"`
	Attention    choice  `help:"Show where head H of layer L looks; without L.H, where all heads do." placeholder:"[L.H]"`
	Top          *int    `help:"Candidates at each place (5; of words 10)." placeholder:"K"`
	HTML         string  `name:"html" help:"Write one self-contained page to FILE instead of text." type:"path" placeholder:"FILE"`
	Raw          bool    `help:"Put nothing before the text, not even the token that starts all texts."`
	ParseSpecial bool    `help:"Text that spells a special token is that token."`
}

func (lookCommand) Help() string {
	return `Runs the text once and shows what happens inside, number by number: tokens and their vectors, what every block adds,
what the model would say if it stopped there (the logit lens), where attention looks, and the prediction over the whole
vocabulary. Below stand the checks that prove the pictures.

A view asks one question in its place. Views that read the text of -p may be asked for together. TOKEN is one token's text:
" Paris" with the space that it has inside a text. A FILE for --steer can be {"toward": ["I love"], "away": ["I hate"], "strength": 2}.

Examples:

    weft look -p "the quick brown fox jumps over the lazy"
    weft look -p "To be, or not to be" --attention 2.0 --layer 1
    weft look -p "To be, or not to be" --html look.html
    weft look -p "To be, or not to be" --lens --attribute " so" --against " not"
    weft look -p "To be, or not to be" --saliency " so" --steps 32
    weft look -p "To be, or not to be" --ablate L1.H0 --ablate L2.mlp
    weft look --patch "The king said that the" "The girl said that the" \
              --right " king" --wrong " girl"
    weft look -p "I think that this is" --steer glad.json
    weft look --words " man - boy + girl"
    weft look --heads --html heads.html`
}

func (c *lookCommand) Run(a *app) error {
	if c.Top != nil && (*c.Top < 1 || *c.Top > maxTop) {
		return usagef("--top is %d, must be between 1 and %d", *c.Top, maxTop)
	}
	head, err := parseHead(c.Attention.Text)
	if err != nil {
		return err
	}
	views := c.named()
	if err := c.checkViews(views); err != nil {
		return err
	}
	if len(views) > 0 {
		return c.runViews(a, views)
	}
	prompt, err := c.text(a)
	if err != nil {
		return err
	}
	m, err := a.openModel(c.Model, c.computeFlags)
	if err != nil {
		return err
	}
	defer m.Close()
	look, err := c.look(a, m, prompt, head)
	if err != nil {
		return err
	}
	if c.HTML != "" {
		if err := writePage(c.HTML, func(w io.Writer) error { return view.LookPage(w, look) }); err != nil {
			return err
		}
		a.note("wrote %s", c.HTML)
	}
	switch {
	case a.JSON:
		return a.writeJSON(look)
	case c.HTML == "":
		_, err = fmt.Fprint(a.stdout, view.LookText(look, paint(a.stdout)))
	}
	return err
}

// text is what to read.
func (c *lookCommand) text(a *app) (string, error) {
	prompt, err := a.prompt(c.Prompt)
	if err == nil && prompt == "" {
		return "", usagef("the text is empty, so there is nothing to look at; give it with -p TEXT")
	}
	return prompt, err
}

// top is how many candidates were asked for.
func (c *lookCommand) top(usual int) int {
	if c.Top == nil {
		return usual
	}
	return *c.Top
}

func writePage(path string, write func(io.Writer) error) error {
	var page bytes.Buffer
	if err := write(&page); err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, page.Bytes())
}

// look traces the prompt.
func (c *lookCommand) look(a *app, m opened, prompt string, head *inspect.Head) (*view.Look, error) {
	layer := -1
	if c.Layer != nil {
		if layer = *c.Layer; layer < 0 || layer >= m.Core.Config.Layers {
			return nil, usagef("--layer is %d; this model has layers 0 to %d", layer, m.Core.Config.Layers-1)
		}
	}
	ids, bos, err := m.tokens(prompt, c.options())
	if err != nil {
		return nil, err
	}
	o := inspect.Options{Cells: -1, Top: c.top(5), Head: head, AllHeads: c.HTML != "", Budget: int64(c.Budget) << 20}
	if bytes := inspect.LookBytes(m.Core.Config, len(ids), o); bytes <= o.Budget {
		a.holding(bytes)
	}
	trace, err := inspect.Look(m.Core, ids, o)
	if errors.Is(err, inspect.ErrHead) {
		return nil, usagef("--attention: %w", err)
	} else if err != nil {
		return nil, overBudget(err)
	}
	about := inspect.NewSubject(m.Core, inspect.About{Name: m.Name, BOS: m.Tokenizer.BOS}).Provenance(ids)
	return view.NewLook(trace, view.Source{
		Name: m.Name, Prompt: prompt, AddedBOS: bos, Piece: m.Tokenizer.Piece, Layer: layer, About: about,
	}), nil
}

// holding says beforehand what a view will take, where that is much.
func (a *app) holding(bytes int64) {
	if bytes >= 128<<20 {
		a.note("this will hold up to %s beside the model", view.Bytes(int(bytes)))
	}
}

// options are how the text becomes tokens.
func (c *lookCommand) options() weft.Options {
	return weft.Options{Raw: c.Raw, ParseSpecial: c.ParseSpecial}
}

// tokens makes tokens of a text, and says whether a beginning mark was put before it.
func (o opened) tokens(text string, how weft.Options) (ids []int32, bos bool, err error) {
	ids = o.Encode(text, how)
	if n, most := len(ids), o.Core.Config.Context; n > most {
		return nil, false, fmt.Errorf("the text has %d tokens, the context of %s %d: shorten it", n, o.Name, most)
	}
	how.Raw = true
	return ids, len(ids) > len(o.Encode(text, how)), nil
}

// parseHead reads LAYER.HEAD; nothing is nil.
func parseHead(text string) (*inspect.Head, error) {
	if text == "" {
		return nil, nil
	}
	layer, head, ok := strings.Cut(text, ".")
	l, err1 := strconv.Atoi(layer)
	h, err2 := strconv.Atoi(head)
	if !ok || err1 != nil || err2 != nil {
		return nil, usagef("--attention is %q, must be LAYER.HEAD such as 2.0", text)
	}
	return &inspect.Head{Layer: l, Head: h}, nil
}
