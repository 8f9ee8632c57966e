package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Keys that the editor looks at itself.
const (
	ctrlC = 3
	ctrlD = 4
	ctrlE = 5  // end of line
	ctrlU = 21 // delete to the beginning
)

// editor reads lines with editing and history. Only while it reads is the
// terminal in raw mode; in between, Ctrl-C is a signal as usual.
type editor struct {
	in    *os.File
	term  *term.Terminal
	plain *bufio.Reader // instead of term, if the terminal cannot be raw
}

func newEditor(in *os.File, out io.Writer, prompt string) *editor {
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{&keys{in: in}, out}, prompt)
	t.AutoCompleteCallback = complete
	return &editor{in: in, term: t}
}

// ReadLine reads one line, or several at once if they are pasted. io.EOF means
// Ctrl-D, or Ctrl-C twice on an empty line.
func (e *editor) ReadLine() (string, error) {
	if e.plain != nil {
		return e.readPlain()
	}
	before, err := term.MakeRaw(int(e.in.Fd()))
	if err != nil {
		e.plain = bufio.NewReader(e.in)
		return e.readPlain()
	}
	defer term.Restore(int(e.in.Fd()), before)
	if columns, rows, err := term.GetSize(int(e.in.Fd())); err == nil && columns > 0 {
		e.term.SetSize(columns, rows)
	}
	e.term.SetBracketedPasteMode(true)
	defer e.term.SetBracketedPasteMode(false)
	var pasted []string
	for {
		line, err := e.term.ReadLine()
		if errors.Is(err, term.ErrPasteIndicator) {
			pasted = append(pasted, line)
			continue
		}
		return strings.Join(append(pasted, line), "\n"), err
	}
}

func (e *editor) readPlain() (string, error) {
	line, err := e.plain.ReadString('\n')
	if err == io.EOF && line != "" {
		err = nil
	}
	return strings.TrimRight(line, "\r\n"), err
}

// keys makes Ctrl-C clear a line that has something on it. On an empty one only
// the second goes through and ends the reading: the first may have been meant
// for an answer that was faster.
type keys struct {
	in      io.Reader
	written bool // since the last line break
	pressed bool // Ctrl-C was the last key, and there was nothing to clear
}

func (k *keys) Read(p []byte) (int, error) {
	if len(p) < 2 {
		return k.in.Read(p)
	}
	n, err := k.in.Read(p[:len(p)/2]) // one key may become two
	var out []byte
	for _, b := range p[:n] {
		pressed := k.pressed
		k.pressed = b == ctrlC && !k.written
		switch {
		case k.pressed && !pressed:
		case b == ctrlC && k.written:
			out = append(out, ctrlE, ctrlU)
			k.written = false
		case b == '\r', b == '\n', b == ctrlU:
			k.written = false
			out = append(out, b)
		default:
			k.written = k.written || b != ctrlC && b != ctrlD
			out = append(out, b)
		}
	}
	return copy(p, out), err
}

// complete finishes a command's name when Tab is pressed.
func complete(line string, pos int, key rune) (string, int, bool) {
	if key != '\t' || pos != len(line) || !strings.HasPrefix(line, "/") {
		return "", 0, false
	}
	found := ""
	for _, c := range talkCommands {
		if strings.HasPrefix("/"+c.name, line) {
			if found != "" {
				return "", 0, false // more than one
			}
			found = "/" + c.name
			if c.arg != "" {
				found += " "
			}
		}
	}
	return found, len(found), found != ""
}
