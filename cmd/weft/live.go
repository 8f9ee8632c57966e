package main

import (
	"context"
	"fmt"

	"weft"
	"weft/inspect"
	"weft/model"
)

// liveFlags change the model while it writes.
type liveFlags struct {
	Steer  string   `help:"Add a direction to the stream at every token: FILE as for weft look --steer." type:"path" placeholder:"FILE" group:"live"`
	Ablate []string `help:"Silence parts, such as L5.H3, L5.mlp, L5.attn, L5.N120 or L5." sep:"none" placeholder:"SITE" group:"live"`
}

// given says whether the model is changed.
func (f liveFlags) given() bool { return f.Steer != "" || len(f.Ablate) > 0 }

// open sets the hooks of an answer, and notes in m what they change.
func (f liveFlags) open(ctx context.Context, a *app, m *opened, o *weft.Options) error {
	if !f.given() {
		return nil
	}
	if m.draft != nil {
		return usagef("--draft does not go with --steer or --ablate: nothing is guessed ahead then")
	}
	s := inspect.NewSubject(m.Core, inspect.About{Name: m.Name, BOS: m.Tokenizer.BOS})
	o.Hooks = &model.Hooks{}
	if f.Steer != "" {
		how := weft.Options{Raw: o.Raw, ParseSpecial: o.ParseSpecial}
		v, err := steering{a, *m, s, how, f.Steer}.read(ctx)
		if err == nil {
			err = s.AddSteering(o.Hooks, v)
		}
		if err != nil {
			return asUsage("--steer", err)
		}
		m.changed = append(m.changed, fmt.Sprintf("add %g times a vector at %s", v.Strength, v.Point))
	}
	if len(f.Ablate) > 0 {
		targets, err := parseSites(f.Ablate)
		if err == nil {
			err = s.AddAblation(o.Hooks, inspect.Ablation{Targets: targets})
		}
		if err != nil {
			return asUsage("--ablate", err)
		}
		for _, t := range targets {
			m.changed = append(m.changed, fmt.Sprintf("ablate %s (zero)", t))
		}
	}
	return nil
}
