package model_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"weft/internal/cpu"
	"weft/internal/cpu/cputest"
	"weft/model"
)

// Small configs that between them turn every switch.
func configs() map[string]model.Config {
	llama := model.Config{Arch: "llama", Vocab: 53, Context: 80, Layers: 2, Dim: 24, Heads: 4, KVHeads: 2, HeadDim: 6,
		Hidden: 40, NormEps: 1e-5, Rope: model.Rope{Theta: 10000}, Gated: true}
	gpt2 := model.Config{Arch: "gpt2", Vocab: 47, Context: 80, Layers: 2, Dim: 20, Heads: 5, KVHeads: 5, HeadDim: 4,
		Hidden: 36, Norm: model.LayerNorm, NormEps: 1e-5, NormBias: true, Position: model.LearnedPositions,
		Activation: model.GELU, QKVBias: true, OutBias: true, MLPBias: true, TiedHead: true}
	tied := llama
	tied.TiedHead = true
	geglu := llama
	geglu.Activation, geglu.MLPBias, geglu.QKVBias, geglu.OutBias = model.GELU, true, true, true
	bare := gpt2
	bare.NormBias, bare.QKVBias, bare.OutBias, bare.MLPBias, bare.Activation = false, false, false, false, model.GELUErf
	wide := llama // heads whose width is not Dim/Heads, one key/value head
	wide.HeadDim, wide.KVHeads = 16, 1
	plain := llama
	plain.Gated, plain.Norm = false, model.LayerNorm
	gemma2 := tied
	gemma2.Placement, gemma2.Activation, gemma2.EmbedScale, gemma2.AttnScale = model.Sandwich, model.GELU, 4.9, 0.5
	gemma2.AttnSoftCap, gemma2.LogitSoftCap = 3, 4
	gemma2.Blocks = []model.Block{{Window: 9}, {}}
	gemma3 := gemma2
	gemma3.AttnSoftCap, gemma3.LogitSoftCap, gemma3.QKNorm = 0, 0, model.QKNormHead
	gemma3.Blocks, gemma3.RopeLocal = []model.Block{{Window: 67, Local: true}, {}}, model.Rope{Theta: 100}
	olmo2 := llama
	olmo2.Placement, olmo2.QKNorm = model.PostNorm, model.QKNormWhole
	behind := bare // what no family has together
	behind.Placement, behind.EmbedScale, behind.LogitScale, behind.LogitSoftCap = model.PostNorm, 0.7, 0.5, 3
	partial := llama
	partial.Rope.Dims, partial.Blocks = 4, []model.Block{{NoRope: true}, {Window: 5}}
	return map[string]model.Config{"llama": llama, "gpt2": gpt2, "llama-tied": tied, "geglu": geglu, "gpt2-bare": bare, "wide": wide, "plain": plain,
		"gemma2": gemma2, "gemma3": gemma3, "olmo2": olmo2, "behind": behind, "partial": partial}
}

// randomModel has weights far enough from the initial sand that every
// gradient is visible.
func randomModel(t testing.TB, c model.Config, threads int) *model.Model {
	t.Helper()
	w := model.NewWeights(c)
	rng := rand.New(rand.NewPCG(7, 11))
	for _, p := range w.Params() {
		for i := range p.Data {
			p.Data[i] = float32(rng.NormFloat64() * 0.25)
			if p.Kind == model.Gain {
				p.Data[i]++
			}
		}
	}
	return newModel(t, w, threads)
}

func randomTokens(n, vocab int, seed uint64) []int32 {
	rng := rand.New(rand.NewPCG(seed, 5))
	tokens := make([]int32, n)
	for i := range tokens {
		tokens[i] = int32(rng.IntN(vocab))
	}
	return tokens
}

// TestGradients compares every parameter tensor's gradient with central finite
// differences of the very loss that training minimises: along the gradient,
// along random directions, and at its largest numbers.
func TestGradients(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for name, c := range configs() {
			t.Run(name, func(t *testing.T) { checkGradients(t, c) })
		}
	})
}

func checkGradients(t *testing.T, c model.Config) {
	seqs, seqLen, random := 2, 70, 2 // more than one tile of attention
	if cpu.Active() == cpu.Generic {
		seqs, seqLen, random = 1, 66, 0 // exact, and slow
	}
	m := randomModel(t, c, 2)
	a := m.NewActivations(seqs, seqLen)
	tokens, targets := randomTokens(seqs*seqLen, c.Vocab, 1), randomTokens(seqs*seqLen, c.Vocab, 2)
	targets[3] = -1
	g := model.NewGrads(c)
	if _, err := m.LossAndGrad(a, g, tokens, targets, 1); err != nil {
		t.Fatal(err)
	}
	g.Fold()
	loss := func() float64 {
		nll, err := m.Loss(a, tokens, targets, nil)
		if err != nil {
			t.Fatal(err)
		}
		return nll
	}
	rng := rand.New(rand.NewPCG(3, 9))
	grads, largest := g.Params(), 0.0
	for _, p := range grads {
		largest = max(largest, norm2(p.Data))
	}
	for i, p := range m.W.Params() {
		for _, dir := range directions(grads[i].Data, random, rng) {
			want := 0.0
			for j, d := range dir {
				want += float64(d) * float64(grads[i].Data[j])
			}
			norm := norm2(grads[i].Data)
			if norm == 0 {
				t.Fatalf("%s: gradient is all zero", p.Name)
			}
			got := slope(p.Data, dir, loss)
			// A direction nearly across the gradient, or a parameter that changes
			// nothing (a key's bias without RoPE), has no digits left to compare.
			if diff := math.Abs(got - want); diff > 1e-2*max(math.Abs(want), 0.1*norm, 1e-3*largest) {
				t.Errorf("%s: finite difference %g, gradient %g (norm %g)", p.Name, got, want, norm)
			}
		}
	}
}

// directions are unit vectors: the gradient's own, random ones, and the axes of its three largest numbers.
func directions(g []float32, random int, rng *rand.Rand) [][]float32 {
	unit := func(v []float32) []float32 {
		n := norm2(v)
		for i := range v {
			v[i] = float32(float64(v[i]) / n)
		}
		return v
	}
	dirs := [][]float32{unit(append([]float32(nil), g...))}
	for range random {
		v := make([]float32, len(g))
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		dirs = append(dirs, unit(v))
	}
	order := make([]int, len(g))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool {
		return math.Abs(float64(g[order[a]])) > math.Abs(float64(g[order[b]]))
	})
	for _, i := range order[:min(3, len(order))] {
		axis := make([]float32, len(g))
		axis[i] = 1
		dirs = append(dirs, axis)
	}
	return dirs
}

func norm2(v []float32) float64 {
	s := 0.0
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	return math.Sqrt(s)
}

// slope is the derivative of f along dir, by Richardson's extrapolation of two
// central differences, which is exact to the fourth order.
func slope(x, dir []float32, f func() float64) float64 {
	old := append([]float32(nil), x...)
	defer copy(x, old)
	central := func(h float32) float64 {
		at := func(h float32) float64 {
			for i := range x {
				x[i] = old[i] + h*dir[i]
			}
			return f()
		}
		return (at(h) - at(-h)) / (2 * float64(h))
	}
	return (4*central(0.01) - central(0.02)) / 3
}

// TestAccumulation: two batches one after the other leave the same bits as the
// two as one, and no thread count changes a bit.
func TestAccumulation(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for name, c := range configs() {
			t.Run(name, func(t *testing.T) {
				const seqLen = 37
				tokens, targets := randomTokens(4*seqLen, c.Vocab, 1), randomTokens(4*seqLen, c.Vocab, 2)
				var want []model.Param
				for _, split := range []int{4, 1, 2} {
					for _, threads := range []int{1, 2, 3} {
						m := randomModel(t, c, threads)
						a, g := m.NewActivations(split, seqLen), model.NewGrads(c)
						for n := split * seqLen; len(tokens) > 0; {
							if _, err := m.LossAndGrad(a, g, tokens[:n], targets[:n], 0.25); err != nil {
								t.Fatal(err)
							}
							tokens, targets = tokens[n:], targets[n:]
						}
						tokens, targets = randomTokens(4*seqLen, c.Vocab, 1), randomTokens(4*seqLen, c.Vocab, 2)
						g.Fold()
						if want == nil {
							want = g.Params()
							continue
						}
						for i, p := range g.Params() {
							sameBits(t, fmt.Sprintf("%s, %d sequences at once, %d threads", p.Name, split, threads), p.Data, want[i].Data)
						}
					}
				}
			})
		}
	})
}

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: number %d is %g, want %g", what, i, got[i], want[i])
		}
	}
}
