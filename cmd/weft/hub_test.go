package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"weft/internal/hub"
)

// TestHubScripts runs testdata/hub: pull, list and rm as a user types them. Each
// script has a store of its own, and a hub: WEFT_HUB serves its folder hub/.
func TestHubScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/hub",
		Setup: func(env *testscript.Env) error {
			env.Setenv("WEFT_HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("HF_HOME", filepath.Join(env.WorkDir, "hf"))
			s := httptest.NewServer(http.HandlerFunc(hubOf(filepath.Join(env.WorkDir, "hub"))))
			env.Defer(s.Close)
			env.Setenv("WEFT_HUB", s.URL)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"waitfor": waitFor},
	})
}

// waitFor waits until a file exists.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	for range 6000 { // a minute: disks of busy machines are slow
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s does not appear", args[0])
}

const testCommit = "0123456789abcdef0123456789abcdef01234567"

// hubOf serves root/OWNER/REPO as Hugging Face would. As long as there is a file
// root/slow, weights come slowly.
func hubOf(root string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if repo, ok := strings.CutPrefix(r.URL.Path, "/api/models/"); ok {
			serveInfo(w, filepath.Join(root, filepath.FromSlash(strings.TrimSuffix(repo, "/revision/main"))))
			return
		}
		path := filepath.Join(root, filepath.FromSlash(strings.Replace(r.URL.Path, "resolve/"+testCommit+"/", "", 1)))
		data, err := os.ReadFile(path)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		if _, err := os.Stat(filepath.Join(root, "slow")); err == nil {
			w = slow{w}
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}
}

// slow sends what it is given in small pieces.
type slow struct{ http.ResponseWriter }

func (s slow) Write(p []byte) (n int, err error) {
	for len(p) > n && err == nil {
		time.Sleep(50 * time.Millisecond)
		var k int
		k, err = s.ResponseWriter.Write(p[n:min(n+10_000, len(p))])
		http.NewResponseController(s.ResponseWriter).Flush()
		n += k
	}
	return n, err
}

func serveInfo(w http.ResponseWriter, dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		http.Error(w, "no such repository", http.StatusNotFound)
		return
	}
	var siblings []map[string]any
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			continue // a folder
		}
		sum := sha256.Sum256(data)
		lfs := map[string]any{"sha256": hex.EncodeToString(sum[:]), "size": len(data)}
		siblings = append(siblings, map[string]any{"rfilename": e.Name(), "size": len(data), "lfs": lfs})
	}
	json.NewEncoder(w).Encode(map[string]any{"sha": testCommit, "siblings": siblings})
}

func TestDownloadLine(t *testing.T) {
	p := &pullProgress{}
	start := time.Now()
	var rate float64
	for i := range 41 { // 1 MiB/s for 5 s, then 4 MiB/s
		done := int64(i) << 18
		if i > 20 {
			done += int64(i-20) * 3 << 18
		}
		rate = p.rate(start.Add(time.Duration(i)*250*time.Millisecond), done)
		if i == 20 && rate != 1<<20 {
			t.Errorf("rate %g, want 1 MiB/s", rate)
		}
	}
	if rate < 2.4*(1<<20) || rate > 2.6*(1<<20) {
		t.Errorf("rate %g, want 2.5 MiB/s", rate)
	}
	if rate := p.rate(start.Add(time.Minute), 0); rate != 0 {
		t.Errorf("begun again: %g", rate)
	}
	for want, e := range map[string]hub.Progress{
		"██████████░░░░░░░░░░  50 % · 4 MiB of 8 MiB · 2 MiB/s · 2s left · m.gguf": {File: "m.gguf", Done: 4 << 20, Total: 8 << 20},
		"4 MiB · 2 MiB/s · m.gguf": {File: "m.gguf", Done: 4 << 20, Total: -1},
		"checking m.gguf · ████████████████████ 100 % · 8 MiB of 8 MiB": {File: "m.gguf", Done: 8 << 20, Total: 8 << 20, Checking: true},
	} {
		if got := downloadLine(e, 2<<20); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
