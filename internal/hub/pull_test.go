package hub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestPullGGUF(t *testing.T) {
	data := model(1<<20+17, 1)
	f := newFakeHub(t, map[string][]byte{"tiny-Q8_0.gguf": data, "README.md": []byte("a model")})
	p := f.puller(t)
	p.Remote.Token = "hf_secret"
	got := mustPull(t, p, "hf:acme/tiny")
	want := filepath.Join(p.Store.Dir, "acme", "tiny", "tiny-Q8_0.gguf")
	if got.Path != want || got.Name != "acme/tiny" || got.Commit != commit || got.Size != int64(len(data)) || got.Fetched != got.Size {
		t.Errorf("got %+v", got)
	}
	holds(t, want, data)
	same(t, "the store", tree(p.Store.Dir), "acme/tiny/tiny-Q8_0.gguf", "acme/tiny/weft.json")
	same(t, "who got the token", f.given(), "cdn ", "hub Bearer hf_secret")

	r, err := readRecord(filepath.Dir(want))
	if rf, ok := r.find("tiny-Q8_0.gguf"); err != nil || !ok || rf.SHA256 != sha256Hex(data) || rf.Commit != commit || r.Source != "hf:acme/tiny" || rf.Pulled.IsZero() {
		t.Errorf("record %+v, %v", r, err)
	}
	asked := f.asked.Load()
	if again := mustPull(t, p, "acme/tiny"); again.Fetched != 0 || again.Path != want || f.asked.Load() != asked {
		t.Errorf("pulled again: %+v", again)
	}
	os.Remove(filepath.Join(filepath.Dir(want), recordName)) // a crash between the file and its record
	if again := mustPull(t, p, "hf:acme/tiny/tiny-Q8_0.gguf@main"); again.Fetched != 0 || f.asked.Load() != asked {
		t.Errorf("not adopted: %+v", again)
	}
}

func TestPullElsewhere(t *testing.T) {
	data := model(1000, 1)
	f := newFakeHub(t, map[string][]byte{"sub/tiny.gguf": data})
	p := f.puller(t)
	to := filepath.Join(t.TempDir(), "here")
	got, err := p.Pull(context.Background(), "hf:acme/tiny", to)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, filepath.Join(to, "sub", "tiny.gguf"), data)
	if got.Name != "" || got.Path != filepath.Join(to, "sub", "tiny.gguf") || len(tree(p.Store.Dir)) > 0 {
		t.Errorf("%+v; the store holds %v", got, tree(p.Store.Dir))
	}
}

func TestPullSplit(t *testing.T) {
	files := map[string][]byte{"other-Q8_0.gguf": model(5000, 9)}
	for i := range 3 {
		files[fmt.Sprintf("q/big-Q4_K_M-%05d-of-00003.gguf", i+1)] = model(100_000+i, uint64(i))
	}
	f := newFakeHub(t, files)
	p := f.puller(t)
	got := mustPull(t, p, "hf:acme/tiny/q/big-Q4_K_M-00002-of-00003.gguf") // any part means all
	if filepath.Base(got.Path) != "big-Q4_K_M-00001-of-00003.gguf" || len(got.Files) != 3 {
		t.Errorf("got %+v", got)
	}
	models, _, err := p.Store.List()
	if err != nil || len(models) != 1 || models[0].Size != 300_003 || models[0].Quant != "Q4_K_M" || models[0].Name != "acme/tiny" {
		t.Errorf("listed %+v, %v", models, err)
	}
	delete(files, "q/big-Q4_K_M-00003-of-00003.gguf")
	if _, err := p.Pull(context.Background(), "hf:acme/tiny/q/big-Q4_K_M-00001-of-00003.gguf", ""); err == nil || !strings.Contains(err.Error(), "parts are missing") {
		t.Errorf("a set with a part missing: %v", err)
	}
}

func TestPullFolder(t *testing.T) {
	f := newFakeHub(t, map[string][]byte{
		"config.json": []byte(`{"model_type":"llama"}`), "tokenizer.json": []byte("{}"), "model.safetensors": model(300_000, 3),
		"pytorch_model.bin": []byte("pickle"), "onnx/model.onnx": []byte("x"), ".gitattributes": []byte("x"),
	})
	p := f.puller(t)
	got := mustPull(t, p, "hf:acme/tiny")
	if got.Path != filepath.Join(p.Store.Dir, "acme", "tiny") {
		t.Errorf("path %s", got.Path)
	}
	same(t, "files", tree(got.Path), "config.json", "model.safetensors", "tokenizer.json", "weft.json")
	if path, err := p.Store.Resolve("tiny"); err != nil || path != got.Path {
		t.Errorf("resolved %q, %v", path, err)
	}
}

func TestPullOllama(t *testing.T) {
	data, template, params := model(200_000, 5), []byte("{{ .Prompt }}"), []byte(`{"stop":["x"]}`)
	f := newFakeHub(t, nil)
	f.blobs = map[string][]byte{}
	var layers []string
	for _, l := range []struct {
		kind string
		data []byte
	}{{"model", data}, {"template", template}, {"params", params}, {"license", []byte("a")}, {"license", []byte("b")}} {
		f.blobs["sha256:"+sha256Hex(l.data)] = l.data
		layers = append(layers, fmt.Sprintf(`{"mediaType":"application/vnd.ollama.image.%s","digest":"sha256:%s","size":%d}`, l.kind, sha256Hex(l.data), len(l.data)))
	}
	f.manifest = `{"schemaVersion":2,"layers":[` + strings.Join(layers, ",") + `]}`
	p := f.puller(t)
	p.Remote.Token = "hf_secret"
	got := mustPull(t, p, "ollama:tiny:1b")
	holds(t, got.Path, data)
	same(t, "files", tree(filepath.Dir(got.Path)), "2-license.txt", "license.txt", "params.json", "template.txt", "tiny-1b.gguf", "weft.json")
	same(t, "who got the token", f.given(), "cdn ", "hub ")
	for _, name := range []string{"ollama:tiny:1b", "ollama/tiny-1b", "tiny-1b", "tiny-1b.gguf"} {
		if path, err := p.Store.Resolve(name); err != nil || path != got.Path {
			t.Errorf("%s: %q, %v", name, path, err)
		}
	}
	for what, m := range map[string]string{
		"traversal":    strings.ReplaceAll(f.manifest, "sha256:"+sha256Hex(data), "sha256:../../../../etc/passwd"),
		"adapter":      strings.ReplaceAll(f.manifest, "image.params", "image.adapter"),
		"no model":     strings.ReplaceAll(f.manifest, "image.model", "image.license"),
		"two models":   strings.ReplaceAll(f.manifest, "image.template", "image.model"),
		"negative":     strings.ReplaceAll(f.manifest, `"size":200000`, `"size":-1`),
		"no manifest":  "[]",
		"wrong digest": strings.ReplaceAll(f.manifest, sha256Hex(params), sha256Hex([]byte("other"))),
	} {
		f.manifest = m
		if _, err := f.puller(t).Pull(context.Background(), "ollama:tiny:1b", ""); err == nil {
			t.Errorf("%s: pulled", what)
		}
	}
}

func TestPullWeb(t *testing.T) {
	data := model(300_000, 7)
	shards := map[string]string{
		"/m/config.json": "{}", "/m/" + indexName: `{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}`,
		"/m/model-00001-of-00002.safetensors": "one", "/m/model-00002-of-00002.safetensors": "two",
		"/x/tiny.gguf": string(data), "/page.gguf": "<html>not found</html>",
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if shards[r.URL.Path] == "" || r.Header.Get("Authorization") != "" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", fmt.Sprintf("%q", r.URL.Path))
		http.ServeContent(w, r, "", noTime, strings.NewReader(shards[r.URL.Path]))
	}))
	defer s.Close()
	p := newFakeHub(t, nil).puller(t)
	p.Remote.Token = "hf_secret"
	got := mustPull(t, p, s.URL+"/x/tiny.gguf?key=secret")
	holds(t, got.Path, data)
	if got.Name != "127.0.0.1/tiny" || strings.Contains(got.Source, "secret") {
		t.Errorf("got %+v", got)
	}
	if said, err := os.ReadFile(filepath.Join(filepath.Dir(got.Path), recordName)); err != nil || strings.Contains(string(said), "secret") {
		t.Errorf("the record tells the key, or %v: %s", err, said)
	}
	if again := mustPull(t, p, s.URL+"/x/tiny.gguf?key=secret"); again.Fetched != 0 {
		t.Errorf("fetched %d bytes again", again.Fetched)
	}
	got = mustPull(t, p, s.URL+"/m/config.json")
	same(t, "folder", tree(got.Path), "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", indexName, "weft.json")
	if _, err := p.Pull(context.Background(), s.URL+"/page.gguf", ""); err == nil || !strings.Contains(err.Error(), "no GGUF file") {
		t.Errorf("a web page: %v", err)
	}
	shards["/m/"+indexName] = `{"weight_map":{"a":"../../model-00001-of-00002.safetensors"}}`
	if _, err := p.Pull(context.Background(), s.URL+"/m/config.json", ""); err == nil {
		t.Error("an index that points outside was followed")
	}
}

// TestConcurrent pulls the same file from many places at once: it comes once.
func TestConcurrent(t *testing.T) {
	data := model(1<<20, 1)
	f := newFakeHub(t, map[string][]byte{"tiny.gguf": data})
	p := f.puller(t)
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			q := *p
			if got, err := q.Pull(context.Background(), "hf:acme/tiny", ""); err != nil {
				t.Error(err)
			} else {
				holds(t, got.Path, data)
			}
		})
	}
	all.Wait()
	if n := f.sent.Load(); n > int64(len(data))+10 {
		t.Errorf("%d bytes were sent for a file of %d", n, len(data))
	}
}

func TestRefusals(t *testing.T) {
	f := newFakeHub(t, map[string][]byte{"tiny.gguf": model(1000, 1)})
	p := f.puller(t)
	p.Memory = 600 << 20
	code, kind := 0, ""
	f.front = func(w http.ResponseWriter, r *http.Request) bool {
		if code != 0 {
			w.Header().Set("X-Error-Code", kind)
			w.WriteHeader(code)
		}
		return code != 0
	}
	for _, c := range []struct {
		ref  string
		code int
		kind string
		want string
	}{
		{"hf:acme/tiny", 403, "GatedRepo", "is gated: accept its terms at " + f.hub.URL + "/acme/tiny"},
		{"hf:acme/tiny", 401, "", "does not exist, or is private"},
		{"hf:acme/tiny", 404, "", "does not exist"},
		{"hf:acme/tiny@v2", 404, "RevisionNotFound", "no revision v2"},
		{"ollama:tiny:1b", 404, "", "does not exist on"},
		{"hf:acme/tiny/README.md", 0, "", "neither a .gguf nor a config.json"},
		{"hf:acme/tiny/other.gguf", 0, "", "there is tiny.gguf"},
		{"hf:acme", 0, "", "want hf:OWNER/REPO"},
		{"gopher://x/y.gguf", 0, "", "want hf:OWNER/REPO"},
		{"https://user:pass@example.org/y.gguf", 0, "", "password"},
		{"https://example.org/y.zip", 0, "", "does not end in .gguf"},
	} {
		code, kind = c.code, c.kind
		if _, err := p.Pull(context.Background(), c.ref, ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %d %s: %v", c.ref, c.code, c.kind, err)
		}
	}
	same(t, "the store", tree(p.Store.Dir))
}

func TestOffline(t *testing.T) {
	f := newFakeHub(t, nil)
	p := f.puller(t)
	f.hub.Close()
	if _, err := p.Pull(context.Background(), "hf:acme/tiny", ""); !errors.Is(err, ErrOffline) {
		t.Errorf("error %v", err)
	}
	dns := fmt.Errorf("get: %w", &net.DNSError{Err: "no such host", Name: "example.org", IsNotFound: true})
	if err := clean(context.Background(), dns); !errors.Is(err, ErrOffline) {
		t.Errorf("error %v", err)
	}
}

// TestTooLarge has a server that promises more than any disk holds.
func TestTooLarge(t *testing.T) {
	f := newFakeHub(t, map[string][]byte{"tiny.gguf": model(1000, 1)})
	f.size = func(string) int64 { return 1 << 60 }
	p := f.puller(t)
	if _, err := p.Pull(context.Background(), "hf:acme/tiny/tiny.gguf", ""); err == nil || !strings.Contains(err.Error(), "free on the disk") {
		t.Errorf("error %v", err)
	}
	if f.asked.Load() > 0 {
		t.Error("it asked for the file all the same")
	}
}
