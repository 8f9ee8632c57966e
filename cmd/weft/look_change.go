package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"weft/cmd/weft/internal/view"
	"weft/inspect"
	"weft/model"
	"weft/sample"
)

// sites are the names of --site.
var sites = map[string]inspect.Site{"stream": inspect.SiteResidPre, "attn": inspect.SiteAttnOut, "mlp": inspect.SiteMLPOut, "heads": inspect.SiteHeads}

func (g *glass) patch(ctx context.Context) error {
	tell, end := g.progress("runs")
	defer end()
	o := inspect.PatchOptions{OnRun: tell}
	if g.Site != nil {
		o.Site = sites[*g.Site]
	}
	var err error
	if o.Right, err = g.token("--right", g.Right); err != nil {
		return err
	}
	if o.Wrong, err = g.token("--wrong", g.Wrong); err != nil {
		return err
	}
	if o.Right != nil && o.Wrong != nil && *o.Right == *o.Wrong {
		return usagef("--right and --wrong name the same token, %q: name two", g.m.Tokenizer.Piece(*o.Right))
	}
	var texts [2][]int32
	for i := range texts {
		if texts[i], _, err = g.encode(g.Patch[i]); err != nil {
			return err
		}
	}
	if len(texts[0]) != len(texts[1]) {
		return usagef("--patch: the texts must have the same number of tokens, and have %d (%s) and %d (%s)",
			len(texts[0]), g.spelled(texts[0]), len(texts[1]), g.spelled(texts[1]))
	}
	if slices.Equal(texts[0], texts[1]) {
		return usagef("--patch: the texts are the same, so there is nothing to find")
	}
	g.holding(inspect.PatchBytes(g.m.Core.Config, len(texts[0]), o))
	grid, err := g.s.Patch(ctx, texts[0], texts[1], o)
	switch {
	case errors.Is(err, inspect.ErrAsk) && (o.Right == nil || o.Wrong == nil):
		return fmt.Errorf("%w (--right and --wrong name them)", err)
	case err != nil:
		return err
	}
	g.report.AddPatching(grid)
	return nil
}

// spelled shows where the tokens of a text end.
func (g *glass) spelled(ids []int32) string {
	var list []string
	for _, id := range ids {
		list = append(list, view.Visible(g.m.Tokenizer.Piece(id)))
	}
	return strings.Join(list, "|")
}

// continued is how many tokens show how a text goes on.
const continued = 12

// continuation is the likeliest way on, watched by hooks.
func (g *glass) continuation(ctx context.Context, h *model.Hooks) (string, error) {
	o := g.options()
	o.Sampling, o.Hooks, o.MaxTokens = &sample.Options{}, h, continued
	o.Context = min(g.m.Core.Config.Context, len(g.tokens)+continued)
	if o.Context == len(g.tokens) {
		return "", nil // no room
	}
	r, err := g.m.Complete(ctx, g.prompt, o, nil)
	return r.Text, err
}

// effect adds how the text goes on to what an intervention did.
func (g *glass) effect(ctx context.Context, e *inspect.Effect, h *model.Hooks) (out *view.Effect, err error) {
	out = &view.Effect{Effect: e}
	for i, hooks := range []*model.Hooks{nil, h} {
		if out.Continuation[i], err = g.continuation(ctx, hooks); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (g *glass) ablate(ctx context.Context) error {
	targets, err := parseSites(g.Ablate)
	if err != nil {
		return err
	}
	ablation := inspect.Ablation{Targets: targets}
	reference := ""
	if g.By != nil && *g.By != "zero" {
		ablation.Kind = inspect.AblationKind(*g.By)
		if ablation.Reference, reference, err = g.reference(ctx, ablation.Targets); err != nil {
			return err
		}
	}
	g.holding(inspect.EffectBytes(g.m.Core.Config, len(g.tokens), ablation.Targets...))
	e, err := g.s.Ablate(ctx, g.tokens, ablation, inspect.EffectOptions{Top: g.top(5)})
	if err != nil {
		return err
	}
	hooks := &model.Hooks{}
	if err := g.s.AddAblation(hooks, ablation); err != nil {
		return err
	}
	out, err := g.effect(ctx, e, hooks)
	if err == nil {
		out.Reference = reference
		g.report.AddAblation(out)
	}
	return err
}

// reference is what parts were on another text, a prompt per line.
func (g *glass) reference(ctx context.Context, targets []inspect.Target) (*inspect.Reference, string, error) {
	text, name := []byte(inspect.DefaultText), "built in"
	if g.Reference != nil {
		var err error
		if text, err = g.readFile(*g.Reference); err != nil {
			return nil, "", fmt.Errorf("--reference: %w", err)
		}
		name = *g.Reference
	}
	var prompts [][]int32
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			continue
		}
		ids, _, err := g.encode(line)
		if err != nil {
			return nil, "", err
		}
		prompts = append(prompts, ids)
	}
	r, err := g.s.Reference(ctx, prompts, targets)
	return r, fmt.Sprintf("%s, lines: %d", name, len(prompts)), err
}

func (g *glass) steer(ctx context.Context) error {
	v, err := steering{g.app, g.m, g.s, g.options(), g.Steer}.read(ctx)
	if err != nil {
		return err
	}
	g.holding(inspect.EffectBytes(g.m.Core.Config, len(g.tokens)))
	e, err := g.s.Steer(ctx, g.tokens, v, inspect.EffectOptions{Top: g.top(5)})
	if err != nil {
		return err
	}
	hooks := &model.Hooks{}
	if err := g.s.AddSteering(hooks, v); err != nil {
		return err
	}
	out, err := g.effect(ctx, e, hooks)
	if err != nil {
		return err
	}
	out.Vector = v
	if out.Promotes, err = g.s.Promoted(v.Vector, g.top(5)); err == nil {
		g.report.AddSteering(out)
	}
	return err
}
