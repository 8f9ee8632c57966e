package server

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	"weft"
	"weft/chat"
	"weft/generate"
)

// ask is a request for an answer that can be given.
type ask struct {
	req    *chatRequest
	engine *engine
	format chat.Format // how the model writes thoughts and calls
	opened bool        // the prompt ends inside a thought
	prompt []int32
	o      weft.Options
}

// chatCompletions is https://platform.openai.com/docs/api-reference/chat/create.
func (s *Server) chatCompletions(w http.ResponseWriter, r *http.Request) *apiError {
	req := &chatRequest{}
	if err := chatFields.decode(r, req); err != nil {
		return err
	}
	e, err := s.engine(req.Model)
	if err != nil {
		return err
	}
	note(r, "model", e.Name, "stream", req.Stream)
	leave, err := e.sit() // before the prompt is made, which is work too
	if err != nil {
		return err
	}
	defer leave()
	a, err := e.understand(req)
	if err != nil {
		return err
	}
	if req.Stream {
		return s.stream(w, r, a)
	}
	return s.answer(w, r, a)
}

// understand makes a request's prompt and options.
func (e *engine) understand(req *chatRequest) (*ask, *apiError) {
	o, err := req.options(e.Model.Model)
	if err != nil {
		return nil, err
	}
	messages, err := req.messages()
	if err != nil {
		return nil, err
	}
	template, err := req.template(e.Template)
	if err != nil {
		return nil, err
	}
	rendered, bad := template.Render(messages)
	if bad != nil {
		return nil, unwritten(bad)
	}
	if n := size(rendered); n > e.most { // making millions of tokens, to find out, would take seconds
		return nil, invalid("messages", "context_length_exceeded", "the prompt has %d bytes, far too many for a context of %d tokens; send less%s",
			n, e.batch.Context(), e.more())
	}
	a := &ask{req: req, engine: e, o: o, format: chat.FormatFor(template), prompt: chat.Encode(e.Tokenizer, rendered)}
	a.opened = a.format.Opened(rendered)
	switch n, most := len(a.prompt), e.batch.Context(); {
	case n == 0:
		return nil, invalid("messages", "", "there is nothing to answer: the messages are empty")
	case n > most:
		return nil, invalid("messages", "context_length_exceeded", "%s; send less%s", &generate.ContextError{Prompt: n, Context: most}, e.more())
	}
	return a, nil
}

func size(p chat.Prompt) (n int) {
	for _, piece := range p.Pieces {
		n += len(piece.Text)
	}
	return n
}

// more says how the context can be made larger, if it can.
func (e *engine) more() string {
	if e.batch.Context() < e.Core.Config.Context {
		return ", or serve the model with a larger --ctx"
	}
	return ""
}

// unwritten is a conversation that the model's template does not write.
func unwritten(err error) *apiError {
	if errors.Is(err, chat.ErrTools) {
		return invalid("tools", "unsupported_parameter", "this model does not call tools: %s", err)
	}
	return invalid("messages", "", "%s", err)
}

// run gives the answer, part by part.
func (a *ask) run(ctx context.Context, yield func(part) bool) (answered, *apiError) {
	sp := &speaker{ask: a, parser: a.format.Parser(a.opened)}
	res, err := a.engine.batch.Continue(ctx, a.prompt, a.o, func(t weft.Token) bool { return yield(sp.say(t)) })
	if err == nil && res.Finish == generate.Cancel && errors.Is(context.Cause(ctx), errShutdown) {
		return answered{Result: res}, unavailable()
	}
	if err != nil {
		return answered{Result: res}, internal(err)
	}
	if res.Finish != generate.Cancel {
		if last := sp.parts(sp.parser.End()); !last.empty() {
			yield(last)
		}
	}
	return answered{res, sp.calls > 0}, nil
}

// answered is an answer that has been given.
type answered struct {
	weft.Result
	called bool // it calls tools
}

// reason is why it ended, in OpenAI's words.
func (a answered) reason() string {
	switch {
	case a.Finish == generate.Length || a.Finish == generate.Context:
		return "length"
	case a.called:
		return "tool_calls"
	}
	return "stop"
}

func (a answered) usage() *usage {
	return &usage{a.Prompt, a.Sampled, a.Prompt + a.Sampled, promptDetails{a.Reused}}
}

// report tells the log what an answer took.
func (a answered) report(r *http.Request) {
	note(r, "prompt_tokens", a.Prompt, "cached_tokens", a.Reused, "tokens", a.Sampled, "finish", string(a.Finish),
		"prefill_ms", a.Prefill.Milliseconds(), "decode_ms", a.Decode.Milliseconds())
}

// answer gives an answer in one document.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, a *ask) *apiError {
	all := part{}
	done, err := a.run(r.Context(), func(p part) bool { all.add(p); return true })
	done.report(r)
	if err != nil {
		return err
	}
	if r.Context().Err() != nil {
		return nil // nobody is there to read it
	}
	doc := completion{
		ID: newID("chatcmpl-"), Object: "chat.completion", Created: time.Now().Unix(), Model: a.engine.Name, Fingerprint: s.fingerprint(),
		Choices: []choice{{Message: all.message(), LogProbs: all.logProbs(a.o.LogProbs), FinishReason: done.reason()}},
		Usage:   done.usage(),
	}
	reply(w, http.StatusOK, doc)
	return nil
}

// fingerprint is what a seed's answers depend on beside the model.
func (s *Server) fingerprint() string { return "weft-" + orElse(s.o.Version, "unknown") }

func newID(prefix string) string { return prefix + rand.Text() }
