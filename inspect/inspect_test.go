package inspect_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"weft/inspect"
	"weft/internal/modeltest"
	"weft/model"
)

// configs are tiny models of both families, with everything that a trace has
// to cope with: grouped heads, biases, tied and separate heads, positions.
func configs() map[string]model.Config {
	llama := model.Config{Arch: "llama", Vocab: 97, Context: 40, Layers: 3, Dim: 24, Heads: 4, KVHeads: 2, HeadDim: 6, Hidden: 40,
		NormEps: 1e-5, Rope: model.Rope{Theta: 10000}, Gated: true}
	tied := llama
	tied.TiedHead = true
	gpt2 := model.Config{Arch: "gpt2", Vocab: 97, Context: 40, Layers: 3, Dim: 24, Heads: 4, KVHeads: 4, HeadDim: 6, Hidden: 96,
		Norm: model.LayerNorm, NormEps: 1e-5, NormBias: true, Position: model.LearnedPositions, Activation: model.GELU,
		QKVBias: true, OutBias: true, MLPBias: true, TiedHead: true}
	wide := llama
	wide.ValueDim = 9
	return map[string]model.Config{"llama": llama, "llama tied": tied, "llama wide values": wide, "gpt2": gpt2}
}

func randomModel(t *testing.T, c model.Config) *model.Model { return modeltest.Random(t, c, 1, 5) }

func prompt(n int) []int32 {
	tokens := make([]int32, n)
	for i := range tokens {
		tokens[i] = int32(i * 29 % 97)
	}
	return tokens
}

// each runs f on a trace of every config.
func each(t *testing.T, o inspect.Options, f func(t *testing.T, m *model.Model, tr *inspect.Trace)) {
	for name, c := range configs() {
		t.Run(name, func(t *testing.T) {
			m := randomModel(t, c)
			tr, err := inspect.Look(m, prompt(11), o)
			if err != nil {
				t.Fatal(err)
			}
			f(t, m, tr)
		})
	}
}

func TestChecksHold(t *testing.T) {
	each(t, inspect.Options{}, func(t *testing.T, m *model.Model, tr *inspect.Trace) {
		c := tr.Checks
		if c.LensEqualsModel != 0 || c.LensLogits != 0 {
			t.Errorf("the last lens layer differs from the model by %g (logits %g); it is the same code", c.LensEqualsModel, c.LensLogits)
		}
		if c.AttributionSum > 2e-5 || c.PatternRows > 1e-6 || c.StreamSum > 1e-6 {
			t.Errorf("checks %+v", c)
		}
	})
}

// TestWatchingChangesNothing: a pass that nobody watches says the same, to the bit.
func TestWatchingChangesNothing(t *testing.T) {
	each(t, inspect.Options{Top: 97}, func(t *testing.T, m *model.Model, tr *inspect.Trace) {
		logits, err := m.Forward(tr.Tokens, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range tr.Next.Top {
			if logits.Data[c.ID] != c.Logit {
				t.Fatalf("token %d: logit %v watched, %v not", c.ID, c.Logit, logits.Data[c.ID])
			}
		}
	})
}

// TestLensByStopping checks the lens against an intervention: with everything
// that later blocks add set to zero, the model itself says what the lens said.
func TestLensByStopping(t *testing.T) {
	each(t, inspect.Options{Top: 3}, func(t *testing.T, m *model.Model, tr *inspect.Trace) {
		for stop := range tr.Blocks {
			h := &model.Hooks{}
			for l := stop + 1; l < len(tr.Blocks); l++ {
				for _, point := range []string{"hook_attn_out", "hook_mlp_out"} {
					h.On(fmt.Sprintf("blocks.%d.%s", l, point), func(p *model.Point) error {
						clear(p.Data)
						return nil
					})
				}
			}
			logits, err := m.Forward(tr.Tokens, &model.Run{Hooks: h, Logits: model.AllLogits})
			if err != nil {
				t.Fatal(err)
			}
			for i, reading := range tr.Blocks[stop].After.Lens {
				for _, c := range reading.Top {
					if got := logits.Row(i)[c.ID]; got != c.Logit {
						t.Fatalf("block %d, token %d: the lens says %v, the stopped model %v", stop, i, c.Logit, got)
					}
				}
			}
		}
	})
}

// TestHeadsByAblation checks every head's share of the logit against what
// attention writes without that head, read along the same direction.
func TestHeadsByAblation(t *testing.T) {
	each(t, inspect.Options{}, func(t *testing.T, m *model.Model, tr *inspect.Trace) {
		for _, part := range tr.Attribution.Parts {
			if part.Part != inspect.Attention {
				continue
			}
			for head, share := range part.Heads {
				if got := ablated(t, m, tr, part.Layer, head); math.Abs(got-share) > 2e-4 {
					t.Errorf("head %d.%d: share %g, by ablation %g", part.Layer, head, share, got)
				}
			}
		}
	})
}

// ablated is what one head writes, as the difference that silencing it makes to
// hook_attn_out of the last token, times the direction of the predicted token.
func ablated(t *testing.T, m *model.Model, tr *inspect.Trace, layer, head int) float64 {
	var with, without []float32
	var scale float64
	run := func(silence bool, out *[]float32) {
		h := &model.Hooks{}
		if silence {
			h.On(fmt.Sprintf("blocks.%d.attn.hook_z", layer), func(p *model.Point) error {
				for i := range tr.Tokens {
					d := m.Config.VHead()
					clear(p.Data[i*m.Config.ZDim()+head*d:][:d])
				}
				return nil
			})
		} else {
			h.On("ln_final.hook_scale", func(p *model.Point) error {
				scale = float64(p.Data[len(p.Data)-1])
				return nil
			})
		}
		h.On(fmt.Sprintf("blocks.%d.hook_attn_out", layer), func(p *model.Point) error {
			*out = append([]float32(nil), p.Data[len(p.Data)-m.Config.Dim:]...)
			return nil
		})
		if _, err := m.Forward(tr.Tokens, &model.Run{Hooks: h}); err != nil {
			t.Fatal(err)
		}
	}
	run(false, &with)
	run(true, &without)
	wrote, mean := make([]float64, len(with)), 0.0
	for i := range with {
		wrote[i] = float64(with[i]) - float64(without[i])
		mean += wrote[i] / float64(len(with))
	}
	if m.Config.Norm == model.RMSNorm {
		mean = 0
	}
	sum := 0.0
	for i, u := range m.W.Output.W.Row(int(tr.Attribution.Token)) {
		sum += (wrote[i] - mean) * float64(m.W.OutputNorm.Gain[i]) * float64(u) / scale
	}
	return sum
}

func TestPatternIsTheHooks(t *testing.T) {
	want := inspect.Head{Layer: 1, Head: 2}
	each(t, inspect.Options{Head: &want, AllHeads: true}, func(t *testing.T, m *model.Model, tr *inspect.Trace) {
		if tr.Attention.Head != want || !tr.Attention.Chosen {
			t.Fatalf("got head %v", tr.Attention.Head)
		}
		n := len(tr.Tokens)
		h := &model.Hooks{}
		h.On(tr.Attention.Hook, func(p *model.Point) error {
			for i, row := range tr.Attention.Rows {
				if len(row) != i+1 {
					t.Errorf("row %d has %d entries", i, len(row))
				}
				for j, v := range row {
					if got := tr.Heads[1][2][i*(i+1)/2+j]; got != v {
						t.Errorf("among all heads, %d looks at %d with %v, alone with %v", i, j, got, v)
					}
					if got := p.Data[(want.Head*n+i)*n+j]; got != v {
						t.Errorf("%d looks at %d with %v, the trace says %v", i, j, got, v)
					}
				}
			}
			return model.ErrStop
		})
		if _, err := m.Forward(tr.Tokens, &model.Run{Hooks: h}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestKeepsOnlyWhatIsAsked(t *testing.T) {
	each(t, inspect.Options{}, func(t *testing.T, m *model.Model, tr *inspect.Trace) {
		if tr.Embedding.Cells != nil || tr.Blocks[0].After.Cells != nil {
			t.Error("vectors kept without being asked for")
		}
		if len(tr.Next.Top) != 5 || len(tr.Blocks[2].After.Lens) != len(tr.Tokens) {
			t.Errorf("%d candidates, %d readings", len(tr.Next.Top), len(tr.Blocks[2].After.Lens))
		}
	})
	each(t, inspect.Options{Cells: 7}, func(t *testing.T, m *model.Model, tr *inspect.Trace) {
		if got := tr.Embedding.Cells[3]; len(got) != 7 || got[2] != m.W.TokenEmbd.W.Row(int(tr.Tokens[3]))[2] {
			t.Errorf("cells %v are not the embedding's", got)
		}
	})
}

func TestRefusals(t *testing.T) {
	m := randomModel(t, configs()["llama"])
	for name, look := range map[string]struct {
		tokens []int32
		o      inspect.Options
		want   error
	}{
		"no tokens":    {nil, inspect.Options{}, nil},
		"no such head": {prompt(3), inspect.Options{Head: &inspect.Head{Layer: 1, Head: 4}}, inspect.ErrHead},
		"too long":     {prompt(41), inspect.Options{}, model.ErrContext},
		"no such ID":   {[]int32{97}, inspect.Options{}, model.ErrToken},
	} {
		_, err := inspect.Look(m, look.tokens, look.o)
		if err == nil || look.want != nil && !errors.Is(err, look.want) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	broken := randomModel(t, configs()["llama"])
	broken.W.OutputNorm.Gain[0] = float32(math.NaN())
	if _, err := inspect.Look(broken, prompt(3), inspect.Options{}); !errors.Is(err, inspect.ErrNotFinite) {
		t.Errorf("a model that says NaN: error %v", err)
	}
}

func TestOneToken(t *testing.T) {
	m := randomModel(t, configs()["gpt2"])
	tr, err := inspect.Look(m, []int32{5}, inspect.Options{Cells: -1})
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.Attention.Rows) != 1 || tr.Attention.Rows[0][0] != 1 || len(tr.Surprise) != 1 || !math.IsNaN(tr.Surprise[0]) {
		t.Errorf("pattern %v, surprise %v", tr.Attention.Rows, tr.Surprise)
	}
}

// TestSurpriseIsTheLoss: the surprises are what Loss sums, in bits.
func TestSurpriseIsTheLoss(t *testing.T) {
	each(t, inspect.Options{}, func(t *testing.T, m *model.Model, tr *inspect.Trace) {
		n := len(tr.Tokens) - 1
		nats, err := m.Loss(m.NewActivations(1, n), tr.Tokens[:n], tr.Tokens[1:], nil)
		if err != nil {
			t.Fatal(err)
		}
		bits := 0.0
		for _, s := range tr.Surprise[1:] {
			bits += s
		}
		if math.Abs(bits*math.Ln2-nats) > 1e-4*nats {
			t.Errorf("surprises sum to %g nats, the loss is %g", bits*math.Ln2, nats)
		}
	})
}
