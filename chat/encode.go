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

// Encode makes tokens of a prompt. Special tokens are recognised in markup
// only. Text between two of them is encoded in one go, markup and content
// together: that is how models saw it in training, and neighbours may merge.
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
	run  []byte // text without special tokens, not yet encoded
	trim bool   // the token before swallows white space
}

// begin writes what the tokenizer puts before any text. What it may put after
// one has no place here: the model is to go on.
func (e *encoder) begin() {
	around := e.t.Encode("", tokenizer.Encode{AddSpecial: true})
	if len(around) > 0 && around[0] == e.t.BOS {
		e.ids = append(e.ids, e.t.BOS)
	}
}

// markup splits a template's text at its special tokens.
func (e *encoder) markup(text string) {
	for _, id := range e.t.Encode(text, tokenizer.Encode{ParseSpecial: true}) {
		if !e.t.IsSpecial(id) {
			continue
		}
		before, after, found := strings.Cut(text, string(e.t.Piece(id)))
		if !found {
			continue // the tokenizer spells it otherwise; it stays text
		}
		e.text(before)
		e.special(id)
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

// special writes a special token, which may swallow white space on either side.
func (e *encoder) special(id int32) {
	for _, a := range e.t.Added() {
		if a.ID == id {
			if a.LStrip {
				e.run = bytes.TrimRightFunc(e.run, unicode.IsSpace)
			}
			e.trim = a.RStrip
		}
	}
	e.flush()
	e.ids = append(e.ids, id)
}

// flush encodes the run.
func (e *encoder) flush() {
	e.ids = e.t.AppendEncode(e.ids, e.run, tokenizer.Encode{})
	e.run = e.run[:0]
}
