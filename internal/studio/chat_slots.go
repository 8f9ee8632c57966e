package studio

import (
	"sync"

	"weft"
)

// chatSlots is where a model's conversations are answered: several at once, each in
// a slot that remembers what it has read, so that the next turn of a conversation, or
// a fork of it, goes on from there. The zero value is ready.
type chatSlots struct {
	once  sync.Once
	batch *weft.Batch
	err   error
}

const (
	slotCount  = 4
	slotBudget = 1 << 30 // bytes that the keys and values of all slots may take
	leastSlot  = 512     // tokens of context that a slot has anyway
)

// of is the batch for a model, made when it is first asked for.
func (c *chatSlots) of(o *opened) (*weft.Batch, error) {
	c.once.Do(func() {
		config := o.Core.Config
		context, shape := config.UsualContext(), config.CacheShape(o.Core.KV)
		for context > leastSlot && slotCount*int64(shape.Bytes(context, leastSlot)) > slotBudget {
			context -= context / 8
		}
		c.batch, c.err = o.Batch(slotCount, context)
	})
	return c.batch, c.err
}
