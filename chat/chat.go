// Package chat turns a conversation into tokens for a model to continue.
//
//   - A [Conversation] is the messages so far.
//   - A [Template] writes them the way a model learnt them: [Plain] for models
//     that only continue text, [ChatML] for models with its special tokens.
//     [For] picks one by the tokenizer.
//   - [Encode] makes tokens of what a template wrote. Only the template's own
//     text can become special tokens; what people (or documents, or the model)
//     wrote cannot, whatever it looks like.
//   - [Fit] leaves out the oldest messages when a context is full, and says how
//     many.
//   - [Save] and [Load] keep a conversation in a file.
package chat

import (
	"errors"
	"fmt"
)

// Role is who speaks.
type Role string

const (
	System    Role = "system"
	User      Role = "user"
	Assistant Role = "assistant"
)

// ErrMessages is wrapped when messages cannot be written as a prompt.
var ErrMessages = errors.New("messages")

// Message is one turn. Content is bytes as they came; they need not be UTF-8.
type Message struct {
	Role    Role   `json:"role"`
	Content string `json:"content"`
}

// Conversation is a system text, which may be empty, and the turns after it.
type Conversation struct {
	System string
	Turns  []Message // user and assistant
}

// Messages is all of it in order, as templates want it.
func (c *Conversation) Messages() []Message {
	var all []Message
	if c.System != "" {
		all = append(all, Message{System, c.System})
	}
	return append(all, c.Turns...)
}

// Ask adds the user's turn, Answer the model's.
func (c *Conversation) Ask(text string)    { c.Turns = append(c.Turns, Message{User, text}) }
func (c *Conversation) Answer(text string) { c.Turns = append(c.Turns, Message{Assistant, text}) }

// Retract takes back the last turn if that role spoke it, and says whether.
func (c *Conversation) Retract(r Role) bool {
	n := len(c.Turns)
	if n == 0 || c.Turns[n-1].Role != r {
		return false
	}
	c.Turns = c.Turns[:n-1]
	return true
}

// Reset forgets all turns; the system text stays.
func (c *Conversation) Reset() { c.Turns = nil }

// split takes messages apart again: an optional system message, then turns.
func split(messages []Message) (*Conversation, error) {
	c := &Conversation{}
	for i, m := range messages {
		switch {
		case m.Role == System && i == 0:
			c.System = m.Content
		case m.Role == User, m.Role == Assistant:
			c.Turns = append(c.Turns, m)
		case m.Role == System:
			return nil, fmt.Errorf("%w: number %d is from the system, which only the first can be", ErrMessages, i+1)
		default:
			return nil, fmt.Errorf("%w: number %d has the unknown role %q", ErrMessages, i+1, m.Role)
		}
	}
	return c, nil
}
