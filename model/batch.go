package model

import (
	"fmt"

	"weft/kvcache"
)

// Batch is several sequences being read and written together: each is in a slot
// and has a KV cache, and they share a model and memory to work in. What a slot
// gets are the bits that it would get alone. It is not safe for concurrent use.
type Batch struct {
	Model  *Model
	caches []*kvcache.Cache // by slot
	acts   *Activations

	chosen []*kvcache.Cache // of one call
	flat   []int32
}

// NewBatch opens sequences of at most ctx tokens each, which means what it does
// for NewSession. A cache takes memory as its sequence grows.
func (m *Model) NewBatch(slots, ctx int) *Batch {
	ctx = m.Config.sessionContext(ctx)
	b := &Batch{Model: m, acts: m.newActivations(1, max(slots, min(ctx, promptChunk)), false)}
	for range slots {
		b.caches = append(b.caches, m.NewCache(ctx))
	}
	return b
}

// Slots is how many sequences there are.
func (b *Batch) Slots() int { return len(b.caches) }

// Context is how many tokens fit in each.
func (b *Batch) Context() int { return b.caches[0].Cap() }

// Most is how many tokens one Append takes, all slots together.
func (b *Batch) Most() int { return b.acts.seqLen }

// Len is how many tokens a slot holds.
func (b *Batch) Len(slot int) int { return b.caches[slot].Len() }

// Truncate makes a slot forget all tokens from n on, if [Session.Truncate] would.
func (b *Batch) Truncate(slot, n int) error { return truncate(b.caches[slot], n) }

// Mark is [Session.Mark] of a slot.
func (b *Batch) Mark(slot int) { b.caches[slot].Mark() }

// Append runs tokens[i] after those that slots[i] holds, in one pass; each slot
// gets as many. logits[i] are those of the last of them or, if all is set, of
// every one, a row after the other. They are valid until the next call. On an
// error all slots are as before.
func (b *Batch) Append(slots []int, tokens [][]int32, all bool) (logits [][]float32, err error) {
	b.chosen, b.flat = b.chosen[:0], b.flat[:0]
	for i, s := range slots {
		if len(tokens[i]) != len(tokens[0]) {
			return nil, fmt.Errorf("append %d tokens and %d in one pass", len(tokens[0]), len(tokens[i]))
		}
		b.chosen, b.flat = append(b.chosen, b.caches[s]), append(b.flat, tokens[i]...)
	}
	r := &Run{Caches: b.chosen, Acts: b.acts}
	if all {
		r.Logits = AllLogits
	}
	rows, err := b.Model.Forward(b.flat, r)
	if err != nil {
		return nil, err
	}
	size := len(rows.Data) / len(slots)
	for i := range slots {
		logits = append(logits, rows.Data[i*size:(i+1)*size])
	}
	return logits, nil
}
