package train

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"weft/internal/cpu/cputest"
	"weft/internal/par"
	"weft/model"
)

// squares is the ring of testdata/trajectory.py.
type squares struct{}

func (squares) Len() int       { return 100 }
func (squares) At(i int) int32 { return int32((i*i*7 + 3*i) % 23) }

// TestTrajectoryAgainstTorch trains for twelve steps and compares every loss and
// every gradient norm with PyTorch in float64: windows, short ones too, micro-
// batches, clipping, schedule and optimiser together, on the path of a run.
func TestTrajectoryAgainstTorch(t *testing.T) {
	data, err := os.ReadFile("testdata/trajectory.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string]struct{ Losses, Norms []float64 }
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for name, want := range golden {
		kind, arch, _ := strings.Cut(name, " ")
		r := Recipe{
			Model: Shape{Arch: arch, Layers: 2, Dim: 12, Heads: 2, Hidden: 20, Bias: arch == "gpt2", Tied: arch == "gpt2"},
			Seq:   16, Batch: 3, Seed: 5,
			Optimizer: Optimizer{Kind: kind, LR: 1e-2, MuonLR: 2e-2, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, Momentum: 0.95, WeightDecay: 0.1, Clip: 1},
			Schedule:  Schedule{Kind: scheduleCosine, Warmup: 3, Floor: 0.1},
		}
		if arch == "llama" {
			r.Model.KVHeads = 1
		}
		if kind == optimizerMuon {
			r.Schedule = Schedule{Kind: scheduleWSD, Warmup: 3, Decay: 0.5, Shape: shapeLinear}
		}
		t.Run(name, func(t *testing.T) { cputest.All(t, func(t *testing.T) { follow(t, r, want.Losses, want.Norms) }) })
	}
}

func follow(t *testing.T, r Recipe, losses, norms []float64) {
	c, err := r.Model.config(23, r.Seq)
	if err != nil {
		t.Fatal(err)
	}
	w := model.NewWeights(c)
	for i, p := range w.Params() {
		numbers(p.Data, i, 0.5)
		if p.Kind == model.Gain {
			for j := range p.Data {
				p.Data[j]++
			}
		}
	}
	pool := par.New(2)
	defer pool.Close()
	m, err := model.New(w, pool)
	if err != nil {
		t.Fatal(err)
	}
	tr := newTrainer(r, m, squares{}, make([]int32, 23), 2, pool)
	for n := range losses {
		s, norm, err := tr.step(n, r.Schedule.At(n, len(losses)))
		if err != nil {
			t.Fatal(err)
		}
		near(t, "loss", s.loss(), losses[n], 1e-5*losses[n])
		near(t, "norm", norm, norms[n], 1e-4*norms[n])
	}
}
