package weft

import (
	"context"
	"errors"
	"fmt"

	"weft/generate"
)

// Batch answers many requests of one model at once, as a server has to. They share
// the model's passes, so that 16 together take far less than 16 times as long as
// one, and every one gets what it would get alone, to the bit. A request whose
// prompt begins as an earlier one did runs only what is new, if a slot still has
// that. It is safe for concurrent use.
type Batch struct {
	model *Model
	batch *generate.Batch
}

// MaxSlots is how many requests a batch answers at once at most.
const MaxSlots = 1024

// Batch makes room to answer so many requests at once; more wait for their turn.
// context is the most tokens of prompt and answer of each; 0 is what the model was
// made for.
func (m *Model) Batch(slots, context int) (*Batch, error) {
	if slots < 1 || slots > MaxSlots || context < 0 {
		return nil, fmt.Errorf("batch: %d requests of %d tokens; at most %d requests", slots, context, MaxSlots)
	}
	return &Batch{m, generate.NewBatch(m.Core.NewBatch(slots, context))}, nil
}

// Complete is [Model.Complete]. Options.Context does not count. It waits while all
// slots answer, and yield should not: see [generate.Batch.Run].
func (b *Batch) Complete(ctx context.Context, prompt string, o Options, yield func(Token) bool) (Result, error) {
	if o.Hooks != nil {
		return Result{End: -1}, errBatchHooks
	}
	return b.model.complete(ctx, b.batch, prompt, o, yield)
}

// Chat is [Model.Chat]. Options.Context does not count. Conversations may go on at
// the same time, each on one goroutine at a time.
func (b *Batch) Chat(o Options) (*Chat, error) {
	if o.Hooks != nil {
		return nil, errBatchHooks
	}
	return b.model.chat(b.batch, o)
}

var errBatchHooks = errors.New("hooks cannot watch one answer of a batch: its passes are shared")

// Context is the most tokens of prompt and answer of each request.
func (b *Batch) Context() int { return b.batch.Context() }

// Load is how many requests are being answered, and how many wait.
func (b *Batch) Load() (answering, waiting int) { return b.batch.Load() }
