package main

import (
	"io"
	"strings"
	"unicode"

	"weft"
	"weft/cmd/weft/internal/view"
	"weft/generate"
)

type runCommand struct {
	modelArg
	computeFlags
	Prompt       *string `short:"p" help:"Text to continue; - reads stdin, which is also read if there is no -p." placeholder:"TEXT"`
	Ctx          int     `help:"Most tokens of prompt and answer together; 0 is what the model was made for." placeholder:"N" default:"0"`
	Raw          bool    `help:"Put nothing before the text, not even the token that starts all texts."`
	ParseSpecial bool    `help:"Text that spells a special token is that token."`
	TopLogprobs  int     `help:"With --json: list the N most likely tokens at each place." placeholder:"N" default:"0"`
	samplingFlags
	liveFlags
	speculationFlags
}

func (runCommand) Help() string {
	return `The model sees the text as it is, without any chat template, and goes on from there.

Examples:

    weft run -p "To be, or not" --temp 0 --max-tokens 30
    weft run -p "I think that this is" --steer glad.json
    weft run -p "To be, or not" --temp 0 --ablate L2.mlp`
}

// runTokens is how much run writes unless told otherwise.
const runTokens = 128

func (c *runCommand) Run(a *app) error {
	prompt, err := a.prompt(c.Prompt)
	if err != nil {
		return err
	}
	if err := a.checkCounts(c.Ctx, c.TopLogprobs); err != nil {
		return err
	}
	m, err := a.openModel(c.Model, c.computeFlags)
	if err != nil {
		return err
	}
	defer func() { m.Close() }()
	s, err := c.options(m.Sampling, a.Seed)
	if err != nil {
		return err
	}
	window, err := m.context(c.Ctx)
	if err != nil {
		return err
	}
	o := weft.Options{
		Sampling: &s, Context: window, MaxTokens: c.maxTokens(runTokens), Stop: c.Stop,
		LogProbs: a.JSON, Top: c.TopLogprobs, Raw: c.Raw, ParseSpecial: c.ParseSpecial,
	}
	if err := c.speculationFlags.open(a, &m, &o); err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	if err := c.liveFlags.open(ctx, a, &m, &o); err != nil {
		return err
	}
	return a.speak(m, o, func(yield func(weft.Token) bool) (weft.Reply, error) {
		res, err := m.Complete(ctx, prompt, o, yield)
		return weft.Reply{Result: res, Prompt: m.Encode(prompt, o)}, err
	})
}

// speak prints one answer: as a document, or as text while it comes.
func (a *app) speak(m opened, o weft.Options, answer func(func(weft.Token) bool) (weft.Reply, error)) error {
	out := newLiner(a.stdout)
	out.open = true // an empty answer is an empty line
	reply, err := answer(func(t weft.Token) bool {
		if !a.JSON {
			out.print(t.Text)
		}
		return out.err == nil
	})
	switch {
	case err != nil:
		return m.explain(err, o.Context)
	case a.JSON:
		err = a.writeJSON(m.answer(reply, *o.Sampling, o.Context))
	default:
		err = out.end()
	}
	if err == nil && reply.Finish == generate.Cancel {
		err = errInterrupted
	}
	a.remark(reply, o)
	return err
}

// liner writes a model's text as it comes, remembers the first error, and can
// complete the last line.
type liner struct {
	w    io.Writer
	safe bool // w is a terminal, which control characters could command
	err  error
	open bool // the last line has no end yet
}

func newLiner(w io.Writer) *liner { return &liner{w: w, safe: terminal(w) != nil} }

func (l *liner) print(text string) {
	if text == "" || l.err != nil {
		return
	}
	l.open = !strings.HasSuffix(text, "\n")
	if l.safe {
		text = harmless(text)
	}
	_, l.err = io.WriteString(l.w, text)
}

// harmless makes control characters visible, except line breaks and tabs.
func harmless(text string) string {
	if !strings.ContainsFunc(text, isCommand) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if isCommand(r) {
			b.WriteString(view.Visible([]byte(string(r))))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isCommand(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

// end completes the last line.
func (l *liner) end() error {
	if l.open {
		l.print("\n")
	}
	return l.err
}

// prompt is what -p says, or stdin if that is no terminal.
func (a *app) prompt(flag *string) (string, error) {
	switch {
	case flag != nil:
		return a.input(*flag)
	case terminal(a.stdin) != nil:
		return "", usagef("there is nothing to continue; give it with -p TEXT")
	}
	return a.input("-")
}

// context is the flag's, or all that the model has.
func (o opened) context(flag int) (int, error) {
	most := o.Core.Config.Context
	switch {
	case flag > most:
		return 0, usagef("--ctx is %d, %s was made for %d", flag, o.Name, most)
	case flag == 0:
		return most, nil
	}
	return flag, nil
}

// maxTop is how many candidates may be asked for at each place.
const maxTop = 1000

func (a *app) checkCounts(ctx, top int) error {
	switch {
	case ctx < 0:
		return usagef("--ctx is %d, must be 0 or more", ctx)
	case top < 0 || top > maxTop:
		return usagef("--top-logprobs is %d, must be between 0 and %d", top, maxTop)
	case top > 0 && !a.JSON:
		return usagef("--top-logprobs needs --json")
	}
	return nil
}
