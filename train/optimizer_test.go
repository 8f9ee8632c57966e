package train

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"weft/internal/cpu/cputest"
	"weft/internal/par"
	"weft/model"
	"weft/tensor"
)

func tinyLlama() model.Config {
	return model.Config{Arch: "llama", Vocab: 7, Context: 8, Layers: 1, Dim: 4, Heads: 2, KVHeads: 1, HeadDim: 2,
		Hidden: 6, NormEps: 1e-5, Rope: model.Rope{Theta: 10000}, Gated: true}
}

// numbers are the inputs of testdata/optimizers.py.
func numbers(data []float32, seed int, scale float32) {
	for k := range data {
		i := (uint64(k+1)*2654435761 + uint64(seed)*40503*65537) >> 16 & 0xFFFF
		data[k] = (float32(i)/65536 - 0.5) * scale
	}
}

// TestOptimizersAgainstTorch runs five clipped steps with a falling rate.
func TestOptimizersAgainstTorch(t *testing.T) {
	data, err := os.ReadFile("testdata/optimizers.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string]struct {
		Norms   []float64
		Weights map[string][]float64
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for kind, want := range golden {
		o := Optimizer{Kind: kind, LR: 3e-3, MuonLR: 2e-2, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, Momentum: 0.95, WeightDecay: 0.1, Clip: 1}
		t.Run(kind, func(t *testing.T) {
			cputest.All(t, func(t *testing.T) {
				w, g := model.NewWeights(tinyLlama()), model.NewGrads(tinyLlama())
				for i, p := range w.Params() {
					numbers(p.Data, i, 1)
				}
				s := newOptimizer(o, w, g, nil)
				for step, norm := range want.Norms {
					for i, p := range g.Params() {
						numbers(p.Data, 1000+100*step+i, 0.5)
					}
					near(t, "norm", s.step(step+1, 1-0.1*float64(step)), norm, 1e-5)
				}
				for _, p := range w.Params() {
					for i, x := range want.Weights[p.Name] {
						if math.Abs(float64(p.Data[i])-x) > 3e-6 {
							t.Fatalf("%s[%d] is %g, torch says %g", p.Name, i, p.Data[i], x)
						}
					}
				}
				for _, p := range g.Params() {
					for _, x := range p.Data {
						if x != 0 {
							t.Fatalf("the gradient of %s is not used up", p.Name)
						}
					}
				}
			})
		})
	}
}

// TestOrthogonalize: singular values end between 0.65 and 1.2, so the mean of
// their squares, ‖x‖² / smaller side, is near 1, and rows are nearly orthogonal.
func TestOrthogonalize(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, shape := range [][2]int{{1, 1}, {1, 50}, {50, 1}, {48, 48}, {40, 100}, {100, 40}} {
			rows, cols := shape[0], shape[1]
			n := min(rows, cols)
			x := make([]float32, rows*cols)
			for i := range x {
				x[i] = float32(rng.NormFloat64() * 1e-4)
			}
			scratch := &muonScratch{x, make([]float32, rows*cols), make([]float32, n*n), make([]float32, n*n)}
			y := orthogonalize(nil, tensor.Of(x, rows, cols), scratch)
			sum := 0.0
			for _, v := range y.Data {
				sum += float64(v) * float64(v)
			}
			if mean := math.Sqrt(sum / float64(n)); mean < 0.65 || mean > 1.2 {
				t.Errorf("%d×%d: root mean square of the singular values is %g", rows, cols, mean)
			}
		}
	})
}

// TestOptimizerThreads: the number of threads changes no bit.
func TestOptimizerThreads(t *testing.T) {
	c := tinyLlama()
	c.Vocab, c.Dim, c.Hidden, c.Layers = 3000, 48, 100, 2 // embeddings of several blocks
	for _, kind := range []string{optimizerAdamW, optimizerMuon} {
		var want []model.Param
		for _, threads := range []int{1, 2, 3, 16} { // with 16, Muon's workers share products
			pool := par.New(threads)
			w, g := model.Init(c, 1), model.NewGrads(c)
			s := newOptimizer(Optimizer{Kind: kind, LR: 1e-3, MuonLR: 1e-2, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, Momentum: 0.95, Clip: 0.5}, w, g, pool)
			for step := range 3 {
				for i, p := range g.Params() {
					numbers(p.Data, 100*step+i, 1)
				}
				s.step(step+1, 1)
			}
			pool.Close()
			if want == nil {
				want = w.Params()
			}
			same(t, w.Params(), want)
		}
	}
}

// same fails unless two lists of parameters have the same bits.
func same(t *testing.T, got, want []model.Param) {
	t.Helper()
	for i, p := range got {
		for j, x := range p.Data {
			if math.Float32bits(x) != math.Float32bits(want[i].Data[j]) {
				t.Fatalf("%s[%d] is %v, want %v", p.Name, j, x, want[i].Data[j])
			}
		}
	}
}

func TestNotFiniteGradientsChangeNothing(t *testing.T) {
	w, g := model.Init(tinyLlama(), 1), model.NewGrads(tinyLlama())
	s := newOptimizer(Optimizer{Kind: optimizerMuon, LR: 1, MuonLR: 1, Clip: 1}, w, g, nil)
	g.Params()[3].Data[0] = float32(math.NaN())
	if norm := s.step(1, 1); !math.IsNaN(norm) {
		t.Errorf("norm %g", norm)
	}
	same(t, w.Params(), model.Init(tinyLlama(), 1).Params())
}

func TestOptimizerRefusals(t *testing.T) {
	good := Optimizer{Kind: optimizerMuon, LR: 1e-3, MuonLR: 1e-2, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, Momentum: 0.95}
	if err := good.validate(); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []func(*Optimizer){
		func(o *Optimizer) { o.Kind = "sgd" }, func(o *Optimizer) { o.LR = 0 }, func(o *Optimizer) { o.LR = math.NaN() },
		func(o *Optimizer) { o.MuonLR = -1 }, func(o *Optimizer) { o.Beta2 = 1 }, func(o *Optimizer) { o.Eps = 0 },
		func(o *Optimizer) { o.WeightDecay = -1 }, func(o *Optimizer) { o.Clip = math.NaN() },
	} {
		o := good
		if bad(&o); o.validate() == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}
