// Package jinja runs the chat templates that models come with: Jinja2, as
// Hugging Face transformers sets it up, in a closed interpreter.
//
//   - [Parse] reads a template, [Template.Render] runs it.
//   - Nothing outside can be reached: there are no files, no imports, no
//     attributes of Go or Python objects. Time, memory, output and nesting are
//     bounded ([Limits]).
//   - Every string knows which of its characters the template wrote and which
//     come from the variables ([Piece]), through slices, concatenations, filters
//     and methods. Only the former may become special tokens.
//
// Behaviour follows Jinja2 3.1 and Python 3 to the byte, as far as chat templates
// see it: truth, printing, slices of characters, undefined values, white space
// around tags. Where it differs, it is stricter, with two exceptions. Lists and
// dicts may be changed (append, pop, update), which templates written for other
// interpreters do and transformers refuses; and a name that a template sets further
// down has, before that, the value it was given. Integers have 64 bits and overflow is
// an error; longer ones in variables are kept as they are, for printing only.
//
// The files follow the path of a template: lex, parse, then exec for statements
// and eval for expressions. value and text hold what is computed; filters, tests,
// methods and globals are tables.
package jinja

import (
	"errors"
	"fmt"
	"time"
)

// ErrSyntax is wrapped when a template cannot be read.
var ErrSyntax = errors.New("template syntax")

// ErrLimit is wrapped when a template takes more than its [Limits].
var ErrLimit = errors.New("template limit")

// Error is what went wrong in a template, and where.
type Error struct {
	Line int // from 1
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// Raised is the error of a template that called raise_exception: the template
// refuses what it was given, and Message says why.
type Raised struct{ Message string }

func (r *Raised) Error() string { return r.Message }

// Limits bound what one Render may take. A zero field is its default.
type Limits struct {
	Steps  int // nodes evaluated and items visited, with long texts counting for more; 20 million
	Depth  int // calls within calls, and lists within lists when printed; 100
	Output int // bytes written; 16 MiB
	Memory int // bytes of all text and items that were ever made; 256 MiB
}

// maxRange is the longest range, as in Jinja2's sandbox.
const maxRange = 100_000

// Options of [Template.Render].
type Options struct {
	Limits Limits
	Now    time.Time // what strftime_now takes for now; zero: time.Now
}

// Piece is a stretch of output by one writer.
type Piece struct {
	Text    string
	Written bool // by the template itself, not taken from a variable
}

// Template is a parsed template. It may be used by several goroutines.
type Template struct{ body []node }

// Parse reads a template. It is an [*Error] that wraps [ErrSyntax] or [ErrLimit].
func Parse(source string) (*Template, error) {
	tokens, err := lex(source)
	if err != nil {
		return nil, err
	}
	p := parser{tokens: tokens}
	body, err := p.body()
	if err != nil {
		return nil, err
	}
	return &Template{body}, nil
}

// Render runs the template. Names that vars lacks are undefined, which is no
// error by itself. Errors are [*Error], and wrap [*Raised] if the template refused.
// Values in vars may be changed by the template.
func (t *Template) Render(vars map[string]Value, o Options) ([]Piece, error) {
	in := newInterp(o)
	outer := &scope{given: vars, parent: &scope{given: in.globals()}}
	out := &builder{in: in}
	if err := in.exec(t.body, &scope{parent: outer}, out); err != nil {
		var located *Error
		if errors.As(err, &located) {
			return nil, located
		}
		return nil, &Error{in.line, err}
	}
	return out.text().pieces(), nil
}
