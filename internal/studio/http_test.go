package studio

import (
	"net/http"
	"strings"
	"testing"
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
