// Package generate is the loop around a model: run the prompt, choose a token,
// run that token, and so on until something ends it.
//
// It sees token IDs only. What it needs of the rest are three small interfaces:
// an [Engine] that runs tokens (model.Session is one), a [Sampler] that chooses
// them (sample.Sampler is one) and a [Decoder] that spells them (tokenizer.Stream
// is one).
//
//   - [Generator.Run] answers a [Request], handing over tokens as soon as their
//     text is certain, and returns the [Result].
//   - A Generator remembers what its engine holds. A prompt that begins as the
//     last one did, as every turn of a chat does, runs only what is new.
//
// Nothing is cut silently: a prompt that does not fit is a [*ContextError], and
// a context that fills up on the way ends the answer with [Context].
package generate

import (
	"errors"
	"fmt"
	"time"

	"weft/sample"
)

// Engine runs tokens and remembers them.
type Engine interface {
	Append(tokens []int32) (logits []float32, err error)    // logits after the last, valid until the next call
	AppendAll(tokens []int32) (logits []float32, err error) // logits after each, a row after the other
	Len() int                                               // tokens held
	Truncate(n int) error                                   // forget all tokens from n on; an error changes nothing, and 0 and the last marks always work
	Mark()                                                  // it may be asked to return to about here; the last two marks count
	Context() int                                           // tokens that fit
}

// Sampler chooses the next token. history is the prompt and all tokens since.
type Sampler interface {
	Next(logits []float32, history []int32) (int32, error)
}

// Decoder spells tokens one after the other, in whole characters only.
type Decoder interface {
	Push(id int32) string // the text that is complete now; may be empty
	Flush() string        // what is left when no more tokens come
}

// Request is what to generate.
type Request struct {
	Prompt  []int32
	Sampler Sampler // nil: greedy
	Decoder Decoder // nil: no text, only IDs

	Prefix    []int32  // what the answer begins with, whatever the sampler chooses there
	MaxTokens int      // most tokens to generate, Prefix among them; 0: until something else ends it
	End       []int32  // tokens that end the answer and are no part of it (end of text, end of turn)
	Stop      []string // texts that end the answer and are no part of it; need a Decoder

	Drafter Drafter // guesses tokens ahead, when that is faster; nil: nobody does
	Always  bool    // let it guess all the time

	LogProbs bool // fill Token.LogProb
	Top      int  // how many alternatives to list in Token.Top; more than 0 implies LogProbs
	Entropy  bool // fill Token.Entropy
	Trace    int  // how many candidates to list at each step in Token.Trace, for a Sampler that is a Tracer; 0: no trace

	Progress func(done, total int) // called while a prompt runs, with the tokens of it that did; may be nil
}

// Token is a generated token. The texts of all tokens make the answer's.
type Token struct {
	ID      int32              // -1: what the decoder still held when the answer had ended, a broken character
	Text    string             // empty while a character is incomplete; the token that completes it has all of it
	LogProb float64            // by the model, before any sampling option
	Top     []sample.Candidate // what else was likely, best first; the token itself is listed too if it is
	Entropy float64            // of the model's distribution, in bits
	Forced  bool               // one of Request.Prefix
	Trace   *Trace             // how it was chosen
}

// Trace is how a token was chosen, or what the sampler chose where a prefix had it
// otherwise.
type Trace struct {
	Steps  []sample.Step // what each left
	Draw   sample.Draw   // from what the last one left; only if Drawn
	Drawn  bool          // false: there was but one token to take
	Chosen int32         // by the sampler
}

// Tracer is a Sampler that shows its work. sample.Sampler is one.
type Tracer interface {
	Trace(logits []float32, history []int32, n int) ([]sample.Step, error) // of the next choice
	Drawn() (sample.Draw, bool)                                            // of the last
}

// Finish says why an answer ended.
type Finish string

const (
	Stop    Finish = "stop"    // an end token, or a stop text
	Length  Finish = "length"  // MaxTokens
	Context Finish = "context" // no room for another token
	Cancel  Finish = "cancel"  // the caller wanted no more
)

// Result is an answer and what it took.
type Result struct {
	Tokens   []Token // without end tokens and stop texts
	Text     string
	Finish   Finish
	End      int32  // the end token if one ended it, else -1
	StopText string // the stop text if one ended it

	Prompt  int           // tokens of the prompt
	Reused  int           // of these, held already and not run again
	Prefill time.Duration // running the others
	Sampled int           // tokens chosen, including an end token and those of a stop text
	Decode  time.Duration // choosing tokens and running them

	Proposed int // tokens guessed ahead
	Accepted int // of these, guessed right
}

// PrefillRate is prompt tokens run per second; 0 if none.
func (r Result) PrefillRate() float64 { return rate(r.Prompt-r.Reused, r.Prefill) }

// DecodeRate is tokens chosen per second; 0 if none.
func (r Result) DecodeRate() float64 { return rate(r.Sampled, r.Decode) }

func rate(n int, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// ErrRequest is wrapped when a request makes no sense.
var ErrRequest = errors.New("cannot generate")

// ContextError is a prompt that is longer than the context.
type ContextError struct{ Prompt, Context int }

func (e *ContextError) Error() string {
	return fmt.Sprintf("the prompt has %d tokens, the context holds %d", e.Prompt, e.Context)
}

func (r *Request) check(context int) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrRequest, fmt.Sprintf(format, args...))
	}
	for _, s := range r.Stop {
		if s == "" {
			return bad("a stop text is empty")
		}
	}
	_, traces := r.Sampler.(Tracer)
	switch {
	case len(r.Prompt) == 0:
		return bad("the prompt is empty")
	case len(r.Prompt) > context:
		return &ContextError{len(r.Prompt), context}
	case r.MaxTokens < 0:
		return bad("the most tokens to generate is %d", r.MaxTokens)
	case r.Top < 0 || r.Trace < 0:
		return bad("%d alternatives", min(r.Top, r.Trace))
	case len(r.Stop) > 0 && r.Decoder == nil:
		return bad("stop texts need a decoder")
	case r.Trace > 0 && r.Sampler != nil && !traces:
		return bad("the sampler does not show its work")
	}
	return nil
}
