package generate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// script is an engine whose next token is always the one in plan at the place
// reached, whatever came before. It knows a vocabulary of pieces.
type script struct {
	pieces  []string
	plan    []int32 // plan[i] is what follows i tokens
	tokens  []int32
	context int
	ran     int // tokens run, over its life
	calls   int
	fail    int // the call that fails, from 1
	forgets bool
	marks   [2]int
}

var errEngine = errors.New("out of order")

func (e *script) Append(tokens []int32) ([]float32, error) {
	logits, err := e.AppendAll(tokens)
	return logits[max(0, len(logits)-len(e.pieces)):], err
}

func (e *script) AppendAll(tokens []int32) ([]float32, error) {
	if e.calls++; e.calls == e.fail {
		return nil, errEngine
	}
	if len(tokens) == 0 || len(e.tokens)+len(tokens) > e.context {
		return nil, fmt.Errorf("appended %d to %d of %d tokens", len(tokens), len(e.tokens), e.context)
	}
	e.ran += len(tokens)
	all := make([]float32, len(tokens)*len(e.pieces))
	for i, token := range tokens {
		e.tokens = append(e.tokens, token)
		if n := len(e.tokens); n < len(e.plan) {
			all[i*len(e.pieces)+int(e.plan[n])] = 5
		}
	}
	return all, nil
}
func (e *script) Len() int     { return len(e.tokens) }
func (e *script) Context() int { return e.context }
func (e *script) Mark()        { e.marks = [2]int{e.marks[1], len(e.tokens)} }
func (e *script) Truncate(n int) error {
	if n < 0 || n > len(e.tokens) {
		return errors.New("truncate")
	}
	if e.forgets && n != 0 && n < len(e.tokens)-64 && max(n-e.marks[0], e.marks[0]-n) >= 64 && max(n-e.marks[1], e.marks[1]-n) >= 64 {
		return errors.New("cannot go back")
	}
	e.tokens, e.marks = e.tokens[:n], [2]int{min(e.marks[0], n), min(e.marks[1], n)}
	return nil
}

// speller joins pieces and lets whole characters out.
type speller struct {
	pieces []string
	left   string
}

func (s *speller) Push(id int32) string {
	s.left += s.pieces[id]
	n := 0
	for n < len(s.left) && utf8.FullRuneInString(s.left[n:]) {
		_, size := utf8.DecodeRuneInString(s.left[n:])
		n += size
	}
	out := s.left[:n]
	s.left = s.left[n:]
	return strings.ToValidUTF8(out, "\uFFFD")
}

func (s *speller) Flush() string {
	defer func() { s.left = "" }()
	return strings.ToValidUTF8(s.left, "\uFFFD")
}

// saying makes an engine that answers a one-token prompt with the pieces given.
// Token 0 ends a text.
func saying(answer ...string) (*script, Request) {
	e := &script{pieces: append([]string{"<end>"}, answer...), plan: []int32{0}, context: 1000}
	for i := range answer {
		e.plan = append(e.plan, int32(i+1))
	}
	e.plan = append(e.plan, 0)
	return e, Request{Prompt: []int32{0}, Decoder: &speller{pieces: e.pieces}, End: []int32{0}}
}

// collect runs a request and checks what every answer has to satisfy.
func collect(t interface {
	Fatalf(string, ...any)
	Helper()
}, e Engine, req Request) (Result, []Token) {
	t.Helper()
	var streamed []Token
	res, err := New(e).Run(context.Background(), req, func(tok Token) bool {
		streamed = append(streamed, tok)
		return true
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if got := texts(streamed); got != res.Text {
		t.Fatalf("streamed %q, the result says %q", got, res.Text)
	}
	if got := texts(res.Tokens); got != res.Text {
		t.Fatalf("the tokens make %q, the text is %q", got, res.Text)
	}
	return res, streamed
}

func texts(tokens []Token) (s string) {
	for _, t := range tokens {
		s += t.Text
	}
	return s
}

func TestEndToken(t *testing.T) {
	e, req := saying("To", " be", ",", " or")
	res, _ := collect(t, e, req)
	if res.Text != "To be, or" || res.Finish != Stop || res.End != 0 || res.StopText != "" || len(res.Tokens) != 4 || res.Sampled != 5 {
		t.Errorf("%+v", res)
	}
	if res.Prompt != 1 || res.Reused != 0 {
		t.Errorf("prompt %d, reused %d", res.Prompt, res.Reused)
	}
}

func TestMaxTokens(t *testing.T) {
	e, req := saying("a", "b", "c", "d")
	req.MaxTokens = 2
	res, _ := collect(t, e, req)
	if res.Text != "ab" || res.Finish != Length || res.End != -1 || res.Sampled != 2 {
		t.Errorf("%+v", res)
	}
	if len(e.tokens) != 2 {
		t.Errorf("the engine ran %d tokens; the last one's logits are of no use", len(e.tokens))
	}
}

func TestStopTexts(t *testing.T) {
	for _, c := range []struct {
		answer []string
		stop   []string
		text   string
		by     string
	}{
		{[]string{"one", " two", " three"}, []string{" two"}, "one", " two"},
		{[]string{"one\n", "Us", "er", ": hi"}, []string{"\nUser:"}, "one", "\nUser:"},          // across borders, inside tokens
		{[]string{"one\n", "Us", "eless"}, []string{"\nUser:"}, "one\nUseless", ""},             // only looked like it
		{[]string{"a", "a", "b", "a", "a", "c"}, []string{"aac"}, "aab", "aac"},                 // false starts overlap
		{[]string{"xENDy"}, []string{"END"}, "x", "END"},                                        // all in one token
		{[]string{"a", "b", "c"}, []string{"c", "bc"}, "a", "bc"},                               // the one that begins first
		{[]string{"ab", "END", "EN", "D"}, []string{"END"}, "ab", "END"},                        // the first of two
		{[]string{"END"}, []string{"END"}, "", "END"},                                           // nothing left
		{[]string{"a", "\xf0\x9f", "\x98", "\x80", "b"}, []string{"😀"}, "a", "😀"},               // one character in parts
		{[]string{"a", "EN"}, []string{"END"}, "aEN", ""},                                       // held back, then the answer ends
		{[]string{"é", "\xc3", "\xa8"}, []string{"é!", "ê"}, "éè", ""},                          // characters that share bytes
		{[]string{"STO", "STOP"}, []string{"STOP", "TOST"}, "S", "TOST"},                        // several at once
		{[]string{"hello", " wor", "ld"}, []string{"a very long stop text"}, "hello world", ""}, // longer than all text
	} {
		e, req := saying(c.answer...)
		req.Stop = c.stop
		res, _ := collect(t, e, req)
		if res.Text != c.text || res.StopText != c.by || res.Finish != Stop {
			t.Errorf("%q stopped by %q: got %q by %q (%s), want %q by %q", c.answer, c.stop, res.Text, res.StopText, res.Finish, c.text, c.by)
		}
	}
}

// TestStopTextNeverShows cuts random texts at random places.
func TestStopTextNeverShows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		answer := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("abé")), 0, 4, -1), 0, 30).Draw(t, "answer")
		stops := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("abé")), 1, 5, -1), 0, 3).Draw(t, "stops")
		whole := strings.Join(answer, "")
		want := whole
		for _, s := range stops {
			if i := strings.Index(whole, s); i >= 0 && i < len(want) {
				want = whole[:i]
			}
		}
		e, req := saying(answer...)
		req.Stop = stops
		res, _ := collect(t, e, req)
		// The stop text that is complete first ends the answer; one that begins earlier but ends later may not get the chance.
		for _, s := range stops {
			if strings.Contains(res.Text, s) {
				t.Fatalf("%q contains %q", res.Text, s)
			}
		}
		if !strings.HasPrefix(whole, res.Text) || !strings.HasPrefix(res.Text, want) {
			t.Fatalf("%q of %q, the first stop text ends it at %q", res.Text, whole, want)
		}
	})
}

// TestTextIsHeldNoLongerThanNeeded: what cannot begin a stop text comes at once.
func TestTextIsHeldNoLongerThanNeeded(t *testing.T) {
	e, req := saying("one", " t", "wo", "x", "y")
	req.Stop = []string{" two!"}
	var log []string
	req.Decoder = &logging{speller{pieces: e.pieces}, &log}
	_, err := New(e).Run(context.Background(), req, func(tok Token) bool {
		log = append(log, "out "+tok.Text)
		return true
	})
	want := []string{"in one", "out one", "in  t", "in wo", "in x", "out  t", "out wo", "out x", "in y", "out y"}
	if err != nil || !slices.Equal(log, want) {
		t.Errorf("%v\ngot  %q\nwant %q", err, log, want)
	}
}

type logging struct {
	speller
	log *[]string
}

func (l *logging) Push(id int32) string {
	*l.log = append(*l.log, "in "+l.pieces[id])
	return l.speller.Push(id)
}

func TestBrokenCharacterAtTheEnd(t *testing.T) {
	for _, c := range []struct {
		answer   []string
		streamed int
	}{
		{[]string{"a", "\xe2\x82"}, 2},  // a token without text waits for it
		{[]string{"a", "b\xe2\x82"}, 3}, // its token has been handed over
	} {
		e, req := saying(c.answer...)
		res, streamed := collect(t, e, req)
		if !strings.HasSuffix(res.Text, "\uFFFD") || len(res.Tokens) != 2 || len(streamed) != c.streamed {
			t.Errorf("%q: %q in %d tokens, %d streamed", c.answer, res.Text, len(res.Tokens), len(streamed))
		}
	}
}

func TestContextFills(t *testing.T) {
	e, req := saying("a", "b", "c", "d", "e")
	e.context = 3
	res, _ := collect(t, e, req)
	// One token of prompt and two of answer fit; the third is chosen but need not be run.
	if res.Text != "abc" || res.Finish != Context {
		t.Errorf("%+v", res)
	}
}

func TestPromptLongerThanTheContext(t *testing.T) {
	e, req := saying("a")
	e.context = 3
	req.Prompt = make([]int32, 4)
	_, err := New(e).Run(context.Background(), req, nil)
	var tooLong *ContextError
	if !errors.As(err, &tooLong) || tooLong.Prompt != 4 || tooLong.Context != 3 {
		t.Fatalf("%v", err)
	}
	if want := "the prompt has 4 tokens, the context holds 3"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	req.Prompt = make([]int32, 3)
	if res, err := New(e).Run(context.Background(), req, nil); err != nil || res.Finish != Stop && res.Finish != Context {
		t.Errorf("a prompt that just fits: %+v, %v", res, err)
	}
}

func TestWrongRequests(t *testing.T) {
	for name, spoil := range map[string]func(*Request){
		"no prompt":         func(r *Request) { r.Prompt = nil },
		"empty stop":        func(r *Request) { r.Stop = []string{"a", ""} },
		"stop, no decoder":  func(r *Request) { r.Stop, r.Decoder = []string{"a"}, nil },
		"negative length":   func(r *Request) { r.MaxTokens = -1 },
		"negative top list": func(r *Request) { r.Top = -1 },
	} {
		e, req := saying("a")
		spoil(&req)
		if _, err := New(e).Run(context.Background(), req, nil); !errors.Is(err, ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
		if e.calls > 0 {
			t.Errorf("%s: ran the model first", name)
		}
	}
}

func TestCancel(t *testing.T) {
	t.Run("by the context", func(t *testing.T) {
		e, req := saying("a", "b", "c")
		ctx, cancel := context.WithCancel(context.Background())
		res, err := New(e).Run(ctx, req, func(tok Token) bool {
			if tok.Text == "b" {
				cancel()
			}
			return true
		})
		if err != nil || res.Finish != Cancel || res.Text != "ab" {
			t.Errorf("%+v, %v", res, err)
		}
	})
	t.Run("by the caller", func(t *testing.T) {
		e, req := saying("a", "b", "c")
		calls := 0
		res, err := New(e).Run(context.Background(), req, func(tok Token) bool {
			calls++
			return tok.Text != "b"
		})
		if err != nil || res.Finish != Cancel || res.Text != "ab" || calls != 2 {
			t.Errorf("%+v, %v after %d calls", res, err, calls)
		}
	})
	t.Run("during the prompt", func(t *testing.T) {
		e, req := saying("a")
		req.Prompt = make([]int32, 3*promptStep)
		ctx, cancel := context.WithCancel(context.Background())
		var seen []int
		req.Progress = func(done, total int) {
			if seen = append(seen, done); done >= 2*promptStep {
				cancel()
			}
		}
		res, err := New(e).Run(ctx, req, nil)
		if err != nil || res.Finish != Cancel || !slices.Equal(seen, []int{promptStep, 2 * promptStep}) {
			t.Errorf("%+v, %v, progress %v", res, err, seen)
		}
	})
}

func TestEngineFails(t *testing.T) {
	for call := 1; call <= 3; call++ {
		e, req := saying("a", "b", "c")
		e.fail = call
		g := New(e)
		res, err := g.Run(context.Background(), req, nil)
		if !errors.Is(err, errEngine) || len(res.Tokens) != call-1 {
			t.Errorf("call %d: %+v, %v", call, res, err)
		}
		if res, err := g.Run(context.Background(), req, nil); err != nil || res.Text != "abc" {
			t.Errorf("afterwards: %+v, %v", res, err)
		}
	}
}

type broken struct{}

func (broken) Next([]float32, []int32) (int32, error) { return 0, errEngine }

func TestSamplerFails(t *testing.T) {
	e, req := saying("a")
	req.Sampler = broken{}
	if _, err := New(e).Run(context.Background(), req, nil); !errors.Is(err, errEngine) {
		t.Error(err)
	}
}

func TestPrefixIsReused(t *testing.T) {
	e := &script{pieces: []string{"<end>", "a", "b"}, context: 1000}
	for i := range 100 {
		e.plan = append(e.plan, int32(1+i%2))
	}
	g := New(e)
	turn := func(prompt []int32, n, wantReused, wantRan int) []int32 {
		t.Helper()
		before := e.ran
		res, err := g.Run(context.Background(), Request{Prompt: prompt, MaxTokens: n}, nil)
		if err != nil || res.Reused != wantReused || e.ran-before != wantRan {
			t.Fatalf("reused %d and ran %d, want %d and %d (%v)", res.Reused, e.ran-before, wantReused, wantRan, err)
		}
		all := slices.Clone(prompt)
		for _, tok := range res.Tokens {
			all = append(all, tok.ID)
		}
		if !slices.Equal(e.tokens, all[:len(e.tokens)]) {
			t.Fatalf("the engine holds %v, want the beginning of %v", e.tokens, all)
		}
		return all
	}
	first := turn([]int32{0, 1, 2, 1}, 5, 0, 4+4)
	second := turn(append(first, 0, 0), 3, 4+4, 1+2+2) // the last answer's last token has not run yet
	turn(second[:6], 1, 5, 1)                          // shorter: only the last token runs, for its logits
	turn([]int32{2, 1}, 1, 0, 2)                       // nothing in common
	e.tokens = e.tokens[:0]                            // somebody else used the engine
	turn([]int32{2, 1}, 1, 0, 2)
}

// TestEngineForgets: with an engine that cannot go back everywhere, another answer, an
// answer told otherwise and prompts that begin alike still run only what is new.
func TestEngineForgets(t *testing.T) {
	e := &script{pieces: []string{"<end>", "a", "b", "c"}, context: 5000, plan: slices.Repeat([]int32{1}, 5000), forgets: true}
	g := New(e)
	text := func(n int, token int32) []int32 { return slices.Repeat([]int32{token}, n) }
	system := text(300, 0)
	first := slices.Concat(system, text(200, 1))
	second := slices.Concat(first, text(2, 1), text(300, 2)) // of an answer of 150 only the beginning is told
	for _, c := range []struct {
		name   string
		prompt []int32
		reused int
	}{
		{"new", first, 0},
		{"again", first, 499},
		{"told otherwise", second, 502},
		{"again", second, 801},
		{"another", slices.Concat(system, text(100, 3)), 0},
		{"one more", slices.Concat(system, text(100, 2)), 300},
		{"one more", slices.Concat(system, text(700, 1)), 300},
	} {
		res, err := g.Run(context.Background(), Request{Prompt: c.prompt, MaxTokens: 150}, nil)
		if err != nil || res.Reused != c.reused || len(res.Tokens) != 150 {
			t.Fatalf("%s: %d reused, want %d; %d tokens, %v", c.name, res.Reused, c.reused, len(res.Tokens), err)
		}
		if want := append(c.prompt[:len(c.prompt):len(c.prompt)], text(149, 1)...); !slices.Equal(e.tokens, want) {
			t.Fatalf("%s: the engine does not hold the prompt and its answer", c.name)
		}
	}
}

func TestLogProbs(t *testing.T) {
	e, req := saying("a", "b", "c")
	req.Top = 3
	res, _ := collect(t, e, req)
	want := 5 - math.Log(math.Exp(5)+3)
	for _, tok := range res.Tokens {
		if math.Abs(tok.LogProb-want) > 1e-12 || len(tok.Top) != 3 || tok.Top[0].ID != tok.ID || tok.Top[0].LogProb != tok.LogProb {
			t.Errorf("%+v, want a log probability of %v", tok, want)
		}
	}
	e, req = saying("a", "b", "c")
	req.LogProbs = true
	only, _ := collect(t, e, req)
	for i, tok := range only.Tokens {
		if math.Abs(tok.LogProb-res.Tokens[i].LogProb) > 1e-12 || tok.Top != nil {
			t.Errorf("%+v", tok)
		}
	}
}

func TestIDsOnly(t *testing.T) {
	e, req := saying("a", "b")
	req.Decoder = nil
	res, streamed := collect(t, e, req)
	if len(res.Tokens) != 2 || res.Text != "" || len(streamed) != 2 || res.Tokens[1].ID != 2 {
		t.Errorf("%+v", res)
	}
}
