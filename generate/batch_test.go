package generate

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// choir is an engine of several speakers.
type choir struct {
	speakers []*speaker
	takes    time.Duration // a pass
	most     int

	mu  sync.Mutex
	log []pass
}

// pass is what one Append ran.
type pass struct{ slots, tokens int }

func newChoir(slots int, c chain, context int) *choir {
	e := &choir{most: 2 * promptStep}
	for range slots {
		e.speakers = append(e.speakers, &speaker{chain: c, context: context})
	}
	return e
}

func (c *choir) Slots() int                 { return len(c.speakers) }
func (c *choir) Context() int               { return c.speakers[0].context }
func (c *choir) Most() int                  { return c.most }
func (c *choir) Len(slot int) int           { return c.speakers[slot].Len() }
func (c *choir) Mark(int)                   {}
func (c *choir) Truncate(slot, n int) error { return c.speakers[slot].Truncate(n) }

func (c *choir) Append(slots []int, tokens [][]int32, all bool) (logits [][]float32, err error) {
	c.mu.Lock()
	c.log = append(c.log, pass{len(slots), len(tokens[0])})
	c.mu.Unlock()
	time.Sleep(c.takes)
	if len(slots)*len(tokens[0]) > c.most {
		return nil, errors.New("too many")
	}
	for i, s := range slots {
		e := c.speakers[s]
		before := e.Len()
		if len(tokens[i]) != len(tokens[0]) {
			return nil, errors.New("not the same length")
		}
		run := e.Append
		if all {
			run = e.AppendAll
		}
		rows, err := run(tokens[i])
		if err != nil { // none has run
			e.tokens = e.tokens[:before]
			for j, s := range slots[:i] {
				c.speakers[s].tokens = c.speakers[s].tokens[:c.Len(s)-len(tokens[j])]
			}
			return nil, err
		}
		logits = append(logits, rows)
	}
	return logits, nil
}

// passes tells how many passes there were, and how many had a row of every slot.
func (c *choir) passes() (n, full int) {
	for _, p := range c.log {
		if p.slots == len(c.speakers) {
			full++
		}
	}
	return len(c.log), full
}

// TestBatchIsEachAlone: requests that come and go together are answered as each
// would be alone.
func TestBatchIsEachAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := chain{rapid.IntRange(3, 9).Draw(t, "vocab"), rapid.IntRange(0, 99).Draw(t, "salt")}
		room := rapid.IntRange(1, 700).Draw(t, "context")
		e := newChoir(rapid.IntRange(1, 5).Draw(t, "slots"), c, room)
		b := NewBatch(e)
		guess := rapid.Bool().Draw(t, "guess")
		var wait sync.WaitGroup
		for i := range rapid.IntRange(1, 12).Draw(t, "requests") {
			req := asking(t, c, room)
			cancelAt := rapid.IntRange(0, 30).Draw(t, "cancel")
			pause := time.Duration(rapid.IntRange(0, 300).Draw(t, "pause")) * time.Microsecond
			run := func(answering func(context.Context, Request, func(Token) bool) (Result, error), d Drafter) (Result, []Token) {
				r := req()
				r.Drafter, r.Always = d, d != nil
				var streamed []Token
				res, err := answering(context.Background(), r, func(tok Token) bool {
					streamed = append(streamed, tok)
					return cancelAt == 0 || len(streamed) < cancelAt
				})
				if err != nil {
					t.Errorf("%d: %v", i, err)
				}
				res.Reused = 0 // a slot may hold something
				return answer(res), streamed
			}
			want, wantStreamed := run(New(&speaker{chain: c, context: room}).Run, nil)
			wait.Go(func() {
				time.Sleep(pause)
				var d Drafter
				if guess {
					d = &Lookup{}
				}
				got, streamed := run(b.Run, d)
				if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(streamed, wantStreamed) {
					t.Errorf("%d: %+v streamed as %v, want %+v streamed as %v", i, got, streamed, want, wantStreamed)
				}
			})
		}
		wait.Wait()
		if answering, waiting := b.Load(); answering != 0 || waiting != 0 {
			t.Errorf("%d are being answered and %d wait after all", answering, waiting)
		}
		for i, s := range b.slots {
			if !slices.Equal(s.generator.held, e.speakers[i].tokens) {
				t.Errorf("slot %d holds %v, the engine %v", i, s.generator.held, e.speakers[i].tokens)
			}
		}
	})
}

// together answers prompts at the same time.
func answerAll(t *testing.T, b *Batch, requests ...Request) {
	t.Helper()
	var wait sync.WaitGroup
	for i, req := range requests {
		wait.Go(func() {
			if _, err := b.Run(context.Background(), req, nil); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	wait.Wait()
}

// TestBatchRunsTogether: tokens of answers share passes.
func TestBatchRunsTogether(t *testing.T) {
	e := newChoir(4, chain{9, 2}, 1000)
	e.takes = 10 * time.Millisecond // the patience of a round
	var requests []Request
	for i := range 4 {
		requests = append(requests, Request{Prompt: []int32{int32(i)}, MaxTokens: 30})
	}
	answerAll(t, NewBatch(e), requests...)
	if n, full := e.passes(); n > 40 || full < 20 {
		t.Errorf("%d passes, %d of them of all, for 4 times 30 tokens", n, full)
	}
}

// TestPromptsLeaveRoom: beside answers, prompts run in parts, of which no round has
// more than its share, and a short one does not wait for a long one.
func TestPromptsLeaveRoom(t *testing.T) {
	e := newChoir(5, chain{9, 2}, 100000)
	e.takes = time.Millisecond
	b := NewBatch(e)
	begun, shortDone := make(chan bool), time.Time{}
	var once sync.Once
	var longDone [2]time.Time
	var wait sync.WaitGroup
	wait.Go(func() {
		b.Run(context.Background(), Request{Prompt: []int32{1}, MaxTokens: 200}, func(Token) bool {
			once.Do(func() { close(begun) })
			return true
		})
	})
	<-begun
	for i := range longDone {
		wait.Go(func() {
			b.Run(context.Background(), Request{Prompt: make([]int32, 20*promptStep+i), MaxTokens: 1}, nil)
			longDone[i] = time.Now()
		})
	}
	time.Sleep(5 * time.Millisecond)
	wait.Go(func() {
		b.Run(context.Background(), Request{Prompt: make([]int32, promptStep/2), MaxTokens: 1}, nil)
		shortDone = time.Now()
	})
	wait.Wait()
	for i, long := range longDone {
		if !shortDone.Before(long) {
			t.Errorf("the short prompt was ready after long one %d", i)
		}
	}
	prompt := 0 // tokens since the last of the answer
	for i, p := range e.log {
		if p.tokens == 1 {
			prompt = 0
		} else if prompt += p.slots * p.tokens; prompt > 2*promptMost { // two rounds, should the answer be late once
			t.Errorf("pass %d: %d tokens of prompts in a row", i, prompt)
		}
	}
}

// TestSlowReader: who does not come back from yield holds nobody up.
func TestSlowReader(t *testing.T) {
	b := NewBatch(newChoir(2, chain{9, 2}, 1000))
	stuck, free := make(chan bool), make(chan bool)
	var once sync.Once
	done := make(chan Result)
	go func() {
		res, _ := b.Run(context.Background(), Request{Prompt: []int32{1}, MaxTokens: 5}, func(Token) bool {
			once.Do(func() { close(stuck); <-free })
			return true
		})
		done <- res
	}()
	<-stuck
	answerAll(t, b, Request{Prompt: []int32{2}, MaxTokens: 50})
	close(free)
	if res := <-done; res.Sampled != 5 {
		t.Errorf("%+v", res)
	}
}

func TestWaitingForASlot(t *testing.T) {
	b := NewBatch(newChoir(1, chain{9, 2}, 1000))
	first, free := make(chan bool), make(chan bool)
	var wait sync.WaitGroup
	wait.Go(func() {
		b.Run(context.Background(), Request{Prompt: []int32{1}, MaxTokens: 1}, func(Token) bool {
			close(first)
			<-free
			return true
		})
	})
	<-first
	if _, err := b.Run(context.Background(), Request{}, nil); !errors.Is(err, ErrRequest) {
		t.Errorf("a wrong request waited: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	wait.Go(func() {
		if res, err := b.Run(ctx, Request{Prompt: []int32{1}}, nil); err != nil || res.Finish != Cancel || res.Sampled != 0 || res.End != -1 {
			t.Errorf("cancelled in the queue: %+v, %v", res, err)
		}
	})
	var order []int
	for i := range 3 {
		for _, waiting := b.Load(); waiting != i+1; _, waiting = b.Load() {
			time.Sleep(time.Millisecond)
		}
		wait.Go(func() {
			b.Run(context.Background(), Request{Prompt: []int32{1}, MaxTokens: 1}, func(Token) bool {
				order = append(order, i) // one at a time: there is one slot
				return true
			})
		})
	}
	for _, waiting := b.Load(); waiting != 4; _, waiting = b.Load() {
		time.Sleep(time.Millisecond)
	}
	cancel()
	close(free)
	wait.Wait()
	if !slices.Equal(order, []int{0, 1, 2}) {
		t.Errorf("answered in the order %v", order)
	}
}

// TestConversationsKeepTheirSlots: two that take turns both go on where they were,
// although they begin alike; a third takes the place that has rested longest.
func TestConversationsKeepTheirSlots(t *testing.T) {
	b := NewBatch(newChoir(3, chain{9, 2}, 1000))
	system := slices.Repeat([]int32{5}, 40)
	talks := [][]int32{append(slices.Clone(system), 1, 2, 3), append(slices.Clone(system), 4, 3, 2)}
	for i := range talks { // so long that the common beginning is the smaller part
		talks[i] = append(talks[i], slices.Repeat([]int32{int32(i)}, 100)...)
	}
	for turn := range 3 {
		for i := range talks {
			res, err := b.Run(context.Background(), Request{Prompt: talks[i], MaxTokens: 10}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if want := len(talks[i]) - 4; turn > 0 && res.Reused < want {
				t.Errorf("turn %d of %d: %d of %d tokens were held", turn, i, res.Reused, len(talks[i]))
			}
			for _, tok := range res.Tokens {
				talks[i] = append(talks[i], tok.ID)
			}
			talks[i] = append(talks[i], 1, 2, 3)
		}
	}
	third := append(slices.Clone(system), 8, 8, 8)
	for range 2 {
		if _, err := b.Run(context.Background(), Request{Prompt: third, MaxTokens: 200}, nil); err != nil {
			t.Fatal(err)
		}
		third = append(third[:40:40], 7)
	}
	if res, _ := b.Run(context.Background(), Request{Prompt: talks[1], MaxTokens: 1}, nil); res.Reused < 100 {
		t.Errorf("the conversation of late lost its place to a new one: %d held", res.Reused)
	}
}

// TestOneFailsAlone: a request with a token that does not exist is the only one to fail.
func TestOneFailsAlone(t *testing.T) {
	e := newChoir(3, chain{9, 2}, 1000)
	e.takes = 3 * time.Millisecond
	b := NewBatch(e)
	var wait sync.WaitGroup
	for i, prompt := range [][]int32{{1}, {99}, {2}} {
		wait.Go(func() {
			res, err := b.Run(context.Background(), Request{Prompt: prompt, MaxTokens: 20}, nil)
			if bad := prompt[0] == 99; bad != (err != nil) || !bad && res.Sampled != 20 {
				t.Errorf("%d: %+v, %v", i, res, err)
			}
		})
	}
	wait.Wait()
}

// TestGuessesAreForTheLonely: beside other answers nobody guesses.
func TestGuessesAreForTheLonely(t *testing.T) {
	b := NewBatch(newChoir(2, chain{9, 2}, 1000))
	w := &whenAlone{b, &wild{vocab: 9, n: 2}}
	for busy, want := range []bool{true, true, false} {
		b.busy = busy
		if got, _ := w.Propose(nil, 3); (len(got) > 0) != want {
			t.Errorf("%d requests: guesses %v", busy, got)
		}
	}
}
