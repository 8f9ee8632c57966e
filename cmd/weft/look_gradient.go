package main

import (
	"context"
	"fmt"
	"slices"

	"weft/inspect"
	"weft/tokenizer"
)

func (g *glass) lens(ctx context.Context) error {
	o := inspect.LensOptions{Top: g.top(5)}
	g.holding(inspect.LensBytes(g.m.Core.Config, len(g.tokens), o))
	if g.Jacobian != "" {
		return g.jacobianLens(ctx, o)
	}
	l, err := g.s.Lens(ctx, g.tokens, o)
	if err == nil {
		g.report.AddLens(l)
	}
	return err
}

// How much of a text a Jacobian lens is fitted on: each window takes a backward pass
// for every number of the stream.
const fitTokens, fitWindow = 512, 64

// jacobianLens fits a Jacobian lens on the text of --jacobian and reads through it.
func (g *glass) jacobianLens(ctx context.Context, o inspect.LensOptions) error {
	text, err := g.readFile(g.Jacobian)
	if err != nil {
		return fmt.Errorf("--jacobian: %w", err)
	}
	f, err := g.floats()
	if err != nil {
		return err
	}
	ids := g.m.Tokenizer.AppendEncode(nil, text, tokenizer.Encode{})
	windows := slices.Collect(slices.Chunk(ids[:min(len(ids), fitTokens)], min(fitWindow, g.m.Core.Config.Context)))
	g.holding(inspect.JacobianBytes(g.m.Core.Config, fitWindow))
	g.note("the fit takes %d backward passes for each of %d windows of text", g.m.Core.Config.Dim, len(windows))
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

// floats is the model with gradients.
func (g *glass) floats() (*inspect.Subject, error) {
	c := g.m.Core.Config
	switch err := c.Trainable(); {
	case err != nil:
		return nil, fmt.Errorf("%w: gradients: %w", inspect.ErrArch, err)
	case g.m.Core.Differentiable() == nil:
		return g.s, nil
	}
	g.holding(inspect.FloatsBytes(c))
	f, err := g.s.Floats()
	if err != nil {
		return nil, fmt.Errorf("gradients take weights in float32: %w", err)
	}
	return f, nil
}

func (g *glass) saliency(ctx context.Context) error {
	var o inspect.SaliencyOptions
	var err error
	if text := g.Saliency.Text; text != "" {
		if o.Token, err = g.token("--saliency", &text); err != nil {
			return err
		}
	}
	if o.Against, err = g.token("--against", g.Against); err != nil {
		return err
	}
	if g.Steps != nil {
		o.Steps = *g.Steps
	}
	f, err := g.floats()
	if err != nil {
		return err
	}
	g.holding(inspect.SaliencyBytes(g.m.Core.Config, len(g.tokens), o.Steps))
	a, err := f.Saliency(ctx, g.tokens, o)
	if err == nil {
		g.report.AddSaliency(a, g.s.Provenance(g.tokens))
	}
	return err
}
