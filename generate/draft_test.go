package generate

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weft/sample"
)

// chain is a small language: what may follow depends on the last two tokens and on
// nothing else, so that texts repeat themselves now and then.
type chain struct{ vocab, salt int }

func (c chain) logits(tokens []int32) []float32 {
	h := uint64(c.salt)
	for _, t := range tokens[max(0, len(tokens)-2):] {
		h = (h + uint64(t) + 1) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	logits := make([]float32, c.vocab)
	for i := range logits {
		h = h*6364136223846793005 + 1442695040888963407
		logits[i] = float32(h>>40) / (1 << 22)
	}
	return logits
}

// speaker is an Engine of that language.
type speaker struct {
	chain
	tokens  []int32
	context int
	passes  int
}

func (s *speaker) Append(tokens []int32) ([]float32, error) {
	all, err := s.AppendAll(tokens)
	return all[max(0, len(all)-s.vocab):], err
}

func (s *speaker) AppendAll(tokens []int32) (all []float32, err error) {
	s.passes++
	if len(tokens) == 0 || len(s.tokens)+len(tokens) > s.context {
		return nil, fmt.Errorf("appended %d to %d of %d tokens", len(tokens), len(s.tokens), s.context)
	}
	for _, t := range tokens {
		if t < 0 || int(t) >= s.vocab {
			return nil, fmt.Errorf("token %d of %d", t, s.vocab)
		}
		s.tokens = append(s.tokens, t)
		all = append(all, s.logits(s.tokens)...)
	}
	return all, nil
}

func (s *speaker) Len() int     { return len(s.tokens) }
func (s *speaker) Context() int { return s.context }
func (s *speaker) Mark()        {}
func (s *speaker) Truncate(n int) error {
	if n < 0 || n > len(s.tokens) {
		return errors.New("truncate")
	}
	s.tokens = s.tokens[:n]
	return nil
}

// letters spells tokens as letters.
type letters struct{}

func (letters) Push(id int32) string { return string(rune('a' + id)) }
func (letters) Flush() string        { return "" }

// asking draws a request of the language, and makes it again as often as wanted: a
// sampler is for one answer.
func asking(t *rapid.T, c chain, context int) func() Request {
	token := rapid.Int32Range(0, int32(c.vocab-1))
	prompt := rapid.SliceOfN(token, 1, context).Draw(t, "prompt")
	most := rapid.IntRange(0, 40).Draw(t, "most")
	end := rapid.SliceOfN(token, 0, 1).Draw(t, "end")
	stop := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("abc")), 2, 4, -1), 0, 2).Draw(t, "stop")
	o := sample.Options{Seed: rapid.Uint64().Draw(t, "seed")}
	if rapid.Bool().Draw(t, "daring") {
		o.Temp, o.TopP, o.RepeatPenalty = 0.7, 0.9, 1.1
	}
	return func() Request {
		s, err := sample.New(o)
		if err != nil {
			t.Fatal(err)
		}
		return Request{Prompt: prompt, Sampler: s, Decoder: letters{}, MaxTokens: most, End: end, Stop: stop, LogProbs: true, Top: 2}
	}
}

// answer is a result without what may differ: how long it took, and guesses.
func answer(r Result) Result {
	r.Prefill, r.Decode, r.Proposed, r.Accepted = 0, 0, 0, 0
	return r
}

// wild guesses anything.
type wild struct{ vocab, n int32 }

func (w *wild) Propose(_ []int32, n int) (guess []int32, err error) {
	for range w.n % int32(n+1) {
		guess = append(guess, w.n*7%w.vocab)
	}
	w.n++
	return guess, nil
}

// TestGuessesChangeNothing: with any drafter, greedy or not, however the answer
// ends, the result is that without, and so is what the engine holds.
func TestGuessesChangeNothing(t *testing.T) {
	accepted := map[string]int{}
	proposed := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		c := chain{rapid.IntRange(3, 9).Draw(t, "vocab"), rapid.IntRange(0, 99).Draw(t, "salt")}
		room := rapid.IntRange(1, 90).Draw(t, "context")
		req := asking(t, c, room)
		run := func(d Drafter, always bool) (Result, []Token, []int32) {
			e := &speaker{chain: c, context: room}
			g, r := New(e), req()
			r.Drafter, r.Always = d, always
			var streamed []Token
			n := 0
			res, err := g.Run(context.Background(), r, func(tok Token) bool {
				streamed = append(streamed, tok)
				n++
				return n < 50
			})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(g.Held(), e.tokens) {
				t.Fatalf("holds %v, the engine %v", g.Held(), e.tokens)
			}
			return res, streamed, g.Held()
		}
		want, wantStreamed, wantHeld := run(nil, false)
		for name, d := range map[string]Drafter{
			"look-up": &Lookup{},
			"wild":    &wild{vocab: int32(c.vocab)},
			"itself":  NewDraft(&speaker{chain: c, context: room + 5}, c.vocab),
			"another": NewDraft(&speaker{chain: chain{c.vocab, c.salt + 1}, context: room - 1}, c.vocab-1),
		} {
			for _, always := range []bool{true, false} {
				got, streamed, held := run(d, always)
				if !reflect.DeepEqual(answer(got), answer(want)) {
					t.Fatalf("%s: %+v, want %+v", name, got, want)
				}
				if !reflect.DeepEqual(streamed, wantStreamed) || !slices.Equal(held, wantHeld) {
					t.Fatalf("%s: streamed %v and holds %v, want %v and %v", name, streamed, held, wantStreamed, wantHeld)
				}
				if got.Accepted > got.Proposed {
					t.Fatalf("%s: %d of %d accepted", name, got.Accepted, got.Proposed)
				}
				proposed[name] += got.Proposed
				accepted[name] += got.Accepted
			}
		}
	})
	all, right := 0, 0
	for name, n := range proposed {
		t.Logf("%s: %d of %d guesses were right", name, accepted[name], n)
		all, right = all+n, right+accepted[name]
	}
	if right == 0 || right == all {
		t.Errorf("%d of %d guesses were right; the test should see both", right, all)
	}
}

// TestGuessesSaveSteps: who guesses right all the time needs a quarter of the steps.
func TestGuessesSaveSteps(t *testing.T) {
	c := chain{20, 3}
	e := &speaker{chain: c, context: 1000}
	req := Request{Prompt: []int32{1}, MaxTokens: 81, Drafter: NewDraft(&speaker{chain: c, context: 1000}, 20), Always: true}
	res, err := New(e).Run(context.Background(), req, nil)
	if err != nil || res.Sampled != 81 || res.Accepted != res.Proposed || e.passes != 1+80/(guesses+1) {
		t.Errorf("%d tokens in %d passes, %d of %d guesses right (%v)", res.Sampled, e.passes, res.Accepted, res.Proposed, err)
	}
}

type failing struct{}

func (failing) Propose([]int32, int) ([]int32, error) { return nil, errEngine }

func TestDrafterFails(t *testing.T) {
	req := Request{Prompt: []int32{1}, MaxTokens: 5, Drafter: failing{}, Always: true}
	if _, err := New(&speaker{chain: chain{5, 1}, context: 50}).Run(context.Background(), req, nil); !errors.Is(err, errEngine) {
		t.Error(err)
	}
}

func TestLookup(t *testing.T) {
	for _, c := range []struct {
		history []int32
		n       int
		want    []int32
	}{
		{[]int32{1, 2, 3, 4, 5, 1, 2, 3}, 2, []int32{4, 5}},
		{[]int32{1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3}, 1, []int32{5}},    // the latest
		{[]int32{9, 2, 3, 7, 8, 2, 3}, 2, []int32{7, 8}},             // two tokens are enough
		{[]int32{1, 2, 3, 4, 8, 2, 3, 5, 1, 2, 3}, 1, []int32{4}},    // three are better
		{[]int32{1, 2, 1, 2, 1}, 3, []int32{2, 1, 2}},                // it goes on as it does
		{[]int32{7, 7, 7, 7}, 5, []int32{7, 7, 7, 7, 7}},             // with itself
		{[]int32{1, 2, 3, 4, 5}, 3, nil},                             // new
		{[]int32{1}, 3, nil},                                         // nothing
		{nil, 3, nil},                                                // at all
		{[]int32{1, 2, 3, 4, 1, 2, 3}, 6, []int32{4, 1, 2, 3, 4, 1}}, // past the end
	} {
		if got, err := new(Lookup).Propose(c.history, c.n); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v (%v)", c.history, got, c.want, err)
		}
	}
}

func TestDraftKnowsItsLimits(t *testing.T) {
	e := &speaker{chain: chain{5, 1}, context: 10}
	d := NewDraft(e, 4)
	for _, c := range []struct {
		history []int32
		want    int
	}{
		{nil, 0}, {[]int32{1, 2, 3}, 3}, {[]int32{1, 2, 4}, 0}, {make([]int32, 7), 3}, {make([]int32, 8), 0},
	} {
		if got, err := d.Propose(c.history, 3); err != nil || len(got) != c.want {
			t.Errorf("%v: %v (%v)", c.history, got, err)
		}
	}
	e.passes = 0
	if _, err := d.Propose(make([]int32, 7), 3); err != nil || e.passes != 3 {
		t.Errorf("%d passes for what it has read already (%v)", e.passes, err)
	}
	e.context = 5
	e.tokens = make([]int32, 9)
	if _, err := New(e).Run(context.Background(), Request{Prompt: []int32{9}}, nil); err == nil {
		t.Error("a token that does not exist was run")
	}
}

// TestGauge: proposals go on while they pay, stop when they do not, and are tried
// again, ever less often.
func TestGauge(t *testing.T) {
	steps := func(g *gauge, n int, cost time.Duration, tokens int) (proposed int) {
		for range n {
			if g.propose() {
				proposed++
				g.measured(true, cost, tokens)
			} else {
				g.measured(false, time.Millisecond, 1)
			}
		}
		return proposed
	}
	if n := steps(&gauge{}, 1000, 1500*time.Microsecond, 2); n < 850 {
		t.Errorf("proposed in %d of 1000 steps, which saved time", n)
	}
	g := &gauge{}
	if n := steps(g, 1000, 1500*time.Microsecond, 1); n < trialSteps || n > 60 {
		t.Errorf("proposed in %d of 1000 steps, which lost time", n)
	}
	if n := steps(g, 2000, 1500*time.Microsecond, 3); n < 1000 {
		t.Errorf("proposed in %d of 2000 steps, when it began to save time", n)
	}
	if n := steps(&gauge{always: true}, 100, time.Second, 1); n != 100 {
		t.Errorf("proposed in %d of 100 steps", n)
	}
	g = &gauge{plains: 5, plain: 1e-3}
	g.measured(true, time.Hour, 1) // a draft model reads the prompt
	if n := steps(g, 100, 1500*time.Microsecond, 2); n < 80 {
		t.Errorf("proposed in %d of 100 steps after a slow first one", n)
	}
}
