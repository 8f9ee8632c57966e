package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"weft/inspect"
	"weft/tokenizer"
)

type compareCommand struct {
	computeFlags
	A     string `arg:"" help:"The reference: a .gguf file, a model folder, or a name in the store." name:"a"`
	B     string `arg:"" help:"The other one." name:"b"`
	Text  string `help:"Text to compare them on; without it, a short one that is built in." type:"path" placeholder:"FILE"`
	Ctx   int    `help:"Tokens per window." default:"256" placeholder:"N"`
	Limit int    `help:"Compare on so many tokens at most." default:"4096" placeholder:"N"`
}

func (compareCommand) Help() string {
	return `Runs both models on the same text: how far apart their predictions are (Kullback-Leibler divergence per token, and how
often they agree on the likeliest), how alike their streams are after every block (CKA: 1 is the same up to rotation and
scale), which attention heads look elsewhere, and how far apart the weights are. Before and after quantising, or along
one training run, this shows what changed.

Example:

    weft compare model.gguf model-q4_0.gguf --text book.txt`
}

type compareJSON struct {
	A      modelJSON      `json:"a"`
	B      modelJSON      `json:"b"`
	Tokens int            `json:"tokens"`
	KL     klJSON         `json:"kl"`
	Top1   float64        `json:"top1_agreement"`
	NLLA   float64        `json:"nll_a"`
	NLLB   float64        `json:"nll_b"`
	CKA    []float64      `json:"cka"`
	Heads  []headJSON     `json:"heads"`
	Weight []distanceJSON `json:"weights"`
}

type klJSON struct {
	Mean   float64 `json:"mean"`
	Median float64 `json:"median"`
	P90    float64 `json:"p90"`
	P99    float64 `json:"p99"`
	Max    float64 `json:"max"`
}

type headJSON struct {
	Layer    int     `json:"layer"`
	Head     int     `json:"head"`
	Distance float64 `json:"distance"`
}

type distanceJSON struct {
	Name     string  `json:"name"`
	Relative float64 `json:"relative"`
}

// defaultText is what models are compared on unless there is a text: ours, so
// that the comparison needs no file.
const defaultText = `The harbour was quiet that morning. Two boats lay at the pier, and an old man mended a net without looking at his hands.
"Will it rain?" asked the girl. He counted the gulls on the roof of the shed, seven of them, all facing west.
"Not before noon," he said, "and then only a little." She wrote it down: 12:00, rain, light; wind from the west at 3.5 m/s.

func mean(list []float64) (sum float64) {
	for _, v := range list {
		sum += v / float64(len(list))
	}
	return sum
}

If every number in a list grows by two, its mean grows by two as well, because adding and dividing may change places.
`

func (c *compareCommand) Run(a *app) error {
	if c.A == "" || c.B == "" {
		return usagef("a model's name is empty")
	}
	if c.Ctx < 2 || c.Limit < 2 {
		return usagef("--ctx and --limit must be 2 or more")
	}
	text := []byte(defaultText)
	if c.Text != "" {
		var err error
		if text, err = a.readFile(c.Text); err != nil {
			return err
		}
	}
	ma, err := a.openModel(c.A, c.computeFlags)
	if err != nil {
		return err
	}
	defer ma.Close()
	mb, err := a.openModel(c.B, c.computeFlags)
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
	last := time.Now()
	result, err := inspect.Compare(ctx, ma.Core, mb.Core, windows, func(done int) {
		if time.Since(last) >= restate {
			last = time.Now()
			a.note("%d of %d windows", done, len(windows))
		}
	})
	switch {
	case errors.Is(err, context.Canceled):
		return errInterrupted
	case err != nil:
		return err
	}
	doc := compareDoc(ma, mb, result)
	if a.JSON {
		return a.writeJSON(doc)
	}
	return c.show(a, doc)
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

func compareDoc(a, b opened, r *inspect.Comparison) compareJSON {
	doc := compareJSON{A: a.json(), B: b.json(), Tokens: r.Tokens, KL: klJSON(r.KL), Top1: r.Top1, NLLA: r.NLLA, NLLB: r.NLLB,
		CKA: r.CKA, Heads: []headJSON{}, Weight: []distanceJSON{}}
	for _, h := range r.Heads {
		doc.Heads = append(doc.Heads, headJSON{h.Layer, h.Head.Head, h.Distance})
	}
	for _, d := range inspect.Distances(a.Core.W, b.Core.W) {
		doc.Weight = append(doc.Weight, distanceJSON(d))
	}
	return doc
}

// listed is how many heads and parameters are shown.
const listed = 5

func (c *compareCommand) show(a *app, d compareJSON) error {
	out := bufio.NewWriter(a.stdout)
	p := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	p("%s against %s, %d tokens", c.B, c.A, d.Tokens)
	p("KL divergence   mean %.4g, median %.4g, 90 %% below %.4g, 99 %% below %.4g, largest %.4g nats", d.KL.Mean, d.KL.Median, d.KL.P90, d.KL.P99, d.KL.Max)
	p("same likeliest  %.2f %%", 100*d.Top1)
	p("loss            %.4f and %.4f nats per token", d.NLLA, d.NLLB)
	if len(d.CKA) > 0 {
		at := slices.Index(d.CKA, slices.Min(d.CKA))
		p("streams         CKA from %.4f (after block %d) to %.4f", d.CKA[at], at, slices.Max(d.CKA))
	}
	heads := slices.Clone(d.Heads)
	slices.SortStableFunc(heads, func(a, b headJSON) int { return cmp.Compare(b.Distance, a.Distance) })
	for i, h := range heads[:min(listed, len(heads))] {
		if h.Distance == 0 {
			break
		}
		p("%-15s head %d.%d looks elsewhere with %.2f %%", map[bool]string{true: "heads"}[i == 0], h.Layer, h.Head, 100*h.Distance)
	}
	weights := slices.Clone(d.Weight)
	slices.SortStableFunc(weights, func(a, b distanceJSON) int { return cmp.Compare(b.Relative, a.Relative) })
	for i, w := range weights[:min(listed, len(weights))] {
		if w.Relative == 0 {
			break
		}
		p("%-15s %s differs by %.4f of its norm", map[bool]string{true: "weights"}[i == 0], w.Name, w.Relative)
	}
	return out.Flush()
}
