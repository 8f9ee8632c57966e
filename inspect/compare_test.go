package inspect

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"weft/model"
	"weft/tensor"
)

var compared = model.Config{Arch: "llama", Vocab: 60, Context: 64, Layers: 2, Dim: 24, Heads: 3, KVHeads: 1, HeadDim: 8, Hidden: 40,
	NormEps: 1e-5, Rope: model.Rope{Theta: 1e4}, Gated: true}

func randomModel(t *testing.T, c model.Config, seed uint64) *model.Model {
	t.Helper()
	w := model.Init(c, seed)
	for _, p := range w.Params() {
		if p.Kind == model.Matrix {
			for i := range p.Data {
				p.Data[i] *= 12
			}
		}
	}
	m, err := model.New(w, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// plain is a model without a name or a beginning mark.
func plain(m *model.Model) *Subject { return NewSubject(m, About{BOS: -1}) }

func randomText(n, vocab int) []int32 {
	rng := rand.New(rand.NewPCG(1, 2))
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(rng.IntN(vocab))
	}
	return ids
}

// TestPerplexityByHand: the scored tokens are the second half of each window, and
// their surprise is what the logits say.
func TestPerplexityByHand(t *testing.T) {
	m := randomModel(t, compared, 1)
	text := randomText(107, 60)
	const window, stride, begin = 20, 15, 3
	got, err := MeasurePerplexity(context.Background(), m, text, func(id int32) int { return int(id) },
		PerplexityOptions{Context: window, Stride: stride, Begin: true, First: begin})
	if err != nil {
		t.Fatal(err)
	}
	sum, n, bytes := 0.0, 0, int64(0)
	for from := 0; from+window <= len(text); from += stride {
		w := slices.Clone(text[from : from+window])
		w[0] = begin
		logits, err := m.Forward(w, &model.Run{Logits: model.AllLogits})
		if err != nil {
			t.Fatal(err)
		}
		for i := window / 2; i+1 < window; i++ {
			next := text[from+i+1]
			sum -= newDistribution(logits.Row(i)).logP[next]
			bytes += int64(next)
			n++
		}
	}
	if got.Scored != n || n != 6*9 || got.Bytes != bytes || math.Abs(got.NLL-sum/float64(n)) > 1e-6 {
		t.Errorf("%+v, want %d scored, %d bytes, %g nats", got, n, bytes, sum/float64(n))
	}
	if want := sum / math.Ln2 / float64(bytes); math.Abs(got.BitsPerByte()-want) > 1e-6 {
		t.Errorf("%g bits per byte, want %g", got.BitsPerByte(), want)
	}
	if _, err := MeasurePerplexity(context.Background(), m, text[:19], nil, PerplexityOptions{Context: 20}); !errors.Is(err, ErrShort) {
		t.Errorf("a text of less than a window: %v", err)
	}
	if _, err := MeasurePerplexity(context.Background(), m, text, nil, PerplexityOptions{Context: 65}); !errors.Is(err, model.ErrContext) {
		t.Errorf("a window longer than the context: %v", err)
	}
}

func TestCompareWithItself(t *testing.T) {
	m := randomModel(t, compared, 1)
	text := randomText(120, 60)
	c, err := Compare(context.Background(), plain(m), plain(m), [][]int32{text[:60], text[60:]}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Tokens != 120 || c.KL.Max != 0 || c.Top1 != 1 || c.NLLA != c.NLLB || len(c.CKA) != 2 || len(c.Heads) != 6 {
		t.Errorf("%+v", c)
	}
	for l, v := range c.CKA {
		if math.Abs(v-1) > 1e-4 {
			t.Errorf("CKA after block %d is %g", l, v)
		}
	}
	for _, h := range c.Heads {
		if h.Distance != 0 {
			t.Errorf("head %v moved by %g", h.Head, h.Distance)
		}
	}
}

// TestCompareByHand: another model is somewhere else, and as far as the
// definitions say.
func TestCompareByHand(t *testing.T) {
	a, b := randomModel(t, compared, 1), randomModel(t, compared, 2)
	text := randomText(50, 60)
	c, err := Compare(context.Background(), plain(a), plain(b), [][]int32{text}, nil)
	if err != nil {
		t.Fatal(err)
	}
	la, _ := a.Forward(text, &model.Run{Logits: model.AllLogits})
	lb, _ := b.Forward(text, &model.Run{Logits: model.AllLogits})
	mean, same := 0.0, 0
	for i := range text {
		pa, pb := newDistribution(la.Row(i)), newDistribution(lb.Row(i))
		for j, l := range pa.logP {
			mean += math.Exp(l) * (l - pb.logP[j]) / 50
		}
		if pa.top(1)[0].ID == pb.top(1)[0].ID {
			same++
		}
	}
	if math.Abs(c.KL.Mean-mean) > 1e-7 || c.Top1 != float64(same)/50 || mean < 1e-3 || !(c.KL.Median <= c.KL.P90 && c.KL.P90 <= c.KL.Max) {
		t.Errorf("KL %+v, want a mean of %g; top-1 %g of %d", c.KL, mean, c.Top1, same)
	}
	for l, v := range c.CKA {
		if !(v > 0 && v < 0.99) {
			t.Errorf("CKA after block %d is %g", l, v)
		}
	}
	if d, err := Distances(background, plain(a), plain(b)); err != nil || len(d) != len(a.W.Params()) || d[0].Name != "token_embd.weight" || d[0].Relative < 1 {
		t.Errorf("distances %v", d)
	}
	other := compared
	other.Vocab = 61
	if _, err := Compare(context.Background(), plain(a), plain(randomModel(t, other, 1)), [][]int32{text}, nil); !errors.Is(err, ErrVocabulary) {
		t.Errorf("another vocabulary: %v", err)
	}
}

// TestCKAIsBlindToRotation and scale, as its definition is.
func TestCKAIsBlindToRotation(t *testing.T) {
	m := randomModel(t, compared, 1)
	rng := rand.New(rand.NewPCG(3, 4))
	a, b := tensor.New(40, 6), tensor.New(40, 6)
	angle := 0.7
	for i := range a.Rows {
		for j := range a.Cols {
			a.Row(i)[j] = float32(rng.NormFloat64() + 5)
		}
		for j := 0; j < 6; j += 2 {
			x, y := float64(a.Row(i)[j]), float64(a.Row(i)[j+1])
			b.Row(i)[j] = float32(3 * (x*math.Cos(angle) - y*math.Sin(angle)))
			b.Row(i)[j+1] = float32(3 * (x*math.Sin(angle) + y*math.Cos(angle)))
		}
	}
	var c covariance
	c.add(m, a, b)
	if s := c.similarity(); math.Abs(s-1) > 1e-5 {
		t.Errorf("CKA of a rotation is %g", s)
	}
}
