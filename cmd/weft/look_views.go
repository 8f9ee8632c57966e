package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"weft"
	"weft/cmd/weft/internal/view"
	"weft/inspect"
)

// glass is one run of `weft look` with views: a model, a prompt and the report.
type glass struct {
	*lookCommand
	*app
	m      opened
	s      *inspect.Subject
	prompt string
	tokens []int32
	report *view.Report
}

// runViews shows the views.
func (c *lookCommand) runViews(a *app, views []string) error {
	var prompt string
	_, textless := alone[views[0]]
	if !textless {
		var err error
		if prompt, err = c.text(a); err != nil {
			return err
		}
	}
	m, err := a.openModel(c.Model, c.computeFlags)
	if err != nil {
		return err
	}
	defer m.Close()
	g := &glass{lookCommand: c, app: a, m: m, s: inspect.NewSubject(m.Core, inspect.About{Name: m.Name, BOS: m.Tokenizer.BOS})}
	g.s.Budget = int64(c.Budget) << 20
	bos := false
	if !textless {
		if g.tokens, bos, err = g.encode(prompt); err != nil {
			return err
		}
		g.prompt = prompt
	}
	command := "weft look " + strings.Join(views, " ")
	if c.Jacobian != "" {
		command += " --jacobian"
	}
	g.report = view.NewReport(command, prompt, g.tokens, bos, m.Tokenizer.Piece)
	ctx, stop := interruptible()
	defer stop()
	for _, v := range views {
		if err := g.show(ctx, v); err != nil {
			return asUsage(v, err)
		}
	}
	return g.write()
}

// asUsage says which flag to correct, where the question was at fault.
func asUsage(flag string, err error) error {
	var usage usageError
	switch {
	case errors.Is(err, context.Canceled):
		return errInterrupted
	case errors.As(err, &usage):
		return err
	case errors.Is(err, inspect.ErrAsk), errors.Is(err, inspect.ErrHead):
		return usagef("%s: %w", flag, err)
	}
	return fmt.Errorf("%s: %w", flag, overBudget(err))
}

// write prints the report.
func (g *glass) write() error {
	if g.HTML != "" {
		if err := writePage(g.HTML, g.report.Page); err != nil {
			return err
		}
		g.note("wrote %s", g.HTML)
	}
	switch {
	case g.JSON:
		return g.writeJSON(g.report)
	case g.HTML == "":
		_, err := fmt.Fprint(g.stdout, g.report.Text(paint(g.stdout)))
		return err
	}
	return nil
}

func (g *glass) show(ctx context.Context, v string) error {
	switch v {
	case "--lens":
		return g.lens(ctx)
	case "--attribute":
		return g.attribute(ctx)
	case "--attention":
		return g.attention(ctx)
	case "--ablate":
		return g.ablate(ctx)
	case "--steer":
		return g.steer(ctx)
	case "--patch":
		return g.patch(ctx)
	case "--heads":
		return g.heads(ctx)
	case "--saliency":
		return g.saliency(ctx)
	}
	return g.words()
}

// encode makes tokens of a text, and says whether a beginning mark was put before it.
func (g *glass) encode(text string) (ids []int32, bos bool, err error) {
	return g.m.tokens(text, g.options())
}

// against is the token of --against, which is not the one of the view.
func (g *glass) against(view string, token *int32) (*int32, error) {
	id, err := g.token("--against", g.Against)
	if err == nil && id != nil && token != nil && *id == *token {
		return nil, usagef("%s and --against name the same token, %q: the difference is 0", view, g.m.Tokenizer.Piece(*id))
	}
	return id, err
}

// token is the one that a text is; nil is nil.
func (g *glass) token(flag string, text *string) (*int32, error) {
	if text == nil {
		return nil, nil
	}
	if *text == "" {
		return nil, usagef("%s is empty, must be a token", flag)
	}
	single := func(form string) []int32 {
		if ids := g.m.Encode(form, weft.Options{Raw: true, ParseSpecial: true}); len(ids) == 1 {
			return ids
		}
		return nil
	}
	bare, spaced := single(*text), single(" "+*text)
	switch {
	case bare != nil && spaced != nil:
		g.note("%s %q is taken as the token without a space; inside a text it is %q", flag, *text, " "+*text)
		return &bare[0], nil
	case bare != nil:
		return &bare[0], nil
	case spaced != nil:
		return &spaced[0], nil
	}
	var parts []string
	for _, id := range g.m.Encode(*text, weft.Options{Raw: true}) {
		parts = append(parts, view.Visible(g.m.Tokenizer.Piece(id)))
	}
	return nil, usagef("%s is %q, which is no single token of this model but %s", flag, *text, strings.Join(parts, "|"))
}

// holding says beforehand what a view will take, unless that is refused.
func (g *glass) holding(bytes int64) {
	if bytes <= g.s.Budget {
		g.app.holding(bytes)
	}
}

func (g *glass) attribute(ctx context.Context) error {
	var o inspect.AttributeOptions
	var err error
	if text := g.Attribute.Text; text != "" {
		if o.Token, err = g.token("--attribute", &text); err != nil {
			return err
		}
	}
	if o.Against, err = g.against("--attribute", o.Token); err != nil {
		return err
	}
	g.holding(inspect.AttributeBytes(g.m.Core.Config, len(g.tokens)))
	a, err := g.s.Attribute(ctx, g.tokens, o)
	if err == nil {
		g.report.AddAttribution(a)
	}
	return err
}

func (g *glass) attention(ctx context.Context) error {
	head, err := parseHead(g.Attention.Text)
	if err != nil {
		return err
	}
	c := g.m.Core.Config
	if head != nil && (head.Layer < 0 || head.Layer >= c.Layers || head.Head < 0 || head.Head >= c.Heads) {
		return fmt.Errorf("%w: %s; this model has %d layers of %d heads, counted from 0", inspect.ErrHead, head, c.Layers, c.Heads)
	}
	g.holding(inspect.AttentionBytes(c, len(g.tokens), c.Layers))
	m, err := g.s.Attention(ctx, g.tokens, inspect.AttentionOptions{})
	if err == nil {
		g.report.AddAttention(m, head)
	}
	return err
}

func (g *glass) heads(ctx context.Context) error {
	o := inspect.HeadOptions{}
	if g.Seed != nil {
		o.Seed = *g.Seed
	}
	g.holding(inspect.HeadsBytes(g.m.Core.Config, o))
	card, err := g.s.Heads(ctx, o)
	if err == nil {
		g.report.AddHeads(card)
	}
	return err
}
