package jinja

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSource bounds a template. The longest known have about 50 KiB.
const maxSource = 1 << 20

type tokenKind int

const (
	tokEOF tokenKind = iota
	tokData
	tokVarBegin
	tokVarEnd
	tokBlockBegin
	tokBlockEnd
	tokName
	tokString
	tokInt
	tokFloat
	tokOp
)

type token struct {
	kind  tokenKind
	text  string // a string's is decoded
	line  int
	value Value // of numbers
}

// lexer cuts a template into tokens, with trim_blocks and lstrip_blocks on:
// the line break after a block goes, and so does the indentation before it.
type lexer struct {
	src       string
	at        int
	line      int
	lineStart bool // what came before at ended in a line break, or nothing came
	tokens    []token
}

func lex(source string) ([]token, error) {
	if len(source) > maxSource {
		return nil, &Error{1, fmt.Errorf("%w: it has %d bytes, the most is %d", ErrLimit, len(source), maxSource)}
	}
	l := &lexer{src: oneLineBreak(source), line: 1, lineStart: true}
	for l.at < len(l.src) {
		if err := l.next(); err != nil {
			return nil, &Error{l.line, err}
		}
	}
	l.emit(tokEOF, "")
	return l.tokens, nil
}

// oneLineBreak makes all line breaks \n and takes one from the end.
func oneLineBreak(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	return strings.TrimSuffix(s, "\n")
}

func syntax(format string, a ...any) error {
	return fmt.Errorf("%w: %w", ErrSyntax, fmt.Errorf(format, a...))
}

func (l *lexer) emit(k tokenKind, text string) {
	l.tokens = append(l.tokens, token{kind: k, text: text, line: l.line})
}

// move goes forward over n bytes.
func (l *lexer) move(n int) {
	passed := l.src[l.at : l.at+n]
	l.line += strings.Count(passed, "\n")
	if n > 0 {
		l.lineStart = passed[n-1] == '\n'
	}
	l.at += n
}

// next reads text up to a tag, and the tag.
func (l *lexer) next() error {
	rest := l.src[l.at:]
	n := 0
	for ; ; n++ {
		i := strings.IndexByte(rest[n:], '{')
		if i < 0 || n+i+1 >= len(rest) {
			l.emit(tokData, rest)
			l.move(len(rest))
			return nil
		}
		if n += i; strings.IndexByte("{%#", rest[n+1]) >= 0 {
			break
		}
	}
	kind := rest[n+1]
	sign := l.sign(n + 2)
	l.emit(tokData, l.before(rest[:n], kind, sign))
	l.move(n + 2 + len(sign))
	switch kind {
	case '#':
		return l.comment()
	case '{':
		l.emit(tokVarBegin, "")
		return l.inside("}}", tokVarEnd)
	}
	if n, ok := l.rawTag("raw"); ok {
		return l.raw(n)
	}
	l.emit(tokBlockBegin, "")
	return l.inside("%}", tokBlockEnd)
}

// sign is the white space control n bytes on: - or + or nothing.
func (l *lexer) sign(n int) string {
	if i := l.at + n; i < len(l.src) && (l.src[i] == '-' || l.src[i] == '+') {
		return l.src[i : i+1]
	}
	return ""
}

// before is what remains of the text before a tag.
func (l *lexer) before(text string, kind byte, sign string) string {
	if sign == "-" {
		return strings.TrimRightFunc(text, isSpace)
	}
	if sign == "+" || kind == '{' {
		return text
	}
	from := strings.LastIndexByte(text, '\n') + 1
	if (from > 0 || l.lineStart) && strings.TrimLeftFunc(text[from:], isSpace) == "" {
		return text[:from]
	}
	return text
}

// end passes the end of a tag, and what white space control says goes with it.
func (l *lexer) end(mark string, trimLine bool) bool {
	rest := l.src[l.at:]
	switch {
	case strings.HasPrefix(rest, "-"+mark):
		after := strings.TrimLeftFunc(rest[1+len(mark):], isSpace)
		l.move(len(rest) - len(after))
	case trimLine && strings.HasPrefix(rest, "+"+mark):
		l.move(1 + len(mark))
	case strings.HasPrefix(rest, mark):
		n := len(mark)
		if trimLine && strings.HasPrefix(rest[n:], "\n") {
			n++
		}
		l.move(n)
	default:
		return false
	}
	return true
}

func (l *lexer) comment() error {
	i := strings.Index(l.src[l.at:], "#}")
	if i < 0 {
		return syntax("a comment has no end")
	}
	if i > 0 && strings.IndexByte("-+", l.src[l.at+i-1]) >= 0 {
		i--
	}
	l.move(i)
	l.end("#}", true)
	return nil
}

// rawTag recognises the rest of a tag that has just this name, up to its end mark.
func (l *lexer) rawTag(name string) (n int, ok bool) {
	rest := l.src[l.at:]
	after, ok := strings.CutPrefix(strings.TrimLeftFunc(rest, isSpace), name)
	if !ok {
		return 0, false
	}
	after = strings.TrimLeftFunc(after, isSpace)
	n = len(rest) - len(after)
	ok = strings.HasPrefix(after, "%}") || strings.HasPrefix(after, "-%}") ||
		name == "endraw" && strings.HasPrefix(after, "+%}")
	return n, ok
}

// raw reads text up to endraw. n leads to the end of the opening tag.
func (l *lexer) raw(n int) error {
	l.move(n)
	l.end("%}", false)
	from := l.at
	for {
		i := strings.Index(l.src[l.at:], "{%")
		if i < 0 {
			return syntax("raw has no end")
		}
		lineStart := l.lineStart
		text := l.src[from : l.at+i]
		sign := l.sign(i + 2)
		l.move(i + 2 + len(sign))
		if n, ok := l.rawTag("endraw"); ok {
			l.lineStart = lineStart
			l.emit(tokData, l.before(text, '%', sign))
			l.move(n)
			l.end("%}", true)
			return nil
		}
	}
}

// inside reads expressions up to the end mark, which does not count in brackets.
func (l *lexer) inside(mark string, end tokenKind) error {
	var open []byte
	for {
		if len(open) == 0 && l.end(mark, end == tokBlockEnd) {
			l.emit(end, "")
			return nil
		}
		if l.at >= len(l.src) {
			return syntax("a tag has no end")
		}
		if err := l.token(&open); err != nil {
			return err
		}
	}
}

func (l *lexer) token(open *[]byte) error {
	rest := l.src[l.at:]
	r, size := utf8.DecodeRuneInString(rest)
	switch {
	case isSpace(r):
		l.move(size)
	case r >= '0' && r <= '9':
		return l.number(rest)
	case r == '_' || unicode.IsLetter(r):
		n := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if n < 0 {
			n = len(rest)
		}
		l.emit(tokName, rest[:n])
		l.move(n)
	case r == '\'' || r == '"':
		return l.quoted(rest)
	default:
		return l.operator(rest, open)
	}
	return nil
}

var operators = []string{"//", "**", "==", "!=", ">=", "<=",
	"+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"}

func (l *lexer) operator(rest string, open *[]byte) error {
	for _, op := range operators {
		if !strings.HasPrefix(rest, op) {
			continue
		}
		switch c := op[0]; c {
		case '(', '[', '{':
			*open = append(*open, c)
		case ')', ']', '}':
			n := len(*open)
			if n == 0 || !strings.Contains("() [] {}", string([]byte{(*open)[n-1], c})) {
				return syntax("unexpected %q", op)
			}
			*open = (*open)[:n-1]
		}
		l.emit(tokOp, op)
		l.move(len(op))
		return nil
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return syntax("unexpected character %q", r)
}

// quoted reads a string literal.
func (l *lexer) quoted(rest string) error {
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case rest[0]:
			text, err := unescape(rest[1:i])
			if err != nil {
				return err
			}
			l.emit(tokString, text)
			l.move(i + 1)
			return nil
		}
	}
	return syntax("a string has no end")
}
