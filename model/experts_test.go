package model_test

import (
	"fmt"
	"testing"

	"weft/internal/cpu/cputest"
	"weft/internal/quant"
	"weft/model"
	"weft/tensor"
)

// mixtures are configs whose experts differ.
func mixtures() map[string]model.Config {
	plain := model.Config{Arch: "llama", Vocab: 41, Context: 800, Layers: 2, Dim: 64, Heads: 4, KVHeads: 2, HeadDim: 16, Hidden: 32,
		NormEps: 1e-5, Rope: model.Rope{Theta: 10000}, Gated: true, Experts: model.Experts{Count: 8, Used: 3, Hidden: 96}}
	shared := plain
	shared.Experts = model.Experts{Count: 12, Used: 2, Hidden: 32, Shared: 64, SharedGate: true, Sigmoid: true, Normed: true, Scale: 2.5,
		Correction: true, Groups: 4, GroupsUsed: 2, GroupTwo: true}
	biased := plain
	biased.Experts.RouterBias, biased.Experts.Bias, biased.Experts.Chosen = true, true, true
	return map[string]model.Config{"plain": plain, "shared": shared, "biased": biased}
}

// mixtureModel is a random model whose matrices are quantised, or float32 if typ is.
func mixtureModel(t *testing.T, c model.Config, typ quant.Type, threads int) *model.Model {
	t.Helper()
	m := randomModel(t, c, threads)
	if typ != quant.F32 {
		params, i := m.W.Params(), 0
		w, err := model.Keep(c, func(p model.Param) (*tensor.Stored, error) {
			data := params[i].Data
			i++
			raw := tensor.Raw{DType: tensor.F32, Shape: []int{p.Rows, p.Cols}}
			if p.Kind == model.Matrix {
				raw.DType = tensor.DType(typ)
			}
			size, err := quant.Type(raw.DType).Size(len(data))
			if err != nil {
				return nil, err
			}
			raw.Data = make([]byte, size)
			if err := quant.Encode(quant.Type(raw.DType), raw.Data, data); err != nil {
				return nil, err
			}
			return tensor.NewStored(raw, nil)
		})
		if err != nil {
			t.Fatal(err)
		}
		if m, err = model.New(w, m.Pool); err != nil {
			t.Fatal(err)
		}
	}
	m.Pack(model.Packing{})
	return m
}

// TestExpertsSameBits: with experts, too, logits are a function of the tokens alone,
// whichever of them share an expert.
func TestExpertsSameBits(t *testing.T) {
	cputest.All(t, func(t *testing.T) {
		for name, c := range mixtures() {
			for _, typ := range []quant.Type{quant.F32, quant.Q4_0} {
				if testing.Short() && (name != "shared" || typ == quant.F32) {
					continue // it has all that the others have
				}
				t.Run(fmt.Sprint(name, "/", typ), func(t *testing.T) { checkExperts(t, c, typ) })
			}
		}
	})
}

func checkExperts(t *testing.T, c model.Config, typ quant.Type) {
	const n = 180 // 540 choices, more than run together
	tokens := randomTokens(n, c.Vocab, 4)
	whole, err := mixtureModel(t, c, typ, 1).Forward(tokens, &model.Run{Logits: model.AllLogits})
	if err != nil {
		t.Fatal(err)
	}
	for threads, cut := range map[int]int{1: 9, 2: 1, 3: 170} {
		m := mixtureModel(t, c, typ, threads)
		s := m.NewSession(0)
		for i := 0; i < n; i += cut {
			end := min(i+cut, n)
			logits, err := s.Append(tokens[i:end])
			if err != nil {
				t.Fatal(err)
			}
			sameBits(t, fmt.Sprintf("%d threads, cut %d, token %d", threads, cut, end), logits, whole.Row(end-1))
		}
		twice, err := m.Forward(append(randomTokens(n, c.Vocab, 9), tokens...), &model.Run{SeqLen: n})
		if err != nil {
			t.Fatal(err)
		}
		sameBits(t, "in a batch", twice.Row(1), whole.Row(n-1))
	}
}

// TestExpertsAllocateNothing: neither a token nor several sequences' make work for the
// garbage collector.
func TestExpertsAllocateNothing(t *testing.T) {
	for name, c := range mixtures() {
		for _, typ := range []quant.Type{quant.F32, quant.Q4_0} {
			m := mixtureModel(t, c, typ, 2)
			for _, n := range []int{1, 4} {
				tokens := randomTokens(n, c.Vocab, 3)
				r := &model.Run{Acts: m.NewScratch(1, 8)}
				for range n {
					r.Caches = append(r.Caches, m.NewCache(100))
				}
				if a := testing.AllocsPerRun(50, func() {
					if _, err := m.Forward(tokens, r); err != nil {
						t.Fatal(err)
					}
				}); a > 0 {
					t.Errorf("%s, %v, %d sequences: %v allocations for a step", name, typ, n, a)
				}
			}
		}
	}
}
