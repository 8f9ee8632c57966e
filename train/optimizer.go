package train

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"weft/internal/kernel"
	"weft/internal/par"
	"weft/model"
	"weft/tensor"
)

// Optimizer is how gradients become steps. With "adamw" every parameter is
// AdamW's; with "muon" the matrices of the blocks are Muon's and the rest
// (embeddings, head, gains, biases) AdamW's.
type Optimizer struct {
	Kind        string  `json:"kind"` // "muon" or "adamw"
	LR          float64 `json:"lr"`   // peak learning rate
	MuonLR      float64 `json:"muon_lr,omitempty"`
	Beta1       float64 `json:"beta1"`
	Beta2       float64 `json:"beta2"`
	Eps         float64 `json:"eps"`
	Momentum    float64 `json:"momentum,omitempty"` // Muon's
	WeightDecay float64 `json:"weight_decay"`       // of matrices and embeddings; gains and biases have none
	Clip        float64 `json:"clip"`               // of the gradient's global norm; 0: none
}

const (
	optimizerAdamW = "adamw"
	optimizerMuon  = "muon"
)

func (o Optimizer) validate() error {
	share := func(x float64) bool { return x >= 0 && x < 1 }
	positive := func(x float64) bool { return x > 0 && x < math.MaxFloat32 }
	switch {
	case o.Kind != optimizerAdamW && o.Kind != optimizerMuon:
		return fmt.Errorf("optimizer %q: it is muon or adamw", o.Kind)
	case !positive(o.LR) || (o.Kind == optimizerMuon && !positive(o.MuonLR)):
		return fmt.Errorf("optimizer: the learning rate must be above 0")
	case !share(o.Beta1) || !share(o.Beta2) || !share(o.Momentum):
		return fmt.Errorf("optimizer: beta1, beta2 and momentum must be at least 0 and below 1")
	case !positive(o.Eps) || !(o.WeightDecay >= 0) || !(o.Clip >= 0):
		return fmt.Errorf("optimizer: eps must be above 0, weight decay and clip not below")
	}
	return nil
}

// rate is the peak learning rate of most parameters, the one to report.
func (o Optimizer) rate() float64 {
	if o.Kind == optimizerMuon {
		return o.MuonLR
	}
	return o.LR
}

// slot is a parameter, its gradient, and what its optimiser remembers.
type slot struct {
	model.Param
	grad []float32
	m    []float32 // AdamW's mean of gradients, or Muon's momentum
	v    []float32 // AdamW's mean of their squares; nil for Muon
}

// block is part of a slot, the unit that threads share out. Its size is fixed,
// so that every sum over a block has one order.
type block struct {
	slot   *slot
	lo, hi int
}

const blockSize = 32 << 10

// optimizer applies an Optimizer to weights.
type optimizer struct {
	Optimizer
	pool    *par.Pool
	slots   []*slot
	blocks  []block // of all slots
	adamw   []block // of AdamW's slots
	muon    []*slot // large ones first
	scratch []muonScratch
	sums    []float64 // per block
}

// newOptimizer starts with no memory. Gradients are taken from grads.
func newOptimizer(o Optimizer, weights, grads *model.Weights, pool *par.Pool) *optimizer {
	s := &optimizer{Optimizer: o, pool: pool}
	gradients := grads.Params()
	for i, p := range weights.Params() {
		sl := &slot{Param: p, grad: gradients[i].Data, m: make([]float32, len(p.Data))}
		blocks := cut(sl)
		s.slots = append(s.slots, sl)
		s.blocks = append(s.blocks, blocks...)
		if o.Kind == optimizerMuon && p.Kind == model.Matrix {
			s.muon = append(s.muon, sl)
			continue
		}
		sl.v = make([]float32, len(p.Data))
		s.adamw = append(s.adamw, blocks...)
	}
	slices.SortStableFunc(s.muon, func(a, b *slot) int { return cmp.Compare(muonCost(b.Param), muonCost(a.Param)) })
	s.sums = make([]float64, len(s.blocks))
	s.makeScratch()
	return s
}

func cut(s *slot) (blocks []block) {
	for lo := 0; lo < len(s.Data); lo += blockSize {
		blocks = append(blocks, block{s, lo, min(lo+blockSize, len(s.Data))})
	}
	return blocks
}

// step is optimiser step t (from 1) with the learning rate at share of its
// peak. It uses the gradients up: they are zero afterwards. norm is the
// gradient's global norm before clipping; when it is not finite nothing changes.
func (s *optimizer) step(t int, share float64) (norm float64) {
	norm = s.norm(func(sl *slot) []float32 { return sl.grad })
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return norm
	}
	scale := float32(1)
	if s.Clip > 0 && norm > s.Clip {
		scale = float32(s.Clip / (norm + 1e-6))
	}
	s.stepAdamW(t, share, scale)
	s.stepMuon(share, scale)
	return norm
}

// weightNorm is the Euclidean norm of all weights, finite only if all of them are.
func (s *optimizer) weightNorm() float64 {
	return s.norm(func(sl *slot) []float32 { return sl.Data })
}

// norm is the Euclidean norm of what all slots have: blocks in parallel, their
// sums added up in order.
func (s *optimizer) norm(of func(*slot) []float32) float64 {
	s.pool.Run(len(s.blocks), func(_, i int) {
		b := s.blocks[i]
		s.sums[i] = kernel.SumSquares(of(b.slot)[b.lo:b.hi])
	})
	sum := 0.0
	for _, x := range s.sums {
		sum += x
	}
	return math.Sqrt(sum)
}

// decayed says whether weight decay pulls on a parameter.
func decayed(k model.Kind) bool { return k != model.Gain && k != model.Bias }

// stepAdamW is decoupled weight decay and Adam (Loshchilov and Hutter 2017,
// arXiv 1711.05101), in the order of operations of torch.optim.AdamW.
func (s *optimizer) stepAdamW(t int, share float64, scale float32) {
	a := kernel.AdamW{
		LR: float32(s.LR * share), Beta1: float32(s.Beta1), Beta2: float32(s.Beta2), Eps: float32(s.Eps),
		C1: float32(1 / (1 - math.Pow(s.Beta1, float64(t)))), C2: float32(1 / (1 - math.Pow(s.Beta2, float64(t)))),
		GradScale: scale,
	}
	s.pool.Run(len(s.adamw), func(_, i int) {
		b, a := s.adamw[i], a
		if decayed(b.slot.Kind) {
			a.WeightDecay = float32(s.WeightDecay)
		}
		grad := b.slot.grad[b.lo:b.hi]
		kernel.AdamWStep(b.slot.Data[b.lo:b.hi], grad, b.slot.m[b.lo:b.hi], b.slot.v[b.lo:b.hi], a)
		clear(grad)
	})
}

// state lists what the optimiser remembers, by name, sharing storage.
func (s *optimizer) state() []tensor.Named {
	var list []tensor.Named
	add := func(prefix string, p model.Param, data []float32) {
		list = append(list, tensor.Named{Name: prefix + p.Name, Raw: tensor.RawOf(data, p.Rows, p.Cols)})
	}
	for _, sl := range s.slots {
		if sl.v == nil {
			add("muon.", sl.Param, sl.m)
			continue
		}
		add("adamw.m.", sl.Param, sl.m)
		add("adamw.v.", sl.Param, sl.v)
	}
	return list
}

// load takes back what state listed.
func (s *optimizer) load(src model.WeightSource) error {
	read := func(name string, data []float32) error {
		raw, err := src.Tensor(name)
		if err == nil {
			err = raw.Float32s(data)
		}
		if err != nil {
			return fmt.Errorf("optimizer state %s: %w", name, err)
		}
		return nil
	}
	for _, sl := range s.slots {
		if sl.v == nil {
			if err := read("muon."+sl.Name, sl.m); err != nil {
				return err
			}
			continue
		}
		if err := read("adamw.m."+sl.Name, sl.m); err != nil {
			return err
		}
		if err := read("adamw.v."+sl.Name, sl.v); err != nil {
			return err
		}
	}
	return nil
}
