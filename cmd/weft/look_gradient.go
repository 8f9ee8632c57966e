package main

import (
	"context"
	"fmt"
	"slices"

	"weft/cmd/weft/internal/view"
	"weft/inspect"
	"weft/tokenizer"
)

func (g *glass) lens(ctx context.Context) error {
	o := inspect.LensOptions{Top: g.top(5)}
	if g.Jacobian != "" {
		return g.jacobianLens(ctx, o)
	}
	g.holding(inspect.LensBytes(g.m.Core.Config, len(g.tokens), o))
	l, err := g.s.Lens(ctx, g.tokens, o)
	if err == nil {
		g.report.AddLens(l)
	}
	return err
}

// How much of a text a Jacobian lens is fitted on: each window takes a backward pass
// for every number of the stream.
const fitTokens, fitWindow = 512, 64

// fitSkipped is how many tokens of a window the fit leaves out.
const fitSkipped = 17

// jacobianLens fits a Jacobian lens on the text of --jacobian and reads through it.
func (g *glass) jacobianLens(ctx context.Context, o inspect.LensOptions) error {
	text, err := g.readFile(g.Jacobian)
	if err != nil {
		return fmt.Errorf("--jacobian: %w", err)
	}
	ids := g.m.Tokenizer.AppendEncode(nil, text, tokenizer.Encode{})
	windows := slices.Collect(slices.Chunk(ids[:min(len(ids), fitTokens)], min(fitWindow, g.m.Core.Config.Context)))
	if len(ids) <= fitSkipped {
		return usagef("--jacobian: %s has %d tokens, and the fit takes %d at least", g.Jacobian, len(ids), fitSkipped+1)
	}
	c := g.m.Core.Config
	f, err := g.floats(max(inspect.JacobianBytes(c, fitWindow), inspect.JacobianLensBytes(c, len(g.tokens), o)))
	if err != nil {
		return err
	}
	g.note("the fit takes %d backward passes for each of %d windows of text", c.Dim, len(windows))
	tell, end := g.progress("windows of the Jacobian lens")
	defer end()
	j, err := f.FitJacobian(ctx, windows, inspect.JacobianOptions{OnPass: tell})
	if err != nil {
		return fmt.Errorf("--jacobian %s: %w", g.Jacobian, err)
	}
	l, err := f.JacobianLens(ctx, g.tokens, j, o)
	if err == nil {
		g.report.AddJacobianLens(l, j, g.Jacobian, g.s.Provenance(g.tokens))
	}
	return err
}

// floats is the model with gradients, whose analysis will hold so many bytes. What it
// and the weights take is said, or refused, before they are made.
func (g *glass) floats(bytes int64) (*inspect.Subject, error) {
	c := g.m.Core.Config
	switch err := c.Trainable(); {
	case err != nil:
		return nil, fmt.Errorf("%w: gradients: %w", inspect.ErrArch, err)
	case g.m.Core.Differentiable() == nil:
		g.holding(bytes)
		return g.s, nil
	}
	weights := inspect.FloatsBytes(c)
	if bytes+weights > g.s.Budget {
		return nil, fmt.Errorf("%w: the gradients hold %s and the weights in float32, which they take, %s; the budget is %d MiB",
			inspect.ErrBudget, view.Bytes(int(bytes)), view.Bytes(int(weights)), g.Budget)
	}
	g.holding(bytes + weights)
	return g.s.Floats()
}

func (g *glass) saliency(ctx context.Context) error {
	var o inspect.SaliencyOptions
	var err error
	if text := g.Saliency.Text; text != "" {
		if o.Token, err = g.token("--saliency", &text); err != nil {
			return err
		}
	}
	if o.Against, err = g.against("--saliency", o.Token); err != nil {
		return err
	}
	if g.Steps != nil {
		o.Steps = *g.Steps
	}
	f, err := g.floats(inspect.SaliencyBytes(g.m.Core.Config, len(g.tokens), o.Steps))
	if err != nil {
		return err
	}
	a, err := f.Saliency(ctx, g.tokens, o)
	if err == nil {
		g.report.AddSaliency(a, g.s.Provenance(g.tokens))
	}
	return err
}
