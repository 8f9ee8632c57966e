package inspect

import (
	"context"
	"errors"
	"fmt"
	"math"

	"weft/model"
)

// PerplexityOptions say how a text is cut into windows. The zero value is what
// llama-perplexity does by default.
type PerplexityOptions struct {
	Context int  // tokens per window; 0: 512, or what the model can if that is less
	Stride  int  // tokens from one window to the next; 0: Context
	Begin   bool // the model expects every text to begin with First, which takes the place of each window's first token
	First   int32

	OnWindow func(done, total int, p Perplexity) // after each window; may be nil
}

// Perplexity is how surprised a model is by a text.
type Perplexity struct {
	Tokens int     // of the text
	Scored int     // of these, those that count
	NLL    float64 // nats per scored token
	StdErr float64 // of NLL, taking tokens as independent
	Bytes  int64   // of text that the scored tokens stand for

	sum, squares float64
}

// Value is e^NLL.
func (p Perplexity) Value() float64 { return math.Exp(p.NLL) }

// BitsPerByte compares across tokenizers.
func (p Perplexity) BitsPerByte() float64 { return p.sum / math.Ln2 / float64(max(1, p.Bytes)) }

// ErrShort is returned for a text that is not even one window.
var ErrShort = errors.New("the text is too short")

// MeasurePerplexity scores a text in windows: the second half of each, so that
// every token that counts has half a window before it. A rest that is no whole
// window is left out. size gives the bytes of text that a token stands for.
func MeasurePerplexity(ctx context.Context, m *model.Model, tokens []int32, size func(int32) int, o PerplexityOptions) (Perplexity, error) {
	if o.Context <= 0 {
		o.Context = min(512, m.Config.Context)
	}
	if o.Context > m.Config.Context {
		return Perplexity{}, fmt.Errorf("windows of %d tokens: %w", o.Context, model.ErrContext)
	}
	if o.Stride <= 0 {
		o.Stride = o.Context
	}
	p := Perplexity{Tokens: len(tokens)}
	if o.Context < 4 {
		return p, fmt.Errorf("windows of %d tokens are too short: 4 are the least", o.Context)
	}
	if len(tokens) < o.Context {
		return p, fmt.Errorf("%w: %d tokens, a window has %d", ErrShort, len(tokens), o.Context)
	}
	windows := (len(tokens)-o.Context)/o.Stride + 1
	acts := m.NewScratch(1, o.Context)
	window, targets, nll := make([]int32, o.Context), make([]int32, o.Context), make([]float64, o.Context)
	for w := range windows {
		if err := ctx.Err(); err != nil {
			return p, err
		}
		text := tokens[w*o.Stride:][:o.Context]
		copy(window, text)
		if o.Begin {
			window[0] = o.First
		}
		half := o.Context / 2
		for i := range targets {
			targets[i] = -1
			if i >= half && i+1 < o.Context {
				targets[i] = text[i+1]
			}
		}
		if _, err := m.Score(acts, window, targets, nll); err != nil {
			return p, err
		}
		for i, id := range targets {
			if id >= 0 {
				p.add(nll[i], size(id))
			}
		}
		if o.OnWindow != nil {
			o.OnWindow(w+1, windows, p)
		}
	}
	return p, nil
}

func (p *Perplexity) add(nll float64, bytes int) {
	p.Scored++
	p.Bytes += int64(bytes)
	p.sum += nll
	p.squares += nll * nll
	n := float64(p.Scored)
	p.NLL = p.sum / n
	p.StdErr = math.Sqrt(max(0, p.squares/n-p.NLL*p.NLL) / n)
}
