package inspect

import (
	"context"
	"fmt"
	"math"

	"weft/model"
	"weft/tensor"
)

// JacobianOptions say how to fit.
type JacobianOptions struct {
	Skip   int // leading positions left out, whose streams are unlike others; 0: 16, negative: none. The last is left out too
	OnPass func(done, total int)
}

// Jacobian is, for every block, how a change of the stream after it arrives in
// the last stream, on average: Dim × Dim, a row per number of the last stream.
type Jacobian struct {
	Provenance Provenance  `json:"provenance"`
	Prompts    int         `json:"prompts"`
	Positions  int         `json:"positions"` // that were averaged, of all prompts
	Layers     [][]float32 `json:"layers"`
	Checks     CheckList   `json:"checks"`
}

// fitBytes is how many bytes a fit takes.
func fitBytes(c model.Config) int64 { return 4 * int64(c.Layers) * int64(c.Dim) * int64(c.Dim) }

// JacobianLensBytes is how many bytes JacobianLens holds, with the fit.
func JacobianLensBytes(c model.Config, tokens int, o LensOptions) int64 {
	return fitBytes(c) + LensBytes(c, tokens, o) + floats(tokens, c.Dim) + productBytes(tokens, c.Dim, c.Dim)
}

// JacobianBytes is how many bytes FitJacobian holds for prompts of so many tokens.
func JacobianBytes(c model.Config, tokens int) int64 {
	return 3*fitBytes(c) + gradientBytes(c, jacobianSide(c, tokens), tokens) + floats(jacobianSide(c, tokens)*tokens, c.Dim+1)
}

// jacobianSide is how many numbers of the last stream are pulled back side by side.
func jacobianSide(c model.Config, tokens int) int {
	return min(c.Dim, max(1, batchTokens/max(1, tokens)))
}

func (o JacobianOptions) skip() int {
	if o.Skip == 0 {
		return 16
	}
	return max(0, o.Skip)
}

// fitter is one fit on its way.
type fitter struct {
	s    *Subject
	o    JacobianOptions
	j    *Jacobian
	sums [][]float64 // per block, Dim × Dim
}

// FitJacobian measures how a change of the stream after each block arrives in the
// last stream: the sum over the positions from there on, averaged over positions,
// then over prompts (Gurnee et al. 2026, "Verbalizable Representations Form a Global
// Workspace in Language Models"). Each prompt takes a backward pass for every number of the stream, so this
// is for small models or patient people; it needs what Saliency needs.
func (s *Subject) FitJacobian(ctx context.Context, prompts [][]int32, o JacobianOptions) (*Jacobian, error) {
	c := s.Model.Config
	if err := s.Model.Differentiable(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArch, err)
	}
	longest, positions := 0, 0
	for _, p := range prompts {
		longest = max(longest, len(p))
		positions += max(0, len(p)-1-o.skip())
	}
	if positions == 0 {
		return nil, fmt.Errorf("%w: no prompt has more than the %d tokens that are left out", ErrAsk, o.skip()+1)
	}
	if err := s.afford("the Jacobians", JacobianBytes(c, longest)); err != nil {
		return nil, err
	}
	f := &fitter{s: s, o: o, j: &Jacobian{Provenance: s.Provenance(prompts[0]), Positions: positions}}
	for range c.Layers {
		f.sums = append(f.sums, make([]float64, c.Dim*c.Dim))
	}
	for i, p := range prompts {
		if len(p)-1 > o.skip() {
			f.j.Prompts++
			if err := f.prompt(ctx, p); err != nil {
				return nil, err
			}
		}
		if o.OnPass != nil {
			o.OnPass(i+1, len(prompts))
		}
	}
	for _, sum := range f.sums {
		layer := make([]float32, len(sum))
		for i, v := range sum {
			layer[i] = float32(v / float64(f.j.Prompts))
		}
		f.j.Layers = append(f.j.Layers, layer)
	}
	f.check()
	return f.j, f.j.Checks.err()
}

// prompt pulls every number of the last stream back, at all positions at once:
// causality leaves those from the source's on.
func (f *fitter) prompt(ctx context.Context, tokens []int32) error {
	m, c, n := f.s.Model, f.s.Model.Config, len(tokens)
	side := jacobianSide(c, n)
	acts := m.NewActivations(side, n)
	for lo := 0; lo < c.Dim; lo += side {
		if err := ctx.Err(); err != nil {
			return err
		}
		hi := min(lo+side, c.Dim)
		last, many := tensor.New((hi-lo)*n, c.Dim), []int32{}
		for i := lo; i < hi; i++ {
			many = append(many, tokens...)
			for p := f.o.skip(); p < n-1; p++ {
				last.Row((i-lo)*n + p)[i] = 1
			}
		}
		_, err := m.Pull(acts, many, model.Pull{SeqLen: n, Last: last, See: func(layer int, d tensor.Mat) error {
			if layer > 0 {
				f.add(layer-1, lo, hi, n, d)
			}
			return nil
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// add averages the gradients of numbers lo to hi over the positions that count.
func (f *fitter) add(layer, lo, hi, n int, d tensor.Mat) {
	width := d.Cols
	for i := lo; i < hi; i++ {
		row := f.sums[layer][i*width : (i+1)*width]
		for p := f.o.skip(); p < n-1; p++ {
			for k, v := range d.Row((i-lo)*n + p) {
				row[k] += float64(v) / float64(n-1-f.o.skip())
			}
		}
	}
}

// check: nothing comes after the last block.
func (f *fitter) check() {
	width, off := f.s.Model.Config.Dim, 0.0
	last := f.j.Layers[len(f.j.Layers)-1]
	for i, v := range last {
		want := 0.0
		if i/width == i%width {
			want = 1
		}
		off = worse(off, math.Abs(float64(v)-want))
	}
	for _, layer := range f.j.Layers {
		if !finite(layer) {
			off = math.NaN()
		}
	}
	f.j.Checks.add("last", "after the last block the Jacobian is 1, and all are finite", off, 1e-12)
}

// JacobianLens reads the streams through a fit: each, carried to the end as changes
// are on average, then the final norm and the unembedding.
func (s *Subject) JacobianLens(ctx context.Context, tokens []int32, j *Jacobian, o LensOptions) (*Lens, error) {
	c := s.Model.Config
	if len(j.Layers) != c.Layers || len(j.Layers[0]) != c.Dim*c.Dim {
		return nil, fmt.Errorf("%w: the fit is of a model of another shape", ErrAsk)
	}
	if here := s.Provenance(nil).Hash; here != j.Provenance.Hash {
		return nil, fmt.Errorf("%w: the fit was made with other weights (%.15s, these are %.15s)", ErrAsk, j.Provenance.Hash, here)
	}
	o.Mid = false
	if err := s.afford("the lens and the fit", JacobianLensBytes(c, len(tokens), o)); err != nil {
		return nil, err
	}
	return s.lens(ctx, tokens, o, "jacobian", func(layer int, x tensor.Mat) tensor.Mat {
		y := tensor.New(x.Rows, c.Dim)
		tensor.Gemm(s.Model.Pool, y, x, tensor.Of(j.Layers[layer], c.Dim, c.Dim).T(), false)
		return y
	})
}
