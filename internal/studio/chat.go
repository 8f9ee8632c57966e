package studio

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"

	"weft"
	"weft/chat"
	"weft/sample"
)

// chatTurn is a message of a conversation.
type chatTurn struct {
	Role      chat.Role `json:"role"`
	Content   string    `json:"content"`
	Reasoning string    `json:"reasoning,omitempty"`
}

// chatRequest asks for an answer. There is no conversation on this side: whoever
// asks sends all of it, and what the model has read of it before is not read again.
type chatRequest struct {
	Model     string          `json:"model"`
	Messages  []chatTurn      `json:"messages"`
	Raw       bool            `json:"raw"`    // continue Prompt, without a template
	Prompt    string          `json:"prompt"` // with Raw
	Sampling  json.RawMessage `json:"sampling"`
	MaxTokens *int            `json:"max_tokens"` // 0: no limit but the context
	Stop      []string        `json:"stop"`
	Prefix    []int32         `json:"prefix"` // what the answer begins with
	Top       int             `json:"top"`
	Steps     bool            `json:"steps"` // show the sampler's work
}

// How much an answer has unless told otherwise: as `weft chat`. A model without a
// template has nothing that ends its turn.
const (
	plainTokens = 128
	chatTokens  = 1024
)

const (
	maxTurns    = 4096
	stepChoices = 5 // candidates of each step of the sampler
)

// chat answers the last message of a conversation, or continues a text.
func (s *Studio) chat(w http.ResponseWriter, r *http.Request) error {
	var q chatRequest
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	if err := q.check(); err != nil {
		return err
	}
	return s.with(r.Context(), q.Model, func(o *opened) error {
		a, err := o.asks(q)
		if err != nil {
			return err
		}
		if !streams(r) {
			whole := chatJSON{Tokens: []tokenJSON{}}
			if err := a.answer(r.Context(), &whole); err != nil {
				return err
			}
			return writeJSON(w, http.StatusOK, whole)
		}
		e := newEvents(w)
		defer e.keep(beatEvery)()
		s.ended(e, r, a.answer(r.Context(), stream{e, e.progress()}))
		return nil
	})
}

func (q *chatRequest) check() error {
	switch n := len(q.Messages); {
	case q.Top < 0 || q.Top > maxTop:
		return bad("top is %d, must be from 0 to %d", q.Top, maxTop)
	case q.MaxTokens != nil && *q.MaxTokens < 0:
		return bad("max_tokens is %d, must be 0 or more", *q.MaxTokens)
	case q.Raw && n > 0, !q.Raw && q.Prompt != "":
		return bad("send messages, or a prompt with raw; not both")
	case q.Raw:
		return nil
	case n > maxTurns:
		return bad("there are %d messages, at most %d can be sent; begin a new conversation", n, maxTurns)
	case n == 0 || q.Messages[n-1].Role != chat.User:
		return bad("the last message must be the user's: it is what the model answers")
	}
	return nil
}

// saying is a request for an answer, ready to run.
type saying struct {
	o       *opened
	batch   *weft.Batch
	q       chatRequest
	options weft.Options
	talk    *weft.Chat // nil with Raw
	said    string     // the last message
}

// asks makes a request ready.
func (o *opened) asks(q chatRequest) (*saying, error) {
	batch, err := o.slots.of(o)
	if err != nil {
		return nil, err
	}
	sampling, err := sampling(o.Sampling, q.Sampling)
	if err != nil {
		return nil, err
	}
	usual := chatTokens
	if o.Template == chat.Plain || q.Raw {
		usual = plainTokens
	}
	if q.MaxTokens != nil {
		usual = *q.MaxTokens
	}
	a := &saying{o: o, batch: batch, q: q, options: weft.Options{
		Sampling: &sampling, MaxTokens: usual, Stop: q.Stop, Prefix: q.Prefix, LogProbs: true, Top: q.Top, Entropy: true,
	}}
	if q.Steps {
		a.options.Trace = stepChoices
	}
	if !q.Raw {
		err = a.begin()
	}
	return a, err
}

// sampling is the model's own with what the request changes. Without a seed there is
// one that JSON can hold.
func sampling(own sample.Options, changes json.RawMessage) (sample.Options, error) {
	own.Seed = uint64(rand.Uint32())
	if len(changes) == 0 {
		return own, nil
	}
	dec := json.NewDecoder(bytes.NewReader(changes))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&own); err != nil {
		return own, bad("sampling is not what belongs there: %s", err)
	}
	if err := own.Validate(); err != nil {
		return own, bad("%s", err)
	}
	return own, nil
}

// begin puts the conversation together.
func (a *saying) begin() (err error) {
	if a.talk, err = a.batch.Chat(a.options); err != nil {
		return err
	}
	turns := a.q.Messages
	if turns[0].Role == chat.System {
		a.talk.System, turns = turns[0].Content, turns[1:]
	}
	for _, t := range turns[:len(turns)-1] {
		a.talk.Turns = append(a.talk.Turns, chat.Message{Role: t.Role, Content: t.Content, Reasoning: t.Reasoning})
	}
	a.said = turns[len(turns)-1].Content
	return nil
}

// listener is told of an answer while it comes.
type listener interface {
	prompt(promptJSON) error
	progress(stage string, done, total int)
	token(tokenJSON) error
	result(answerJSON) error
}

// answer lets the model speak. It ends when ctx does, or the listener has left.
func (a *saying) answer(ctx context.Context, to listener) error {
	p, err := a.prompt()
	if err != nil {
		return err
	}
	if err := to.prompt(p); err != nil {
		return err
	}
	var left error
	hear := func(t weft.Token) bool {
		left = to.token(a.o.token(t, a.options.Trace > 0))
		return left == nil
	}
	if busy, waiting := a.batch.Load(); busy >= slotCount {
		to.progress("waiting for other answers", 0, waiting+1)
	}
	reply, err := a.speak(ctx, func(done, total int) { to.progress("prompt", done, total) }, hear)
	switch {
	case err != nil:
		return err
	case left != nil:
		return left
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return to.result(a.o.answerOf(reply))
}

// speak runs the request.
func (a *saying) speak(ctx context.Context, tell func(done, total int), yield func(weft.Token) bool) (weft.Reply, error) {
	if a.talk != nil {
		a.talk.Options.Progress = tell
		return a.talk.Say(ctx, a.said, yield)
	}
	a.options.Progress = tell
	res, err := a.batch.Complete(ctx, a.q.Prompt, a.options, yield)
	return weft.Reply{Result: res, Message: chat.Message{Role: chat.Assistant, Content: res.Text}}, err
}

// prompt is what the model will be given.
func (a *saying) prompt() (promptJSON, error) {
	p, dropped := a.o.plain(a.q.Prompt), 0
	if a.talk != nil {
		a.talk.Ask(a.said)
		defer a.talk.Retract(chat.User)
		ids, n, err := a.talk.Prompt()
		if err != nil {
			return promptJSON{}, err
		}
		turns := a.talk.Turns
		a.talk.Turns, dropped = turns[n:], n
		p, err = a.o.templated(a.talk.Messages())
		a.talk.Turns = turns
		if err != nil {
			return promptJSON{}, err
		}
		p.ids = ids
	}
	return promptJSON{
		IDs: p.ids, Pieces: a.o.pieces(p.ids), Added: p.added, Text: p.text, Template: p.template,
		Dropped: dropped, Context: a.batch.Context(), MaxTokens: a.options.MaxTokens, Sampling: *a.options.Sampling,
	}, nil
}
