package main

import "weft"

// speculationFlags say whether tokens are guessed ahead.
type speculationFlags struct {
	Speculate string `help:"Guess tokens ahead from what the text has said before: off, ngram (always) or auto (while it saves time). Answers are the same." enum:"off,ngram,auto" default:"auto" placeholder:"WHEN" group:"speculation"`
	Draft     string `help:"A smaller MODEL with the same vocabulary guesses instead, while it saves time." placeholder:"MODEL" group:"speculation"`
}

// open sets the options, and opens the draft model, if there is one, which closes
// with m.
func (f speculationFlags) open(a *app, m *opened, o *weft.Options) error {
	o.Speculation = map[string]weft.Speculation{
		"off": weft.SpeculateNever, "ngram": weft.SpeculateAlways, "auto": weft.SpeculateAuto,
	}[f.Speculate]
	if f.Draft == "" {
		return nil
	}
	if f.Speculate != "auto" {
		return usagef("--draft goes with --speculate auto, not %s", f.Speculate)
	}
	draft, err := a.openModel(f.Draft, computeFlags{})
	if err != nil {
		return err
	}
	m.draft, o.Draft = draft.Model, draft.Model
	return nil
}
