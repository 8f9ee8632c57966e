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
// cancellation, and at once beside other answers.
const promptStep = 256

// prefixStep is how many tokens of a prefix run at once: there are logits for each.
const prefixStep = 15

// Generator answers requests with one engine, one at a time. Nobody else may use
// the engine meanwhile.
type Generator struct{ memory }

// New makes a generator. What the engine holds already is forgotten when the
// first request comes.
func New(e Engine) *Generator { return &Generator{memory{engine: e}} }

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
	r := &run{g: g, req: req, yield: yield, gauge: gauge{always: req.Always}, result: Result{End: -1, Prompt: len(req.Prompt)}}
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
	gauge  gauge
	tokens []int32       // of the last step: the token chosen before it, then guesses
	guess  []int32       // these
	took   time.Duration // the step
}

func (r *run) loop(ctx context.Context) error {
	logits, err := r.prefill(ctx)
	for err == nil && r.result.Finish == "" {
		var id int32
		if id, err = r.take(ctx, logits); err == nil && r.result.Finish == "" {
			logits, err = r.step(id)
		}
	}
	return err
}

// take chooses a token from each row of logits: the first belongs to the text, and
// each further one does if the guess that it follows was right. The engine forgets
// wrong guesses. id is the token chosen last.
func (r *run) take(ctx context.Context, logits []float32) (id int32, err error) {
	vocab, at, before := len(logits)/(len(r.guess)+1), len(r.g.held)-len(r.guess), r.result.Sampled
	right := 0
	for {
		id, err = r.takeOne(ctx, logits[right*vocab:(right+1)*vocab], r.g.held[:at+right])
		if err != nil || r.result.Finish != "" || right == len(r.guess) || id != r.guess[right] {
			break
		}
		right++
	}
	if before >= len(r.req.Prefix) { // else these were no guesses
		r.result.Accepted += right
		if r.took > 0 {
			r.gauge.measured(len(r.guess) > 0, r.took, r.result.Sampled-before)
		}
	}
	if forget := r.g.truncate(at + right); err == nil {
		err = forget
	}
	return id, err
}

// takeOne chooses the token that follows history, hands over what is certain, and
// sees whether the answer ends.
func (r *run) takeOne(ctx context.Context, logits []float32, history []int32) (id int32, err error) {
	if ctx.Err() != nil {
		r.finish(Cancel)
		return 0, nil
	}
	token, err := r.choose(logits, history)
	if err != nil {
		return 0, err
	}
	if slices.Contains(r.req.End, token.ID) {
		r.result.End = token.ID
		r.finish(Stop)
		return token.ID, nil
	}
	if r.req.Decoder != nil {
		token.Text = r.req.Decoder.Push(token.ID)
	}
	if stop := r.holder.push(token); stop != "" {
		r.result.StopText = stop
		r.finish(Stop)
		return token.ID, nil
	}
	switch {
	case !r.release():
		r.result.Finish = Cancel
	case r.result.Sampled == r.req.MaxTokens:
		r.finish(Length)
	case len(history) == r.g.engine.Context():
		r.finish(Context)
	}
	return token.ID, nil
}

// prefill runs the part of the prompt that the engine does not hold, and at
// least its last token, whose logits come next. It marks where another answer to the
// prompt would begin and, if the engine could not go back there, where the prompt
// parted from the text before: other prompts may part there too.
func (r *run) prefill(ctx context.Context) ([]float32, error) {
	start := time.Now()
	defer func() { r.result.Prefill = time.Since(start) }()
	prompt := r.req.Prompt
	n, parted, err := r.g.keep(prompt)
	if err != nil {
		return nil, err
	}
	r.result.Reused = n
	var logits []float32
	for n < len(prompt) {
		if ctx.Err() != nil {
			r.finish(Cancel)
			return nil, nil
		}
		end := min(n+promptStep, len(prompt))
		if n < parted {
			end = min(end, parted)
		}
		next := prompt[n:end]
		if logits, err = r.g.append(next); err != nil {
			return nil, fmt.Errorf("run the prompt: %w", err)
		}
		if n = end; n == parted || n == len(prompt) {
			r.g.engine.Mark()
		}
		if r.req.Progress != nil {
			r.req.Progress(n, len(prompt))
		}
	}
	return logits, nil
}

// step runs the token chosen last, and guesses of what comes after it. It returns
// a row of logits for each.
func (r *run) step(id int32) (logits []float32, err error) {
	start := time.Now()
	defer func() {
		r.took = time.Since(start)
		r.result.Decode += r.took
	}()
	r.tokens = append(r.tokens[:0], id)
	if err := r.propose(); err != nil {
		return nil, fmt.Errorf("guess after token %d: %w", r.result.Sampled, err)
	}
	if r.guess = r.tokens[1:]; len(r.guess) > 0 {
		if r.result.Sampled >= len(r.req.Prefix) {
			r.result.Proposed += len(r.guess)
		}
		logits, err = r.g.appendAll(r.tokens)
	} else {
		logits, err = r.g.append(r.tokens)
	}
	if err != nil {
		r.guess = nil
		return nil, fmt.Errorf("run token %d: %w", r.result.Sampled, err)
	}
	return logits, nil
}

// propose adds guesses to the tokens of a step: no more than the answer has room
// for. The rest of a prefix is the best of guesses.
func (r *run) propose() error {
	n := r.g.engine.Context() - len(r.g.held) - 1
	if most := r.req.MaxTokens; most > 0 {
		n = min(n, most-r.result.Sampled-1)
	}
	if left := r.req.Prefix[min(r.result.Sampled, len(r.req.Prefix)):]; len(left) > 0 {
		r.tokens = append(r.tokens, left[:max(0, min(n, prefixStep, len(left)))]...)
		return nil
	}
	n = min(n, guesses)
	if r.req.Drafter == nil || n < 1 || !r.gauge.propose() {
		return nil
	}
	guess, err := r.req.Drafter.Propose(append(r.g.held, r.tokens...), n)
	r.tokens = append(r.tokens, guess...)
	return err
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
func (r *run) finish(why Finish) {
	r.result.Finish = why
	tail := ""
	if r.req.Decoder != nil && r.result.StopText == "" {
		tail = r.req.Decoder.Flush()
	}
	r.holder.end(tail)
	r.release()
}
