package chat

import (
	"fmt"
	"strings"
)

// Template writes messages the way a model learnt them.
type Template interface {
	// Name is what people call it.
	Name() string
	// Render writes the messages and opens the assistant's turn.
	Render(messages []Message) (Prompt, error)
	// End lists the special tokens with which the model ends its turn.
	End() []string
}

// Prompt is rendered messages: text that knows who wrote it.
type Prompt struct {
	Pieces     []Piece
	AddSpecial bool // the tokenizer adds what it adds to any text (BOS); else the pieces have it already
}

// Piece is a stretch of a prompt.
type Piece struct {
	Text   string
	Markup bool // written by the template: may become special tokens
}

// Plain is for models that only continue text: there are no turns, just one text
// to which both sides add. It has nothing that ends a turn.
var Plain Template = plain{}

type plain struct{}

func (plain) Name() string  { return "plain" }
func (plain) End() []string { return nil }

// Render joins the messages. What the model says continues the user's text
// directly; everything else begins on a new line.
func (plain) Render(messages []Message) (Prompt, error) {
	p := Prompt{AddSpecial: true}
	before := ""
	for i, m := range messages {
		if err := simple(i, m); err != nil {
			return Prompt{}, err
		}
		if before != "" && !strings.HasSuffix(before, "\n") && m.Role != Assistant {
			p.Pieces = append(p.Pieces, Piece{Text: "\n", Markup: true})
		}
		p.Pieces = append(p.Pieces, Piece{Text: m.Content})
		if m.Content != "" {
			before = m.Content
		}
	}
	return p, nil
}

// ChatML marks turns with <|im_start|>role, a line break, and <|im_end|>.
var ChatML Template = chatML{}

const imStart, imEnd = "<|im_start|>", "<|im_end|>"

type chatML struct{}

func (chatML) Name() string  { return "chatml" }
func (chatML) End() []string { return []string{imEnd} }

func (chatML) Render(messages []Message) (Prompt, error) {
	p := Prompt{AddSpecial: true}
	write := func(text string, markup bool) { p.Pieces = append(p.Pieces, Piece{text, markup}) }
	for i, m := range messages {
		if err := simple(i, m); err != nil {
			return Prompt{}, err
		}
		write(imStart+string(m.Role)+"\n", true)
		write(m.Content, false)
		write(imEnd+"\n", true)
	}
	write(imStart+string(Assistant)+"\n", true)
	return p, nil
}

// simple refuses what a built-in template has no form for.
func simple(i int, m Message) error {
	if m.Role != System && m.Role != User && m.Role != Assistant {
		return fmt.Errorf("%w: number %d has the role %q, which the template does not know", ErrMessages, i+1, m.Role)
	}
	if len(m.ToolCalls) > 0 {
		return fmt.Errorf("%w: number %d calls a tool, which the template has no form for", ErrMessages, i+1)
	}
	return nil
}
