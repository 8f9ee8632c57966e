package hub

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weft/internal/filelock"
)

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestDefaultStore(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("WEFT_HOME", dir)
	t.Setenv("HF_HUB_CACHE", filepath.Join(dir, "hf"))
	s, err := DefaultStore()
	if err != nil || s.Dir != filepath.Join(dir, "models") || s.Cache != filepath.Join(dir, "hf") {
		t.Errorf("%+v, %v", s, err)
	}
	t.Setenv("WEFT_HOME", "")
	if s, err := DefaultStore(); err != nil || !filepath.IsAbs(s.Dir) || !strings.HasSuffix(filepath.ToSlash(s.Dir), "/weft/models") {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestRemoteFromEnv(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HF_HOME", home)
	t.Setenv("WEFT_HUB", "http://mirror")
	t.Setenv("HF_TOKEN", "")
	write(t, filepath.Join(home, "token"), []byte("from-file\n"))
	if r := RemoteFromEnv(); r != (Remote{"http://mirror", "http://mirror", "from-file"}) {
		t.Errorf("%+v", r)
	}
	t.Setenv("HF_TOKEN", "from-env")
	if r := RemoteFromEnv(); r.Token != "from-env" {
		t.Errorf("%+v", r)
	}
}

func TestFind(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	for _, name := range []string{"a/one/m-Q8_0.gguf", "a/two/x.gguf", "a/two/y.gguf", "b/one/n.gguf", "c/folder/config.json", "c/folder/model.safetensors", "c/empty/notes.txt"} {
		write(t, filepath.Join(s.Dir, filepath.FromSlash(name)), []byte("GGUF"))
	}
	for name, want := range map[string]string{
		"a/one": "a/one/m-Q8_0.gguf", "hf:a/one": "a/one/m-Q8_0.gguf", "a/one/m-Q8_0.gguf": "a/one/m-Q8_0.gguf", "m-q8_0": "a/one/m-Q8_0.gguf",
		"a/two/y.gguf": "a/two/y.gguf", "y": "a/two/y.gguf", "folder": "c/folder", "c/folder": "c/folder",
	} {
		if got, err := s.Resolve(name); err != nil || got != filepath.Join(s.Dir, filepath.FromSlash(want)) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"a/two", "one"} { // of several
		if got, err := s.Resolve(name); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "c/empty", "nobody/there", "../..", "a", "config.json", "/"} {
		if got, err := s.Resolve(name); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if _, err := (Store{Dir: filepath.Join(s.Dir, "none")}).Resolve("a/one"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an empty store: %v", err)
	}
}

func TestCache(t *testing.T) {
	data := model(200_000, 1)
	f := newFakeHub(t, map[string][]byte{"tiny.gguf": data})
	p := f.puller(t)
	p.Store.Cache = t.TempDir()
	folder := filepath.Join(p.Store.Cache, "models--acme--tiny")
	snapshot := filepath.Join(folder, "snapshots", commit)
	write(t, filepath.Join(folder, "refs", "main"), []byte(commit))
	write(t, filepath.Join(folder, "blobs", sha256Hex(data)), data)
	if err := os.MkdirAll(snapshot, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("..", "..", "blobs", sha256Hex(data)), filepath.Join(snapshot, "tiny.gguf")); err != nil {
		write(t, filepath.Join(snapshot, "tiny.gguf"), data) // as the cache does where there are no links
	}
	got := mustPull(t, p, "hf:acme/tiny")
	if !got.Cached || got.Fetched != 0 || got.Path != filepath.Join(snapshot, "tiny.gguf") || len(tree(p.Store.Dir)) > 0 {
		t.Errorf("got %+v", got)
	}
	m, err := p.Store.Find("acme/tiny")
	if err != nil || m.Path != got.Path || !m.Cache || m.Size != int64(len(data)) {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := p.Store.Remove("acme/tiny"); !errors.Is(err, ErrNotOwned) {
		t.Errorf("removed from the cache: %v", err)
	}
	holds(t, got.Path, data)

	data[1000]++ // the repository is not what the cache has any more
	if got := mustPull(t, p, "hf:acme/tiny"); got.Cached || got.Fetched != got.Size {
		t.Errorf("got %+v", got)
	}
	if m, err := p.Store.Find("acme/tiny"); err != nil || m.Cache {
		t.Errorf("the store comes first: %+v, %v", m, err)
	}
}

func TestRemove(t *testing.T) {
	f := newFakeHub(t, map[string][]byte{"q/tiny-Q8_0.gguf": model(1000, 1), "tiny-Q4_0.gguf": model(500, 2)})
	p := f.puller(t)
	mustPull(t, p, "hf:acme/tiny/q/tiny-Q8_0.gguf")
	mustPull(t, p, "hf:acme/tiny/tiny-Q4_0.gguf")
	dir := filepath.Join(p.Store.Dir, "acme", "tiny")
	write(t, filepath.Join(dir, "mine.gguf"), model(10, 3))
	write(t, filepath.Join(dir, "q", "half.gguf"+partial), []byte("x"))

	if _, err := p.Store.Remove("acme/tiny/mine.gguf"); !errors.Is(err, ErrNotOwned) {
		t.Errorf("by hand: %v", err)
	}
	r, err := p.Store.Remove("tiny-Q4_0")
	if err != nil || r.Bytes != 500 {
		t.Errorf("%+v, %v", r, err)
	}
	same(t, "left", tree(dir), "mine.gguf", "q/half.gguf.partial", "q/tiny-Q8_0.gguf", "weft.json")
	lock, err := filelock.Try(p.Store.lockPath("acme/tiny"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Store.Remove("acme/tiny"); !errors.Is(err, filelock.ErrHeld) {
		t.Errorf("in use: %v", err)
	}
	lock.Close()
	r, err = p.Store.Remove("acme/tiny")
	if err != nil || r.Bytes != 1001 {
		t.Errorf("%+v, %v", r, err)
	}
	same(t, "kept", r.Kept, "mine.gguf")
	same(t, "left", tree(dir), "mine.gguf")
	if _, err := os.Stat(filepath.Join(dir, "q")); err == nil {
		t.Error("an empty folder stayed")
	}
	if _, err := p.Store.Remove("acme/tiny"); !errors.Is(err, ErrNotOwned) {
		t.Errorf("by hand: %v", err)
	}
	if _, err := p.Store.Remove("acme/none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("nothing: %v", err)
	}
}

// TestOutside has links and records that lead out of the store: nothing there
// is written or deleted.
func TestOutside(t *testing.T) {
	outside := t.TempDir()
	write(t, filepath.Join(outside, "precious.gguf"), []byte("GGUF precious"))
	write(t, filepath.Join(outside, recordName), []byte(`{"source":"hf:acme/tiny","files":[{"name":"precious.gguf"}]}`))
	f := newFakeHub(t, map[string][]byte{"tiny.gguf": model(1000, 1), "sub/tiny.gguf": model(1000, 1)})
	p := f.puller(t)
	write(t, filepath.Join(p.Store.Dir, "acme", "x"), nil)
	if err := os.Symlink(outside, filepath.Join(p.Store.Dir, "acme", "tiny")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if _, err := p.Pull(context.Background(), "hf:acme/tiny/tiny.gguf", ""); err == nil {
		t.Error("pulled through a link")
	}
	if _, err := p.Store.Remove("acme/tiny"); err == nil {
		t.Error("removed through a link")
	}
	same(t, "outside", tree(outside), "precious.gguf", recordName)

	dir := filepath.Join(p.Store.Dir, "acme", "bad")
	write(t, filepath.Join(dir, recordName), []byte(`{"source":"x","files":[{"name":"../../precious.gguf"}]}`))
	if _, err := p.Store.Remove("acme/bad"); err == nil || !strings.Contains(err.Error(), recordName) {
		t.Errorf("a record that lists files outside: %v", err)
	}
}

func TestOtherSource(t *testing.T) {
	f := newFakeHub(t, map[string][]byte{"tiny.gguf": model(1000, 1)})
	p := f.puller(t)
	write(t, filepath.Join(p.Store.Dir, "acme", "tiny", recordName), []byte(`{"source":"ollama:tiny:1b","files":[]}`))
	if _, err := p.Pull(context.Background(), "hf:acme/tiny", ""); err == nil || !strings.Contains(err.Error(), "ollama:tiny:1b") {
		t.Errorf("two sources in one folder: %v", err)
	}
}
