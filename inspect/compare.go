package inspect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

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

// Compare runs both models over the windows of tokens. onWindow may be nil.
func Compare(ctx context.Context, a, b *model.Model, windows [][]int32, onWindow func(done int)) (*Comparison, error) {
	if a.Config.Vocab != b.Config.Vocab {
		return nil, fmt.Errorf("%w: %d and %d tokens", ErrVocabulary, a.Config.Vocab, b.Config.Vocab)
	}
	c := &comparer{alike: a.Config.Layers == b.Config.Layers}
	if c.alike && a.Config.Heads == b.Config.Heads {
		c.heads = make([]float64, a.Config.Layers*a.Config.Heads)
	}
	for i, w := range windows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := c.window(a, b, w); err != nil {
			return nil, err
		}
		if onWindow != nil {
			onWindow(i + 1)
		}
	}
	return c.result(a.Config), nil
}

// comparer adds up what windows show.
type comparer struct {
	alike bool // as many blocks
	heads []float64
	kl    []float64
	top1  int
	nll   [2]float64
	next  int // tokens whose successor is known
	cka   []covariance
}

// seen is what one model did with one window.
type seen struct {
	logits   tensor.Mat
	streams  []tensor.Mat
	patterns []tensor.Mat // per block: heads × tokens rows
}

func (c *comparer) run(m *model.Model, tokens []int32) (seen, error) {
	var s seen
	h := &model.Hooks{}
	for l := range m.Config.Layers {
		if !c.alike {
			break
		}
		h.On(fmt.Sprintf("blocks.%d.hook_resid_post", l), func(p *model.Point) error {
			s.streams = append(s.streams, tensor.Of(slices.Clone(p.Data), len(tokens), m.Config.Dim))
			return nil
		})
		if c.heads != nil {
			h.On(fmt.Sprintf("blocks.%d.attn.hook_pattern", l), func(p *model.Point) error {
				s.patterns = append(s.patterns, tensor.Of(slices.Clone(p.Data), m.Config.Heads*len(tokens), len(tokens)))
				return nil
			})
		}
	}
	logits, err := m.Forward(tokens, &model.Run{Hooks: h, Logits: model.AllLogits})
	s.logits = logits
	return s, err
}

func (c *comparer) window(a, b *model.Model, tokens []int32) error {
	sa, err := c.run(a, tokens)
	if err != nil {
		return err
	}
	sb, err := c.run(b, tokens)
	if err != nil {
		return err
	}
	for i := range tokens {
		da, db := newDistribution(sa.logits.Row(i)), newDistribution(sb.logits.Row(i))
		c.kl = append(c.kl, math.Ln2*kl(da, db))
		if da.top(1)[0].ID == db.top(1)[0].ID {
			c.top1++
		}
		if i+1 < len(tokens) {
			c.nll[0] -= da.logP[tokens[i+1]]
			c.nll[1] -= db.logP[tokens[i+1]]
			c.next++
		}
	}
	if c.cka == nil && c.alike {
		c.cka = make([]covariance, len(sa.streams))
	}
	for l := range c.cka {
		c.cka[l].add(a, sa.streams[l], sb.streams[l])
	}
	for l := range sa.patterns {
		n := len(tokens)
		for h := range a.Config.Heads {
			c.heads[l*a.Config.Heads+h] += moved(sa.patterns[l].Slice(h*n, (h+1)*n), sb.patterns[l].Slice(h*n, (h+1)*n))
		}
	}
	return nil
}

// moved is the distance of two patterns, summed over their rows.
func moved(a, b tensor.Mat) (sum float64) {
	for i := range a.Rows {
		ra, rb := a.Row(i), b.Row(i)
		for j, v := range ra {
			sum += math.Abs(float64(v)-float64(rb[j])) / 2
		}
	}
	return sum
}

func (c *comparer) result(config model.Config) *Comparison {
	n := len(c.kl)
	out := &Comparison{Tokens: n}
	if n == 0 {
		return out
	}
	slices.Sort(c.kl)
	at := func(share float64) float64 { return c.kl[min(n-1, int(share*float64(n)))] }
	out.KL = KL{Median: at(0.5), P90: at(0.9), P99: at(0.99), Max: c.kl[n-1]}
	for _, v := range c.kl {
		out.KL.Mean += v / float64(n)
	}
	out.Top1 = float64(c.top1) / float64(n)
	if c.next > 0 {
		out.NLLA, out.NLLB = c.nll[0]/float64(c.next), c.nll[1]/float64(c.next)
	}
	for _, cov := range c.cka {
		out.CKA = append(out.CKA, cov.similarity())
		if n >= 4 {
			out.Debiased = append(out.Debiased, cov.debiased())
		}
	}
	for i, d := range c.heads {
		out.Heads = append(out.Heads, HeadMove{Head{i / config.Heads, i % config.Heads}, d / float64(n)})
	}
	return out
}

// covariance adds up what linear CKA needs of two streams (Kornblith et al. 2019,
// arXiv 1905.00414). Both are shifted by their first window's mean, which changes
// nothing but the rounding.
type covariance struct {
	n              int
	shiftA, shiftB []float32
	sumA, sumB     []float64
	aa, bb, ab     tensor.Mat
	lengths        lengths
}

func (c *covariance) add(m *model.Model, a, b tensor.Mat) {
	if c.n == 0 {
		c.shiftA, c.shiftB = means(a), means(b)
		c.sumA, c.sumB = make([]float64, a.Cols), make([]float64, b.Cols)
		c.aa, c.bb, c.ab = tensor.New(a.Cols, a.Cols), tensor.New(b.Cols, b.Cols), tensor.New(a.Cols, b.Cols)
	}
	shift(a, c.shiftA, c.sumA)
	shift(b, c.shiftB, c.sumB)
	c.n += a.Rows
	c.lengths.add(a, b)
	tensor.Gemm(m.Pool, c.aa, a.T(), a, true)
	tensor.Gemm(m.Pool, c.bb, b.T(), b, true)
	tensor.Gemm(m.Pool, c.ab, a.T(), b, true)
}

func means(x tensor.Mat) []float32 {
	mean := make([]float32, x.Cols)
	for i := range x.Rows {
		for j, v := range x.Row(i) {
			mean[j] += v / float32(x.Rows)
		}
	}
	return mean
}

func shift(x tensor.Mat, by []float32, sum []float64) {
	for i := range x.Rows {
		r := x.Row(i)
		for j := range r {
			r[j] -= by[j]
			sum[j] += float64(r[j])
		}
	}
}

// similarity is ‖AᵀB‖² / (‖AᵀA‖·‖BᵀB‖) of the centred streams: 1 when they are the
// same up to rotation and scale.
func (c *covariance) similarity() float64 {
	return c.norm(c.ab, c.sumA, c.sumB) / math.Sqrt(c.norm(c.aa, c.sumA, c.sumA)*c.norm(c.bb, c.sumB, c.sumB))
}

// norm is the sum of squares of a matrix of products, centred.
func (c *covariance) norm(m tensor.Mat, left, right []float64) (sum float64) {
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			d := float64(v) - left[i]*right[j]/float64(c.n)
			sum += d * d
		}
	}
	return sum
}
