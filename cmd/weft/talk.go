package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode/utf8"

	"charm.land/lipgloss/v2"

	"weft"
	"weft/chat"
	"weft/cmd/weft/internal/view"
	"weft/generate"
)

// talk is a conversation at the terminal.
type talk struct {
	app   *app
	model opened
	chat  *weft.Chat
	lines lineReader
	ui    io.Writer  // the terminal
	paint view.Paint // what it can show
	last  weft.Reply // of the last answer, for /why and /tokens
}

// lineReader gives what the user types, line by line; io.EOF means that they leave.
type lineReader interface{ ReadLine() (string, error) }

// alternatives is how many likely tokens are kept at each place, for /why.
const alternatives = 8

// interactive holds the conversation until the user leaves.
func (c *chatCommand) interactive(a *app) error {
	if a.JSON {
		return usagef("--json needs -p TEXT, or a text on stdin")
	}
	m, conversation, err := c.open(a)
	if err != nil {
		return err
	}
	defer m.Close()
	conversation.Options.Top = alternatives
	t := &talk{app: a, model: m, chat: conversation, ui: a.stdout}
	if terminal(a.stdout) == nil {
		t.ui = a.stderr // answers go to a file or a pipe, the rest stays visible
	}
	t.paint = paint(t.ui)
	t.lines = newEditor(terminal(a.stdin), t.ui, t.accent("› "))
	t.greet()
	return t.loop()
}

func (t *talk) greet() {
	if t.app.Quiet {
		return
	}
	c := t.model.Core.Config
	fmt.Fprintf(t.ui, "%s  %s\n", t.accent(t.model.Name),
		t.faint(fmt.Sprintf("%s, %s parameters, context %d", c.Arch, view.Params(t.model.Params()), t.chat.Context())))
	if t.model.Template == chat.Plain {
		t.tell("This model has no chat template: it continues what you write.")
	}
	if len(t.model.changed) > 0 {
		t.tell("Changed: " + strings.Join(t.model.changed, ", ") + ".")
	}
	t.tell("/help lists what else there is; Ctrl-D leaves.")
}

// loop reads and answers. What goes wrong with one line is said, not fatal.
func (t *talk) loop() error {
	for {
		line, err := t.lines.ReadLine()
		if errors.Is(err, io.EOF) {
			fmt.Fprintln(t.ui)
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the terminal: %w", err)
		}
		switch err := t.do(line); {
		case errors.Is(err, errLeave):
			return nil
		case errors.Is(err, errInterrupted):
			return err
		case err != nil:
			t.tell("! " + t.model.explain(err, t.chat.Context()).Error())
		}
	}
}

var errLeave = errors.New("leave")

// do answers a line or obeys a command. Two slashes begin a text with one.
func (t *talk) do(line string) error {
	if !strings.HasPrefix(line, "/") || strings.HasPrefix(line, "//") {
		if strings.TrimSpace(line) == "" {
			return nil
		}
		text := line
		if strings.HasPrefix(line, "//") {
			text = line[1:]
		}
		return t.answer(func(ctx context.Context, yield func(weft.Token) bool) (weft.Reply, error) {
			return t.chat.Say(ctx, text, yield)
		})
	}
	name, arg, _ := strings.Cut(line[1:], " ")
	for _, c := range talkCommands {
		if c.name == name {
			return c.do(t, strings.TrimSpace(arg))
		}
	}
	return fmt.Errorf("there is no /%s; /help lists what there is, and // begins a text with a slash", name)
}

// answer lets the model speak, until it ends or Ctrl-C stops it. A second Ctrl-C
// leaves.
func (t *talk) answer(speak func(context.Context, func(weft.Token) bool) (weft.Reply, error)) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	done := make(chan bool)
	defer close(done)
	go func() {
		select {
		case <-signals:
			cancel()
		case <-done:
		}
	}()

	out := newLiner(t.app.stdout)
	reply, err := speak(ctx, func(tok weft.Token) bool {
		out.print(tok.Text)
		return out.err == nil
	})
	if err := out.end(); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	t.last = reply
	t.remark(reply)
	if len(signals) > 0 {
		return errInterrupted
	}
	return nil
}

// remark says what the answer itself does not show.
func (t *talk) remark(r weft.Reply) {
	var notes []string
	if r.Dropped > 0 {
		notes = append(notes, dropped(r.Dropped, t.chat.Context()))
	}
	switch r.Finish {
	case generate.Length:
		notes = append(notes, fmt.Sprintf("stopped after %d tokens (--max-tokens)", t.chat.Options.MaxTokens))
	case generate.Context:
		notes = append(notes, fmt.Sprintf("stopped: the context of %d tokens is full; /reset makes room", t.chat.Context()))
	case generate.Cancel:
		notes = append(notes, "stopped")
	}
	if len(notes) > 0 && !t.app.Quiet {
		t.tell("(" + strings.Join(notes, "; ") + ")")
	}
}

// tell writes a note, in lines that the terminal has room for.
func (t *talk) tell(note string) {
	line, width := "", 0
	for _, word := range strings.Fields(note) {
		n := utf8.RuneCountInString(word)
		if width > 0 && t.paint.Width > 0 && width+1+n > t.paint.Width {
			fmt.Fprintln(t.ui, t.faint(line))
			line, width = "", 0
		}
		if width > 0 {
			line, width = line+" ", width+1
		}
		line, width = line+word, width+n
	}
	fmt.Fprintln(t.ui, t.faint(line))
}

// accent and faint are the two voices beside the conversation's own. They use
// the terminal's own colours, which suit its background.
func (t *talk) accent(s string) string {
	return t.style(lipgloss.NewStyle().Foreground(lipgloss.Cyan), s)
}
func (t *talk) faint(s string) string { return t.style(lipgloss.NewStyle().Faint(true), s) }

func (t *talk) style(style lipgloss.Style, s string) string {
	if !t.paint.Color {
		return s
	}
	return style.Render(s)
}
