package inspect

import (
	"context"

	"weft/model"
	"weft/tensor"
)

// walker takes windows of text through a model block by block, all windows through
// one before the next: what blocks make need not be in memory for all of them at
// once. A block that begins with the stream of the one before makes the same bits
// as in one pass.
type walker struct {
	s       *Subject
	windows [][]int32
	acts    *model.Activations
	streams []tensor.Mat // per window: what enters the next block, or behind the last what the head reads
}

// walkBytes is what a walker holds.
func walkBytes(c model.Config, lengths []int, patterns int) int64 {
	total, longest := 0, 0
	for _, n := range lengths {
		total, longest = total+n, max(longest, n)
	}
	return 4*int64(total)*int64(c.Dim) + forwardBytes(c, 1, longest, patterns)
}

func lengthsOf(windows [][]int32) []int {
	list := make([]int, len(windows))
	for i, w := range windows {
		list[i] = len(w)
	}
	return list
}

// walk begins before the first block.
func (s *Subject) walk(ctx context.Context, windows [][]int32) (*walker, error) {
	longest := 0
	for _, t := range windows {
		longest = max(longest, len(t))
	}
	w := &walker{s: s, windows: windows, acts: s.Model.NewScratch(1, longest)}
	for _, t := range windows {
		x := tensor.New(len(t), s.Model.Config.Dim)
		h := keepStream(&model.Hooks{}, x, block(0, "hook_resid_pre"))
		if _, err := s.forward(ctx, t, model.Run{Hooks: h, Acts: w.acts, Logits: model.NoLogits}); err != nil {
			return nil, err
		}
		w.streams = append(w.streams, x)
	}
	return w, nil
}

// keepStream makes h copy a stream, and end the pass there.
func keepStream(h *model.Hooks, to tensor.Mat, point string) *model.Hooks {
	h.On(point, func(p *model.Point) error {
		copy(to.Data, p.Data)
		return model.ErrStop
	})
	return h
}

// through takes a window from block from to behind block to, watched by h (nil:
// by nobody).
func (w *walker) through(ctx context.Context, window, from, to int, h *model.Hooks) error {
	if h == nil {
		h = &model.Hooks{}
	}
	x := w.streams[window]
	keepStream(h, x, block(to, "hook_resid_post"))
	_, err := w.s.forward(ctx, w.windows[window], model.Run{From: from, Stream: x, Hooks: h, Acts: w.acts, Logits: model.NoLogits})
	return err
}

// off is by how much a window's stream behind the last block differs from that of
// one whole pass.
func (w *walker) off(ctx context.Context, window int) (float64, error) {
	x := tensor.New(len(w.windows[window]), w.s.Model.Config.Dim)
	err := w.s.lastStream(ctx, w.windows[window], model.Run{Acts: w.acts}, x)
	return worst(x.Data, w.streams[window].Data), err
}

// lastStream runs tokens as far as the head.
func (s *Subject) lastStream(ctx context.Context, tokens []int32, r model.Run, to tensor.Mat) error {
	r.Hooks, r.Logits = keepStream(&model.Hooks{}, to, block(s.Model.Config.Layers-1, "hook_resid_post")), model.NoLogits
	_, err := s.forward(ctx, tokens, r)
	return err
}

// headRows is how many rows the head reads at once.
const headRows = 32

// eachHead gives the rows of a last stream to the head, some at a time.
func (s *Subject) eachHead(ctx context.Context, stream tensor.Mat, f func(first int, logits tensor.Mat) error) error {
	for lo := 0; lo < stream.Rows; lo += headRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		logits := s.Model.Unembed(stream.Slice(lo, min(lo+headRows, stream.Rows)))
		if err := ctx.Err(); err != nil {
			return err
		}
		if !finite(logits.Data) {
			return ErrNotFinite
		}
		if err := f(lo, logits); err != nil {
			return err
		}
	}
	return nil
}
