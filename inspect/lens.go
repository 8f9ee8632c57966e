package inspect

import (
	"context"
	"fmt"

	"weft/model"
	"weft/tensor"
)

// LensOptions say what to read. The zero value is every depth after a block and
// every token, with five candidates.
type LensOptions struct {
	Top       int     // candidates per reading; 0: 5
	Positions []int   // which tokens' vectors; nil: all
	Targets   []int32 // tokens to follow through the depths
	Mid       bool    // read between attention and MLP too, where blocks are sequential

	// Streams are what an earlier pass over the same tokens gave, by block its
	// hook_resid_pre, tokens × Dim. Without Mid, blocks whose own and next are there do
	// not run again.
	Streams map[int][]float32

	OnRead func(done, total int) // is told how many positions are read; may be nil
}

// Lens is what the head says of the stream at every depth, the final norm's
// statistics taken anew at each (nostalgebraist 2020).
type Lens struct {
	Provenance Provenance  `json:"provenance"`
	Kind       string      `json:"kind"` // "logit" or "jacobian"
	Tokens     []int32     `json:"tokens"`
	Positions  []int       `json:"positions"`
	Tied       bool        `json:"tied"` // the unembedding is the embedding: depth 0 gives back what went in, which is no prediction
	Depths     []LensDepth `json:"depths"`
	LockIn     []int       `json:"lock_in"` // per position: index in Depths from which on the model's final top-1 stays on top
	Checks     CheckList   `json:"checks"`
}

// LensDepth is one row of the lens.
type LensDepth struct {
	Point    string       `json:"point"`
	Layer    int          `json:"layer"`             // -1: before the first block
	Readings []Reading    `json:"readings"`          // per position
	Targets  [][]Followed `json:"targets,omitempty"` // per position, then per target
}

// Followed is a token that was asked for, at one depth and position.
type Followed struct {
	ID   int32   `json:"id"`
	P    float64 `json:"p"`
	Rank int     `json:"rank"`
}

// LensBytes is how many bytes Lens holds for a prompt.
func LensBytes(c model.Config, tokens int, o LensOptions) int64 {
	depths, positions := len(lensPoints(c, o)), tokens
	if o.Positions != nil {
		positions = len(o.Positions)
	}
	readings := int64(depths*positions) * int64(200+24*max(o.Top, 5)+24*len(o.Targets))
	return floats(positions, depths+1, c.Dim) + floats(positions, c.Vocab) + readings +
		max(forwardBytes(c, 1, tokens, 0), lensReadBytes(c, positions, depths))
}

// lensPoints are the depths of a lens.
func lensPoints(c model.Config, o LensOptions) []LensDepth {
	list := []LensDepth{{Point: "blocks.0.hook_resid_pre", Layer: -1}}
	for l := range c.Layers {
		if o.Mid && c.Flow == model.Sequential {
			list = append(list, LensDepth{Point: fmt.Sprintf("blocks.%d.hook_resid_mid", l), Layer: l})
		}
		list = append(list, LensDepth{Point: fmt.Sprintf("blocks.%d.hook_resid_post", l), Layer: l})
	}
	return list
}

// Lens is what the model would say at every depth.
func (s *Subject) Lens(ctx context.Context, tokens []int32, o LensOptions) (*Lens, error) {
	return s.lens(ctx, tokens, o, "logit", nil)
}

// lens reads streams, each of them first changed by carry if that is not nil.
func (s *Subject) lens(ctx context.Context, tokens []int32, o LensOptions, kind string, carry func(layer int, x tensor.Mat) tensor.Mat) (*Lens, error) {
	c := s.Model.Config
	if err := o.complete(c, len(tokens)); err != nil {
		return nil, err
	}
	if err := s.afford("the lens", LensBytes(c, len(tokens), o)); err != nil {
		return nil, err
	}
	l := &Lens{Provenance: s.Provenance(tokens), Kind: kind, Tokens: tokens, Positions: o.Positions, Tied: c.TiedHead, Depths: lensPoints(c, o)}
	if carry != nil { // which is of what follows a block
		l.Depths = l.Depths[1:]
	}
	r := &lensReader{m: s.Model, tokens: tokens, top: o.Top, positions: o.Positions, targets: o.Targets, onRead: o.OnRead}
	h := &model.Hooks{}
	for _, d := range l.Depths {
		r.keep(h, d.Point)
	}
	pass := model.Run{Hooks: h, Rows: o.Positions}
	if !o.Mid && carry == nil {
		r.given(o.Streams, &pass)
	}
	logits, err := s.forward(ctx, tokens, pass)
	if err != nil {
		return nil, err
	}
	for i, d := range l.Depths {
		if carry != nil {
			r.streams[i] = carry(d.Layer, r.streams[i])
		}
	}
	r.own = logits.Row
	if err := r.read(ctx); err != nil {
		return nil, err
	}
	for i := range l.Depths {
		l.Depths[i].Readings, l.Depths[i].Targets = r.readings[i], r.followed[i]
	}
	l.LockIn = r.lockIn
	l.Checks.add("lens_equals_model", "the last depth's logits are the model's, to the bit", r.last, 0)
	return l, l.Checks.err()
}

func (o *LensOptions) complete(c model.Config, tokens int) error {
	if o.Top <= 0 {
		o.Top = 5
	}
	o.Top = min(o.Top, c.Vocab)
	o.Positions = all(o.Positions, tokens)
	for _, p := range o.Positions {
		if p < 0 || p >= tokens {
			return fmt.Errorf("%w: position %d of %d tokens", ErrAsk, p, tokens)
		}
	}
	for _, id := range o.Targets {
		if id < 0 || int(id) >= c.Vocab {
			return fmt.Errorf("%w: %w: %d", ErrAsk, model.ErrToken, id)
		}
	}
	return nil
}
