package generate

import (
	"fmt"
	"slices"
)

// Drafter guesses how a text goes on, so that several tokens can be run at once
// and all those that were guessed right are had for little more than one (Leviathan
// et al. 2023, arXiv 2211.17192). Guesses change how long an answer takes and
// nothing else: every token is the one that the sampler chooses.
type Drafter interface {
	// Propose returns up to n tokens that may follow, or none. They are valid until
	// the next call.
	Propose(history []int32, n int) ([]int32, error)
}

// Lookup guesses that what followed the last three tokens, or else the last two,
// when they last occurred, follows again (prompt look-up, Saxena 2023). It costs
// next to nothing and is right where an answer quotes its prompt or itself.
type Lookup struct{ guess []int32 }

// Propose is described at Drafter.
func (l *Lookup) Propose(history []int32, n int) ([]int32, error) {
	l.guess = l.guess[:0]
	for size := 3; size >= 2; size-- {
		from := follows(history, size)
		if from < 0 {
			continue
		}
		for i := from; len(l.guess) < n; i++ {
			if i < len(history) {
				l.guess = append(l.guess, history[i])
			} else { // the text repeats itself: so does the guess
				l.guess = append(l.guess, l.guess[i-len(history)])
			}
		}
		break
	}
	return l.guess, nil
}

// follows is the place after the latest earlier occurrence of the last tokens; -1
// if there is none.
func follows(history []int32, size int) int {
	at := len(history) - size // of the last ones themselves
	for i := at - 1; i >= 0; i-- {
		n := 0
		for n < size && history[i+n] == history[at+n] {
			n++
		}
		if n == size {
			return i + size
		}
	}
	return -1
}

// Draft guesses what a smaller model with the same vocabulary finds likeliest.
type Draft struct {
	memory memory
	vocab  int
	guess  []int32
}

// NewDraft makes a drafter of an engine that nobody else uses. It guesses token
// IDs below vocab.
func NewDraft(e Engine, vocab int) *Draft { return &Draft{memory: memory{engine: e}, vocab: vocab} }

// Propose is described at Drafter. There is no guess after a history that does not
// fit in the smaller model's context, or that has tokens which it does not know.
func (d *Draft) Propose(history []int32, n int) ([]int32, error) {
	d.guess = d.guess[:0]
	if len(history) == 0 || n < 1 || len(history)+n > d.memory.engine.Context() {
		return nil, nil
	}
	at, _, err := d.memory.keep(history)
	if err != nil {
		return nil, fmt.Errorf("draft model: %w", err)
	}
	next := history[at:]
	if int(slices.Max(next)) >= d.vocab {
		return nil, nil
	}
	for {
		part := next[:min(promptStep, len(next))]
		logits, err := d.memory.append(part)
		if err != nil {
			return nil, fmt.Errorf("draft model: %w", err)
		}
		if next = next[len(part):]; len(next) > 0 {
			continue
		}
		if d.guess = append(d.guess, likeliest(logits[:d.vocab])); len(d.guess) == n {
			return d.guess, nil
		}
		next = d.guess[len(d.guess)-1:]
	}
}

func likeliest(logits []float32) (id int32) {
	for i, x := range logits {
		if x > logits[id] {
			id = int32(i)
		}
	}
	return id
}
