package inspect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"weft/internal/kernel"
	"weft/model"
	"weft/tensor"
)

// ErrVocabulary is returned when two models cannot be compared word for word.
var ErrVocabulary = errors.New("the vocabularies differ")

// Comparison is how two models differ on the same tokens: A is the reference.
type Comparison struct {
	Tokens int
	KL     KL
	Top1   float64 // share of the tokens after which both think the same one likeliest
	NLLA   float64 // nats per token, of the text, by A
	NLLB   float64
	CKA    []float64 // per block, of the streams after it; nil when the models have not as many blocks

	Debiased []float64 // the same without the bias of having few tokens for the streams' width; nil for fewer than 4
	Heads    []HeadMove
	Checks   CheckList
}

// KL is the divergence KL(A ‖ B) of the next token's distribution, in nats.
type KL struct{ Mean, Median, P90, P99, Max float64 }

// HeadMove is how differently a head looks in the two models: half the sum of
// the absolute differences of its pattern's rows, 0 for the same and 1 for
// elsewhere altogether, averaged over tokens.
type HeadMove struct {
	Head
	Distance float64
}

// CompareBytes is how many bytes Compare holds for windows of these lengths.
func CompareBytes(a, b model.Config, lengths []int) int64 {
	total := 0
	for _, n := range lengths {
		total += n
	}
	longest := int64(slices.Max(append([]int{0}, lengths...)))
	patterns := 4 * int64(a.Heads) * longest * longest // of A, while B runs
	copies := 4 * longest * int64(a.Dim+b.Dim)         // of the streams, to centre them
	da, db := int64(a.Dim), int64(b.Dim)
	products := 4*(da*da+db*db+da*db) + 8*8*(da+db)
	block := walkBytes(a, lengths, 1) + walkBytes(b, lengths, 1)
	return block + max(patterns+copies+products, unembedBytes(a, min(headRows, int(longest)))+unembedBytes(b, min(headRows, int(longest)))) + 16*int64(total)
}

// comparer is one comparison on its way.
type comparer struct {
	a, b   *walker
	out    *Comparison
	heads  bool // they correspond
	rooms  rooms
	onPass func()

	kl   []float64 // per token
	top1 int
	nll  [2]float64
	next int // tokens whose successor is known
}

// Compare runs both models over the windows of tokens, block by block. onPass may
// be nil.
func Compare(ctx context.Context, a, b *Subject, windows [][]int32, onPass func(done, total int)) (*Comparison, error) {
	ca, cb := a.Model.Config, b.Model.Config
	if ca.Vocab != cb.Vocab {
		return nil, fmt.Errorf("%w: %d and %d tokens", ErrVocabulary, ca.Vocab, cb.Vocab)
	}
	if len(windows) == 0 {
		return nil, ErrShort
	}
	if err := a.afford("the comparison", CompareBytes(ca, cb, lengthsOf(windows))); err != nil {
		return nil, err
	}
	alike := ca.Layers == cb.Layers
	c := &comparer{out: &Comparison{}, heads: alike && ca.Heads == cb.Heads, rooms: newRooms(a.Model)}
	done, total := 0, 2*len(windows) // to the last block, and the head
	if alike {
		total = (ca.Layers + 1) * len(windows)
	}
	c.onPass = func() {
		if done++; onPass != nil {
			onPass(done, total)
		}
	}
	var err error
	if c.a, err = a.walk(ctx, windows); err != nil {
		return nil, err
	}
	if c.b, err = b.walk(ctx, windows); err != nil {
		return nil, err
	}
	if alike {
		err = c.blocks(ctx)
	} else {
		err = c.whole(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := c.predictions(ctx); err != nil {
		return nil, err
	}
	c.finish()
	return c.out, c.out.Checks.err()
}

// whole takes every window behind the last block of both.
func (c *comparer) whole(ctx context.Context) error {
	for i := range c.a.windows {
		for _, w := range []*walker{c.a, c.b} {
			if err := w.through(ctx, i, 0, w.s.Model.Config.Layers-1, nil); err != nil {
				return err
			}
		}
		c.onPass()
	}
	return c.check(ctx)
}

// blocks compares patterns and streams of one block after the other.
func (c *comparer) blocks(ctx context.Context) error {
	config := c.a.s.Model.Config
	for l := range config.Layers {
		var cov covariance
		moves := make([]float64, config.Heads)
		for i := range c.a.windows {
			if err := c.block(ctx, i, l, moves); err != nil {
				return err
			}
			cov.add(c.a.s.Model, clone(c.a.streams[i]), clone(c.b.streams[i]))
			c.onPass()
		}
		c.out.CKA = append(c.out.CKA, cov.similarity())
		if cov.n >= 4 {
			c.out.Debiased = append(c.out.Debiased, cov.debiased())
		}
		for h, d := range moves {
			if c.heads {
				c.out.Heads = append(c.out.Heads, HeadMove{Head{l, h}, d / float64(cov.n)})
			}
		}
	}
	return c.check(ctx)
}

// block takes a window through one block of both, and adds by how much heads moved.
func (c *comparer) block(ctx context.Context, window, l int, moves []float64) error {
	var ha, hb *model.Hooks
	if c.heads {
		var pattern []float32
		ha, hb = &model.Hooks{}, &model.Hooks{}
		ha.On(block(l, "attn.hook_pattern"), func(p *model.Point) error {
			pattern = slices.Clone(p.Data)
			return nil
		})
		hb.On(block(l, "attn.hook_pattern"), func(p *model.Point) error {
			each := len(pattern) / len(moves)
			c.a.s.Model.Pool.Run(len(moves), func(_, h int) {
				moves[h] += moved(pattern[h*each:(h+1)*each], p.Data[h*each:])
			})
			return nil
		})
	}
	if err := c.a.through(ctx, window, l, l, ha); err != nil {
		return err
	}
	return c.b.through(ctx, window, l, l, hb)
}

// moved is the distance of two patterns, summed over their rows.
func moved(a, b []float32) (sum float64) {
	for i, v := range a {
		sum += math.Abs(float64(v)-float64(b[i])) / 2
	}
	return sum
}

// check: taken block by block, the models are themselves.
func (c *comparer) check(ctx context.Context) error {
	off := 0.0
	for _, w := range []*walker{c.a, c.b} {
		d, err := w.off(ctx, 0)
		if err != nil {
			return err
		}
		off = worse(off, d)
	}
	c.out.Checks.add("whole", "the first window's last streams are those of one whole pass, to the bit", off, 0)
	return nil
}

// predictions compares what the heads say of the last streams.
func (c *comparer) predictions(ctx context.Context) error {
	for i, tokens := range c.a.windows {
		err := c.a.s.eachHead(ctx, c.a.streams[i], func(lo int, la tensor.Mat) error {
			return c.b.s.eachHead(ctx, c.b.streams[i].Slice(lo, lo+la.Rows), func(_ int, lb tensor.Mat) error {
				c.said(tokens, lo, la, lb)
				return nil
			})
		})
		if err != nil {
			return err
		}
		c.onPass()
	}
	return nil
}

// said adds what both say after some tokens of a window, the first of which is lo.
func (c *comparer) said(tokens []int32, lo int, la, lb tensor.Mat) {
	kl, same, nll := make([]float64, la.Rows), make([]bool, la.Rows), make([][2]float64, la.Rows)
	c.a.s.Model.Pool.Run(la.Rows, func(worker, i int) {
		a, other := c.rooms.of(worker), lb.Row(i)
		a.set(la.Row(i))
		z := kernel.LogSumExp(other)
		kl[i], same[i] = a.klFrom(other, a.buf, z), int(a.top) == kernel.ArgMax(other)
		if at := lo + i + 1; at < len(tokens) {
			nll[i] = [2]float64{a.logZ - float64(a.logits[tokens[at]]), z - float64(other[tokens[at]])}
		}
	})
	c.rooms.leave()
	for i := range kl {
		if same[i] {
			c.top1++
		}
		c.nll[0], c.nll[1] = c.nll[0]+nll[i][0], c.nll[1]+nll[i][1]
		if lo+i+1 < len(tokens) {
			c.next++
		}
	}
	c.kl = append(c.kl, kl...)
}

func (c *comparer) finish() {
	n, out := len(c.kl), c.out
	slices.Sort(c.kl)
	at := func(share float64) float64 { return c.kl[min(n-1, int(share*float64(n)))] }
	out.Tokens, out.KL = n, KL{Median: at(0.5), P90: at(0.9), P99: at(0.99), Max: c.kl[n-1]}
	for _, v := range c.kl {
		out.KL.Mean += v / float64(n)
	}
	out.Top1 = float64(c.top1) / float64(n)
	if c.next > 0 {
		out.NLLA, out.NLLB = c.nll[0]/float64(c.next), c.nll[1]/float64(c.next)
	}
}
