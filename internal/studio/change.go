package studio

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"weft/generate"
	"weft/inspect"
	"weft/model"
)

type changeRequest struct {
	Kind      string        `json:"kind"`      // zero, mean or resample; "": zero
	Targets   []string      `json:"targets"`   // "head 3.5", "mlp 2", …
	Reference string        `json:"reference"` // for mean and resample: a prompt per line; "": inspect.DefaultText
	Steer     *steerRequest `json:"steer"`     // instead of targets
	Continue  int           `json:"continue"`  // tokens to go on with, greedily, before and after
	Top       int           `json:"top"`
}

// steerRequest is a vector, or a recipe for one: the mean difference of prompts.
type steerRequest struct {
	Point    string    `json:"point"` // "": the middle block's hook_resid_post
	Vector   []float32 `json:"vector"`
	Toward   []string  `json:"toward"`
	Away     []string  `json:"away"`
	Strength float64   `json:"strength"` // 0: 1
	From     int       `json:"from"`
}

type effectJSON struct {
	*inspect.Effect
	Before       reading           `json:"before"`
	After        reading           `json:"after"`
	Pieces       []piece           `json:"pieces"`
	Reference    string            `json:"reference,omitempty"`
	Vector       *inspect.Steering `json:"vector,omitempty"`
	Promotes     *promotionJSON    `json:"promotes,omitempty"`
	Continuation *continuation     `json:"continuation,omitempty"`
}

type continuation struct {
	Before spelled `json:"before"`
	After  spelled `json:"after"`
}

type spelled struct {
	IDs    []int32 `json:"ids"`
	Pieces []piece `json:"pieces"`
}

// maxContinue is how many tokens a change goes on with at most.
const maxContinue = 256

// change answers with what an intervention does to a run's prompt.
func (s *Studio) change(w http.ResponseWriter, req *http.Request) error {
	var q changeRequest
	if err := readJSON(w, req, &q); err != nil {
		return err
	}
	switch {
	case (len(q.Targets) > 0) == (q.Steer != nil):
		return bad("send targets to silence, or a vector to steer with")
	case q.Continue < 0 || q.Continue > maxContinue:
		return bad("continue is %d, must be from 0 to %d", q.Continue, maxContinue)
	case q.Top < 0 || q.Top > maxTop:
		return bad("top is %d, must be from 0 to %d", q.Top, maxTop)
	}
	return s.withRun(w, req, func(_ context.Context, o *opened, r *run) error {
		return s.long(w, req, func(ctx context.Context, tell progress) (any, error) {
			done, err := s.turn(ctx, tell)
			if err != nil {
				return nil, err
			}
			defer done()
			c := &changer{s: s, o: o, r: r, q: q, subject: r.subject(ctx, o), tell: tell}
			return c.change(ctx)
		})
	})
}

// changer is one intervention on its way.
type changer struct {
	s       *Studio
	o       *opened
	r       *run
	q       changeRequest
	subject *inspect.Subject
	tell    progress
	hooks   model.Hooks // the same intervention, live
}

func (c *changer) change(ctx context.Context) (any, error) {
	out := effectJSON{Pieces: c.o.pieces(c.r.ids)}
	do := c.ablate
	if c.q.Steer != nil {
		do = c.steer
	}
	if err := do(ctx, &out); err != nil {
		return nil, err
	}
	out.Before, out.After = c.o.reading(out.Effect.Before), c.o.reading(out.Effect.After)
	if c.q.Continue == 0 {
		return out, nil
	}
	out.Continuation = &continuation{}
	for i, h := range []*model.Hooks{nil, &c.hooks} {
		c.tell("going on", i, 2)
		ids, err := c.goOn(ctx, h)
		if err != nil {
			return nil, err
		}
		*[]*spelled{&out.Continuation.Before, &out.Continuation.After}[i] = spelled{ids, c.o.pieces(ids)}
	}
	return out, nil
}

func (c *changer) ablate(ctx context.Context, out *effectJSON) error {
	a := inspect.Ablation{Kind: inspect.AblationKind(c.q.Kind)}
	for _, text := range c.q.Targets {
		t, err := inspect.ParseTarget(text)
		if err != nil {
			return err
		}
		a.Targets = append(a.Targets, t)
	}
	if a.Kind == inspect.MeanAblation || a.Kind == inspect.ResampleAblation {
		c.tell("reading the reference", 0, 0)
		text, name := c.q.Reference, "the request's text"
		if text == "" {
			text, name = inspect.DefaultText, "built in"
		}
		prompts, err := c.o.lines(text)
		if err != nil {
			return err
		}
		out.Reference = fmt.Sprintf("%s, lines: %d", name, len(prompts))
		if a.Reference, err = c.subject.Reference(ctx, prompts, a.Targets); err != nil {
			return err
		}
	}
	c.tell("silencing", 0, 0)
	var err error
	if out.Effect, err = c.subject.Ablate(ctx, c.r.ids, a, inspect.EffectOptions{Top: c.q.Top}); err != nil {
		return err
	}
	return c.subject.AddAblation(&c.hooks, a)
}

// lines are the prompts of a text, one per line that is not empty.
func (o *opened) lines(text string) (prompts [][]int32, err error) {
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			continue
		}
		p, err := o.asked(line, false, nil)
		if err != nil {
			return nil, err
		}
		prompts = append(prompts, p.ids)
	}
	if prompts == nil {
		return nil, bad("the reference has no line with text; write a prompt per line")
	}
	return prompts, nil
}

func (c *changer) steer(ctx context.Context, out *effectJSON) error {
	v, err := c.vector(ctx)
	if err != nil {
		return err
	}
	c.tell("steering", 0, 0)
	if out.Effect, err = c.subject.Steer(ctx, c.r.ids, v, inspect.EffectOptions{Top: c.q.Top}); err != nil {
		return err
	}
	out.Vector = v
	p, err := c.subject.Promoted(v.Vector, max(5, c.q.Top))
	if err != nil {
		return err
	}
	out.Promotes = c.o.promotion(p)
	return c.subject.AddSteering(&c.hooks, v)
}

// vector is the one that was sent, or made as was asked.
func (c *changer) vector(ctx context.Context) (*inspect.Steering, error) {
	q := c.q.Steer
	if q.Point == "" {
		q.Point = fmt.Sprintf("blocks.%d.hook_resid_post", c.o.Core.Config.Layers/2)
	}
	v := &inspect.Steering{Point: q.Point, Vector: q.Vector, About: "the request's vector"}
	if q.Vector == nil {
		var sets [2][][]int32
		for i, texts := range [][]string{q.Toward, q.Away} {
			for _, text := range texts {
				p, err := c.o.asked(text, false, nil)
				if err != nil {
					return nil, err
				}
				sets[i] = append(sets[i], p.ids)
			}
		}
		c.tell("making the vector", 0, 0)
		var err error
		if v, err = c.subject.NewSteering(ctx, sets[0], sets[1], q.Point); err != nil {
			return nil, err
		}
	}
	if v.Strength, v.From = q.Strength, q.From; v.Strength == 0 {
		v.Strength = 1
	}
	return v, nil
}

// goOn is the likeliest continuation of the run's tokens, watched by hooks.
func (c *changer) goOn(ctx context.Context, h *model.Hooks) ([]int32, error) {
	room := min(c.q.Continue, c.o.Core.Config.Context-len(c.r.ids))
	if room <= 0 {
		return []int32{}, nil
	}
	session := c.o.Core.Until(ctx).NewSession(len(c.r.ids) + room)
	if err := session.Watch(h); err != nil {
		return nil, err
	}
	res, err := generate.New(session).Run(ctx, generate.Request{Prompt: c.r.ids, MaxTokens: room, End: c.o.End}, nil)
	if err == nil && res.Finish == generate.Cancel {
		err = ctx.Err()
	}
	ids := []int32{}
	for _, t := range res.Tokens {
		ids = append(ids, t.ID)
	}
	return ids, err
}
