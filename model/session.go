package model

import (
	"errors"
	"fmt"

	"weft/kvcache"
)

// promptChunk is how many tokens of a prompt run at once; it bounds memory and
// changes no result.
const promptChunk = 512

// Session is one sequence being read and written: a model, a KV cache, and
// memory to work in. It is not safe for concurrent use.
type Session struct {
	Model *Model
	Cache *kvcache.Cache
	acts  *Activations
	hooks *Hooks
	run   Run
}

// UsualContext is the context of a session unless it is asked for another: what
// the model was made for, or less where more would change how its positions
// turn from the first token on.
func (c Config) UsualContext() int {
	for _, r := range c.ropes() {
		if r.Scaling.Long != nil {
			return min(c.Context, r.Scaling.Original)
		}
	}
	return c.Context
}

// sessionContext is the context of a session that is asked for ctx tokens.
func (c Config) sessionContext(ctx int) int {
	if ctx <= 0 {
		ctx = c.UsualContext()
	}
	return min(ctx, c.Context)
}

// NewCache makes an empty cache of at most ctx positions for this model.
func (m *Model) NewCache(ctx int) *kvcache.Cache { return kvcache.New(m.Config.CacheShape(m.KV), ctx) }

// CacheShape is what a cache of that type holds for this model.
func (c Config) CacheShape(t kvcache.Type) kvcache.Shape {
	s := c.layerShape(t)
	s.Layers, s.Windows = c.Layers, make([]int, len(c.Blocks))
	for l, b := range c.Blocks {
		s.Windows[l] = b.Window
	}
	return s
}

// layerShape is CacheShape for one layer, all of whose positions are kept.
func (c Config) layerShape(t kvcache.Type) kvcache.Shape {
	return kvcache.Shape{Layers: 1, Heads: c.KVHeads, KeyDim: c.HeadDim, ValueDim: c.VHead(), Type: t}
}

// NewSession opens a sequence of at most ctx tokens; 0 means the model's
// usual context, and more than it was made for is cut to that.
func (m *Model) NewSession(ctx int) *Session {
	ctx = m.Config.sessionContext(ctx)
	return &Session{
		Model: m,
		Cache: m.NewCache(ctx),
		acts:  m.newActivations(1, min(ctx, promptChunk), false),
	}
}

// Watch lets hooks see, and change, every pass from now on; nil: none do. The
// tokens held are forgotten: their keys and values were made without. A hook that
// stops a pass leaves its tokens out of the cache and Append without logits.
func (s *Session) Watch(h *Hooks) error {
	if err := h.check(s.Model.Config); err != nil {
		return err
	}
	s.hooks = h
	return s.Truncate(0)
}

// Append runs tokens after those already there and returns the logits of the
// last, Vocab numbers that are valid until the next call. Tokens that do not
// fit are refused as a whole with ErrContext.
func (s *Session) Append(tokens []int32) ([]float32, error) {
	start := s.Len()
	if start+len(tokens) > s.Context() {
		return nil, fmt.Errorf("%w: %d tokens after %d, room for %d", ErrContext, len(tokens), start, s.Context())
	}
	if err := s.Model.Config.checkTokens(tokens); err != nil { // before any part of them has run
		return nil, err
	}
	for {
		n := min(len(tokens), s.acts.seqLen)
		s.run = Run{Cache: s.Cache, Acts: s.acts, Hooks: s.hooks, Logits: NoLogits}
		if n == len(tokens) {
			s.run.Logits = LastLogits
		}
		before := s.Len()
		logits, err := s.Model.Forward(tokens[:n], &s.run)
		if err != nil || s.Len() < before+n { // or a hook stopped the pass
			return nil, errors.Join(err, s.Truncate(start))
		}
		if tokens = tokens[n:]; len(tokens) == 0 {
			return logits.Data, nil
		}
	}
}

// AppendAll is Append with the logits of every token, a row of Vocab numbers after
// the other. It takes at most 512 tokens at once.
func (s *Session) AppendAll(tokens []int32) ([]float32, error) {
	logits, err := s.Model.Forward(tokens, &Run{Cache: s.Cache, Acts: s.acts, Hooks: s.hooks, Logits: AllLogits})
	return logits.Data, err
}

// Len is how many tokens are held.
func (s *Session) Len() int { return s.Cache.Len() }

// Context is how many tokens fit.
func (s *Session) Context() int { return s.Cache.Cap() }

// Truncate forgets all tokens from n on. A model with windows (Block.Window) keeps
// what they reach and some more, not all: it can always go back by kvcache.Margin
// from the longest it was, to one of the last two marks, or to 0. Else the error may
// wrap kvcache.ErrRewind, and the session is as before; the way to n then leads from
// 0 through all tokens.
func (s *Session) Truncate(n int) error { return truncate(s.Cache, n) }

// Mark asks that it remain possible to truncate to where the session is now, or up
// to kvcache.Margin after. The last two marks count; for a model with windows
// each takes the memory of one more window.
func (s *Session) Mark() { s.Cache.Mark() }

func truncate(c *kvcache.Cache, n int) error {
	if n < 0 || n > c.Len() {
		return fmt.Errorf("truncate to %d of %d tokens", n, c.Len())
	}
	return c.Truncate(n)
}
