package generate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"weft/sample"
)

// promptStep is how many tokens of a prompt run between looks at the context's
// cancellation.
const promptStep = 256

// Generator answers requests with one engine, one at a time. Nobody else may use
// the engine meanwhile.
type Generator struct {
	engine Engine
	held   []int32 // the engine's tokens
}

// New makes a generator. What the engine holds already is forgotten when the
// first request comes.
func New(e Engine) *Generator { return &Generator{engine: e} }

// Context is how many tokens a prompt and its answer may have together.
func (g *Generator) Context() int { return g.engine.Context() }

// Held are the tokens that need not run again if the next prompt starts with them.
func (g *Generator) Held() []int32 { return slices.Clone(g.held) }

// Run answers a request. yield, which may be nil, gets each token as soon as no
// stop text can take its text back, and returns false to end the answer. When
// ctx is cancelled the answer ends too, after the current step. Both are a
// Result with Finish [Cancel], not an error; after an error the Result is what
// there was until then.
func (g *Generator) Run(ctx context.Context, req Request, yield func(Token) bool) (Result, error) {
	if err := req.check(g.engine.Context()); err != nil {
		return Result{End: -1}, err
	}
	if req.Sampler == nil {
		s, err := sample.New(sample.Greedy())
		if err != nil {
			return Result{End: -1}, err
		}
		req.Sampler = s
	}
	r := &run{g: g, req: req, yield: yield, result: Result{End: -1, Prompt: len(req.Prompt)}}
	r.holder.stops = req.Stop
	err := r.loop(ctx)
	r.result.Text = r.text.String()
	return r.result, err
}

// run is one request being answered.
type run struct {
	g      *Generator
	req    Request
	yield  func(Token) bool
	holder holder
	text   strings.Builder
	result Result
	one    [1]int32
}

func (r *run) loop(ctx context.Context) error {
	logits, err := r.prefill(ctx)
	if err != nil {
		return err
	}
	for r.result.Finish == "" {
		if ctx.Err() != nil {
			return r.finish(Cancel)
		}
		token, err := r.choose(logits)
		if err != nil {
			return err
		}
		if slices.Contains(r.req.End, token.ID) {
			r.result.End = token.ID
			return r.finish(Stop)
		}
		if r.req.Decoder != nil {
			token.Text = r.req.Decoder.Push(token.ID)
		}
		if stop := r.holder.push(token); stop != "" {
			r.result.StopText = stop
			return r.finish(Stop)
		}
		if !r.release() {
			r.result.Finish = Cancel
			return nil
		}
		switch {
		case r.result.Sampled == r.req.MaxTokens:
			return r.finish(Length)
		case r.g.engine.Len() == r.g.engine.Context():
			return r.finish(Context)
		}
		if logits, err = r.step(token.ID); err != nil {
			return err
		}
	}
	return nil
}

// prefill runs the part of the prompt that the engine does not hold, and at
// least its last token, whose logits come next.
func (r *run) prefill(ctx context.Context) ([]float32, error) {
	start := time.Now()
	defer func() { r.result.Prefill = time.Since(start) }()
	prompt := r.req.Prompt
	n, err := r.g.keep(prompt)
	if err != nil {
		return nil, err
	}
	r.result.Reused = n
	var logits []float32
	for n < len(prompt) {
		if ctx.Err() != nil {
			return nil, r.finish(Cancel)
		}
		next := prompt[n:min(n+promptStep, len(prompt))]
		if logits, err = r.g.append(next); err != nil {
			return nil, fmt.Errorf("run the prompt: %w", err)
		}
		n += len(next)
		if r.req.Progress != nil {
			r.req.Progress(n, len(prompt))
		}
	}
	return logits, nil
}

// choose takes the next token and says how likely it was.
func (r *run) choose(logits []float32) (Token, error) {
	start := time.Now()
	defer func() { r.result.Decode += time.Since(start) }()
	id, err := r.req.Sampler.Next(logits, r.g.held)
	if err != nil {
		return Token{}, fmt.Errorf("choose token %d: %w", r.result.Sampled+1, err)
	}
	r.result.Sampled++
	t := Token{ID: id}
	switch {
	case r.req.Top > 0:
		if t.Top, err = sample.Top(logits, r.req.Top); err != nil {
			return t, err
		}
		best := t.Top[0] // its logit minus its log probability is the normaliser
		t.LogProb = float64(logits[id]) - (float64(best.Logit) - best.LogProb)
	case r.req.LogProbs:
		lse, err := sample.LogSumExp(logits)
		if err != nil {
			return t, err
		}
		t.LogProb = float64(logits[id]) - lse
	}
	return t, nil
}

// step runs one token.
func (r *run) step(id int32) ([]float32, error) {
	start := time.Now()
	defer func() { r.result.Decode += time.Since(start) }()
	r.one[0] = id
	logits, err := r.g.append(r.one[:])
	if err != nil {
		return nil, fmt.Errorf("run token %d: %w", r.result.Sampled, err)
	}
	return logits, nil
}

// release hands over what is certain; false means that nobody wants more.
func (r *run) release() bool {
	for _, t := range r.holder.out {
		if t.ID < 0 && len(r.result.Tokens) > 0 {
			r.result.Tokens[len(r.result.Tokens)-1].Text += t.Text
		} else {
			r.result.Tokens = append(r.result.Tokens, t)
		}
		r.text.WriteString(t.Text)
		if r.yield != nil && !r.yield(t) {
			r.holder = holder{}
			return false
		}
	}
	r.holder.out = r.holder.out[:0]
	return true
}

// finish ends the answer: whatever was held back is certain now.
func (r *run) finish(why Finish) error {
	r.result.Finish = why
	tail := ""
	if r.req.Decoder != nil && r.result.StopText == "" {
		tail = r.req.Decoder.Flush()
	}
	r.holder.end(tail)
	r.release()
	return nil
}

// keep forgets what the engine holds beyond the prompt's beginning and returns
// how many tokens stay.
func (g *Generator) keep(prompt []int32) (int, error) {
	n := 0
	if g.engine.Len() == len(g.held) { // else somebody else used it
		for n < min(len(g.held), len(prompt)-1) && g.held[n] == prompt[n] {
			n++
		}
	}
	if err := g.engine.Truncate(n); err != nil {
		return 0, fmt.Errorf("reuse %d tokens: %w", n, err)
	}
	g.held = g.held[:n]
	return n, nil
}

// append runs tokens and records those that the engine then holds.
func (g *Generator) append(tokens []int32) ([]float32, error) {
	logits, err := g.engine.Append(tokens)
	if err == nil {
		g.held = append(g.held, tokens...)
	}
	return logits, err
}
