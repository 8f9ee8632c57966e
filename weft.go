package weft

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"weft/chat"
	"weft/generate"
	"weft/internal/par"
	"weft/model"
	"weft/modelfile"
	"weft/sample"
	"weft/tokenizer"
)

// Token is a generated token, Result a finished answer.
type (
	Token  = generate.Token
	Result = generate.Result
)

// ErrContextFull ends a [Model.Generate] that found no room for another token.
var ErrContextFull = errors.New("the context is full")

// Model is a model ready to run. The fields are for reading. Its methods may be
// called from several goroutines at once.
type Model struct {
	Name      string               // for people
	License   string               // as the model's files have it; may be empty
	Core      *model.Model         // the transformer
	Tokenizer *tokenizer.Tokenizer // text to token IDs and back
	Template  chat.Template        // how the model wants conversations written
	Jinja     string               // the chat template as its files have it; may be empty
	Sampling  sample.Options       // what the model's files recommend, else sample.Default
	End       []int32              // tokens that end a text or the model's turn
	Stored    []modelfile.Tensor   // the tensors of its files
	Huge      int                  // bytes of weights in huge pages, if Opener.Load insisted on them
	pool      *par.Pool
	bundle    *modelfile.Bundle
}

// Options says how to answer. The zero value is the model's own sampling until
// the text ends or the context is full.
type Options struct {
	Sampling  *sample.Options // nil: Model.Sampling
	Context   int             // most tokens of prompt and answer together; 0: what the model was made for
	MaxTokens int             // most tokens of answer; 0: no limit but the context
	Stop      []string        // texts that end the answer and are no part of it
	LogProbs  bool            // fill Token.LogProb
	Top       int             // list this many alternatives in Token.Top
	Entropy   bool            // fill Token.Entropy
	Trace     int             // show in Token.Trace how each token was chosen, with this many candidates at each step

	// Prefix is what the answer begins with, whatever the sampler would choose. One that
	// begins as it would have anyway goes on as it would have.
	Prefix []int32

	Raw          bool // nothing is put before the prompt, not even what the tokenizer puts before any text
	ParseSpecial bool // text of the prompt that spells a special token is that token

	Speculation Speculation // guess tokens ahead, which changes nothing but the time that an answer takes
	Draft       *Model      // who guesses, a smaller model with the same vocabulary; nil: what the text has said before

	Progress func(done, total int) // called while a prompt runs; may be nil

	// Hooks see, and may change, every pass of the answer: an ablation or a steering
	// vector of package inspect, live. Nothing is guessed ahead then. Not for a Batch, whose
	// passes are shared.
	Hooks *model.Hooks
}

// Close ends the model's worker threads and closes its files. The model must not
// be used after.
func (m *Model) Close() error {
	m.pool.Close()
	if m.bundle == nil {
		return nil
	}
	return m.bundle.Close()
}

// Params is the number of learned parameters.
func (m *Model) Params() int { return m.Core.Config.ParamCount() }

// Encode makes tokens of a prompt as Complete does. A prompt without any token
// becomes the one that starts texts or, failing that, the one that ends them,
// since a model needs something to continue.
func (m *Model) Encode(prompt string, o Options) []int32 {
	ids := chat.Encode(m.Tokenizer, chat.Prompt{
		Pieces:     []chat.Piece{{Text: prompt, Markup: o.ParseSpecial}},
		AddSpecial: !o.Raw,
	})
	for _, id := range []int32{m.Tokenizer.BOS, m.Tokenizer.EOS} {
		if len(ids) == 0 && id >= 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// Complete continues a text. yield, which may be nil, gets the tokens as they
// come and returns false to end the answer.
func (m *Model) Complete(ctx context.Context, prompt string, o Options, yield func(Token) bool) (Result, error) {
	session, err := m.session(o)
	if err != nil {
		return Result{End: -1}, err
	}
	return m.complete(ctx, generate.New(session), prompt, o, yield)
}

func (m *Model) session(o Options) (*model.Session, error) {
	s := m.Core.NewSession(o.Context)
	return s, s.Watch(o.Hooks)
}

// answerer is a generator or a batch.
type answerer interface {
	Run(context.Context, generate.Request, func(Token) bool) (Result, error)
	Context() int
}

func (m *Model) complete(ctx context.Context, a answerer, prompt string, o Options, yield func(Token) bool) (Result, error) {
	return m.answer(ctx, a, m.Encode(prompt, o), m.Tokenizer.Continue(), o, yield)
}

func (m *Model) answer(ctx context.Context, a answerer, prompt []int32, spell generate.Decoder, o Options, yield func(Token) bool) (Result, error) {
	s, err := m.sampler(o)
	if err != nil {
		return Result{End: -1}, err
	}
	d, err := m.drafter(o)
	if err != nil {
		return Result{End: -1}, err
	}
	return a.Run(ctx, m.request(prompt, s, d, spell, o), yield)
}

// Generate continues a text, token by token. An error comes last, with an empty
// token: [ErrContextFull] if the text had to end for want of room, or ctx's.
func (m *Model) Generate(ctx context.Context, prompt string, o Options) iter.Seq2[Token, error] {
	return func(yield func(Token, error) bool) {
		enough := false
		res, err := m.Complete(ctx, prompt, o, func(t Token) bool {
			enough = !yield(t, nil)
			return !enough
		})
		switch {
		case enough:
		case err != nil:
			yield(Token{}, err)
		case res.Finish == generate.Context:
			yield(Token{}, ErrContextFull)
		case res.Finish == generate.Cancel:
			yield(Token{}, context.Cause(ctx))
		}
	}
}

func (m *Model) sampler(o Options) (*sample.Sampler, error) {
	if o.Sampling == nil {
		o.Sampling = &m.Sampling
	}
	return sample.New(*o.Sampling)
}

func (m *Model) request(prompt []int32, s generate.Sampler, d generate.Drafter, spell generate.Decoder, o Options) generate.Request {
	return generate.Request{
		Prompt: prompt, Sampler: s, Decoder: spell, End: m.End, Drafter: d, Always: o.Speculation == SpeculateAlways,
		Prefix: o.Prefix, MaxTokens: o.MaxTokens, Stop: o.Stop, LogProbs: o.LogProbs, Top: o.Top, Entropy: o.Entropy, Trace: o.Trace, Progress: o.Progress,
	}
}

// ends lists the tokens that end the model's turn or a text: those given, the
// template's and the tokenizer's.
func ends(t *tokenizer.Tokenizer, tm chat.Template, given []int32) ([]int32, error) {
	var ids []int32
	for _, id := range given {
		if id < 0 || int(id) >= t.Size() {
			return nil, fmt.Errorf("the token %d that should end a text does not exist", id)
		}
		ids = append(ids, id)
	}
	for _, text := range tm.End() {
		if id, ok := t.SpecialID(text); ok {
			ids = append(ids, id)
		}
	}
	if t.EOS >= 0 {
		ids = append(ids, t.EOS)
	}
	return ids, nil
}
