package weft

import (
	"context"
	"errors"

	"weft/chat"
	"weft/generate"
	"weft/sample"
)

// Chat is a conversation with a model. Between turns its exported fields may be
// changed. It is not safe for concurrent use.
type Chat struct {
	chat.Conversation
	Template chat.Template
	Options  Options // except Sampling, Context, Speculation, Draft and Hooks, which are set once

	model    *Model
	sampler  *sample.Sampler
	drafter  generate.Drafter
	answerer answerer
}

// Reply is one answer of a conversation.
type Reply struct {
	Result
	Prompt  []int32      // what the model was given
	Message chat.Message // the answer taken apart: thoughts, content, tool calls
	Dropped int          // oldest messages that the model was not given, for want of room
}

// ErrNothingToAnswer is what Again returns when the user has not said anything.
var ErrNothingToAnswer = errors.New("there is nothing to answer yet")

// Chat begins a conversation.
func (m *Model) Chat(o Options) (*Chat, error) {
	session, err := m.session(o)
	if err != nil {
		return nil, err
	}
	return m.chat(generate.New(session), o)
}

func (m *Model) chat(a answerer, o Options) (*Chat, error) {
	s, err := m.sampler(o)
	if err != nil {
		return nil, err
	}
	d, err := m.drafter(o)
	if err != nil {
		return nil, err
	}
	return &Chat{Template: m.Template, Options: o, model: m, sampler: s, drafter: d, answerer: a}, nil
}

// Say adds the user's message and answers it. The answer joins the conversation,
// also one that was cut short; after an error the message is taken back.
func (c *Chat) Say(ctx context.Context, text string, yield func(Token) bool) (Reply, error) {
	c.Ask(text)
	reply, err := c.answer(ctx, yield)
	if err != nil {
		c.Retract(chat.User)
	}
	return reply, err
}

// Again takes back the last answer and gives another. After an error the
// conversation is as it was.
func (c *Chat) Again(ctx context.Context, yield func(Token) bool) (Reply, error) {
	before := c.Turns
	c.Retract(chat.Assistant)
	if n := len(c.Turns); n == 0 || c.Turns[n-1].Role != chat.User {
		c.Turns = before
		return Reply{}, ErrNothingToAnswer
	}
	reply, err := c.answer(ctx, yield)
	if err != nil {
		c.Turns = before
	}
	return reply, err
}

// answer lets the model speak. Tokens it has run before are not run again.
func (c *Chat) answer(ctx context.Context, yield func(Token) bool) (Reply, error) {
	rendered, prompt, dropped, err := c.prompt()
	if err != nil {
		return Reply{}, err
	}
	res, err := c.answerer.Run(ctx, c.model.request(prompt, c.sampler, c.drafter, c.model.Tokenizer.Stream(), c.Options), yield)
	reply := Reply{Result: res, Prompt: prompt, Dropped: dropped}
	if err == nil {
		format := chat.FormatFor(c.Template)
		reply.Message = format.Parse(c.spoken(res), format.Opened(rendered))
		reply.Message.Role = chat.Assistant
		c.Turns = append(c.Turns, reply.Message)
	}
	return reply, err
}

// spoken is an answer as the model gave it, byte for byte: with U+FFFD for bytes
// that are no characters, the next turn would quote it wrongly.
func (c *Chat) spoken(res Result) string {
	if res.StopText != "" {
		return res.Text
	}
	var text []byte
	for _, t := range res.Tokens {
		text = append(text, c.model.Tokenizer.Piece(t.ID)...)
	}
	return string(text)
}

// Prompt is the tokens that the model is given for the conversation as it
// stands, and how many of the oldest messages had to be left out so that an
// answer has room: MaxTokens, but at most a quarter of the context.
func (c *Chat) Prompt() (ids []int32, dropped int, err error) {
	_, ids, dropped, err = c.prompt()
	return ids, dropped, err
}

func (c *Chat) prompt() (p chat.Prompt, ids []int32, dropped int, err error) {
	room := c.Context() / 4
	if n := c.Options.MaxTokens; n > 0 {
		room = min(room, n)
	}
	_, dropped, err = chat.Fit(c.Messages(), c.Context()-room, func(messages []chat.Message) (int, error) {
		if p, err = c.Template.Render(messages); err != nil {
			return 0, err
		}
		p.AddSpecial = p.AddSpecial && !c.Options.Raw
		ids = chat.Encode(c.model.Tokenizer, p)
		return len(ids), nil
	})
	return p, ids, dropped, err
}

// Context is how many tokens the conversation may have.
func (c *Chat) Context() int { return c.answerer.Context() }
