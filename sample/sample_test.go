package sample

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// reference is the chain as its definition reads, on a map from ID to logit:
// slow, obvious, and sharing no code with the sampler.
func reference(o Options, logits []float32, history []int32) (probs map[int32]float64, close bool) {
	left := map[int32]float64{}
	for i, x := range logits {
		left[int32(i)] = float64(x)
	}
	n := o.RepeatLastN
	if n == 0 {
		n = 64
	}
	if n > 0 && len(history) > n {
		history = history[len(history)-n:]
	}
	for id := range left {
		count := 0.0
		for _, h := range history {
			if h == id {
				count++
			}
		}
		if count == 0 {
			continue
		}
		if p := float64(o.RepeatPenalty); p != 0 {
			if left[id] > 0 {
				left[id] /= p
			} else {
				left[id] *= p
			}
		}
		left[id] = float64(float32(left[id] - float64(o.PresencePenalty) - count*float64(o.FrequencyPenalty)))
	}
	order := func() []int32 {
		var ids []int32
		for id := range left {
			ids = append(ids, id)
		}
		slices.SortFunc(ids, func(a, b int32) int {
			if left[a] != left[b] {
				if left[a] > left[b] {
					return -1
				}
				return 1
			}
			return int(a - b)
		})
		return ids
	}
	softmax := func(temp float64) map[int32]float64 {
		top, sum := left[order()[0]], 0.0
		p := map[int32]float64{}
		for _, id := range order() {
			p[id] = math.Exp((left[id] - top) / temp)
			sum += p[id]
		}
		for id := range p {
			p[id] /= sum
		}
		return p
	}
	keep := func(ids []int32) {
		for id := range left {
			if !slices.Contains(ids, id) {
				delete(left, id)
			}
		}
	}
	if o.Temp <= 0 {
		keep(order()[:1])
		return softmax(1), false
	}
	if o.TopK > 0 {
		keep(order()[:min(o.TopK, len(left))])
	}
	if o.TopP > 0 && o.TopP < 1 {
		p, sum := softmax(1), 0.0
		ids := order()
		for i, id := range ids {
			sum += p[id]
			if math.Abs(sum-float64(o.TopP)) < 1e-9 {
				close = true // rounding may decide
			}
			if sum >= float64(o.TopP) {
				ids = ids[:i+1]
				break
			}
		}
		keep(ids)
	}
	if o.MinP > 0 {
		p := softmax(1)
		top := p[order()[0]]
		var ids []int32
		for id, x := range p {
			if math.Abs(x/top-float64(o.MinP)) < 1e-9 {
				close = true
			}
			if x >= top*float64(o.MinP) {
				ids = append(ids, id)
			}
		}
		keep(ids)
	}
	return softmax(float64(o.Temp)), close
}

// final is what the sampler would draw with.
func final(t interface{ Fatal(...any) }, s *Sampler, logits []float32, history []int32) map[int32]float64 {
	steps, err := s.Trace(logits, history, -1)
	if err != nil {
		t.Fatal(err)
	}
	probs := map[int32]float64{}
	for _, c := range steps[len(steps)-1].Top {
		probs[c.ID] = c.P()
	}
	return probs
}

func same(a, b map[int32]float64, tol float64) bool {
	for id, p := range a {
		if math.Abs(p-b[id]) > tol {
			return false
		}
	}
	for id, p := range b {
		if math.Abs(p-a[id]) > tol {
			return false
		}
	}
	return true
}

func anyOptions(t *rapid.T) Options {
	maybe := func(name string, g *rapid.Generator[float32]) float32 {
		if rapid.Bool().Draw(t, name+"?") {
			return g.Draw(t, name)
		}
		return 0
	}
	return Options{
		Temp:             rapid.Float32Range(-0.5, 3).Draw(t, "temp"),
		TopK:             rapid.IntRange(0, 30).Draw(t, "k"),
		TopP:             maybe("p", rapid.Float32Range(0, 1)),
		MinP:             maybe("minp", rapid.Float32Range(0, 1)),
		RepeatPenalty:    maybe("repeat", rapid.Float32Range(0.5, 2)),
		PresencePenalty:  maybe("presence", rapid.Float32Range(-2, 2)),
		FrequencyPenalty: maybe("frequency", rapid.Float32Range(-2, 2)),
		RepeatLastN:      rapid.IntRange(-1, 20).Draw(t, "lastN"),
		Seed:             rapid.Uint64().Draw(t, "seed"),
	}
}

func TestChainEqualsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := anyOptions(t)
		// Few distinct values, so that ties are common.
		logits := rapid.SliceOfN(rapid.Map(rapid.IntRange(-12, 12), func(i int) float32 { return float32(i) / 2 }), 1, 60).Draw(t, "logits")
		history := rapid.SliceOfN(rapid.Int32Range(0, int32(len(logits)-1)), 0, 90).Draw(t, "history")
		want, close := reference(o, logits, history)
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		got := final(t, s, logits, history)
		if !close && !same(got, want, 1e-6) {
			t.Fatalf("%+v\ngot  %v\nwant %v", o, got, want)
		}
		id, err := s.Next(logits, history)
		if err != nil {
			t.Fatal(err)
		}
		if got[id] == 0 {
			t.Fatalf("drew %d, which is not among %v", id, got)
		}
	})
}

// TestCropKeepsTheNucleus uses vocabularies large enough for top-p's shortcut
// to drop something.
func TestCropKeepsTheNucleus(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(500, 2000).Draw(t, "n")
		logits := noise(n, rapid.Uint64().Draw(t, "seed"), rapid.Float32Range(0.01, 8).Draw(t, "spread"))
		o := Options{Temp: 1, TopP: rapid.Float32Range(0.01, 0.999).Draw(t, "p")}
		s, _ := New(o)
		steps, err := s.Trace(logits, nil, -1)
		if err != nil {
			t.Fatal(err)
		}
		all, _ := Top(logits, n)
		sum, want := 0.0, 0
		for sum < float64(o.TopP) {
			sum += all[want].P()
			want++
		}
		if got := steps[1].Kept; got < want-1 || got > want+1 {
			t.Fatalf("kept %d, the definition says %d", got, want)
		}
		for i, c := range steps[1].Top {
			if c.ID != all[i].ID {
				t.Fatalf("place %d is %d, want %d", i, c.ID, all[i].ID)
			}
		}
	})
}

func TestTransformersGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Options Options
		History []int32
		Logits  []float32
		Probs   map[string]float64
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		want := map[int32]float64{}
		for id, p := range c.Probs {
			n, _ := strconv.Atoi(id)
			want[int32(n)] = p
		}
		s, err := New(c.Options)
		if err != nil {
			t.Fatal(err)
		}
		if got := final(t, s, c.Logits, c.History); !same(got, want, 1e-6) {
			t.Errorf("case %d %+v\ngot  %v\nwant %v", i, c.Options, got, want)
		}
	}
}

// TestDrawFollowsTheDistribution is Pearson's chi-square test.
func TestDrawFollowsTheDistribution(t *testing.T) {
	logits := []float32{1, 2, 0.5, -1, 3, 2.5, float32(math.Inf(-1)), 0}
	for _, o := range []Options{
		{Temp: 1, Seed: 1}, {Temp: 2, Seed: 2}, {Temp: 0.8, TopP: 0.95, Seed: 3}, {Temp: 1.2, TopK: 4, MinP: 0.1, Seed: 4},
	} {
		s, _ := New(o)
		want := final(t, s, logits, nil)
		const draws = 200_000
		counts := map[int32]int{}
		for range draws {
			id, err := s.Next(logits, nil)
			if err != nil {
				t.Fatal(err)
			}
			counts[id]++
		}
		chi := 0.0
		for id, p := range want {
			d := float64(counts[id]) - p*draws
			chi += d * d / (p * draws)
		}
		// 24.3 is the 99.9th percentile with 7 degrees of freedom, the most there are here.
		if chi > 24.3 || len(counts) != len(want) {
			t.Errorf("%+v: chi-square %.1f, drew %d of %d tokens", o, chi, len(counts), len(want))
		}
	}
}

func TestSeedDecides(t *testing.T) {
	logits := noise(1000, 1, 2)
	draw := func(seed uint64) (ids []int32) {
		s, _ := New(Options{Temp: 1, Seed: seed})
		for range 50 {
			id, _ := s.Next(logits, nil)
			ids = append(ids, id)
		}
		return ids
	}
	if !slices.Equal(draw(7), draw(7)) {
		t.Error("the same seed drew different tokens")
	}
	if slices.Equal(draw(7), draw(8)) {
		t.Error("different seeds drew the same tokens")
	}
	// Part of the format: a seed means the same tokens in every version.
	if got, want := draw(7)[:4], []int32{718, 748, 531, 782}; !slices.Equal(got, want) {
		t.Errorf("seed 7 draws %v, it used to draw %v", got, want)
	}
}

func TestTraceDrawsNothing(t *testing.T) {
	logits := noise(100, 2, 2)
	a, _ := New(Default())
	b, _ := New(Default())
	for range 20 {
		if _, err := b.Trace(logits, nil, 3); err != nil {
			t.Fatal(err)
		}
		x, _ := a.Next(logits, nil)
		if y, _ := b.Next(logits, nil); x != y {
			t.Fatalf("Trace changed the next draw from %d to %d", x, y)
		}
	}
}

func TestTraceNamesTheStepsInOrder(t *testing.T) {
	s, _ := New(Options{Temp: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05, RepeatPenalty: 1.1, FrequencyPenalty: 0.5})
	steps, err := s.Trace(noise(100, 3, 2), []int32{1, 1, 2}, 5)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, st := range steps {
		names = append(names, st.Name+" "+st.Setting)
		if len(st.Top) != 5 && st.Kept >= 5 {
			t.Errorf("%s shows %d candidates of %d", st.Name, len(st.Top), st.Kept)
		}
		if i > 0 && st.Kept > steps[i-1].Kept {
			t.Errorf("%s grew to %d choices", st.Name, st.Kept)
		}
	}
	want := []string{"model ", "penalties repeat 1.1 frequency 0.5", "top-k 40", "top-p 0.95", "min-p 0.05", "temperature 0.8"}
	if !slices.Equal(names, want) {
		t.Errorf("steps are %q, want %q", names, want)
	}
}

func TestGreedyTiesGoToTheLowestID(t *testing.T) {
	for _, o := range []Options{Greedy(), {Temp: -1}, {Temp: 1, TopK: 1}} {
		s, _ := New(o)
		if id, err := s.Next([]float32{0, 3, 1, 3, 3}, nil); id != 1 || err != nil {
			t.Errorf("%+v chose %d, %v", o, id, err)
		}
	}
}

func TestLogitsWithoutADistribution(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, logits := range [][]float32{nil, {nan}, {1, 2, nan, 3}, {inf, 0}, {-inf, -inf}} {
		for _, o := range []Options{Greedy(), Default(), {Temp: 1, TopK: 3}, {Temp: 1}} {
			s, _ := New(o)
			if _, err := s.Next(logits, nil); !errors.Is(err, ErrLogits) {
				t.Errorf("%v with %+v: %v", logits, o, err)
			}
		}
	}
	s, _ := New(Options{PresencePenalty: 1})
	for _, id := range []int32{-1, 2} {
		if _, err := s.Next([]float32{1, 2}, []int32{id}); !errors.Is(err, ErrLogits) {
			t.Errorf("history with token %d: %v", id, err)
		}
	}
}

func TestExtremes(t *testing.T) {
	const big = math.MaxFloat32
	logits := []float32{big, -big, 0, float32(math.Inf(-1))}
	for _, o := range []Options{
		{Temp: big}, {Temp: 1e-45}, {Temp: 1, RepeatPenalty: 1e-45}, {Temp: 1, RepeatPenalty: big},
		{Temp: 1, PresencePenalty: big, FrequencyPenalty: big}, {Temp: 1, PresencePenalty: -big, TopP: 0.5}, {Temp: 1, MinP: 1},
	} {
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			id, err := s.Next(logits, []int32{0, 1, 2, 3, 3})
			if err != nil || id == 3 {
				t.Errorf("%+v chose %d, %v", o, id, err)
			}
		}
	}
}

func TestWrongOptions(t *testing.T) {
	nan := float32(math.NaN())
	for want, o := range map[string]Options{
		"sampling: temp is NaN, must be a number":               {Temp: nan},
		"sampling: top-p is 1.5, must be between 0 and 1":       {TopP: 1.5},
		"sampling: min-p is -0.1, must be between 0 and 1":      {MinP: -0.1},
		"sampling: top-k is -1, must be 0 or more":              {TopK: -1},
		"sampling: repeat penalty is -1, must be 0 or more":     {RepeatPenalty: -1},
		"sampling: repeat last n is -2, must be -1 or more":     {RepeatLastN: -2},
		"sampling: presence penalty is +Inf, must be a number":  {PresencePenalty: float32(math.Inf(1))},
		"sampling: frequency penalty is NaN, must be a number":  {FrequencyPenalty: nan},
		"sampling: repeat penalty is +Inf, must be 0 or more":   {RepeatPenalty: float32(math.Inf(1))},
		"sampling: temp is -Inf, must be a number":              {Temp: float32(math.Inf(-1))},
		"sampling: top-p is NaN, must be between 0 and 1":       {TopP: nan},
		"sampling: min-p is 1.0000001, must be between 0 and 1": {MinP: 1.0000001},
	} {
		_, err := New(o)
		if !errors.Is(err, ErrOptions) || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestTopIsTheModelsOwnDistribution(t *testing.T) {
	logits := noise(3000, 4, 3)
	logits[17] = float32(math.Inf(-1))
	all, err := Top(logits, 5000)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, c := range all {
		sum += c.P()
		if i > 0 && c.Logit > all[i-1].Logit {
			t.Fatalf("place %d is out of order", i)
		}
		if c.Logit != logits[c.ID] {
			t.Fatalf("token %d has logit %v, want %v", c.ID, c.Logit, logits[c.ID])
		}
	}
	if len(all) != 3000 || math.Abs(sum-1) > 1e-12 {
		t.Errorf("%d candidates with probability %.15f together", len(all), sum)
	}
	few, _ := Top(logits, 10)
	if !slices.Equal(few, all[:10]) {
		t.Error("the first ten differ from the ten best")
	}
	if none, err := Top(logits, -1); len(none) != 0 || err != nil {
		t.Errorf("k = -1 gave %v, %v", none, err)
	}
}

func TestNoAllocationPerToken(t *testing.T) {
	logits := noise(5000, 5, 3)
	history := make([]int32, 100)
	for _, o := range []Options{Greedy(), {Temp: 1}, Default(), {Temp: 0.8, TopK: 40, TopP: 0.9, MinP: 0.1, RepeatPenalty: 1.1}} {
		s, _ := New(o)
		n := testing.AllocsPerRun(20, func() {
			if _, err := s.Next(logits, history); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%+v allocates %v times per token", o, n)
		}
	}
}

func TestExp(t *testing.T) {
	for _, x := range []float64{0, -1e-300, -math.Ln2, -699.999} {
		if got, want := exp(x), math.Exp(x); math.Abs(got-want) > 1e-15*want {
			t.Errorf("exp(%v) = %v, want %v", x, got, want)
		}
	}
	for _, x := range []float64{-700, -1e9, math.Inf(-1)} {
		if got := exp(x); got != 0 {
			t.Errorf("exp(%v) = %v, want 0", x, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-700, 0).Draw(t, "x")
		if got, want := exp(x), math.Exp(x); math.Abs(got-want) > 1e-15*want && x > -700 {
			t.Fatalf("exp(%v) = %v, want %v, off by %.2g", x, got, want, math.Abs(got-want)/want)
		}
	})
}

// noise is n normally distributed logits.
func noise(n int, seed uint64, spread float32) []float32 {
	s, _ := New(Options{Seed: seed})
	logits := make([]float32, n)
	for i := range logits {
		logits[i] = spread * float32(s.rng.NormFloat64())
	}
	return logits
}

func BenchmarkNext(b *testing.B) {
	logits := noise(50257, 6, 3)
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"greedy", Greedy()}, {"temp", Options{Temp: 1}}, {"top-p", Default()}, {"top-k", Options{Temp: 1, TopK: 40}},
		{"all", Options{Temp: 1, TopK: 40, TopP: 0.95, MinP: 0.05, RepeatPenalty: 1.1}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, _ := New(c.o)
			for b.Loop() {
				if _, err := s.Next(logits, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("LogSumExp", func(b *testing.B) {
		for b.Loop() {
			LogSumExp(logits)
		}
	})
}
