package hub

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// quick is usual, for a server that is near.
var quick = tuning{
	connections: 4, partSize: 64 << 10, attempts: 5, backoff: time.Millisecond, stall: 5 * time.Second,
	patience: 5 * time.Second, save: 50 * time.Millisecond,
}

var noTime time.Time

const commit = "0123456789abcdef0123456789abcdef01234567"

// model is a GGUF as far as the store looks into it.
func model(size int, seed uint64) []byte {
	data := make([]byte, size)
	chacha := rand.NewChaCha8([32]byte{byte(seed)})
	chacha.Read(data)
	copy(data, "GGUF")
	return data
}

func sha256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func gitHex(data []byte) string {
	sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...))
	return hex.EncodeToString(sum[:])
}

// fakeHub speaks the protocols of Hugging Face and Ollama. Large files are on
// another server that it redirects to, as in life.
type fakeHub struct {
	hub, cdn *httptest.Server
	repo     string
	files    map[string][]byte
	blobs    map[string][]byte                                 // of Ollama, by digest
	manifest string                                            // of ollama library/tiny:1b
	size     func(name string) int64                           // lies about sizes; may be nil
	fault    func(http.Handler) http.Handler                   // around the CDN; may be nil
	front    func(w http.ResponseWriter, r *http.Request) bool // before the hub; true: it has answered

	mu     sync.Mutex
	tokens map[string]bool // "hub TOKEN", "cdn TOKEN": who was given which
	sent   atomic.Int64    // bytes of files
	asked  atomic.Int64    // requests to the CDN
}

func newFakeHub(t *testing.T, files map[string][]byte) *fakeHub {
	f := &fakeHub{repo: "acme/tiny", files: files, tokens: map[string]bool{}}
	f.hub = httptest.NewServer(http.HandlerFunc(f.serveHub))
	f.cdn = httptest.NewServer(http.HandlerFunc(f.serveCDN))
	t.Cleanup(f.hub.Close)
	t.Cleanup(f.cdn.Close)
	return f
}

func (f *fakeHub) saw(who string, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tokens[who+" "+r.Header.Get("Authorization")] = true
}

func (f *fakeHub) given() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.tokens))
}

func (f *fakeHub) serveHub(w http.ResponseWriter, r *http.Request) {
	f.saw("hub", r)
	if f.front != nil && f.front(w, r) {
		return
	}
	resolve := "/" + f.repo + "/resolve/" + commit + "/"
	switch {
	case r.URL.Path == "/api/models/"+f.repo+"/revision/main" && r.URL.Query().Get("blobs") == "true":
		f.serveInfo(w)
	case strings.HasPrefix(r.URL.Path, resolve):
		name := strings.TrimPrefix(r.URL.Path, resolve)
		data, ok := f.files[name]
		if !ok {
			w.Header().Set("X-Error-Code", "EntryNotFound")
			http.Error(w, "no", http.StatusNotFound)
			return
		}
		w.Header().Set("X-Repo-Commit", commit)
		if !large(name) {
			w.Header().Set("ETag", `"`+gitHex(data)+`"`)
			http.ServeContent(w, r, name, noTime, bytes.NewReader(data))
			return
		}
		w.Header().Set("X-Linked-Etag", `"`+sha256Hex(data)+`"`)
		w.Header().Set("X-Linked-Size", fmt.Sprint(len(data)))
		http.Redirect(w, r, f.cdn.URL+"/files/"+name+"?signature=secret", http.StatusFound)
	case r.URL.Path == "/v2/library/tiny/manifests/1b" && r.Header.Get("Accept") == manifestType:
		fmt.Fprint(w, f.manifest)
	case strings.HasPrefix(r.URL.Path, "/v2/library/tiny/blobs/"):
		http.Redirect(w, r, f.cdn.URL+"/blobs/"+strings.TrimPrefix(r.URL.Path, "/v2/library/tiny/blobs/"), http.StatusTemporaryRedirect)
	default:
		w.Header().Set("X-Error-Code", "RepoNotFound")
		http.Error(w, "no", http.StatusUnauthorized)
	}
}

// large files are in LFS.
func large(name string) bool {
	return strings.HasSuffix(name, ".gguf") || strings.HasSuffix(name, ".safetensors")
}

func (f *fakeHub) serveInfo(w http.ResponseWriter) {
	var siblings []map[string]any
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		data := f.files[name]
		size := int64(len(data))
		if f.size != nil {
			size = f.size(name)
		}
		s := map[string]any{"rfilename": name, "size": size, "blobId": gitHex(data)}
		if large(name) {
			s["lfs"] = map[string]any{"sha256": sha256Hex(data), "size": size, "pointerSize": 134}
		}
		siblings = append(siblings, s)
	}
	json.NewEncoder(w).Encode(map[string]any{"id": f.repo, "sha": commit, "gated": false, "siblings": siblings})
}

func (f *fakeHub) serveCDN(w http.ResponseWriter, r *http.Request) {
	f.saw("cdn", r)
	f.asked.Add(1)
	serve := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := f.files[strings.TrimPrefix(r.URL.Path, "/files/")]
		if !ok {
			data, ok = f.blobs[strings.TrimPrefix(r.URL.Path, "/blobs/")]
		}
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", noTime, bytes.NewReader(data))
	}))
	if f.fault != nil {
		serve = f.fault(serve)
	}
	serve.ServeHTTP(&counting{w, &f.sent}, r)
}

type counting struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// Flush and Unwrap let faults act on the connection.
func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// faulty does something to a body after so many bytes, again and again.
type faulty struct {
	http.ResponseWriter
	left int
	then func()
}

func (f *faulty) Write(p []byte) (int, error) {
	if len(p) <= f.left {
		f.left -= len(p)
		return f.ResponseWriter.Write(p)
	}
	n, err := f.ResponseWriter.Write(p[:f.left])
	if err == nil {
		http.NewResponseController(f.ResponseWriter).Flush()
		f.then()
	}
	return n, err
}

// after makes a fault: the first few requests go wrong after so many bytes.
func after(requests int64, bytes int, then func()) func(http.Handler) http.Handler {
	var n atomic.Int64
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) <= requests {
				w = &faulty{w, bytes, then}
			}
			h.ServeHTTP(w, r)
		})
	}
}

func drop() { panic(http.ErrAbortHandler) }

// puller is a puller with its own empty store.
func (f *fakeHub) puller(t *testing.T) *Puller {
	p := &Puller{
		Store: Store{Dir: filepath.Join(t.TempDir(), "models")}, Memory: 64 << 30, tuning: quick,
		Remote: Remote{HuggingFace: f.hub.URL, Ollama: f.hub.URL},
	}
	p.OnEvent = func(e Event) {
		if n, ok := e.(Note); ok {
			t.Log(n)
		}
	}
	return p
}

func mustPull(t *testing.T, p *Puller, ref string) Pulled {
	t.Helper()
	got, err := p.Pull(context.Background(), ref, "")
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// holds checks a file of the disk.
func holds(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: %d bytes that are not the %d expected", path, len(got), len(want))
	}
}

// tree lists the files under a folder, locks aside.
func tree(dir string) []string {
	files := walk(dir)
	maps.DeleteFunc(files, func(name string, _ int64) bool { return strings.HasPrefix(name, ".locks/") })
	return slices.Sorted(maps.Keys(files))
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
