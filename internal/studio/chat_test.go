package studio

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"weft"
	"weft/sample"
)

// heard is one event of a stream.
type heard struct {
	id, name, data string
}

// hear reads a stream of events.
func hear(t testing.TB, text string) (list []heard) {
	t.Helper()
	var e heard
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			e.data = value
		case "":
			if e.name != "" {
				list = append(list, e)
			}
			e = heard{}
		}
	}
	return list
}

// told posts a request that wants events and returns all of them.
func told(t testing.TB, server *httptest.Server, path, body string) []heard {
	t.Helper()
	req, _ := http.NewRequest("POST", server.URL+path, strings.NewReader(body))
	req.Header.Set("Accept", "text/event-stream")
	res, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var text strings.Builder
	if _, err := bufio.NewReader(res.Body).WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d: %.300s", path, res.StatusCode, text.String())
	}
	return hear(t, text.String())
}

func unmarshal[T any](t testing.TB, data string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(data), &v); err != nil {
		t.Fatalf("%v: %.300s", err, data)
	}
	return v
}

// spoken is the answer of a chat without events.
func spoken(t *testing.T, server *httptest.Server, body string) (c chatJSON) {
	t.Helper()
	ask(t, server, "POST", "/api/chat", body, 200, &c)
	return c
}

const opening = "Once upon a time there was a king who had three sons, and the youngest of them was called a fool by all the others, because"

const hello = `{"messages":[{"role":"user","content":"` + opening + `"}],"sampling":{"seed":7},"max_tokens":24,"top":5,"steps":true`

// TestChatIsTheCommandLines: the tokens of `weft chat -p` with the same seed, and as
// events the same as without.
func TestChatIsTheCommandLines(t *testing.T) {
	_, server := serve(t, Options{})
	m, _ := builtInModel()
	s := m.Sampling
	s.Seed = 7
	talk, err := m.Chat(weft.Options{Sampling: &s, MaxTokens: 24, Top: 5, LogProbs: true})
	if err != nil {
		t.Fatal(err)
	}
	want, err := talk.Say(context.Background(), opening, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := spoken(t, server, hello+"}")
	if !slices.Equal(got.Prompt.IDs, want.Prompt) || got.Result.Text != want.Text || got.Result.Finish != string(want.Finish) || got.Prompt.Sampling != s {
		t.Errorf("prompt %+v, answer %+v; want %q", got.Prompt, got.Result, want.Text)
	}
	for i, tok := range want.Tokens {
		g := got.Tokens[i]
		if g.ID != tok.ID || float64(g.LogProb) != tok.LogProb || len(g.Top) != 5 || g.Top[0].ID != tok.Top[0].ID || g.Piece.ID != tok.ID || g.Entropy <= 0 {
			t.Fatalf("token %d is %+v, want %+v", i, g, tok)
		}
	}
	events := told(t, server, "/api/chat", hello+"}")
	var tokens []tokenJSON
	var names []string
	for _, e := range events {
		if e.name == "token" {
			tokens = append(tokens, unmarshal[tokenJSON](t, e.data))
		} else {
			names = append(names, e.name)
		}
	}
	if !slices.Equal(names, []string{"prompt", "progress", "result"}) || len(tokens) != 24 {
		t.Errorf("events %v and %d tokens", names, len(tokens))
	}
	for i := range tokens {
		a, _ := json.Marshal(tokens[i])
		b, _ := json.Marshal(got.Tokens[i])
		if string(a) != string(b) {
			t.Errorf("token %d: %s, want %s", i, a, b)
		}
	}
}

// TestSamplerSteps: they begin with the model's own probabilities and end with the draw.
func TestSamplerSteps(t *testing.T) {
	_, server := serve(t, Options{})
	c := spoken(t, server, strings.Replace(hello, `"seed":7`, `"seed":7,"temp":0.9,"top_k":30,"top_p":0.9,"min_p":0.01,"repeat_penalty":1.1`, 1)+"}")
	for i, tok := range c.Tokens {
		var names []string
		for _, s := range tok.Steps {
			names = append(names, s.Name)
			if len(s.Candidates) == 0 || len(s.Candidates) > stepChoices {
				t.Errorf("token %d: %s lists %d candidates", i, s.Name, len(s.Candidates))
			}
		}
		want := []string{"model", "penalties", "top-k", "top-p", "min-p", "temperature", "draw"}
		if !slices.Equal(names, want) {
			t.Fatalf("steps %v, want %v", names, want)
		}
		for j, top := range tok.Top {
			if got := tok.Steps[0].Candidates[j]; got.ID != top.ID || math.Abs(float64(got.P-top.P)) > 1e-9 {
				t.Errorf("token %d: the model's step has %+v, the token %+v", i, got, top)
			}
		}
		draw := tok.Steps[6]
		if d := draw.Draw; draw.Candidates[0].ID != tok.ID || d != nil && (d.U < d.From-1e-9 || d.U > d.From+d.Width+1e-9) || d == nil && tok.Steps[5].Kept > 1 {
			t.Errorf("token %d: %+v", i, draw)
		}
	}
	greedy := spoken(t, server, strings.Replace(hello, `"seed":7`, `"temp":0`, 1)+"}")
	if s := greedy.Tokens[0].Steps; len(s) != 3 || s[1].Name != "greedy" || s[2].Draw != nil {
		t.Errorf("greedy: %+v", s)
	}
}

// TestForkAnAnswer: the prefix comes first, with all its numbers, and nothing of the
// prompt runs again.
func TestForkAnAnswer(t *testing.T) {
	_, server := serve(t, Options{})
	whole := spoken(t, server, hello+"}")
	prefix := append(slices.Clone(whole.Result.IDs[:6]), whole.Tokens[6].Top[3].ID)
	ids, _ := json.Marshal(prefix)
	fork := spoken(t, server, hello+`,"prefix":`+string(ids)+"}")
	if !slices.Equal(fork.Result.IDs[:7], prefix) || fork.Result.Timing.Reused < len(fork.Prompt.IDs)-1 || fork.Result.Message.Content == whole.Result.Message.Content {
		t.Errorf("%+v", fork.Result)
	}
	for i, tok := range fork.Tokens {
		if tok.Forced != (i < 7) || len(tok.Steps) == 0 {
			t.Errorf("token %d: %+v", i, tok)
		}
		if i < 6 && (tok.P != whole.Tokens[i].P || tok.Entropy != whole.Tokens[i].Entropy) {
			t.Errorf("token %d has probability %v, had %v", i, tok.P, whole.Tokens[i].P)
		}
	}
	if steps := fork.Tokens[6].Steps; !strings.Contains(steps[len(steps)-1].Note, "instead") || fork.Tokens[6].P != whole.Tokens[6].Top[3].P {
		t.Errorf("the forced token: %+v", fork.Tokens[6])
	}
	same, _ := json.Marshal(whole.Result.IDs[:10])
	if again := spoken(t, server, hello+`,"prefix":`+string(same)+"}"); again.Result.Text != whole.Result.Text {
		t.Errorf("%q, want %q", again.Result.Text, whole.Result.Text)
	}
}

// TestConversationGoesOn: the next turn runs only what is new.
func TestConversationGoesOn(t *testing.T) {
	_, server := serve(t, Options{})
	first := spoken(t, server, hello+"}")
	answer, _ := json.Marshal(first.Result.Text)
	second := spoken(t, server, `{"messages":[{"role":"user","content":"`+opening+`"},{"role":"assistant","content":`+string(answer)+
		`},{"role":"user","content":"And then?"}],"max_tokens":4}`)
	if second.Result.Timing.Reused < len(first.Prompt.IDs) || len(second.Result.IDs) != 4 || !strings.Contains(second.Prompt.Text, "And then?") {
		t.Errorf("%+v", second)
	}
	raw := spoken(t, server, `{"raw":true,"prompt":"To be, or not","max_tokens":3,"sampling":{"temp":0}}`)
	if raw.Prompt.Text == "" || len(raw.Result.IDs) != 3 || raw.Result.Timing.Prompt != len(raw.Prompt.IDs) {
		t.Errorf("%+v", raw)
	}
	long := spoken(t, server, `{"messages":[{"role":"user","content":"`+strings.Repeat("word ", 600)+`"},{"role":"assistant","content":"yes"},{"role":"user","content":"no"}],"max_tokens":2}`)
	if long.Prompt.Dropped != 2 || strings.Contains(long.Prompt.Text, "word") {
		t.Errorf("dropped %d: %q", long.Prompt.Dropped, long.Prompt.Text)
	}
}

// TestTwoChatsDoNotMix: at the same time, each is what it is alone.
func TestTwoChatsDoNotMix(t *testing.T) {
	_, server := serve(t, Options{})
	body := func(i int) string {
		return fmt.Sprintf(`{"messages":[{"role":"user","content":"Chapter %d. The"}],"sampling":{"seed":%d},"max_tokens":40}`, i%3, i)
	}
	want := map[int]string{}
	for i := range 6 {
		want[i] = spoken(t, server, body(i)).Result.Text
	}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			events := told(t, server, "/api/chat", body(i%6))
			last := events[len(events)-1]
			if got := unmarshal[answerJSON](t, last.data); last.name != "result" || got.Text != want[i%6] {
				t.Errorf("%d says %q, alone %q", i, got.Text, want[i%6])
			}
		})
	}
	wg.Wait()
}

// leaver is a client that leaves after some tokens.
type leaver struct {
	*httptest.ResponseRecorder
	leave func()
	after int
	seen  int
}

func (l *leaver) Write(b []byte) (int, error) {
	if strings.HasPrefix(string(b), "event: token") {
		if l.seen++; l.seen == l.after {
			l.leave()
		}
	}
	return l.ResponseRecorder.Write(b)
}

// TestLeavingStopsTheAnswer within a token.
func TestLeavingStopsTheAnswer(t *testing.T) {
	s, _ := serve(t, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	w := &leaver{ResponseRecorder: httptest.NewRecorder(), leave: cancel, after: 3}
	r := httptest.NewRequestWithContext(ctx, "POST", "/api/chat", strings.NewReader(`{"messages":[{"role":"user","content":"Once"}],"max_tokens":400}`))
	r.Header.Set("Accept", "text/event-stream")
	s.ServeHTTP(w, r)
	if w.seen > 4 || strings.Contains(w.Body.String(), "event: result") || strings.Contains(w.Body.String(), "event: error") {
		t.Errorf("%d tokens were told", w.seen)
	}
	o, done, err := s.models.use(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if batch, _ := o.slots.of(o); batch != nil {
		if busy, waiting := batch.Load(); busy+waiting > 0 {
			t.Errorf("%d answers go on, %d wait", busy, waiting)
		}
	}
}

func TestWrongChats(t *testing.T) {
	_, server := serve(t, Options{})
	for _, c := range []struct {
		body, want string
		status     int
	}{
		{`{}`, "the last message must be the user's", 400},
		{`{"messages":[{"role":"assistant","content":"x"}]}`, "the last message must be the user's", 400},
		{`{"messages":[{"role":"robot","content":"x"},{"role":"user","content":"x"}]}`, "robot", 400},
		{`{"messages":[{"role":"user","content":"x"}],"raw":true}`, "not both", 400},
		{`{"messages":[{"role":"user","content":"x"}],"top":-1}`, "top is -1", 400},
		{`{"messages":[{"role":"user","content":"x"}],"max_tokens":-1}`, "max_tokens is -1", 400},
		{`{"messages":[{"role":"user","content":"x"}],"sampling":{"heat":1}}`, "heat", 400},
		{`{"messages":[{"role":"user","content":"x"}],"sampling":{"top_p":7}}`, "top-p is 7", 400},
		{`{"messages":[{"role":"user","content":"x"}],"stop":[""]}`, "a stop text is empty", 400},
		{`{"messages":[{"role":"user","content":"x"}],"prefix":[999999]}`, "token", 400},
		{`{"messages":[{"role":"user","content":"x"}],"prefix":[1,2,-4]}`, "token", 400},
		{`{"messages":[{"role":"user","content":"` + strings.Repeat("word ", 900) + `"}]}`, "the context holds", 413},
		{`{"messages":[{"role":"user","content":"x"}],"model":"train:../../etc@1"}`, "there is no", 404},
	} {
		var e struct{ Error apiError }
		ask(t, server, "POST", "/api/chat", c.body, c.status, &e)
		if !strings.Contains(e.Error.Message, c.want) {
			t.Errorf("%.80s: %q, want %q", c.body, e.Error.Message, c.want)
		}
	}
}

func TestSamplingKeepsTheModels(t *testing.T) {
	own := sample.Options{Temp: 0.6, TopK: 20, TopP: 0.9}
	got, err := sampling(own, json.RawMessage(`{"top_k":5,"seed":3}`))
	if want := (sample.Options{Temp: 0.6, TopK: 5, TopP: 0.9, Seed: 3}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if got, _ := sampling(own, nil); got.Temp != 0.6 || got.Seed >= 1<<32 {
		t.Errorf("%+v", got)
	}
}
