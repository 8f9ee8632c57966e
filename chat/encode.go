package chat

import (
	"bytes"
	"strings"
	"unicode"

	"weft/tokenizer"
)

// For picks the template that a tokenizer's special tokens call for.
func For(t *tokenizer.Tokenizer) Template {
	_, start := t.SpecialID(imStart)
	_, end := t.SpecialID(imEnd)
	if start && end {
		return ChatML
	}
	return Plain
}

// Encode makes tokens of a prompt. Special tokens, and others that are marks
// (<think>, see [tokenizer.Added.IsMark]), are recognised in markup only. Text
// between two of them is encoded in one go, markup and content together: that is
// how models saw it in training, and neighbours may merge.
func Encode(t *tokenizer.Tokenizer, p Prompt) []int32 {
	e := encoder{t: t}
	if p.AddSpecial {
		e.begin()
	}
	for _, piece := range p.Pieces {
		if piece.Markup {
			e.markup(piece.Text)
		} else {
			e.text(piece.Text)
		}
	}
	e.flush()
	return e.ids
}

type encoder struct {
	t    *tokenizer.Tokenizer
	ids  []int32
	run  []byte // text without marks, not yet encoded
	trim bool   // the token before swallows white space
	on   bool   // a mark was written: the text goes on
}

// begin writes what the tokenizer puts before any text. What it may put after
// one has no place here: the model is to go on.
func (e *encoder) begin() {
	around := e.t.Encode("", tokenizer.Encode{AddSpecial: true})
	if len(around) > 0 && around[0] == e.t.BOS {
		e.ids = append(e.ids, e.t.BOS)
	}
}

// markup splits a template's text at its marks.
func (e *encoder) markup(text string) {
	for _, id := range e.t.Encode(text, tokenizer.Encode{ParseSpecial: true}) {
		a := e.t.AddedToken(id)
		if a == nil || !a.Special && !a.IsMark() {
			continue
		}
		before, after, found := strings.Cut(text, a.Text)
		if !found {
			continue // the tokenizer spells it otherwise; it stays text
		}
		e.text(before)
		e.mark(a)
		text = after
	}
	e.text(text)
}

// text adds to the run.
func (e *encoder) text(s string) {
	if e.trim {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
		e.trim = s == ""
	}
	e.run = append(e.run, s...)
}

// mark writes a token as a whole, which may swallow white space on either side.
func (e *encoder) mark(a *tokenizer.Added) {
	if a.LStrip {
		e.run = bytes.TrimRightFunc(e.run, unicode.IsSpace)
	}
	e.trim = a.RStrip
	e.flush()
	e.ids, e.on = append(e.ids, a.ID), true
}

// flush encodes the run.
func (e *encoder) flush() {
	e.ids = e.t.AppendEncode(e.ids, e.run, tokenizer.Encode{Plain: true, Continue: e.on})
	e.run = e.run[:0]
}
