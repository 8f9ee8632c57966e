package jinja

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Str is text that knows who wrote it. Comparing and searching look at the text
// only. Bytes that are not UTF-8 count as one character each and stay as they are.
type Str struct {
	s string
	// runs are the byte offsets at which the writer changes; the text before the
	// first is the template's.
	runs []int
	safe bool // passed the filter safe or escape: + escapes what is added to it
}

// Text is a string from outside: no part of it can become markup.
func Text(s string) Str {
	if s == "" {
		return Str{}
	}
	return Str{s: s, runs: []int{0}}
}

// Trusted is a string that counts as the template's own.
func Trusted(s string) Str { return Str{s: s} }

func (s Str) String() string { return s.s }

// pieces cuts the text where the writer changes.
func (s Str) pieces() []Piece {
	var all []Piece
	written := true
	from := 0
	for _, to := range append(slices.Clip(s.runs), len(s.s)) {
		if to > from {
			all = append(all, Piece{s.s[from:to], written})
		}
		from, written = to, !written
	}
	return all
}

// cut is the bytes from i up to j.
func (s Str) cut(i, j int) Str {
	if i >= j {
		return Str{safe: s.safe}
	}
	if i == 0 && j == len(s.s) {
		return s
	}
	out := Str{s: s.s[i:j], safe: s.safe}
	first, exact := slices.BinarySearch(s.runs, i)
	if exact {
		first++
	}
	if first%2 == 1 { // i lies in a stretch from outside
		out.runs = append(out.runs, 0)
	}
	for _, r := range s.runs[first:] {
		if r >= j {
			break
		}
		out.runs = append(out.runs, r-i)
	}
	return out
}

// trim cuts the text down to part, which must be a substring of it.
func (s Str) trim(part func(string) string, left bool) Str {
	kept := part(s.s)
	if left {
		return s.cut(len(s.s)-len(kept), len(s.s))
	}
	return s.cut(0, len(kept))
}

// ascii says whether bytes are characters.
func (s Str) ascii() bool {
	for i := range len(s.s) {
		if s.s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// length counts characters.
func (s Str) length() int { return utf8.RuneCountInString(s.s) }

// offsets has the byte offset of every character, and of the end.
func (s Str) offsets() []int {
	at := make([]int, 0, len(s.s)+1)
	for i := range s.s {
		at = append(at, i)
	}
	return append(at, len(s.s))
}

// offset is the byte offset of the n-th character.
func (s Str) offset(n int) int {
	for i := range s.s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s.s)
}

// chars are the characters.
func (s Str) chars() []Value {
	s.safe = false
	at := s.offsets()
	all := make([]Value, 0, len(at)-1)
	for i := range len(at) - 1 {
		all = append(all, s.cut(at[i], at[i+1]))
	}
	return all
}

// builder joins text. Its interpreter pays for it.
type builder struct {
	in   *interp
	s    strings.Builder
	runs []int
	err  error
}

// part adds text of one writer.
func (b *builder) part(s string, written bool) {
	if s == "" || b.err != nil {
		return
	}
	if b.err = b.in.memory(len(s)); b.err != nil {
		return
	}
	if written != (len(b.runs)%2 == 0) {
		b.runs = append(b.runs, b.s.Len())
	}
	b.s.WriteString(s)
}

// data adds text that is neither the template's nor anybody's.
func (b *builder) data(s string) { b.part(s, false) }

func (b *builder) add(s Str) {
	if len(s.runs) == 0 {
		b.part(s.s, true)
		return
	}
	for _, p := range s.pieces() {
		b.part(p.Text, p.Written)
	}
}

func (b *builder) text() Str {
	s := Str{s: b.s.String(), runs: b.runs}
	if n := len(s.runs); n > 0 && s.runs[n-1] == len(s.s) {
		s.runs = s.runs[:n-1]
	}
	return s
}

func (b *builder) value() (Value, error) {
	if b.err != nil {
		return nil, b.err
	}
	return b.text(), nil
}

// join puts texts one after the other.
func (in *interp) join(parts ...Str) (Value, error) {
	b := builder{in: in}
	for _, p := range parts {
		b.add(p)
	}
	return b.value()
}

// mapped replaces every character by what f makes of it; the writers stay.
// Bytes that are not UTF-8 stay.
func (in *interp) mapped(s Str, f func(i int, r rune) string) (Value, error) {
	b := builder{in: in}
	written, next := true, 0
	for i, r := range s.s {
		for next < len(s.runs) && s.runs[next] <= i {
			written = !written
			next++
		}
		if _, size := utf8.DecodeRuneInString(s.s[i:]); r == utf8.RuneError && size == 1 {
			b.part(s.s[i:i+1], written)
			continue
		}
		b.part(f(i, r), written)
	}
	v, err := b.value()
	if t, ok := v.(Str); ok {
		t.safe = s.safe
		return t, err
	}
	return v, err
}
