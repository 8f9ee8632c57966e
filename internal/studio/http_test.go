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

// TestRefusals: whatever is asked, the answer is one sentence with a code.
func TestRefusals(t *testing.T) {
	_, server := serve(t, Options{})
	var run runJSON
	ask(t, server, "POST", "/api/run", `{"prompt":"To be, or not"}`, 200, &run)
	at := "/api/run/" + run.Run
	tile := at + "/tile?point=blocks.0."
	cell := at + "/cell?point=blocks.0.attn.hook_q"
	for _, x := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"POST", "/api/run", ``, 400, "bad_request"},
		{"POST", "/api/run", `{"prompt":"a","promt":"b"}`, 400, "bad_request"},
		{"POST", "/api/run", `{"prompt":"a"}{}`, 400, "bad_request"},
		{"POST", "/api/run", `[]`, 400, "bad_request"},
		{"POST", "/api/run", `{"ids":[1],"prompt":"a"}`, 400, "bad_request"},
		{"POST", "/api/run", `{"ids":[]}`, 400, "bad_request"},
		{"POST", "/api/run", `{"ids":[-1]}`, 400, "bad_request"},
		{"POST", "/api/run", `{"ids":[2147483647]}`, 400, "bad_request"},
		{"POST", "/api/run", `{"ids":[1.5]}`, 400, "bad_request"},
		{"POST", "/api/run", `{"prompt":"a","top":101}`, 400, "bad_request"},
		{"POST", "/api/run", `{"prompt":"` + strings.Repeat("word ", 2000) + `"}`, 413, "too_large"},
		{"POST", "/api/run", `{"prompt":"` + strings.Repeat("a", maxBody) + `"}`, 413, "too_large"},
		{"GET", "/api/run", ``, 404, "not_found"},
		{"GET", "/api/run/nothing/tile?point=hook_embed", ``, 410, "gone"},
		{"GET", at + "/tile", ``, 400, "bad_request"},
		{"GET", at + "/tile?point=hook_nothing", ``, 404, "not_found"},
		{"GET", at + "/tile?point=blocks.99.hook_resid_pre", ``, 404, "not_found"},
		{"GET", at + "/tile?point=blocks.-1.hook_resid_pre", ``, 404, "not_found"},
		{"GET", at + "/tile?point=blocks.0x0.hook_resid_pre", ``, 404, "not_found"},
		{"GET", tile + "attn.hook_q", ``, 400, "bad_request"},
		{"GET", tile + "attn.hook_q&head=99", ``, 400, "bad_request"},
		{"GET", tile + "attn.hook_k&head=-1", ``, 400, "bad_request"},
		{"GET", tile + "hook_resid_pre&r0=99", ``, 400, "bad_request"},
		{"GET", tile + "hook_resid_pre&r0=2&r1=2", ``, 400, "bad_request"},
		{"GET", tile + "hook_resid_pre&h=NaN", ``, 400, "bad_request"},
		{"GET", tile + "hook_resid_pre&h=1e9", ``, 400, "bad_request"},
		{"GET", tile + "hook_resid_pre&format=f64", ``, 400, "bad_request"},
		{"GET", tile + "hook_resid_pre&%zz", ``, 400, "bad_request"},
		{"GET", cell + "&head=0&row=0", ``, 400, "bad_request"},
		{"GET", cell + "&head=0&row=0&col=9999", ``, 400, "bad_request"},
		{"GET", cell + "&head=0&row=99&col=0", ``, 400, "bad_request"},
		{"GET", cell + "&row=0&col=0", ``, 400, "bad_request"},
		{"GET", at + "/lens?top=0", ``, 400, "bad_request"},
		{"GET", at + "/lens?from=3&to=3", ``, 400, "bad_request"},
		{"GET", at + "/lens?targets=99999", ``, 400, "bad_request"},
		{"GET", at + "/attribution?position=99", ``, 400, "bad_request"},
		{"GET", at + "/attribution?token=99999", ``, 400, "bad_request"},
		{"GET", at + "/attention/thumbs", ``, 400, "bad_request"},
		{"GET", at + "/attention/thumbs?layer=0&size=100000", ``, 400, "bad_request"},
		{"GET", at + "/saliency?steps=-3", ``, 400, "bad_request"},
		{"POST", at + "/change", `{}`, 400, "bad_request"},
		{"POST", at + "/change", `{"targets":["head 99.0"]}`, 400, "bad_request"},
		{"POST", at + "/change", `{"targets":["nonsense"]}`, 400, "bad_request"},
		{"POST", at + "/change", `{"targets":["mlp 0"],"kind":"often"}`, 400, "bad_request"},
		{"POST", at + "/change", `{"targets":["mlp 0"],"continue":100000}`, 400, "bad_request"},
		{"POST", at + "/change", `{"steer":{"vector":[1,2,3]}}`, 400, "bad_request"},
		{"POST", at + "/change", `{"steer":{"toward":["a"],"away":[]}}`, 400, "bad_request"},
		{"POST", "/api/patch", `{"clean":"a","corrupted":"a longer text"}`, 400, "bad_request"},
		{"POST", "/api/patch", `{"clean":"a","corrupted":"b","site":"roof"}`, 400, "bad_request"},
		{"POST", "/api/tokenize", `{"text":"a","messages":[]}`, 400, "bad_request"},
		{"POST", "/api/model/heads", `{"options":{"sequences":100000}}`, 400, "bad_request"},
		{"POST", "/api/model/heads", `{"options":{"length":100000}}`, 400, "bad_request"},
		{"GET", "/api/model/tensor", ``, 400, "bad_request"},
		{"GET", "/api/model/tensor?name=blk.99.attn_q.weight", ``, 404, "not_found"},
		{"GET", "/api/model/tensor?name=token_embd.weight&c0=-5", ``, 400, "bad_request"},
		{"GET", "/api/model/tensor?name=token_embd.weight&h=65536&w=65536&r1=99999&c1=99999", ``, 200, ""},
		{"GET", "/api/model/tensor/stats?name=nothing", ``, 404, "not_found"},
		{"GET", "/api/words/near", ``, 400, "bad_request"},
		{"GET", "/api/words/near?plus=99999", ``, 400, "bad_request"},
		{"GET", "/api/words/near?plus=king&minus=king", ``, 400, "bad_request"},
		{"GET", "/api/words/near?plus=king&space=outer", ``, 400, "bad_request"},
		{"GET", "/api/words/map?ids=1", ``, 400, "bad_request"},
		{"GET", "/api/words/map?ids=1,2,zzz", ``, 400, "bad_request"},
		{"GET", "/api/words/map?ids=5,5,5", ``, 400, "bad_request"},
		{"GET", "/api/words/find", ``, 400, "bad_request"},
		{"POST", "/api/words/promoted", `{"run":"nothing"}`, 410, "gone"},
		{"POST", "/api/words/promoted", `{"run":"` + run.Run + `","point":"blocks.0.hook_resid_post","position":99}`, 400, "bad_request"},
		{"POST", "/api/words/promoted", `{"run":"` + run.Run + `","point":"blocks.0.attn.hook_q"}`, 400, "bad_request"},
		{"POST", "/api/words/promoted", `{"run":"` + run.Run + `","point":"blocks.0.nothing"}`, 404, "not_found"},
	} {
		var got struct{ Error apiError }
		out := any(&got)
		if x.status == 200 {
			out = nil
		}
		ask(t, server, x.method, x.path, x.body, x.status, out)
		if got.Error.Code != x.code || x.code != "" && got.Error.Message == "" {
			t.Errorf("%s %s %.60s: %+v", x.method, x.path, x.body, got.Error)
		}
	}
}

// TestAnswers asks everything once of the built-in model.
func TestAnswers(t *testing.T) {
	_, server := serve(t, Options{})
	var run runJSON
	ask(t, server, "POST", "/api/run", `{"prompt":"To be, or not to be","chat":true}`, 200, &run)
	if run.Provenance.Template == "" {
		t.Errorf("%+v", run.Provenance)
	}
	at := "/api/run/" + run.Run
	for path, body := range map[string]string{
		"/api/model": "", "/api/model/tensor/stats?name=blk.0.attn_q.weight": "", "/api/model/tensor?name=blk.1.ffn_down.weight&h=8&w=8&format=f16": "",
		"/api/open": `{}`, at + "/lens?top=3&from=1&to=4&targets=5,6&mid=1": "", at + "/attribution?position=2&neurons=3": "",
		at + "/attention": "", at + "/attention/thumbs?layer=1&size=9": "", at + "/saliency": "", at + "/saliency?steps=64": "",
		at + "/change":   `{"kind":"mean","targets":["head 1.2"],"continue":5}`,
		at + "/change?1": `{"steer":{"toward":["I love"],"away":["I hate"],"strength":2},"continue":3}`,
		at + "/tile?point=logits&r0=1&r1=3&h=2&w=9&format=f16": "", at + "/cell?point=logits&row=3&col=77": "",
		"/api/words/map?q=ing&n=20": "", "/api/words/map?n=50&space=unembed": "", "/api/words/find?q=king": "", "/api/words/near?plus=king&n=3": "",
		"/api/words/promoted": `{"run":"` + run.Run + `","point":"blocks.2.hook_mlp_out","position":1,"n":4}`,
	} {
		method := "GET"
		if body != "" {
			method = "POST"
		}
		ask(t, server, method, path, body, 200, nil)
	}
}

func TestPage(t *testing.T) {
	_, server := serve(t, Options{})
	var body []byte
	res := ask(t, server, "GET", "/", "", 200, &body)
	if res.Header.Get("Content-Security-Policy") != policy || res.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(string(body), "<title>") {
		t.Errorf("headers %v", res.Header)
	}
	req, err := http.NewRequest("GET", server.URL+"/index.html", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("If-None-Match", res.Header.Get("ETag"))
	again, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	again.Body.Close()
	if again.StatusCode != 304 {
		t.Errorf("the same page again: %s", again.Status)
	}
	for _, path := range []string{"/nothing", "/../go.mod", "/assets/", "/dist/index.html"} {
		ask(t, server, "GET", path, "", 404, nil)
	}
	ask(t, server, "POST", "/", "", 405, nil)
}

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
	var refused struct{ Error apiError }
	ask(t, server, "POST", "/api/run", ids(300), 413, &refused)
	if refused.Error.Code != "over_budget" || !strings.Contains(refused.Error.Message, "MiB") {
		t.Errorf("%+v", refused)
	}
}
