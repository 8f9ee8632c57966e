package inspect

import (
	"context"
	"math"

	"weft/internal/kernel"
	"weft/model"
	"weft/tensor"
)

// lensReader reads a prompt's streams with the head, the final norm's statistics
// taken anew at every depth, some positions at a time.
type lensReader struct {
	m         *model.Model
	tokens    []int32
	top       int   // candidates
	positions []int // which tokens' streams
	targets   []int32
	streams   []tensor.Mat          // by depth, a row for each position
	own       func(i int) []float32 // the model's own logits at positions[i]; nil where they are not known
	onRead    func(done, total int) // may be nil

	readings [][]Reading    // by depth and position
	followed [][][]Followed // nil without targets
	lockIn   []int          // per position: the depth from which on what is on top at the end stays there
	surprise []float64      // per position: bits, of the token that follows it
	last     float64        // largest difference of the last depth's logits from the model's own
	lastP    float64        // the same, of probabilities
}

// keep copies the wanted rows of a stream when the pass comes to it.
func (r *lensReader) keep(h *model.Hooks, point string) {
	x := tensor.New(len(r.positions), r.m.Config.Dim)
	r.streams = append(r.streams, x)
	h.On(point, func(p *model.Point) error {
		for i, at := range r.positions {
			copy(x.Row(i), p.Data[at*x.Cols:])
		}
		return nil
	})
}

// given takes the first streams from an earlier pass, and lets the pass begin with the
// last of them.
func (r *lensReader) given(streams map[int][]float32, pass *model.Run) {
	for d := range r.m.Config.Layers {
		stream := streams[d]
		if len(stream) != len(r.tokens)*r.m.Config.Dim {
			return
		}
		pass.From, pass.Stream = d, tensor.Of(stream, len(r.tokens), r.m.Config.Dim)
		for i, at := range r.positions {
			copy(r.streams[d].Row(i), pass.Stream.Row(at))
		}
	}
}

// lensLogits is how many bytes of logits are made at once, unless one position's are
// more.
const lensLogits = 64 << 20

// lensStep is how many positions are read at once.
func lensStep(c model.Config, positions, depths int) int {
	return min(positions, max(1, lensLogits/int(floats(c.Vocab, depths))))
}

// lensReadBytes is what reading holds, besides the streams.
func lensReadBytes(c model.Config, positions, depths int) int64 {
	step := lensStep(c, positions, depths)
	return unembedBytes(c, step*depths) + rounded(floats(step, depths, c.Dim)+answerBytes(c, step))
}

func (r *lensReader) read(ctx context.Context) error {
	depths := len(r.streams)
	r.readings, r.followed = make([][]Reading, depths), make([][][]Followed, depths)
	for d := range r.readings {
		r.readings[d] = make([]Reading, len(r.positions))
		if r.targets != nil {
			r.followed[d] = make([][]Followed, len(r.positions))
		}
	}
	r.lockIn, r.surprise = make([]int, len(r.positions)), make([]float64, len(r.positions))
	step := lensStep(r.m.Config, len(r.positions), depths)
	for lo := 0; lo < len(r.positions); lo += step {
		hi := min(lo+step, len(r.positions))
		if err := r.some(ctx, lo, hi); err != nil {
			return err
		}
		if r.onRead != nil {
			r.onRead(hi, len(r.positions))
		}
	}
	return nil
}

// some reads positions lo to hi at every depth.
func (r *lensReader) some(ctx context.Context, lo, hi int) error {
	m, depths := r.m, len(r.streams)
	x := tensor.New((hi-lo)*depths, m.Config.Dim)
	for i := lo; i < hi; i++ {
		for d, stream := range r.streams {
			copy(x.Row((i-lo)*depths+d), stream.Row(i))
		}
	}
	said := m.Unembed(x)
	if err := ctx.Err(); err != nil {
		return err
	}
	final := make([]*answer, hi-lo)
	m.Pool.Run(hi-lo, func(_, i int) { final[i] = newAnswer(said.Row(i*depths + depths - 1)) })
	rooms := newRooms(m)
	m.Pool.Run(x.Rows, func(worker, i int) {
		a, logits, at, d := final[i/depths], said.Row(i), lo+i/depths, i%depths
		r.readings[d][at] = a.reading(logits, rooms.of(worker).buf, r.top)
		if r.targets != nil {
			r.followed[d][at] = a.follow(logits, kernel.LogSumExp(logits), r.targets)
		}
	})
	for i, a := range final {
		r.finish(lo+i, a)
	}
	return ctx.Err()
}

// finish files what the last depth says of a position.
func (r *lensReader) finish(i int, a *answer) {
	at := r.positions[i]
	if own := r.own(i); own != nil {
		r.last = worse(r.last, worst(a.logits, own))
		if r.last != 0 {
			r.lastP = worse(r.lastP, worst(a.p, newAnswer(own).p))
		}
	}
	r.surprise[i] = math.NaN()
	if at+1 < len(r.tokens) {
		r.surprise[i] = (a.logZ - float64(a.logits[r.tokens[at+1]])) / math.Ln2
	}
	ranks := make([]int, len(r.readings))
	for d := range ranks {
		ranks[d] = r.readings[d][i].Rank
	}
	r.lockIn[i] = lockIn(ranks)
}

// lockIn is the depth from which on all ranks are 1.
func lockIn(ranks []int) int {
	lock := len(ranks) - 1
	for d := lock; d >= 0 && ranks[d] == 1; d-- {
		lock = d
	}
	return lock
}
