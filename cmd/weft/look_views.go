package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"weft"
	"weft/cmd/weft/internal/view"
	"weft/inspect"
	"weft/model"
	"weft/sample"
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
		if prompt, err = a.prompt(c.Prompt); err != nil {
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
	g.report = view.NewReport("weft look "+strings.Join(views, " "), prompt, g.tokens, bos, m.Tokenizer.Piece)
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
	return fmt.Errorf("%s: %w", flag, err)
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
	}
	return g.words()
}

// options are how the text becomes tokens.
func (g *glass) options() weft.Options { return weft.Options{Raw: g.Raw, ParseSpecial: g.ParseSpecial} }

// encode makes tokens of a text, and says whether a beginning mark was put before it.
func (g *glass) encode(text string) (ids []int32, bos bool, err error) {
	o := g.options()
	ids = g.m.Encode(text, o)
	if n, most := len(ids), g.m.Core.Config.Context; n > most {
		return nil, false, fmt.Errorf("the text has %d tokens, the context of %s %d: shorten it", n, g.m.Name, most)
	}
	o.Raw = true
	return ids, len(ids) > len(g.m.Encode(text, o)), nil
}

// token is the one that a text is; nil is nil.
func (g *glass) token(flag string, text *string) (*int32, error) {
	if text == nil {
		return nil, nil
	}
	single := func(form string) []int32 {
		if ids := g.m.Encode(form, weft.Options{Raw: true, ParseSpecial: true}); len(ids) == 1 && *text != "" {
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

// holding says beforehand what a view will take, where that is much.
func (g *glass) holding(bytes int64) {
	if bytes >= 128<<20 {
		g.note("this will hold up to %s of activations", view.Bytes(int(bytes)))
	}
}

// everyTenSeconds tells of long work every ten seconds.
func everyTenSeconds(a *app, what string) func(done, total int) {
	last := time.Now()
	return func(done, total int) {
		if time.Since(last) >= restate && done < total {
			last = time.Now()
			a.note("%d of %d %s", done, total, what)
		}
	}
}

func (g *glass) lens(ctx context.Context) error {
	o := inspect.LensOptions{Top: g.top(5)}
	g.holding(inspect.LensBytes(g.m.Core.Config, len(g.tokens), o))
	l, err := g.s.Lens(ctx, g.tokens, o)
	if err == nil {
		g.report.AddLens(l)
	}
	return err
}

func (g *glass) attribute(ctx context.Context) error {
	var o inspect.AttributeOptions
	var err error
	if text := g.Attribute.Text; text != "" {
		if o.Token, err = g.token("--attribute", &text); err != nil {
			return err
		}
	}
	if o.Against, err = g.token("--against", g.Against); err != nil {
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

// sites are the names of --site.
var sites = map[string]inspect.Site{"stream": inspect.SiteResidPre, "attn": inspect.SiteAttnOut, "mlp": inspect.SiteMLPOut, "heads": inspect.SiteHeads}

func (g *glass) patch(ctx context.Context) error {
	o := inspect.PatchOptions{OnRun: everyTenSeconds(g.app, "runs")}
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
	var ablation inspect.Ablation
	for _, text := range g.Ablate {
		t, err := parseSite(text)
		if err != nil {
			return err
		}
		ablation.Targets = append(ablation.Targets, t)
	}
	reference := ""
	if g.By != nil && *g.By != "zero" {
		var err error
		ablation.Kind = inspect.AblationKind(*g.By)
		if ablation.Reference, reference, err = g.reference(ctx, ablation.Targets); err != nil {
			return err
		}
	}
	g.holding(inspect.EffectBytes(g.m.Core.Config, len(g.tokens)))
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
	text, name := []byte(defaultText), "built in"
	if g.Reference != nil {
		var err error
		if text, err = g.readFile(*g.Reference); err != nil {
			return nil, "", err
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
	v, err := g.steering(ctx)
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

// words finds what is near a token, or near a sum of some.
func (g *glass) words() error {
	plus, minus, err := g.sum(*g.Words)
	if err != nil {
		return err
	}
	w := &view.Words{Asked: *g.Words}
	shown := append(slices.Clone(plus), minus...)
	for _, space := range []inspect.Space{inspect.Embedding, inspect.Unembedding} {
		n, err := g.s.Neighbours(space, plus, minus, g.top(10))
		if err != nil {
			return err
		}
		w.Near = append(w.Near, n)
		for _, x := range n.Near {
			if !slices.Contains(shown, x.ID) {
				shown = append(shown, x.ID)
			}
		}
		if n.Tied {
			break
		}
	}
	if w.Projection, err = g.s.Project(inspect.Embedding, shown); err != nil {
		return err
	}
	if len(plus)+len(minus) == 1 {
		w.Other = g.otherForms(plus[0])
	}
	g.report.AddWords(w)
	return nil
}

// sum reads " king - man + woman". All words have a space before them if the first has.
func (g *glass) sum(text string) (plus, minus []int32, err error) {
	space := ""
	if strings.HasPrefix(text, " ") {
		space = " "
	}
	to := &plus
	words := strings.Split(strings.ReplaceAll(strings.TrimPrefix(text, " "), " - ", " + - "), " + ")
	for _, word := range words {
		to = &plus
		if rest, ok := strings.CutPrefix(word, "- "); ok && len(words) > 1 {
			word, to = rest, &minus
		}
		word = space + word
		id, err := g.token("--words", &word)
		if err != nil {
			return nil, nil, err
		}
		*to = append(*to, *id)
	}
	return plus, minus, nil
}

// otherForms are the tokens that differ in the space before, or in the case.
func (g *glass) otherForms(id int32) (list []int32) {
	bare := strings.TrimPrefix(string(g.m.Tokenizer.Piece(id)), " ")
	if bare == "" {
		return nil
	}
	for _, word := range []string{bare, strings.ToLower(bare), strings.ToUpper(bare[:1]) + bare[1:], strings.ToUpper(bare)} {
		for _, space := range []string{"", " "} {
			ids := g.m.Encode(space+word, weft.Options{Raw: true})
			if len(ids) == 1 && ids[0] != id && !slices.Contains(list, ids[0]) {
				list = append(list, ids[0])
			}
		}
	}
	return list
}
