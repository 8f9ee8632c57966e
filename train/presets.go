package train

import (
	"fmt"
	"slices"
	"strings"
)

// Preset is a ready recipe under a name.
type Preset struct {
	Name   string
	About  string
	Recipe Recipe
}

// Muon's usual settings.
const (
	muonLR       = 0.02
	muonMomentum = 0.95
)

// Presets lists the ready recipes, small to large. Their defaults make the most
// of about ten minutes on two cores; for more text or time, say so with a
// longer horizon and, from mini on, a larger batch.
func Presets() []Preset {
	return []Preset{
		llama("nano", "about 0.2M parameters: learns to spell in a minute", Shape{Layers: 4, Dim: 64, Heads: 4, KVHeads: 2, Hidden: 176}, 512, 128, 16),
		llama("micro", "about 1M parameters: ten minutes for a megabyte of text", Shape{Layers: 5, Dim: 128, Heads: 4, KVHeads: 2, Hidden: 352}, 1024, 256, 16),
		llama("mini", "about 5M parameters: an hour or more, tens of megabytes", Shape{Layers: 6, Dim: 256, Heads: 8, KVHeads: 4, Hidden: 704}, 2048, 256, 16),
		llama("small", "about 25M parameters: a night, hundreds of megabytes", Shape{Layers: 8, Dim: 512, Heads: 8, KVHeads: 4, Hidden: 1408}, 4096, 512, 16),
		gpt2(),
	}
}

// llama is a recipe for a Llama-type model with a tied head: Muon, and a
// constant rate that goes down over the second half, so that the horizon may be
// minutes and the way down starts when time says so.
func llama(name, about string, shape Shape, vocab, seq, batch int) Preset {
	shape.Arch, shape.Tied = "llama", true
	return Preset{name, about, Recipe{
		Model:     shape,
		Tokenizer: Tokens{Kind: tokensBPE, Vocab: vocab, Split: "gpt2"},
		Seq:       seq, Batch: batch, Horizon: Horizon{Minutes: 10},
		Optimizer: Optimizer{Kind: optimizerMuon, LR: 3e-3, MuonLR: muonLR, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, Momentum: muonMomentum, WeightDecay: 0.1, Clip: 1},
		Schedule:  Schedule{Kind: scheduleWSD, Warmup: 50, Decay: 0.5, Shape: shapeLinear},
		Val:       0.1, EvalEvery: 250, Keep: keepBest, Seed: 1,
	}}
}

// gpt2 is the shape of GPT-2's smallest model (Radford et al. 2019).
func gpt2() Preset {
	p := llama("gpt2", "124M parameters in GPT-2's shape: days on a few cores", Shape{Layers: 12, Dim: 768, Heads: 12, Hidden: 3072}, 50257, 1024, 8)
	p.Recipe.Model.Arch, p.Recipe.Model.Bias = "gpt2", true
	p.Recipe.EvalEvery = 500
	return p
}

// FindPreset returns the preset of that name, or an error that lists them.
func FindPreset(name string) (Preset, error) {
	all := Presets()
	i := slices.IndexFunc(all, func(p Preset) bool { return p.Name == name })
	if i < 0 {
		var names []string
		for _, p := range all {
			names = append(names, p.Name)
		}
		return Preset{}, fmt.Errorf("%w: no preset %q: there are %s", ErrRecipe, name, strings.Join(names, ", "))
	}
	return all[i], nil
}

// SetLR sets the peak learning rate: the matrices' with Muon, whose AdamW part
// keeps its share of it; else all parameters'.
func (o *Optimizer) SetLR(lr float64) {
	if o.Kind == optimizerMuon {
		o.LR *= lr / o.MuonLR
		o.MuonLR = lr
		return
	}
	o.LR = lr
}

// SetKind switches between "muon" and "adamw", keeping AdamW's rate for the
// parameters that it has either way.
func (o *Optimizer) SetKind(kind string) {
	if o.Kind == kind {
		return
	}
	o.Kind = kind
	o.MuonLR, o.Momentum = 0, 0
	if kind == optimizerMuon {
		o.MuonLR, o.Momentum = muonLR, muonMomentum
	}
}
