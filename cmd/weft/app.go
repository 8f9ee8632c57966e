package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"weft/cmd/weft/internal/view"
)

// app is what a command runs in: its streams and the flags that all share.
type app struct {
	common
	stdin          io.Reader
	stdout, stderr io.Writer
}

// errInterrupted ends a command that the user stopped; there is nothing to say.
var errInterrupted = errors.New("interrupted")

// usageError is something that the user can correct on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// note tells the user something on stderr.
func (a *app) note(format string, args ...any) {
	if !a.Quiet {
		fmt.Fprintf(a.stderr, "weft: "+format+"\n", args...)
	}
}

// writeJSON prints a document on one line.
func (a *app) writeJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// interruptible is a context that Ctrl-C or a polite kill cancels.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

// terminal is the file behind a stream if that is a terminal, else nil.
func terminal(stream any) *os.File {
	if f, ok := stream.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// paint says what a stream can show.
func paint(w io.Writer) view.Paint {
	f := terminal(w)
	if f == nil {
		return view.Paint{}
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		columns = 0
	}
	return view.Paint{Color: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb", Width: columns}
}

// maxInput bounds what is read from stdin into memory.
const maxInput = 256 << 20

// input is the text of an argument, or of stdin for "-", where one line break at
// the end, which echo and editors add, does not count.
func (a *app) input(arg string) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	data, err := io.ReadAll(io.LimitReader(a.stdin, maxInput+1))
	if err != nil {
		return "", fmt.Errorf("read stdin: %w", err)
	}
	if len(data) > maxInput {
		return "", fmt.Errorf("read stdin: more than %d MiB", maxInput>>20)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}
