package inspect

import (
	"context"
	"fmt"

	"weft/internal/kernel"
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
	depths, positions := int64(len(lensPoints(c, o))), int64(tokens)
	if o.Positions != nil {
		positions = int64(len(o.Positions))
	}
	return 4*(depths*int64(tokens)*int64(c.Dim)+int64(tokens)*int64(c.Vocab)) + lensRowBytes + depths*positions*int64(64+16*max(o.Top, 5))
}

// lensRowBytes is how many bytes of logits the lens makes at once.
const lensRowBytes = 64 << 20

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
	l := &Lens{Provenance: s.provenance(tokens), Kind: kind, Tokens: tokens, Positions: o.Positions, Tied: c.TiedHead, Depths: lensPoints(c, o)}
	if carry != nil { // which is of what follows a block
		l.Depths = l.Depths[1:]
	}
	var names []string
	for _, d := range l.Depths {
		names = append(names, d.Point)
	}
	got, logits, err := s.caught(ctx, tokens, model.Run{Logits: model.AllLogits}, names...)
	if err != nil {
		return nil, err
	}
	r := &lensReader{s: s, l: l, o: o, logits: logits}
	for _, d := range l.Depths {
		x := tensor.New(len(o.Positions), c.Dim)
		for i, at := range o.Positions {
			copy(x.Row(i), got[d.Point][at*c.Dim:])
		}
		if carry != nil {
			x = carry(d.Layer, x)
		}
		r.streams = append(r.streams, x)
	}
	if err := r.read(ctx); err != nil {
		return nil, err
	}
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

// lensReader reads the streams, some positions at a time.
type lensReader struct {
	s       *Subject
	l       *Lens
	o       LensOptions
	streams []tensor.Mat // by depth, a row for each of o.Positions
	logits  tensor.Mat   // the model's own, a row per token
	last    float64      // largest difference of the last depth from them
}

func (r *lensReader) read(ctx context.Context) error {
	depths, m := len(r.streams), r.s.Model
	for i := range r.l.Depths {
		r.l.Depths[i].Readings = make([]Reading, len(r.o.Positions))
		if r.o.Targets != nil {
			r.l.Depths[i].Targets = make([][]Followed, len(r.o.Positions))
		}
	}
	r.l.LockIn = make([]int, len(r.o.Positions))
	step := max(1, lensRowBytes/(4*m.Config.Vocab*depths))
	for lo := 0; lo < len(r.o.Positions); lo += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.some(lo, min(lo+step, len(r.o.Positions)))
		if r.o.OnRead != nil {
			r.o.OnRead(min(lo+step, len(r.o.Positions)), len(r.o.Positions))
		}
	}
	r.l.Checks.add("lens_equals_model", "the last depth's logits are the model's, to the bit", r.last, 0)
	return nil
}

// some reads positions lo to hi at every depth.
func (r *lensReader) some(lo, hi int) {
	m, depths := r.s.Model, len(r.streams)
	x := tensor.New((hi-lo)*depths, m.Config.Dim)
	for i := lo; i < hi; i++ {
		for d, stream := range r.streams {
			copy(x.Row((i-lo)*depths+d), stream.Row(i))
		}
	}
	said := m.Unembed(x)
	final := make([]*answer, hi-lo)
	m.Pool.Run(hi-lo, func(_, i int) { final[i] = newAnswer(r.logits.Row(r.o.Positions[lo+i])) })
	bufs := make([][]float32, max(1, m.Pool.Threads()))
	m.Pool.Run(x.Rows, func(worker, i int) {
		if bufs[worker] == nil {
			bufs[worker] = make([]float32, m.Config.Vocab)
		}
		a, logits, at, d := final[i/depths], said.Row(i), lo+i/depths, &r.l.Depths[i%depths]
		if i%depths == depths-1 {
			logits = a.logits // the same, as a check says
		}
		d.Readings[at] = a.reading(logits, bufs[worker], r.o.Top)
		if d.Targets != nil {
			d.Targets[at] = a.follow(logits, kernel.LogSumExp(logits), r.o.Targets)
		}
	})
	for i := range final {
		r.last = max(r.last, worst(said.Row(i*depths+depths-1), final[i].logits))
		r.l.LockIn[lo+i] = r.lockIn(lo + i)
	}
}

// lockIn is the depth from which on what is on top at the end stays there.
func (r *lensReader) lockIn(at int) int {
	lock := len(r.l.Depths) - 1
	for d := lock; d >= 0 && r.l.Depths[d].Readings[at].Rank == 1; d-- {
		lock = d
	}
	return lock
}
