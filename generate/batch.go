package generate

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Sequences is an engine that holds several sequences, each in a slot, and runs
// some of them together. model.Batch is one.
type Sequences interface {
	Slots() int
	Context() int // tokens that fit in each
	Most() int    // tokens that one Append takes, all slots together
	Len(slot int) int
	Truncate(slot, n int) error // as an Engine's; also while an Append of other slots runs, as Len and Mark
	Mark(slot int)

	// Append runs tokens[i] after those that slots[i] holds, the same number for each.
	// logits[i] are those of the last of them or, if all is set, of every one, and
	// valid until the next call.
	Append(slots []int, tokens [][]int32, all bool) (logits [][]float32, err error)
}

// Batch answers many requests at once, as many as its engine has slots. In each
// slot is a Generator, which does what it would do alone; only, when it runs
// tokens, its call waits for those of the others and they run together (rounds.go).
// So a request gets the answer that it would get alone, to the bit, whoever else
// comes and goes.
//
// It is safe for concurrent use.
type Batch struct {
	rounds rounds
	slots  []*slot

	mu      sync.Mutex
	waiting []chan *slot // turns, for a slot, the first to come first
	busy    int          // slots that are answering
}

// slot is the place of one sequence.
type slot struct {
	generator *Generator
	line      *line // to the engine
	answering bool
	rested    time.Time // when its last answer ended
}

// NewBatch makes a batch of an engine that nobody else uses and that holds nothing.
func NewBatch(e Sequences) *Batch {
	b := &Batch{rounds: rounds{engine: e}}
	for i := range e.Slots() {
		l := &line{rounds: &b.rounds, slot: i, done: make(chan error, 1)}
		b.rounds.lines = append(b.rounds.lines, l)
		b.slots = append(b.slots, &slot{generator: New(l), line: l})
	}
	return b
}

// Context is how many tokens a prompt and its answer may have together.
func (b *Batch) Context() int { return b.rounds.engine.Context() }

// Slots is how many requests are answered at once; more wait for their turn.
func (b *Batch) Slots() int { return len(b.slots) }

// Load is how many requests are being answered, and how many wait.
func (b *Batch) Load() (answering, waiting int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.busy, len(b.waiting)
}

// Run answers a request as [Generator.Run] does, once a slot is free. yield is
// called on the caller's goroutine; the others wait a little for it, but not long.
// A request that is cancelled while it waits has an empty Result that says so.
func (b *Batch) Run(ctx context.Context, req Request, yield func(Token) bool) (Result, error) {
	if err := req.check(b.Context()); err != nil { // before it waits
		return Result{End: -1}, err
	}
	s := b.take(ctx, slices.Concat(req.Prompt, req.Prefix)) // a fork of an answer goes where the answer was made
	if s == nil {
		return Result{End: -1, Prompt: len(req.Prompt), Finish: Cancel}, nil
	}
	defer b.give(s)
	if req.Drafter != nil {
		req.Drafter = &whenAlone{b, req.Drafter}
	}
	return s.generator.Run(ctx, req, yield)
}

// take finds a slot for a prompt, or waits for one; nil if ctx ends first.
func (b *Batch) take(ctx context.Context, prompt []int32) *slot {
	b.mu.Lock()
	if s := b.best(prompt); s != nil {
		b.occupy(s)
		b.mu.Unlock()
		return s
	}
	turn := make(chan *slot, 1)
	b.waiting = append(b.waiting, turn)
	b.mu.Unlock()
	select {
	case s := <-turn:
		return s
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.waiting, turn); i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	} else {
		b.free(<-turn) // it has just come
	}
	return nil
}

// best is the free slot that a prompt suits most: of those that keep more than half
// of what they hold the one that keeps most, so that a conversation goes on where it
// was, else the one that has rested longest, so that others still can.
func (b *Batch) best(prompt []int32) (best *slot) {
	most := 0
	var oldest *slot
	for _, s := range b.slots {
		if s.answering {
			continue
		}
		held := s.generator.held
		if n := shared(held, prompt); n > most && n > len(held)/2 {
			best, most = s, n
		}
		if oldest == nil || s.rested.Before(oldest.rested) {
			oldest = s
		}
	}
	if best == nil {
		return oldest
	}
	return best
}

func (b *Batch) occupy(s *slot) {
	s.answering = true
	b.busy++
	s.line.join()
}

// give ends a slot's answer.
func (b *Batch) give(s *slot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.rested = time.Now()
	b.free(s)
}

// free hands a slot to who has waited longest.
func (b *Batch) free(s *slot) {
	s.line.leave()
	s.answering = false
	b.busy--
	if len(b.waiting) > 0 {
		b.occupy(s)
		b.waiting[0] <- s
		b.waiting = b.waiting[1:]
	}
}

// whenAlone lets a drafter guess while no other request is being answered: rows of
// several answers make better use of a step than guesses do.
type whenAlone struct {
	batch   *Batch
	drafter Drafter
}

func (w *whenAlone) Propose(history []int32, n int) ([]int32, error) {
	if busy, _ := w.batch.Load(); busy > 1 {
		return nil, nil
	}
	return w.drafter.Propose(history, n)
}
