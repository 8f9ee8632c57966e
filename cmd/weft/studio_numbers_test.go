package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"weft"
	"weft/internal/studio"
)

// numbers compares the studio's answers with the documents of `weft look --json`.
type numbers struct {
	*testing.T
	server *httptest.Server
}

func newNumbers(t *testing.T) numbers {
	m, err := weft.Open("")
	if err != nil {
		t.Fatal(err)
	}
	s, err := studio.New(studio.Options{Default: m})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.Close()
		s.Close()
		m.Close()
	})
	return numbers{t, server}
}

// look is a document of `weft look --json`.
func (n numbers) look(args ...string) map[string]any {
	n.Helper()
	var out, errs bytes.Buffer
	if code := Main(append([]string{"look", "--json"}, args...), strings.NewReader(""), &out, &errs); code != 0 {
		n.Fatalf("weft look %q: %d: %s", args, code, errs.String())
	}
	return n.decode(out.Bytes())
}

func (n numbers) decode(data []byte) map[string]any {
	n.Helper()
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		n.Fatalf("%v: %.200s", err, data)
	}
	return doc
}

func (n numbers) fetch(method, path, body string) []byte {
	n.Helper()
	req, err := http.NewRequest(method, n.server.URL+path, strings.NewReader(body))
	if err != nil {
		n.Fatal(err)
	}
	res, err := n.server.Client().Do(req)
	if err != nil {
		n.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		n.Fatalf("%s %s: %s %v: %.300s", method, path, res.Status, err, data)
	}
	return data
}

// same demands that the studio's document has everything that the command's has.
func (n numbers) same(what string, got, want any) {
	n.Helper()
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			n.Errorf("%s is %T", what, got)
			return
		}
		for key, v := range want {
			n.same(what+"."+key, object[key], v)
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			n.Errorf("%s has %d entries, want %d", what, len(list), len(want))
			return
		}
		for i, v := range want {
			n.same(fmt.Sprintf("%s[%d]", what, i), list[i], v)
		}
	default:
		if !reflect.DeepEqual(got, want) {
			n.Errorf("%s is %v, want %v", what, got, want)
		}
	}
}

const spoken = "To be, or not to be, that is the"

// run posts the spoken prompt.
func (n numbers) run() (run map[string]any, path string) {
	n.Helper()
	body, err := json.Marshal(map[string]any{"prompt": spoken, "top": 5})
	if err != nil {
		n.Fatal(err)
	}
	run = n.decode(n.fetch("POST", "/api/run", string(body)))
	return run, "/api/run/" + run["run"].(string)
}

// sameTile compares a tile with a document's rows, number by number; row i may be
// shorter than the tile's, which then has nothing but zeros.
func (n numbers) sameTile(path string, rows []any) {
	n.Helper()
	data := n.fetch("GET", path, "")
	cols := len(data) / 4 / len(rows)
	for i, row := range rows {
		for j := range cols {
			want := float32(0)
			if list := row.([]any); j < len(list) {
				want = float32(list[j].(float64))
			}
			if got := math.Float32frombits(binary.LittleEndian.Uint32(data[4*(i*cols+j):])); got != want {
				n.Fatalf("%s: [%d,%d] is %g, want %g", path, i, j, got, want)
			}
		}
	}
}

// TestStudioShowsWhatLookPrints compares every cell of one flow: each vector after each
// block, each head's pattern, and what every block did.
func TestStudioShowsWhatLookPrints(t *testing.T) {
	n := newNumbers(t)
	run, path := n.run()
	look := n.look("-p", spoken)
	n.same("prediction", run["prediction"], look["prediction"])
	n.same("embedding norms", run["embedding"].(map[string]any)["norms"], look["embedding"].(map[string]any)["norms"])
	for l, block := range look["blocks"].([]any) {
		for _, key := range []string{"layer", "resid_norm", "attn_norm", "attn_cos", "mlp_norm", "mlp_cos"} {
			n.same(fmt.Sprintf("block %d %s", l, key), run["blocks"].([]any)[l].(map[string]any)[key], block.(map[string]any)[key])
		}
		vectors := n.look("-p", spoken, "--layer", fmt.Sprint(l))["blocks"].([]any)[l].(map[string]any)["resid"]
		n.sameTile(fmt.Sprintf("%s/tile?point=blocks.%d.hook_resid_post", path, l), vectors.([]any))
		for h := range int(look["model"].(map[string]any)["heads"].(float64)) {
			attention := n.look("-p", spoken, "--attention", fmt.Sprintf("%d.%d", l, h))["attention"].(map[string]any)
			n.sameTile(fmt.Sprintf("%s/tile?point=blocks.%d.attn.hook_pattern&head=%d", path, l, h), attention["pattern"].([]any))
		}
	}
}

// TestStudioViewsAreLooks compares what the panels show with the views of weft look.
func TestStudioViewsAreLooks(t *testing.T) {
	n := newNumbers(t)
	_, path := n.run()
	look := n.look("-p", spoken, "--lens", "--attribute", "--ablate", "head 2.1", "--ablate", "mlp 3")
	n.same("lens", n.decode(n.fetch("GET", path+"/lens", "")), look["lens"])
	n.same("attribution", n.decode(n.fetch("GET", path+"/attribution", "")), look["attribute"])
	effect := look["ablate"].(map[string]any)
	continued := effect["continuation"].([]any)
	delete(effect, "continuation") // here the texts, there the tokens
	got := n.decode(n.fetch("POST", path+"/change", `{"targets":["head 2.1","mlp 3"],"continue":12}`))
	n.same("ablation", got, effect)
	for i, key := range []string{"before", "after"} {
		text := ""
		for _, p := range got["continuation"].(map[string]any)[key].(map[string]any)["pieces"].([]any) {
			text += p.(map[string]any)["text"].(string)
		}
		n.same(key, text, continued[i])
	}
	maps := n.look("-p", spoken, "--attention")["attention"].(map[string]any)["heads"].([]any)
	for i, h := range n.decode(n.fetch("GET", path+"/attention", ""))["summary"].([]any) {
		want := maps[i].(map[string]any)
		for key, got := range h.(map[string]any) {
			n.same(fmt.Sprintf("head %d %s", i, key), got, want[key])
		}
	}
	clean, corrupted := "The king said that the", "The girl said that the"
	ids := n.decode(n.fetch("POST", "/api/tokenize", `{"text":" king girl"}`))["ids"].([]any)
	body, err := json.Marshal(map[string]any{"clean": clean, "corrupted": corrupted, "right": ids[0], "wrong": ids[1]})
	if err != nil {
		t.Fatal(err)
	}
	n.same("patch", n.decode(n.fetch("POST", "/api/patch", string(body))),
		n.look("--patch", clean, corrupted, "--right", " king", "--wrong", " girl")["patch"])
	words := n.look("--words", " king")["words"].(map[string]any)
	n.same("words", n.decode(n.fetch("GET", "/api/words/near?plus="+url.QueryEscape(" king"), "")), words["spaces"].([]any)[0])
	n.same("heads", n.decode(n.fetch("POST", "/api/model/heads", "{}")), n.look("--heads")["heads"])
}
