package generate

import (
	"slices"
	"sync"
	"time"
)

// rounds makes the calls of several generators to one engine run together. A round
// begins when every generator that is answering has called, so that in each round
// every answer gets its next token and some prompts go on by a part.
type rounds struct {
	engine Sequences
	lines  []*line // by slot

	mu      sync.Mutex
	calls   []*line // to run, the first to come first
	running bool
	number  int           // of rounds that have ended
	timed   bool          // there is a limit to the waiting for the next
	last    time.Duration // how long the last one took
}

const (
	promptMost = 2 * promptStep       // tokens of prompts in a round
	patience   = 2 * time.Millisecond // a round waits at least so long for who is away
)

// line is a generator's end of it: an Engine.
type line struct {
	rounds *rounds
	slot   int
	state  lineState

	tokens []int32 // the call
	all    bool
	logits []float32  // a copy of the answer: the next round may begin before it has been read
	done   chan error // tells that it is there
}

type lineState uint8

const (
	resting lineState = iota // nobody will call
	away                     // the generator is going to call
	late                     // the same, but no round waits for it
	calling
)

// Append is described at Engine, as are the others.
func (l *line) Append(tokens []int32) ([]float32, error) { return l.call(tokens, false) }

func (l *line) AppendAll(tokens []int32) ([]float32, error) { return l.call(tokens, true) }

func (l *line) Len() int             { return l.rounds.engine.Len(l.slot) }
func (l *line) Context() int         { return l.rounds.engine.Context() }
func (l *line) Truncate(n int) error { return l.rounds.engine.Truncate(l.slot, n) }
func (l *line) Mark()                { l.rounds.engine.Mark(l.slot) }

func (l *line) call(tokens []int32, all bool) ([]float32, error) {
	r := l.rounds
	r.mu.Lock()
	l.tokens, l.all = tokens, all
	r.calls = append(r.calls, l)
	l.set(calling)
	r.mu.Unlock()
	err := <-l.done
	return l.logits, err
}

// join says that the generator is going to call.
func (l *line) join() { l.change(away) }

// leave says that it is not.
func (l *line) leave() { l.change(resting) }

func (l *line) change(s lineState) {
	l.rounds.mu.Lock()
	defer l.rounds.mu.Unlock()
	l.set(s)
}

func (l *line) set(s lineState) {
	l.state = s
	l.rounds.begin()
}

// begin starts the next round if everyone has called. Else it limits the waiting
// to as long as the last round took, in which time tokens can be chosen and handed
// over: who takes longer, because someone reads slowly, joins when he comes.
func (r *rounds) begin() {
	switch {
	case r.running || len(r.calls) == 0:
	case !slices.ContainsFunc(r.lines, func(l *line) bool { return l.state == away }):
		r.running = true
		go r.run()
	case !r.timed:
		r.timed = true
		number := r.number
		time.AfterFunc(max(patience, r.last), func() { r.giveUp(number) })
	}
}

// giveUp begins a round without those who are away.
func (r *rounds) giveUp(number int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.number != number || r.running {
		return
	}
	for _, l := range r.lines {
		if l.state == away {
			l.state = late
		}
	}
	r.begin()
}

// run is a round: tokens of answers first, then prompts.
func (r *rounds) run() {
	start := time.Now()
	r.mu.Lock()
	calls := r.pick()
	r.mu.Unlock()
	for len(calls) > 0 {
		n := together(calls, r.engine.Most())
		r.answer(calls[:n])
		calls = calls[n:]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running, r.timed = false, false
	r.number++
	r.last = time.Since(start)
	r.begin()
}

// pick takes the calls of a round: all that answers need, and of prompts what is not
// too much. The other prompts come first the next time.
func (r *rounds) pick() (calls []*line) {
	var left []*line
	room := promptMost
	for _, l := range r.calls {
		if n := len(l.tokens); l.all || n == 1 {
			calls = append(calls, l)
		} else if n <= room {
			calls, room = append(calls, l), room-n
		} else {
			left = append(left, l)
		}
	}
	r.calls = left
	slices.SortStableFunc(calls, func(a, b *line) int { return len(a.tokens) - len(b.tokens) })
	return calls
}

// together is how many of the calls, from the first on, one pass can run.
func together(calls []*line, most int) (n int) {
	first := calls[0]
	for n < len(calls) && len(calls[n].tokens) == len(first.tokens) && calls[n].all == first.all &&
		(n == 0 || (n+1)*len(first.tokens) <= most) {
		n++
	}
	return n
}

// answer runs calls in one pass. If it fails each runs alone, so that only those
// fail that would have anyway.
func (r *rounds) answer(calls []*line) {
	slots, tokens := make([]int, len(calls)), make([][]int32, len(calls))
	for i, l := range calls {
		slots[i], tokens[i] = l.slot, l.tokens
	}
	logits, err := r.engine.Append(slots, tokens, calls[0].all)
	if err != nil && len(calls) > 1 {
		for i := range calls {
			r.answer(calls[i : i+1])
		}
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, l := range calls {
		l.logits = l.logits[:0]
		if err == nil {
			l.logits = append(l.logits, logits[i]...)
		}
		l.state = away
		l.done <- err
	}
}
