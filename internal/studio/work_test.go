package studio

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"weft/kvcache"
	"weft/model"
)

// deep is a model on which a run takes a while.
func deep(t *testing.T) Options {
	c := model.Config{Arch: "llama", Vocab: 97, Context: 2048, Layers: 200, Dim: 64, Heads: 4, KVHeads: 4, HeadDim: 16, Hidden: 128,
		NormEps: 1e-5, Rope: model.Rope{Theta: 10000}, Gated: true}
	return Options{Default: random(t, c, kvcache.F16), Kind: kindFile}
}

// listen posts a run with events, and gives their lines.
func listen(t *testing.T, ctx context.Context, server *httptest.Server, body string) (lines chan string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "POST", server.URL+"/api/run", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	lines = make(chan string, 1000)
	go func() {
		defer res.Body.Close()
		defer close(lines)
		for scan := bufio.NewScanner(res.Body); scan.Scan(); {
			if text := scan.Text(); text != "" {
				lines <- text
			}
		}
	}()
	return lines
}

func wait(t *testing.T, lines chan string, text string) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("the stream ended before %q", text)
			}
			if strings.Contains(line, text) {
				return
			}
		case <-limit:
			t.Fatalf("%q does not come", text)
		}
	}
}

func ids(n int) string {
	return `{"ids":[` + listIDs(tokens(n), ",") + `]}`
}

// TestClosingStopsTheWork: when nobody waits any more, the pass ends between two blocks.
func TestClosingStopsTheWork(t *testing.T) {
	s, server := serve(t, deep(t))
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	lines := listen(t, ctx, server, ids(700))
	wait(t, lines, `"running"`)
	leave()
	start := time.Now()
	for len(s.heavy) > 0 {
		if time.Since(start) > 5*time.Second {
			t.Fatal("the work goes on")
		}
		time.Sleep(time.Millisecond)
	}
	if len(s.runs.list) != 0 {
		t.Error("half a run was kept")
	}
}

// TestWaiting: long work waits for its turn and says so; what is there is read at once.
func TestWaiting(t *testing.T) {
	o := Options{Heavy: 1}
	s, server := serve(t, o)
	var run runJSON
	ask(t, server, "POST", "/api/run", `{"prompt":"To be"}`, 200, &run)
	s.heavy <- struct{}{} // somebody else works
	lines := listen(t, context.Background(), server, `{"prompt":"or not to be"}`)
	wait(t, lines, `"waiting"`)
	ask(t, server, "POST", "/api/run", `{"prompt":"To be"}`, 200, &run)
	ask(t, server, "GET", "/api/run/"+run.Run+"/tile?point=blocks.1.attn.hook_z&head=1", "", 200, nil)
	<-s.heavy
	wait(t, lines, "event: result")
}

// TestErrorsAsEvents: a stream that cannot go on says why.
func TestErrorsAsEvents(t *testing.T) {
	_, server := serve(t, Options{})
	lines := listen(t, context.Background(), server, `{"prompt":"a","model":"nothing"}`)
	wait(t, lines, "event: error")
	wait(t, lines, `"not_found"`)
}

// TestTabsDoNotMix: many tabs at once, each with its own prompt, get what they get alone.
func TestTabsDoNotMix(t *testing.T) {
	s, server := serve(t, Options{})
	_, quiet := serve(t, Options{})
	prompts := []string{"To be, or not", "Once upon a time", "The king said that", "It was a dark night"}
	var wg sync.WaitGroup
	for i := range 2 * len(prompts) {
		wg.Go(func() {
			var here, alone runJSON
			body := fmt.Sprintf(`{"prompt":%s}`, jsonText(prompts[i%len(prompts)]))
			ask(t, server, "POST", "/api/run", body, 200, &here)
			ask(t, quiet, "POST", "/api/run", body, 200, &alone)
			path := "/tile?point=blocks.3.hook_resid_post"
			a, _, _ := fetchTile(t, server, "/api/run/"+here.Run+path)
			b, _, _ := fetchTile(t, quiet, "/api/run/"+alone.Run+path)
			if here.Run != alone.Run || !sameBits(a, b) {
				t.Errorf("%q differs", prompts[i%len(prompts)])
			}
			ask(t, server, "GET", "/api/run/"+here.Run+"/lens?top=2", "", 200, nil)
			ask(t, server, "POST", "/api/run/"+here.Run+"/change", `{"targets":["mlp 1"],"continue":3}`, 200, nil)
		})
	}
	wg.Wait()
	if n := len(s.runs.list); n != len(prompts) {
		t.Errorf("%d runs are kept of %d prompts", n, len(prompts))
	}
}

// TestRunsWithinBudget: old runs go, and are made again with the same name and bits.
func TestRunsWithinBudget(t *testing.T) {
	s, server := serve(t, Options{RunBytes: 600 << 10})
	subject := s.models.open[s.o.Name].subject
	subject.Budget = 1 << 30 // what a pass may hold is another matter
	var first, run runJSON
	ask(t, server, "POST", "/api/run", ids(40), 200, &first)
	a, _, _ := fetchTile(t, server, "/api/run/"+first.Run+"/tile?point=blocks.5.hook_resid_post")
	for n := 41; n < 50; n++ {
		ask(t, server, "POST", "/api/run", ids(n), 200, &run)
		ask(t, server, "GET", "/api/run/"+run.Run+"/tile?point=blocks.2.hook_mlp_out", "", 200, nil)
	}
	sum := int64(0)
	for _, r := range s.runs.list {
		sum += r.size()
	}
	if sum > s.o.RunBytes {
		t.Errorf("runs hold %d bytes of %d", sum, s.o.RunBytes)
	}
	path := "/api/run/" + first.Run + "/tile?point=blocks.5.hook_resid_post"
	ask(t, server, "GET", path, "", 410, nil)
	ask(t, server, "POST", "/api/run", ids(40), 200, &run)
	if b, _, _ := fetchTile(t, server, path); run.Run != first.Run || !sameBits(a, b) {
		t.Error("the run made again differs")
	}
	subject.Budget = 1 << 20
	var refused struct{ Error apiError }
	ask(t, server, "POST", "/api/run", ids(300), 413, &refused)
	if refused.Error.Code != "over_budget" || !strings.Contains(refused.Error.Message, "the most that there is memory for here") {
		t.Errorf("%+v", refused)
	}
}

// TestLongPrompt: while 4,000 tokens run, the rest of the page is answered at once.
func TestLongPrompt(t *testing.T) {
	c := model.Config{Arch: "llama", Vocab: 97, Context: 4096, Layers: 2, Dim: 16, Heads: 2, KVHeads: 1, HeadDim: 8, Hidden: 32,
		NormEps: 1e-5, Rope: model.Rope{Theta: 10000}, Gated: true}
	s, server := serve(t, Options{Default: random(t, c, kvcache.F16), Kind: kindFile})
	var short runJSON
	ask(t, server, "POST", "/api/run", ids(20), 200, &short)
	lines := listen(t, context.Background(), server, ids(4000))
	wait(t, lines, `"running"`)
	answered := 0
	for len(s.heavy) > 0 {
		start := time.Now()
		ask(t, server, "GET", "/api/state", "", 200, nil)
		ask(t, server, "POST", "/api/tokenize", `{"text":"To be"}`, 200, nil)
		ask(t, server, "GET", fmt.Sprintf("/api/run/%s/tile?point=blocks.%d.hook_attn_out", short.Run, answered%2), "", 200, nil)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("three small requests took %v", took)
		}
		answered++
	}
	wait(t, lines, "event: result")
	if answered == 0 {
		t.Error("nothing was asked meanwhile")
	}
	r := s.runs.find(runOnly(s, short.Run))
	cells, rows, cols := fetchTile(t, server, "/api/run/"+r.id+"/tile?point=blocks.1.attn.hook_pattern&head=1&h=200&w=300")
	if rows != 200 || cols != 300 || len(cells) != 60000 {
		t.Errorf("a tile of %d × %d", rows, cols)
	}
	ask(t, server, "GET", "/api/run/"+r.id+"/cell?point=blocks.1.attn.hook_z&head=0&row=3999&col=7", "", 200, nil)
}

// runOnly is the run besides the one that is named.
func runOnly(s *Studio, other string) string {
	for id := range s.runs.list {
		if id != other {
			return id
		}
	}
	return ""
}
