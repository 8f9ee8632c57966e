package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"weft/cmd/weft/internal/view"
	"weft/inspect"
	"weft/tokenizer"
)

type compareCommand struct {
	computeFlags
	A      string `arg:"" help:"The reference: a .gguf file, a model folder, or a name in the store." name:"a"`
	B      string `arg:"" help:"The other one." name:"b"`
	Text   string `help:"Text to compare them on; without it, a short one that is built in." type:"path" placeholder:"FILE"`
	Ctx    int    `help:"Tokens per window." default:"256" placeholder:"N"`
	Limit  int    `help:"Compare on so many tokens at most." default:"4096" placeholder:"N"`
	Budget int    `help:"Most MiB that the comparison may hold beside the models." default:"1024" placeholder:"MIB"`
	HTML   string `name:"html" help:"Write one self-contained page to FILE instead of text." type:"path" placeholder:"FILE"`
}

func (compareCommand) Help() string {
	return `Runs both models on the same text: how far apart their predictions are (Kullback-Leibler divergence per token, and how
often they agree on the likeliest), how alike their streams are after every block (CKA: 1 is the same up to rotation and
scale), which attention heads look elsewhere, and how far apart the weights are, before and after the second model's neurons are
put in the order of the first's. Of models of one shape it also shows what each layer of the second costs when it alone
takes the place of the first's. Before and after quantising, along one training run, or of two runs with another seed,
this shows what changed.

Examples:

    weft compare model.gguf model-q4_0.gguf --text book.txt
    weft compare out/seed1 out/seed2 --html seeds.html`
}

func (c *compareCommand) Run(a *app) error {
	if c.A == "" || c.B == "" {
		return usagef("a model's name is empty")
	}
	if c.Ctx < 2 || c.Limit < 2 {
		return usagef("--ctx and --limit must be 2 or more")
	}
	if err := checkBudget(c.Budget); err != nil {
		return err
	}
	text := []byte(inspect.DefaultText)
	if c.Text != "" {
		var err error
		if text, err = a.readFile(c.Text); err != nil {
			return err
		}
	}
	end := a.during("opening " + c.A)
	ma, err := a.openModel(c.A, c.computeFlags)
	end()
	if err != nil {
		return err
	}
	defer ma.Close()
	end = a.during("opening " + c.B)
	mb, err := a.openModel(c.B, c.computeFlags)
	end()
	if err != nil {
		return err
	}
	defer mb.Close()
	windows, err := c.windows(ma, mb, text)
	if err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	s := [2]*inspect.Subject{}
	for i, m := range []opened{ma, mb} {
		s[i] = inspect.NewSubject(m.Core, inspect.About{Name: m.Name, BOS: m.Tokenizer.BOS})
		s[i].Budget = int64(c.Budget) << 20
	}
	tell, end := a.progress("blocks compared")
	result, err := inspect.Compare(ctx, s[0], s[1], windows, tell)
	end()
	switch {
	case errors.Is(err, context.Canceled):
		return errInterrupted
	case err != nil:
		return overBudget(err)
	}
	doc, err := c.deepen(ctx, a, s, windows, result)
	if err != nil {
		return err
	}
	if c.HTML != "" {
		if err := writePage(c.HTML, doc.Page); err != nil {
			return err
		}
		a.note("wrote %s", c.HTML)
	}
	switch {
	case a.JSON:
		return a.writeJSON(doc)
	case c.HTML == "":
		_, err = fmt.Fprint(a.stdout, doc.Text(paint(a.stdout)))
	}
	return err
}

// deepTokens is how much of the text layers are exchanged and neurons matched on:
// both take many passes.
const deepTokens = 512

// deepen adds what needs both models at once, layer by layer. What these two cannot
// be asked is left out, with the reason.
func (c *compareCommand) deepen(ctx context.Context, a *app, s [2]*inspect.Subject, windows [][]int32, r *inspect.Comparison) (*view.Comparison, error) {
	end := a.during("comparing weights")
	weights, err := inspect.Distances(ctx, s[0], s[1])
	end()
	if errors.Is(err, context.Canceled) {
		return nil, errInterrupted
	} else if err != nil {
		return nil, err
	}
	end = a.during("hashing weights")
	doc := view.NewComparison(s[0].Provenance(windows[0]), s[1].Provenance(windows[0]), r, weights)
	end()
	few := firstTokens(windows, deepTokens)
	tell, end := a.progress("layers exchanged, one at a time")
	doc.Layers, err = inspect.MeasureLayerLosses(ctx, s[0], s[1], few, tell)
	end()
	if err != nil {
		if doc.NoLayers, err = leftOut("What single layers cost is left out", err); err != nil {
			return nil, err
		}
		doc.Layers = nil
	}
	tell, end = a.progress("layers' neurons matched")
	doc.Matching, err = inspect.MatchUnits(ctx, s[0], s[1], few, tell)
	end()
	if err != nil {
		if doc.NoMatching, err = leftOut("Neurons are not matched", err); err != nil {
			return nil, err
		}
		doc.Matching = nil
	}
	doc.Draw()
	return doc, nil
}

// leftOut is a sentence for what cannot be asked of two models; other errors, such
// as a check that failed, are errors.
func leftOut(what string, err error) (string, error) {
	switch {
	case errors.Is(err, context.Canceled):
		return "", errInterrupted
	case errors.Is(err, inspect.ErrAsk), errors.Is(err, inspect.ErrArch), errors.Is(err, inspect.ErrBudget), errors.Is(err, inspect.ErrShort):
		return fmt.Sprintf("%s: %v.", what, overBudget(err)), nil
	}
	return "", err
}

// firstTokens is the windows up to so many tokens.
func firstTokens(windows [][]int32, n int) (list [][]int32) {
	for _, w := range windows {
		if w = w[:min(len(w), n)]; len(w) > 1 {
			list, n = append(list, w), n-len(w)
		}
	}
	return list
}

// windows cuts the text; both models must make the same tokens of it.
func (c *compareCommand) windows(a, b opened, text []byte) ([][]int32, error) {
	o := tokenizer.Encode{AddSpecial: true}
	ids := a.Tokenizer.AppendEncode(nil, text, o)
	if !slices.Equal(ids, b.Tokenizer.AppendEncode(nil, text, o)) {
		return nil, fmt.Errorf("%s and %s make different tokens of the text, so their predictions cannot be compared", a.Name, b.Name)
	}
	ids = ids[:min(len(ids), c.Limit)]
	size := min(c.Ctx, a.Core.Config.Context, b.Core.Config.Context)
	var windows [][]int32
	for w := range slices.Chunk(ids, size) {
		if len(w) > 1 {
			windows = append(windows, w)
		}
	}
	if len(windows) == 0 {
		return nil, inspect.ErrShort
	}
	return windows, nil
}
