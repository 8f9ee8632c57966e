package inspect

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"

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
	if err := a.afford("the layers' losses", 4*int64(longest)*(2*int64(c.Layers+1)*int64(c.Dim)+3*int64(c.Vocab))); err != nil {
		return nil, err
	}
	w := &loser{a: a, b: b, l: &LayerLosses{A: a.provenance(windows[0]), B: b.provenance(windows[0])}}
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
	nothing float64
	stream  [][2]float64 // per layer: squares of the distance and of A's stream
}

func (w *loser) window(ctx context.Context, tokens []int32) error {
	c := w.a.Model.Config
	var seen [2]map[string][]float32
	var said [2][]float32
	for i, s := range []*Subject{w.a, w.b} {
		names := []string{block(0, "hook_resid_pre")}
		for l := range c.Layers {
			names = append(names, block(l, "hook_resid_post"))
		}
		got, logits, err := s.caught(ctx, tokens, model.Run{Logits: model.AllLogits}, names...)
		if err != nil {
			return err
		}
		seen[i], said[i] = got, slices.Clone(logits.Data)
	}
	w.l.Tokens += len(tokens)
	w.l.Whole += w.divergence(said[0], said[1])
	if w.stream == nil {
		w.stream = make([][2]float64, c.Layers+1)
	}
	for l := -1; l < c.Layers; l++ {
		before, after := block(max(0, l-1), "hook_resid_post"), block(max(0, l), "hook_resid_post")
		if l <= 0 {
			before = block(0, "hook_resid_pre")
		}
		if l < 0 {
			after = before
		}
		w.stream[l+1][0] += apart(seen[0][after], seen[1][after])
		w.stream[l+1][1] += dot(seen[0][after], seen[0][after])
		if err := w.exchange(ctx, l, tokens, seen[0][before], said[0]); err != nil {
			return err
		}
	}
	return w.prove(ctx, tokens, seen[0], said[0])
}

// exchange runs A with one layer of B's; l -1: with B's embedding and head.
func (w *loser) exchange(ctx context.Context, l int, tokens []int32, stream, said []float32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &model.Run{Logits: model.AllLogits}
	if l >= 0 {
		r.From, r.Stream = l, tensor.Of(stream, len(tokens), w.a.Model.Config.Dim)
	}
	logits, err := hybrid(w.a.Model, w.b.Model, l).Forward(tokens, r)
	if err != nil {
		return err
	}
	w.l.Layers[l+1].KL += w.divergence(said, logits.Data)
	return nil
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

// divergence is KL(p ‖ q) in nats, summed over tokens.
func (w *loser) divergence(p, q []float32) float64 {
	vocab := w.a.Model.Config.Vocab
	list := make([]float64, len(p)/vocab)
	w.a.Model.Pool.Run(len(list), func(_, i int) {
		a := newAnswer(p[i*vocab : (i+1)*vocab])
		other := q[i*vocab : (i+1)*vocab]
		list[i] = a.klFrom(other, softmax(make([]float32, vocab), other)) * math.Ln2
	})
	sum := 0.0
	for _, v := range list {
		sum += v
	}
	return sum
}

// prove exchanges a layer of A for itself.
func (w *loser) prove(ctx context.Context, tokens []int32, seen map[string][]float32, said []float32) error {
	c := w.a.Model.Config
	l := c.Layers / 2
	stream := seen[block(max(0, l-1), "hook_resid_post")]
	if l == 0 {
		stream = seen[block(0, "hook_resid_pre")]
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	logits, err := hybrid(w.a.Model, w.a.Model, l).Forward(tokens, &model.Run{From: l, Stream: tensor.Of(stream, len(tokens), c.Dim), Logits: model.AllLogits})
	if err == nil {
		w.nothing = worse(w.nothing, worst(said, logits.Data))
	}
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
