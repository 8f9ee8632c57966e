package hub

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// childEnv makes the test binary a process that pulls, for TestKilled.
const childEnv = "WEFT_TEST_PULL" // "SERVER DIR"

func TestMain(m *testing.M) {
	if args := strings.Fields(os.Getenv(childEnv)); len(args) == 2 {
		often := quick
		often.save = 5 * time.Millisecond
		p := Puller{Store: Store{Dir: args[1]}, Remote: Remote{HuggingFace: args[0]}, Memory: 64 << 30, tuning: often}
		if _, err := p.Pull(context.Background(), "hf:acme/tiny", ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestKilled kills a pulling process with SIGKILL at random moments: the next
// one goes on, and the file is right.
func TestKilled(t *testing.T) {
	data := model(3<<20, 1)
	f := newFakeHub(t, map[string][]byte{"tiny.gguf": data})
	var doomed atomic.Pointer[os.Process]
	var left atomic.Int64 // requests until it is killed
	f.mu.Lock()           // another process asks, so nothing else orders this before its requests
	f.fault = func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if left.Add(-1) == 0 {
				time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { doomed.Load().Kill() })
			}
			time.Sleep(time.Millisecond)
			h.ServeHTTP(w, r)
		})
	}
	f.mu.Unlock()
	dir := filepath.Join(t.TempDir(), "models")
	path := filepath.Join(dir, "acme", "tiny", "tiny.gguf")
	kills, partly := 0, 0
	for range 200 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+f.hub.URL+" "+dir)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		left.Store(1 << 40)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		doomed.Store(cmd.Process)
		left.Store(1 + rand.Int64N(60)) // the whole file takes 49
		err := cmd.Wait()
		switch {
		case err == nil:
			holds(t, path, data)
			same(t, "files", tree(dir), "acme/tiny/tiny.gguf", "acme/tiny/weft.json")
			if kills >= 10 {
				t.Logf("%d kills, %d of them in the middle of the file", kills, partly)
				return
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		case stderr.Len() > 0:
			t.Fatalf("the process failed: %s", &stderr)
		default:
			kills++
			if s, ok := readState(path + partialLog); ok && s.done() > 0 && s.done() < s.Size {
				partly++
			}
		}
	}
	t.Fatalf("only %d kills", kills)
}
