package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
)

// status shows on stderr how far something has come: on a terminal one line that
// is written over, otherwise a line every ten seconds.
type status struct {
	*app
	last  time.Time // of the last line shown
	drawn bool      // the line is on the screen
}

// Between two status lines: on a terminal, and elsewhere.
const (
	redraw  = 100 * time.Millisecond
	restate = 10 * time.Second
)

// show shows what line returns, if it is time to. Elsewhere than on a terminal
// the first line comes after the first ten seconds.
func (s *status) show(line func() string) {
	if s.last.IsZero() {
		s.last = time.Now()
	}
	f := terminal(s.stderr)
	switch since := time.Since(s.last); {
	case s.Quiet:
	case f != nil && (since >= redraw || !s.drawn):
		s.last = time.Now()
		s.draw(f, line())
	case f == nil && since >= restate:
		s.last = time.Now()
		s.note("%s", line())
	}
}

// say writes a line that stays.
func (s *status) say(format string, args ...any) {
	s.clear()
	s.note(format, args...)
}

// draw writes over the status line. A narrow window shows its beginning.
func (s *status) draw(f *os.File, text string) {
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 1 {
		if r := []rune(text); len(r) >= width {
			text = string(r[:width-1])
		}
	}
	fmt.Fprintf(s.stderr, "\r\x1b[K%s", text)
	s.drawn = true
}

// clear takes the status line away.
func (s *status) clear() {
	if s.drawn {
		fmt.Fprint(s.stderr, "\r\x1b[K")
		s.drawn = false
	}
}

// progress tells of long work as it goes on; end takes away what is on the screen.
func (a *app) progress(what string) (tell func(done, total int), end func()) {
	s := &status{app: a}
	return func(done, total int) {
		s.show(func() string { return fmt.Sprintf("%d of %d %s", done, total, what) })
	}, s.clear
}

// during shows on a terminal what goes on that cannot be counted; end takes it away.
func (a *app) during(what string) (end func()) {
	s := &status{app: a}
	s.show(func() string { return what })
	return s.clear
}
