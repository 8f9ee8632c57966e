package main

import (
	"math/rand/v2"

	"weft/sample"
)

// samplingFlags choose tokens. Those not given are the model's own.
type samplingFlags struct {
	Temp             *float32 `help:"Temperature: higher is more daring, 0 always takes the most likely token." placeholder:"X" group:"sampling"`
	TopK             *int     `help:"Choose among the K most likely tokens; 0 is off." placeholder:"K" group:"sampling"`
	TopP             *float32 `help:"Choose among the fewest tokens that together have probability P; 1 is off." placeholder:"P" group:"sampling"`
	MinP             *float32 `help:"Choose among tokens with at least P times the best one's probability; 0 is off." placeholder:"P" group:"sampling"`
	RepeatPenalty    *float32 `help:"Make tokens of the last 64 less likely, by this factor of their logits; 1 is off." placeholder:"X" group:"sampling"`
	PresencePenalty  *float32 `help:"Subtract this from the logits of tokens among the last 64; 0 is off." placeholder:"X" group:"sampling"`
	FrequencyPenalty *float32 `help:"The same, once for each time they occur; 0 is off." placeholder:"X" group:"sampling"`
	MaxTokens        *int     `help:"Stop after N tokens; 0 is no limit but the context." placeholder:"N" group:"sampling"`
	Stop             []string `help:"Stop before this text. May be given several times." sep:"none" placeholder:"TEXT" group:"sampling"`
}

// options are the model's with the flags' changes. Without a seed it picks one
// that a JSON reader can hold exactly.
func (f samplingFlags) options(o sample.Options, seed *uint64) (sample.Options, error) {
	set(&o.Temp, f.Temp)
	set(&o.TopK, f.TopK)
	set(&o.TopP, f.TopP)
	set(&o.MinP, f.MinP)
	set(&o.RepeatPenalty, f.RepeatPenalty)
	set(&o.PresencePenalty, f.PresencePenalty)
	set(&o.FrequencyPenalty, f.FrequencyPenalty)
	o.Seed = uint64(rand.Uint32())
	set(&o.Seed, seed)
	switch {
	case o.Temp < 0:
		return o, usagef("--temp is %g, must be 0 or more", o.Temp)
	case f.TopP != nil && *f.TopP == 0:
		return o, usagef("--top-p is 0, which leaves no token; 1 is off, --temp 0 always takes the most likely")
	case f.MaxTokens != nil && *f.MaxTokens < 0:
		return o, usagef("--max-tokens is %d, must be 0 or more", *f.MaxTokens)
	}
	for _, s := range f.Stop {
		if s == "" {
			return o, usagef("--stop is empty")
		}
	}
	if err := o.Validate(); err != nil {
		return o, usageError{err}
	}
	return o, nil
}

// maxTokens is the flag, or what is usual where there is none.
func (f samplingFlags) maxTokens(usual int) int {
	set(&usual, f.MaxTokens)
	return usual
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
