package inspect

import (
	"context"
	"fmt"
	"math"

	"weft/internal/kernel"
	"weft/kvcache"
	"weft/model"
	"weft/tensor"
)

// SaliencyOptions say which logit. The zero value is gradient × input of the
// predicted token's.
type SaliencyOptions struct {
	Token    *int32 // nil: what is predicted after the last token
	Against  *int32 // the difference to this token's logit; nil: the logit alone
	Steps    int    // > 0: integrated gradients in so many steps
	Baseline *int32 // integrated gradients: the token to come from; nil: the mean embedding
}

// Saliency is what each token of the prompt did to a logit, by gradients of its
// embedding.
type Saliency struct {
	Provenance Provenance `json:"provenance"`
	Method     string     `json:"method"` // "gradient x input" or "integrated gradients"
	Tokens     []int32    `json:"tokens"`
	Token      int32      `json:"token"`
	Against    *int32     `json:"against"`
	Value      float64    `json:"value"`    // of the logit or difference
	Baseline   float64    `json:"baseline"` // of the same, at the baseline; integrated gradients only
	Steps      int        `json:"steps"`
	Shares     []float64  `json:"shares"` // per token; integrated gradients: they sum to Value − Baseline
	Norms      []float64  `json:"norms"`  // per token: length of the gradient
	Checks     CheckList  `json:"checks"`
}

// gradientBytes is the memory of a forward pass over sequences of n tokens that is
// kept, and of its backward.
func gradientBytes(c model.Config, seqs, n int) int64 {
	kept, tiles := 4*c.Dim+layerWidth(c)+4, int64(3) // tiles have a gradient, too
	if c.Placement != model.PreNorm {                // what parts make is kept before their norms
		kept += 2*c.Dim + 4
	}
	if c.QKNorm != model.NoQKNorm {
		kept += c.QDim() + c.KVDim()
	}
	if c.AttnSoftCap > 0 {
		tiles++
	}
	back := 4*c.Dim + layerWidth(c)
	widest := max(c.Dim, c.Hidden, c.ZDim())
	return rounded(floats(seqs*n, c.Layers*kept+back+6*c.Dim) + cacheBytes(c, seqs, n) +
		tiles*tileBytes(c, seqs, n) + floats(n, 4*c.HeadDim) + floats(2*seqs, c.Vocab) + productBytes(seqs*n, widest, widest))
}

// SaliencyBytes is how many bytes Saliency holds for a prompt; steps as in its options.
func SaliencyBytes(c model.Config, tokens, steps int) int64 {
	side := saliencySide(steps, tokens)
	return gradientBytes(c, max(side, min(2, steps)), tokens) + floats(side*tokens, c.Dim) + floats(tokens, 8*c.Dim)
}

// saliencySide is how many points of the way are differentiated side by side.
func saliencySide(steps, tokens int) int {
	return max(1, min(steps, batchTokens/max(1, tokens)))
}

// FloatsBytes is how many bytes the weights of Floats take.
func FloatsBytes(c model.Config) int64 { return 4 * int64(c.ParamCount()) }

// Floats is the same model with all matrices decoded to float32 in memory, so that
// it has gradients: what it computes is the exact function of the stored weights,
// without the rounding of activations that products with quantised weights do. Its
// weights count against the budget of its analyses.
func (s *Subject) Floats() (*Subject, error) {
	if err := s.afford("the model in float32", FloatsBytes(s.Model.Config)); err != nil {
		return nil, err
	}
	m, err := s.Model.Decode()
	if err != nil {
		return nil, err
	}
	f := NewSubject(m, s.About)
	f.Budget, f.held = s.Budget, s.held+FloatsBytes(s.Model.Config)
	return f, nil
}

// salient is one saliency on its way.
type salient struct {
	s        *Subject
	exact    *Subject // runs forward as gradients are made: keys and values are not rounded
	a        *Saliency
	acts     *model.Activations
	input    tensor.Mat // what enters the first block
	base     tensor.Mat // the same, at the baseline
	gradient []float64  // average over steps, tokens × Dim
}

// Saliency is what each token of the prompt did to a logit, by gradients of its
// embedding: gradient × input (Shrikumar et al. 2016, arXiv 1605.01713), or
// integrated gradients (Sundararajan et al. 2017, arXiv 1703.01365), whose shares
// sum to the change of the logit along the way from the baseline. It needs float32
// weights of a model that can be trained.
func (s *Subject) Saliency(ctx context.Context, tokens []int32, o SaliencyOptions) (*Saliency, error) {
	c := s.Model.Config
	if err := s.Model.Differentiable(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArch, err)
	}
	if err := checkIDs(c, o.Token, o.Against, o.Baseline); err != nil {
		return nil, err
	}
	if len(tokens) == 0 || o.Steps < 0 {
		return nil, fmt.Errorf("%w: %d tokens, %d steps", ErrAsk, len(tokens), o.Steps)
	}
	if err := s.afford("the gradients", SaliencyBytes(c, len(tokens), o.Steps)); err != nil {
		return nil, err
	}
	w := &salient{s: s, a: &Saliency{Provenance: s.Provenance(tokens), Method: "gradient x input", Tokens: tokens, Against: o.Against, Steps: o.Steps}}
	w.a.Provenance.Cache = kvcache.F32.String() // as gradients are made
	if err := w.begin(ctx, o); err != nil {
		return nil, err
	}
	var err error
	if o.Steps > 0 {
		w.a.Method = "integrated gradients"
		err = w.integrate(ctx)
	} else {
		err = w.once(ctx)
	}
	if err != nil {
		return nil, err
	}
	return w.a, w.a.Checks.err()
}

// begin runs the prompt, and finds what to differentiate and where to come from.
func (w *salient) begin(ctx context.Context, o SaliencyOptions) error {
	m, n := w.s.Model, len(w.a.Tokens)
	exact := *m
	exact.KV = kvcache.F32 // as gradients are made
	w.exact = &Subject{Model: &exact}
	caught := newCatcher()
	caught.whole("hook_embed", block(0, "hook_resid_pre"))
	logits, err := caught.run(ctx, w.exact, w.a.Tokens, model.Run{})
	if err != nil {
		return err
	}
	w.a.Token = newAnswer(logits.Data).top
	if o.Token != nil {
		w.a.Token = *o.Token
	}
	if err := checkAgainst(w.a.Token, o.Against); err != nil {
		return err
	}
	w.a.Value = w.metric(logits.Data)
	w.input = tensor.Of(caught.got[block(0, "hook_resid_pre")], n, m.Config.Dim)
	w.base = tensor.New(n, m.Config.Dim)
	from := w.baseline(o)
	for i := range n {
		for j := range m.Config.Dim { // positions stay where they are
			at := i*m.Config.Dim + j
			w.base.Data[at] = w.input.Data[at] - caught.got["hook_embed"][at] + from[j]
		}
	}
	w.gradient = make([]float64, len(w.input.Data))
	return nil
}

// baseline is the embedding to come from.
func (w *salient) baseline(o SaliencyOptions) []float32 {
	m := w.s.Model
	if o.Steps == 0 {
		return make([]float32, m.Config.Dim) // gradient × input: the way from nothing
	}
	scale := float64(m.Config.EmbedScale)
	if scale == 0 {
		scale = 1
	}
	if o.Baseline != nil {
		from := w.s.vector(&m.W.TokenEmbd, *o.Baseline)
		kernel.Scale(from, float32(scale))
		return from
	}
	sum := make([]float64, m.Config.Dim)
	for id := range m.Config.Vocab {
		for j, v := range m.W.TokenEmbd.W.Row(id) {
			sum[j] += float64(v)
		}
	}
	mean := make([]float32, len(sum))
	for j, v := range sum {
		mean[j] = float32(v / float64(m.Config.Vocab) * scale)
	}
	return mean
}

func (w *salient) metric(logits []float32) float64 {
	v := float64(logits[w.a.Token])
	if id := w.a.Against; id != nil {
		v -= float64(logits[*id])
	}
	return v
}

// pull adds the gradients at some streams, weighed, and returns the metric there.
func (w *salient) pull(ctx context.Context, streams tensor.Mat, weights []float64) ([]float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n, width := len(w.a.Tokens), w.s.Model.Config.Dim
	var tokens []int32
	var seeds []model.LogitSeed
	for i := range weights {
		tokens = append(tokens, w.a.Tokens...)
		seeds = append(seeds, model.LogitSeed{Row: i*n + n - 1, Token: w.a.Token, Weight: 1})
		if id := w.a.Against; id != nil {
			seeds = append(seeds, model.LogitSeed{Row: i*n + n - 1, Token: *id, Weight: -1})
		}
	}
	logits, err := w.s.Model.Pull(w.acts, tokens, model.Pull{SeqLen: n, Stream: streams, Logits: seeds, See: func(layer int, d tensor.Mat) error {
		if layer > 0 {
			return nil
		}
		for i, weight := range weights {
			for j := range w.gradient {
				w.gradient[j] += weight * float64(d.Data[i*n*width+j])
			}
		}
		return nil
	}})
	if err != nil {
		return nil, err
	}
	values := make([]float64, len(weights))
	for i := range values {
		values[i] = w.metric(logits.Row(i))
	}
	return values, nil
}

func (w *salient) once(ctx context.Context) error {
	w.acts = w.s.Model.NewActivations(1, len(w.a.Tokens))
	values, err := w.pull(ctx, w.input, []float64{1})
	if err != nil {
		return err
	}
	w.share()
	w.a.Checks.add("forward", "the pass that was differentiated says what the model says with keys and values as they are, to the bit", math.Abs(values[0]-w.a.Value), 0)
	return w.checkSlope(ctx)
}

// share multiplies the gradient by the way from the baseline.
func (w *salient) share() {
	width := w.s.Model.Config.Dim
	for i := range w.a.Tokens {
		sum := 0.0
		for j := i * width; j < (i+1)*width; j++ {
			sum += w.gradient[j] * (float64(w.input.Data[j]) - float64(w.base.Data[j]))
		}
		w.a.Shares = append(w.a.Shares, sum)
		w.a.Norms = append(w.a.Norms, length64(w.gradient[i*width:(i+1)*width]))
	}
}
