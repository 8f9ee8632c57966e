package main

import (
	"slices"
	"strings"

	"weft"
	"weft/cmd/weft/internal/view"
	"weft/inspect"
)

// words finds what is near a token, or near a sum of some.
func (g *glass) words() error {
	if *g.Words == "" {
		return usagef("--words is empty, must be a token or a sum such as %q", " king - man + woman")
	}
	plus, minus, err := g.sum(*g.Words)
	if err != nil {
		return err
	}
	w := &view.Words{Asked: *g.Words}
	shown := append(slices.Clone(plus), minus...)
	for _, space := range []inspect.Space{inspect.Embedding, inspect.Unembedding} {
		n, err := g.s.Neighbours(space, plus, minus, max(3, g.top(10))) // three for the plane
		if err != nil {
			return err
		}
		for _, x := range n.Near {
			if !slices.Contains(shown, x.ID) {
				shown = append(shown, x.ID)
			}
		}
		n.Near = n.Near[:min(len(n.Near), g.top(10))]
		w.Near = append(w.Near, n)
		if n.Tied {
			break
		}
	}
	if w.Projection, err = g.s.Project(inspect.Embedding, shown); err != nil {
		return err
	}
	if len(plus)+len(minus) == 1 {
		w.Other = g.otherForms(plus[0])
	}
	g.report.AddWords(w)
	return nil
}

// sum reads " king - man + woman". All words have a space before them if the first has.
func (g *glass) sum(text string) (plus, minus []int32, err error) {
	space := ""
	if strings.HasPrefix(text, " ") {
		space = " "
	}
	to := &plus
	words := strings.Split(strings.ReplaceAll(strings.TrimPrefix(text, " "), " - ", " + - "), " + ")
	for _, word := range words {
		to = &plus
		if rest, ok := strings.CutPrefix(word, "- "); ok && len(words) > 1 {
			word, to = rest, &minus
		}
		word = space + word
		id, err := g.token("--words", &word)
		if err != nil {
			return nil, nil, err
		}
		*to = append(*to, *id)
	}
	return plus, minus, nil
}

// otherForms are the tokens that differ in the space before, or in the case.
func (g *glass) otherForms(id int32) (list []int32) {
	bare := strings.TrimPrefix(string(g.m.Tokenizer.Piece(id)), " ")
	if bare == "" {
		return nil
	}
	for _, word := range []string{bare, strings.ToLower(bare), strings.ToUpper(bare[:1]) + bare[1:], strings.ToUpper(bare)} {
		for _, space := range []string{"", " "} {
			ids := g.m.Encode(space+word, weft.Options{Raw: true})
			if len(ids) == 1 && ids[0] != id && !slices.Contains(list, ids[0]) {
				list = append(list, ids[0])
			}
		}
	}
	return list
}
