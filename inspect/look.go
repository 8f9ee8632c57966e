package inspect

import (
	"context"
	"fmt"
	"math"

	"weft/model"
	"weft/tensor"
)

// LookBytes is how many bytes Look holds for a prompt.
func LookBytes(c model.Config, tokens int, o Options) int64 {
	cells := o.Cells
	if cells < 0 || cells > c.Dim {
		cells = c.Dim
	}
	depths := c.Layers + 1
	readings, reading := depths*tokens, lensReadBytes(c, tokens, depths)
	streams := floats(tokens, depths, c.Dim)
	if o.NoLens {
		readings, reading, streams = 1, lensReadBytes(c, 1, 1), floats(c.Dim)
	}
	kept := floats(tokens, 3*c.Layers+3, cells+8) + int64(readings)*int64(200+24*max(o.Top, 5)) + triangleBytes(c, tokens)/int64(c.Heads)
	if o.AllHeads {
		kept += int64(c.Layers) * triangleBytes(c, tokens) * 5 / 4 // grown as they come
	}
	streams += floats(tokens, 2, c.Dim) // one in float64
	return kept + streams + floats(c.Vocab) + max(forwardBytes(c, 1, tokens, 1), reading)
}

// Look runs the prompt once and keeps what o asks for. It refuses with ErrCheck a
// trace that refutes itself.
func Look(m *model.Model, tokens []int32, o Options) (*Trace, error) {
	return look(context.Background(), m, tokens, o)
}

func look(ctx context.Context, m *model.Model, tokens []int32, o Options) (*Trace, error) {
	c, s := m.Config, &Subject{Model: m, Budget: o.Budget}
	if o.Top <= 0 {
		o.Top = 5
	}
	o.Top = min(o.Top, c.Vocab)
	if o.Cells < 0 || o.Cells > c.Dim {
		o.Cells = c.Dim
	}
	if h := o.Head; h != nil && (h.Layer < 0 || h.Layer >= c.Layers || h.Head < 0 || h.Head >= c.Heads) {
		return nil, fmt.Errorf("%w: %s; this model has %d layers of %d heads, counted from 0", ErrHead, h, c.Layers, c.Heads)
	}
	if err := s.afford("the trace", LookBytes(c, len(tokens), o)); err != nil {
		return nil, err
	}
	t := &Trace{Config: c, Tokens: tokens}
	w := newWatcher(t, o)
	hooks := w.hooks()
	if o.Watch != nil {
		o.Watch(hooks)
	}
	logits, err := s.forward(ctx, tokens, model.Run{Hooks: hooks})
	if err != nil {
		return nil, err // not finite: its weights are broken, and every picture would be
	}
	if err := t.finish(ctx, s, w, logits.Data); err != nil {
		return nil, err
	}
	return t, nil
}

// finish makes the trace of what the pass showed.
func (t *Trace) finish(ctx context.Context, s *Subject, w *watcher, logits []float32) error {
	r := &lensReader{m: s.Model, tokens: t.Tokens, top: w.o.Top, positions: all(nil, len(t.Tokens))}
	if w.o.NoLens {
		r.positions = []int{len(t.Tokens) - 1}
	}
	for _, stream := range w.streams {
		r.streams = append(r.streams, tensor.Of(stream, len(r.positions), t.Config.Dim))
	}
	r.own = func(i int) []float32 {
		if i < len(r.positions)-1 {
			return nil // the pass made the last token's alone
		}
		return logits
	}
	if err := r.read(ctx); err != nil {
		return err
	}
	if !w.o.NoLens {
		t.place(r)
	}
	final := r.readings[len(r.readings)-1]
	t.Next = final[len(final)-1]
	t.Checks.LensLogits, t.Checks.LensEqualsModel = r.last, r.lastP
	end := r.streams[len(r.streams)-1]
	last := end.Row(end.Rows - 1)
	t.Checks.FinalScale = math.Abs(w.scale/scaleOf(t.Config, last) - 1)
	if w.largest > 0 {
		t.Checks.StreamSum /= w.largest
	}
	tolerance := t.attribute(s, w, last)
	t.Proofs = t.Checks.proofs(tolerance)
	return t.Proofs.err()
}

// place files the readings under their depths.
func (t *Trace) place(r *lensReader) {
	t.Input.Lens = r.readings[0]
	for l := range t.Blocks {
		t.Blocks[l].After.Lens = r.readings[l+1]
	}
	t.LockIn = r.lockIn
	t.Surprise = append([]float64{math.NaN()}, r.surprise[:len(t.Tokens)-1]...)
}

// proofs are the checks with what rounding explains of each.
func (c Checks) proofs(attribution float64) (l CheckList) {
	l.add("lens_equals_model", "the last depth's logits are the model's, to the bit", c.LensLogits, 0)
	l.add("attribution", "the parts sum to the logit", c.AttributionSum, attribution)
	l.add("final_scale", "the final norm's divisor is that of the last stream, relative", c.FinalScale, 1e-5)
	if c.splits {
		l.add("heads", "a layer's heads sum to what attention wrote, in parts of what rounding explains", c.HeadsSum, explained)
	}
	l.add("rows", "every row of a pattern sums to 1 (with attention sinks: to 1 at most)", c.PatternRows, 1e-5)
	l.add("stream_sum", "what the parts wrote is the stream, relative to its largest number", c.StreamSum, 1e-5)
	return l
}
