package sample

import (
	"errors"
	"fmt"
	"math"
)

// ErrOptions is wrapped by every error of Options.Validate.
var ErrOptions = errors.New("sampling")

// defaultLastN is how much of the history the penalties look at unless told
// otherwise; long enough to stop a loop, short enough to allow a refrain.
const defaultLastN = 64

// Options says how a token is chosen. The zero value is greedy: always the most
// likely token. A field that is zero is off, unless its comment says otherwise.
type Options struct {
	Temp float32 `json:"temp"`  // divides the logits before drawing; 0 or less: greedy
	TopK int     `json:"top_k"` // keep the k most likely tokens
	TopP float32 `json:"top_p"` // keep the fewest tokens that together have this probability; 0 or 1: off
	MinP float32 `json:"min_p"` // keep tokens with at least this share of the best one's probability

	RepeatPenalty    float32 `json:"repeat_penalty"`    // divides positive and multiplies negative logits of recent tokens; 0 or 1: off
	PresencePenalty  float32 `json:"presence_penalty"`  // subtracted from logits of recent tokens
	FrequencyPenalty float32 `json:"frequency_penalty"` // subtracted once per recent occurrence
	RepeatLastN      int     `json:"repeat_last_n"`     // how many tokens are recent; 0: 64, -1: all

	Seed uint64 `json:"seed"` // same seed, options and logits: same tokens
}

// Default is what is used when neither model nor user says otherwise.
func Default() Options { return Options{Temp: 0.8, TopP: 0.95} }

// Greedy always takes the most likely token; of equals, the lowest ID.
func Greedy() Options { return Options{} }

// Validate reports the first option that makes no sense.
func (o Options) Validate() error {
	bad := func(name string, value any, want string) error {
		return fmt.Errorf("%w: %s is %v, must be %s", ErrOptions, name, value, want)
	}
	for _, f := range []struct {
		name   string
		v      float32
		lo, hi float32
		want   string
	}{
		{"temp", o.Temp, -math.MaxFloat32, math.MaxFloat32, "a number"},
		{"top-p", o.TopP, 0, 1, "between 0 and 1"},
		{"min-p", o.MinP, 0, 1, "between 0 and 1"},
		{"repeat penalty", o.RepeatPenalty, 0, math.MaxFloat32, "0 or more"},
		{"presence penalty", o.PresencePenalty, -math.MaxFloat32, math.MaxFloat32, "a number"},
		{"frequency penalty", o.FrequencyPenalty, -math.MaxFloat32, math.MaxFloat32, "a number"},
	} {
		if !(f.v >= f.lo && f.v <= f.hi) { // false for NaN
			return bad(f.name, f.v, f.want)
		}
	}
	switch {
	case o.TopK < 0:
		return bad("top-k", o.TopK, "0 or more")
	case o.RepeatLastN < -1:
		return bad("repeat last n", o.RepeatLastN, "-1 or more")
	}
	return nil
}

func (o Options) penalises() bool {
	return o.PresencePenalty != 0 || o.FrequencyPenalty != 0 || o.repeats()
}

func (o Options) repeats() bool { return o.RepeatPenalty != 0 && o.RepeatPenalty != 1 }

// recent is the part of the history that the penalties look at.
func (o Options) recent(history []int32) []int32 {
	n := o.RepeatLastN
	switch {
	case n < 0:
		return history
	case n == 0:
		n = defaultLastN
	}
	return history[max(0, len(history)-n):]
}
