package weft

import (
	"bytes"
	"fmt"

	"weft/generate"
	"weft/tokenizer"
)

// Speculation says when tokens are guessed ahead. Guesses that are right are had
// for little more than one token's time, wrong ones cost some; no guess changes
// an answer.
type Speculation uint8

const (
	SpeculateAuto   Speculation = iota // as long as it saves time, which is measured on the way
	SpeculateAlways                    // whenever there is something to guess from
	SpeculateNever
)

// drafter makes what guesses for one text; nil if nothing does.
func (m *Model) drafter(o Options) (generate.Drafter, error) {
	switch {
	case o.Speculation == SpeculateNever, o.Hooks != nil: // hooks would see guesses that are taken back
		return nil, nil
	case o.Draft == nil:
		return &generate.Lookup{}, nil
	}
	if err := sameVocabulary(o.Draft.Tokenizer, m.Tokenizer); err != nil {
		return nil, fmt.Errorf("%s cannot draft for %s: %w", o.Draft.Name, m.Name, err)
	}
	vocab := min(m.Tokenizer.Size(), m.Core.Config.Vocab, o.Draft.Core.Config.Vocab)
	return generate.NewDraft(o.Draft.Core.NewSession(o.Context), vocab), nil
}

// sameVocabulary checks that two tokenizers mean the same by every ID.
func sameVocabulary(a, b *tokenizer.Tokenizer) error {
	if a.Size() != b.Size() {
		return fmt.Errorf("the vocabularies have %d and %d tokens", a.Size(), b.Size())
	}
	for id := range int32(a.Size()) {
		if !bytes.Equal(a.Piece(id), b.Piece(id)) {
			return fmt.Errorf("the vocabularies differ: token %d is %q and %q", id, a.Piece(id), b.Piece(id))
		}
	}
	return nil
}
