package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"

	"weft"
	"weft/chat"
	"weft/cmd/weft/internal/view"
)

// talkCommand is something to say to the program rather than to the model.
type talkCommand struct {
	name, arg, help string
	do              func(t *talk, arg string) error
}

var talkCommands []talkCommand

func init() { // not a plain initialiser: /help reads the list
	talkCommands = []talkCommand{
		{"help", "", "this list", (*talk).help},
		{"why", "[N|all]", "what else was likely for the last answer's last N tokens, and how likely", (*talk).why},
		{"tokens", "", "the last turn's tokens, and how full the context is", (*talk).tokens},
		{"regen", "", "another answer to your last message", (*talk).regen},
		{"system", "[TEXT]", "show, or set, what the model should know or be; - is nothing", (*talk).system},
		{"reset", "", "forget the conversation", (*talk).reset},
		{"save", "FILE", "keep the conversation in a file", (*talk).save},
		{"load", "FILE", "go on with a kept one", (*talk).load},
		{"quit", "", "leave (also Ctrl-D)", func(*talk, string) error { return errLeave }},
	}
}

func (t *talk) help(string) error {
	for _, c := range talkCommands {
		fmt.Fprintf(t.ui, "  %s  %s\n", t.accent(fmt.Sprintf("%-14s", "/"+c.name+" "+c.arg)), c.help)
	}
	fmt.Fprintln(t.ui, t.faint("Ctrl-C stops an answer; twice, it leaves. A line that begins with // is a text that begins with /."))
	return nil
}

func (t *talk) regen(string) error {
	return t.answer(func(ctx context.Context, yield func(weft.Token) bool) (weft.Reply, error) {
		return t.chat.Again(ctx, yield)
	})
}

func (t *talk) reset(string) error {
	t.chat.Reset()
	t.last = weft.Reply{}
	t.say("forgotten")
	return nil
}

func (t *talk) system(arg string) error {
	switch arg {
	case "":
	case "-":
		t.chat.System = ""
	default:
		t.chat.System = arg
	}
	if t.chat.System == "" {
		t.say("there is no system text")
		return nil
	}
	t.say("system text: %s", t.chat.System)
	return nil
}

var errNoFile = errors.New("the name of a file is missing")

func (t *talk) save(path string) error {
	if path == "" {
		return errNoFile
	}
	err := chat.Save(path, chat.File{Model: t.model.Name, Template: t.chat.Template.Name(), Conversation: t.chat.Conversation})
	if err == nil {
		t.say("saved %d messages in %s", len(t.chat.Messages()), path)
	}
	return err
}

func (t *talk) load(path string) error {
	if path == "" {
		return errNoFile
	}
	f, err := chat.Load(path)
	if err != nil {
		return err
	}
	t.chat.Conversation, t.last = f.Conversation, weft.Reply{}
	t.say("loaded %d messages", len(f.Messages()))
	if f.Model != "" && f.Model != t.model.Name {
		t.say("they were held with %s", f.Model)
	}
	for _, m := range f.Turns[max(0, len(f.Turns)-2):] {
		fmt.Fprintf(t.ui, "%s %s\n", t.faint(string(m.Role)+":"), harmless(m.Content))
	}
	return nil
}

func (t *talk) say(format string, args ...any) {
	fmt.Fprintln(t.ui, t.faint(fmt.Sprintf(format, args...)))
}

// tokens shows the last turn as the model sees it.
func (t *talk) tokens(string) error {
	prompt, left, err := t.chat.Prompt()
	if err != nil {
		return err
	}
	t.say("the conversation has %d tokens, the context %d", len(prompt), t.chat.Context())
	if left > 0 {
		t.say("%s", dropped(left, t.chat.Context()))
	}
	r := t.last
	if r.Sampled == 0 {
		return nil
	}
	t.say("last turn: %d tokens of prompt, %d of them known from before; %d of answer; %.0f and %.0f tokens/s",
		len(r.Prompt), r.Reused, len(r.Tokens), r.PrefillRate(), r.DecodeRate())
	t.spell("prompt", r.Prompt[r.Reused:])
	var ids []int32
	for _, tok := range r.Tokens {
		ids = append(ids, tok.ID)
	}
	t.spell("answer", ids)
	return nil
}

// spell writes tokens with their IDs, in lines that fit.
func (t *talk) spell(title string, ids []int32) {
	column := lipgloss.Width(title) + 2
	indent := strings.Repeat(" ", column)
	fmt.Fprint(t.ui, t.faint(title)+"  ")
	at := column
	for i, id := range ids {
		piece, number := view.Visible(t.model.Tokenizer.Piece(id)), strconv.Itoa(int(id))
		n := lipgloss.Width(piece) + 1 + len(number) + 2
		if at+n > t.columns() && i > 0 {
			fmt.Fprint(t.ui, "\n"+indent)
			at = column
		}
		fmt.Fprint(t.ui, piece+t.faint(":"+number)+"  ")
		at += n
	}
	fmt.Fprintln(t.ui)
}

// columns is how wide the terminal is now.
func (t *talk) columns() int {
	if w := paint(t.ui).Width; w > 0 {
		return w
	}
	return 80
}
