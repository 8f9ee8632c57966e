// Package chat turns a conversation into tokens for a model to continue.
//
//   - A [Conversation] is the messages so far.
//   - A [Template] writes them the way a model learnt them: [Jinja] runs the
//     template that came with the model, [Plain] is for models that only continue
//     text, [ChatML] for models with its special tokens. [ForModel] picks one.
//   - [With] gives a template the tools that the model may call.
//   - [Encode] makes tokens of what a template wrote. Only the template's own
//     text can become special tokens; what people (or documents, or the model)
//     wrote cannot, whatever it looks like.
//   - A [Parser] takes a model's answer apart again: what it thought, what it
//     says, and the tools it calls.
//   - [Fit] leaves out the oldest messages when a context is full, and says how
//     many.
//   - [Save] and [Load] keep a conversation in a file.
package chat

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Role is who speaks.
type Role string

const (
	System    Role = "system"
	User      Role = "user"
	Assistant Role = "assistant"
	Tool      Role = "tool" // the result of a tool that the assistant called
)

// ErrMessages is wrapped when messages cannot be written as a prompt.
var ErrMessages = errors.New("messages")

// Message is one turn. Content and Reasoning are bytes as they came; they need
// not be UTF-8.
type Message struct {
	Role    Role
	Content string

	Reasoning  string     // what the assistant thought before it answered; few templates show it again
	ToolCalls  []ToolCall // what the assistant wants done
	ToolCallID string     // of a tool's result: the call it answers
	Name       string     // of a tool's result: the tool
}

// ToolCall is a call of a tool.
type ToolCall struct {
	ID        string // as the model or the server named it; may be empty
	Name      string
	Arguments json.RawMessage // a JSON object
}

// Conversation is a system text, which may be empty, and the turns after it.
type Conversation struct {
	System string
	Turns  []Message // everybody but the system
}

// Messages is all of it in order, as templates want it.
func (c *Conversation) Messages() []Message {
	var all []Message
	if c.System != "" {
		all = append(all, Message{Role: System, Content: c.System})
	}
	return append(all, c.Turns...)
}

// Ask adds the user's turn, Answer the model's.
func (c *Conversation) Ask(text string) {
	c.Turns = append(c.Turns, Message{Role: User, Content: text})
}
func (c *Conversation) Answer(text string) {
	c.Turns = append(c.Turns, Message{Role: Assistant, Content: text})
}

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
		case m.Role == User, m.Role == Assistant, m.Role == Tool:
			c.Turns = append(c.Turns, m)
		case m.Role == System:
			return nil, fmt.Errorf("%w: number %d is from the system, which only the first can be", ErrMessages, i+1)
		default:
			return nil, fmt.Errorf("%w: number %d has the unknown role %q", ErrMessages, i+1, m.Role)
		}
	}
	return c, nil
}
