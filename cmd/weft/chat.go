package main

import (
	"weft"
	"weft/chat"
)

type chatCommand struct {
	modelArg
	computeFlags
	Prompt      *string `short:"p" help:"Say this, print the answer, and leave; - reads stdin, which is also read if it is no terminal." placeholder:"TEXT"`
	System      string  `help:"What the model should know or be." placeholder:"TEXT"`
	Ctx         int     `help:"Most tokens of conversation; 0 is what the model was made for." placeholder:"N" default:"0"`
	TopLogprobs int     `help:"With --json: list the N most likely tokens at each place." placeholder:"N" default:"0"`
	samplingFlags
	liveFlags
	speculationFlags
}

func (chatCommand) Help() string {
	return `In the conversation, /help lists what else can be done: see what the model could have said instead, ask again, save.

Examples:

    weft chat
    echo "To be, or" | weft chat
    weft chat out/mine -p "Hello" --temp 0.5
    weft chat out/mine --steer glad.json`
}

// How much an answer has unless told otherwise. A model without a template has
// nothing that ends its turn.
const (
	plainTokens = 128
	chatTokens  = 1024
)

func (c *chatCommand) Run(a *app) error {
	if err := a.checkCounts(c.Ctx, c.TopLogprobs); err != nil {
		return err
	}
	if c.Prompt == nil && terminal(a.stdin) != nil {
		return c.interactive(a)
	}
	if _, err := modelPath(c.Model); err != nil {
		return err // before it waits for a text, or misses one
	}
	prompt, err := a.prompt(c.Prompt)
	switch {
	case err != nil:
		return err
	case prompt == "":
		return usagef("there is nothing to answer: the text is empty")
	}
	m, talk, err := c.open(a)
	if err != nil {
		return err
	}
	defer m.Close()
	if m.Template == chat.Plain {
		a.note("%s has no chat template: it continues the text", m.Name)
	}
	talk.Options.LogProbs, talk.Options.Top = a.JSON, c.TopLogprobs
	ctx, stop := interruptible()
	defer stop()
	return a.speak(m, talk.Options, func(yield func(weft.Token) bool) (weft.Reply, error) {
		return talk.Say(ctx, prompt, yield)
	})
}

// open gets the model and begins the conversation.
func (c *chatCommand) open(a *app) (opened, *weft.Chat, error) {
	m, err := a.openModel(c.Model, c.computeFlags)
	if err != nil {
		return m, nil, err
	}
	talk, err := c.begin(a, &m)
	if err != nil {
		m.Close()
	}
	return m, talk, err
}

func (c *chatCommand) begin(a *app, m *opened) (*weft.Chat, error) {
	s, err := c.options(m.Sampling, a.Seed)
	if err != nil {
		return nil, err
	}
	window, err := m.context(c.Ctx)
	if err != nil {
		return nil, err
	}
	usual := chatTokens
	if m.Template == chat.Plain {
		usual = plainTokens
	}
	o := weft.Options{Sampling: &s, Context: window, MaxTokens: c.maxTokens(usual), Stop: c.Stop}
	if err := c.speculationFlags.open(a, m, &o); err != nil {
		return nil, err
	}
	ctx, stop := interruptible()
	defer stop()
	if err := c.liveFlags.open(ctx, a, m, &o); err != nil {
		return nil, err
	}
	talk, err := m.Chat(o)
	if err != nil {
		return nil, err
	}
	talk.System = c.System
	return talk, nil
}
