package inspect

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"

	"weft/internal/kernel"
	"weft/model"
	"weft/tensor"
)

// LayerLosses is what each layer of B costs when it alone replaces A's.
type LayerLosses struct {
	A      Provenance  `json:"a"`
	B      Provenance  `json:"b"`
	Tokens int         `json:"tokens"`
	Whole  float64     `json:"whole_kl"` // nats per token, of B as a whole
	Layers []LayerLoss `json:"layers"`
	Checks CheckList   `json:"checks"`
}

// LayerLoss is one layer's.
type LayerLoss struct {
	Layer  int     `json:"layer"`  // -1: embedding and head
	KL     float64 `json:"kl"`     // nats per token
	Stream float64 `json:"stream"` // relative distance of the streams after it, in B as a whole
}

// LayerLossesBytes is how many bytes MeasureLayerLosses holds for windows of so many
// tokens.
func LayerLossesBytes(c model.Config, tokens int) int64 {
	streams := 4 * int64(tokens) * int64(c.Layers+3) * int64(c.Dim)
	return streams + 4*int64(tokens)*int64(c.Vocab) + max(forwardBytes(c, 1, tokens, 0), unembedBytes(c, min(headRows, tokens)))
}

// MeasureLayerLosses shows which layers of B, say the quantised A, lose what: each
// replaces A's alone, from A's own stream on. onPass may be nil.
func MeasureLayerLosses(ctx context.Context, a, b *Subject, windows [][]int32, onPass func(done, total int)) (*LayerLosses, error) {
	if !sameShape(a.Model.Config, b.Model.Config) {
		return nil, fmt.Errorf("%w: the models are not of one architecture and shape, so their layers cannot be exchanged", ErrAsk)
	}
	c, longest := a.Model.Config, 0
	for _, w := range windows {
		longest = max(longest, len(w))
	}
	if longest == 0 {
		return nil, ErrShort
	}
	if err := a.afford("the layers' losses", LayerLossesBytes(c, longest)); err != nil {
		return nil, err
	}
	w := &loser{a: a, b: b, rooms: newRooms(a.Model), l: &LayerLosses{A: a.Provenance(windows[0]), B: b.Provenance(windows[0])}}
	for l := -1; l < c.Layers; l++ {
		w.l.Layers = append(w.l.Layers, LayerLoss{Layer: l})
	}
	for i, tokens := range windows {
		if err := w.window(ctx, tokens); err != nil {
			return nil, err
		}
		if onPass != nil {
			onPass(i+1, len(windows))
		}
	}
	w.finish()
	return w.l, w.l.Checks.err()
}

func sameShape(a, b model.Config) bool {
	a.Arch, a.Context, b.Arch, b.Context = "", 0, "", 0
	return reflect.DeepEqual(a, b)
}

// loser adds up windows.
type loser struct {
	a, b    *Subject
	l       *LayerLosses
	rooms   rooms
	nothing float64
	stream  [][2]float64 // per layer: squares of the distance and of A's stream
}

// window adds what one window shows. A's streams before every block, and behind the
// last, are kept to begin with.
func (w *loser) window(ctx context.Context, tokens []int32) error {
	c := w.a.Model.Config
	var streams []tensor.Mat
	err := w.a.eachStream(ctx, tokens, func(x []float32) {
		streams = append(streams, tensor.Of(slices.Clone(x), len(tokens), c.Dim))
	})
	if err != nil {
		return err
	}
	said := tensor.New(len(tokens), c.Vocab)
	err = w.a.eachHead(ctx, streams[c.Layers], func(lo int, logits tensor.Mat) error {
		copy(said.Data[lo*c.Vocab:], logits.Data)
		return nil
	})
	if err != nil {
		return err
	}
	if w.stream == nil {
		w.stream = make([][2]float64, c.Layers+1)
	}
	at, last := 0, tensor.New(len(tokens), c.Dim)
	err = w.b.eachStream(ctx, tokens, func(x []float32) {
		w.stream[at][0] += apart(streams[at].Data, x)
		w.stream[at][1] += dot(streams[at].Data, streams[at].Data)
		copy(last.Data, x)
		at++
	})
	if err != nil {
		return err
	}
	w.l.Tokens += len(tokens)
	whole, err := w.divergence(ctx, w.b, said, last)
	if err != nil {
		return err
	}
	w.l.Whole += whole
	for l := -1; l < c.Layers; l++ {
		if err := w.exchange(ctx, l, tokens, streams[max(0, l)], last, said); err != nil {
			return err
		}
	}
	return w.prove(ctx, tokens, streams, last)
}

// eachStream shows the stream before the first block and behind every one.
func (s *Subject) eachStream(ctx context.Context, tokens []int32, f func(x []float32)) error {
	h := &model.Hooks{}
	show := func(p *model.Point) error {
		f(p.Data)
		return nil
	}
	h.On(block(0, "hook_resid_pre"), show)
	for l := range s.Model.Config.Layers {
		h.On(block(l, "hook_resid_post"), show)
	}
	_, err := s.forward(ctx, tokens, model.Run{Hooks: h, Logits: model.NoLogits})
	return err
}

// exchange runs A with one layer of B's; l -1: with B's embedding and head. last is
// room for the last stream.
func (w *loser) exchange(ctx context.Context, l int, tokens []int32, stream, last, said tensor.Mat) error {
	s := &Subject{Model: hybrid(w.a.Model, w.b.Model, l)}
	r := model.Run{}
	if l >= 0 {
		r.From, r.Stream = l, stream
	}
	if err := s.lastStream(ctx, tokens, r, last); err != nil {
		return err
	}
	kl, err := w.divergence(ctx, s, said, last)
	w.l.Layers[l+1].KL += kl
	return err
}

// hybrid is a with one layer of b's; -1: with its embedding, positions, head and
// final norm.
func hybrid(a, b *model.Model, l int) *model.Model {
	weights, m := *a.W, *a
	m.W = &weights
	if l < 0 {
		weights.TokenEmbd, weights.PosEmbd, weights.Output, weights.OutputNorm = b.W.TokenEmbd, b.W.PosEmbd, b.W.Output, b.W.OutputNorm
		return &m
	}
	weights.Layers = slices.Clone(weights.Layers)
	weights.Layers[l] = b.W.Layers[l]
	return &m
}

// divergence is KL from what A said to what s's head says of a last stream, in nats,
// summed over tokens.
func (w *loser) divergence(ctx context.Context, s *Subject, said, stream tensor.Mat) (sum float64, err error) {
	err = s.eachHead(ctx, stream, func(lo int, logits tensor.Mat) error {
		list := make([]float64, logits.Rows)
		w.a.Model.Pool.Run(len(list), func(worker, i int) {
			a := w.rooms.of(worker)
			a.set(said.Row(lo + i))
			list[i] = a.klFrom(logits.Row(i), a.buf, kernel.LogSumExp(logits.Row(i)))
		})
		w.rooms.leave()
		for _, v := range list {
			sum += v
		}
		return nil
	})
	return sum, err
}

// prove exchanges a layer of A for itself.
func (w *loser) prove(ctx context.Context, tokens []int32, streams []tensor.Mat, last tensor.Mat) error {
	l := w.a.Model.Config.Layers / 2
	s := &Subject{Model: hybrid(w.a.Model, w.a.Model, l)}
	err := s.lastStream(ctx, tokens, model.Run{From: l, Stream: streams[l]}, last)
	w.nothing = worse(w.nothing, worst(streams[len(streams)-1].Data, last.Data))
	return err
}

func (w *loser) finish() {
	n := float64(w.l.Tokens)
	w.l.Whole /= n
	for i := range w.l.Layers {
		w.l.Layers[i].KL /= n
		w.l.Layers[i].Stream = math.Sqrt(w.stream[i][0] / max(w.stream[i][1], 1e-300))
	}
	w.l.Checks.add("nothing", "a layer of A exchanged for itself changes nothing, to the bit", w.nothing, 0)
}
