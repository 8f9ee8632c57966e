package hub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// status answers the first few requests with a code.
func status(requests int64, code int, header ...string) func(http.Handler) http.Handler {
	var n atomic.Int64
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) > requests {
				h.ServeHTTP(w, r)
				return
			}
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		})
	}
}

// noRanges is a server that sends whole files only.
func noRanges(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Range")
		h.ServeHTTP(w, r)
	})
}

// TestFaults has servers that misbehave for a while: the file is right in the
// end, and little is sent twice.
func TestFaults(t *testing.T) {
	stall := func() { time.Sleep(time.Second); drop() }
	unstable := after(3, 200_000, drop)
	for _, c := range []struct {
		name  string
		fault func(http.Handler) http.Handler
		extra int64 // bytes that may be sent twice
	}{
		{"dropped in parts", after(20, 20_000, drop), 0},
		{"dropped at once", after(3, 0, drop), 0},
		{"429", status(1, 429, "Retry-After", "1"), 0},
		{"429 by date", status(1, 429, "Retry-After", time.Now().Add(time.Second).UTC().Format(http.TimeFormat)), 0},
		{"500", status(2, 500), 0},
		{"502", status(2, 502), 0},
		{"503", status(4, 503), 0},
		{"403 of a redirect's target", status(3, 403), 0},
		{"stalled", after(3, 30_000, stall), 600_000}, // a busy machine may look like a stalled server
		{"less than asked for", func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var first, last int
				if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last); n == 2 {
					r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", first, min(last, first+20_000)))
				}
				h.ServeHTTP(w, r)
			})
		}, 0},
		{"no ranges", noRanges, 600_000}, // the answer to the question for the first byte is on its way before we hang up
		{"no ranges, dropped", func(h http.Handler) http.Handler { return unstable(noRanges(h)) }, 1_200_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			data := model(600_000, 1)
			f := newFakeHub(t, map[string][]byte{"tiny.gguf": data})
			f.fault = c.fault
			p := f.puller(t)
			if c.name == "stalled" {
				p.tuning.stall = 200 * time.Millisecond
			}
			began := time.Now()
			got := mustPull(t, p, "hf:acme/tiny")
			holds(t, got.Path, data)
			if took := time.Since(began); c.name == "429" && took < time.Second {
				t.Errorf("came back after %v, was told to wait 1 s", took)
			}
			if sent, most := f.sent.Load(), int64(len(data))+c.extra+10; sent > most {
				t.Errorf("%d bytes were sent, at most %d are needed", sent, most)
			}
			same(t, "files", tree(filepath.Dir(got.Path)), "tiny.gguf", "weft.json")
		})
	}
}

// TestHopeless has servers that never get better: the pull ends with an error
// that says why, and nothing looks like a model.
func TestHopeless(t *testing.T) {
	const always = 1 << 40
	patience := fmt.Sprint(int(quick.patience/time.Second) + 100)
	for _, c := range []struct {
		name  string
		fault func(http.Handler) http.Handler
		want  string
	}{
		{"drops", after(always, 0, drop), "tried 5 times"},
		{"stalls", after(always, 100, func() { time.Sleep(500 * time.Millisecond) }), "stalled"},
		{"trickles", func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var first int
				fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &first)
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-599999/600000", first))
				w.WriteHeader(http.StatusPartialContent)
				for r.Context().Err() == nil {
					w.Write([]byte("drop"))
					http.NewResponseController(w).Flush()
					time.Sleep(20 * time.Millisecond)
				}
			})
		}, "stalled"},
		{"wait too long", status(always, 429, "Retry-After", patience), "429"},
		{"404", status(always, 404), "404"},
		{"encoded", func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				h.ServeHTTP(w, r)
			})
		}, "encoded"},
		{"too short", rewrite(func(data []byte) []byte { return data[:len(data)-5] }), "changed"},
		{"too long", rewrite(func(data []byte) []byte { return append(data, 'x') }), "changed"},
		{"wrong bytes", rewrite(func(data []byte) []byte { data[500_000]++; return data }), "checksum"},
		{"wrong range", func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Range") != "bytes=0-0" {
					r.Header.Set("Range", "bytes=7-20")
				}
				h.ServeHTTP(w, r)
			})
		}, "asked for what follows"},
		{"short in spite of its length", func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "600000")
				w.Write([]byte("GGUF"))
			})
		}, "unexpected EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			data := model(600_000, 1)
			f := newFakeHub(t, map[string][]byte{"tiny.gguf": data})
			f.fault = c.fault
			p := f.puller(t)
			if c.name == "stalls" || c.name == "trickles" {
				p.tuning.stall = 100 * time.Millisecond
				p.tuning.connections = 1
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if _, err := p.Pull(ctx, "hf:acme/tiny", ""); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			} else if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the key of the redirect: %v", err)
			}
			if models, _, err := p.Store.List(); err != nil || len(models) > 0 {
				t.Errorf("listed %+v, %v", models, err)
			}
		})
	}
}

// TestParallel has a server on which every request takes a while.
func TestParallel(t *testing.T) {
	data := model(600_000, 1)
	f := newFakeHub(t, map[string][]byte{"tiny.gguf": data})
	var now, most atomic.Int64
	f.fault = func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer now.Add(-1)
			time.Sleep(50 * time.Millisecond)
			h.ServeHTTP(w, r)
		})
	}
	holds(t, mustPull(t, f.puller(t), "hf:acme/tiny").Path, data)
	if n := most.Load(); n < 2 || n > int64(quick.connections) {
		t.Errorf("%d requests at once, %d are allowed", n, quick.connections)
	}
}

// rewrite sends other bytes than those of the file, as if they were.
func rewrite(change func([]byte) []byte) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, httptest.NewRequest("GET", r.URL.Path, nil))
			http.ServeContent(w, r, "", noTime, strings.NewReader(string(change(rec.Body.Bytes()))))
		})
	}
}

// TestBrokenPartial has an earlier process whose bytes went bad on the disk:
// the checksum finds it, and the file is fetched anew.
func TestBrokenPartial(t *testing.T) {
	data := model(600_000, 1)
	f := newFakeHub(t, map[string][]byte{"tiny.gguf": data})
	p := f.puller(t)
	path := interrupt(t, f, p)
	half, err := os.OpenFile(path+partial, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := readState(path + partialLog)
	for i, done := range s.Done {
		if begin, _ := s.span(i); done > 0 {
			half.WriteAt([]byte("bad"), begin+done/2)
		}
	}
	half.Close()
	got := mustPull(t, p, "hf:acme/tiny")
	holds(t, got.Path, data)
}

// interrupt cancels a pull in the middle.
func interrupt(t *testing.T, f *fakeHub, p *Puller) (path string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	q := *p
	q.OnEvent = func(e Event) {
		if at, ok := e.(Progress); ok && at.Done > at.Total/2 {
			cancel()
		}
	}
	if _, err := q.Pull(ctx, "hf:acme/tiny", ""); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	path = filepath.Join(p.Store.Dir, "acme", "tiny", "tiny.gguf")
	if s, ok := readState(path + partialLog); !ok || s.done() == 0 {
		t.Fatalf("nothing was kept: %+v", s)
	}
	return path
}

// TestInterrupted cancels pulls at random points and goes on: nothing that
// arrived is fetched again.
func TestInterrupted(t *testing.T) {
	data := model(2<<20, 1)
	f := newFakeHub(t, map[string][]byte{"tiny.gguf": data})
	p := f.puller(t)
	var stops int
	var got int64
	for {
		ctx, cancel := context.WithCancel(context.Background())
		left := rand.IntN(8)
		p.OnEvent = func(e Event) {
			if at, ok := e.(Progress); ok && !at.Checking {
				if left--; left < 0 {
					cancel()
				}
			}
		}
		r, err := p.Pull(ctx, "hf:acme/tiny", "")
		cancel()
		if err == nil {
			holds(t, r.Path, data)
			break
		}
		if stops++; !errors.Is(err, context.Canceled) || stops > 200 {
			t.Fatalf("stop %d: %v", stops, err)
		}
		s, _ := readState(filepath.Join(p.Store.Dir, "acme", "tiny", "tiny.gguf"+partialLog))
		if s.done() < got {
			t.Fatalf("had %d bytes, now %d", got, s.done())
		}
		got = s.done()
		if _, unfinished, err := p.Store.List(); err != nil || got > 0 && (len(unfinished) != 1 || unfinished[0].Done != got) {
			t.Fatalf("listed %+v, %v", unfinished, err)
		}
	}
	if stops == 0 {
		t.Error("it was never stopped")
	}
}

// versions is a server of a file without a checksum, which changes when told to.
type versions struct {
	*httptest.Server
	now, asked, change atomic.Int64 // change: with which request
	noIfRange, noETag  bool         // what the server does not understand, or say about parts
}

// content is one version; all have the same size, so that size tells nothing.
func (v *versions) content(i int64) []byte { return model(600_000, uint64(i)) }

func (v *versions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if v.asked.Add(1) == v.change.Load() {
		v.now.Add(1)
	}
	now := v.now.Load()
	tag := strconv.Quote(fmt.Sprint("v", now))
	switch match := r.Header.Get("If-Range"); {
	case v.noIfRange:
		r.Header.Del("If-Range")
	case match != "" && match != tag:
		r.Header.Del("Range")
	case v.noETag:
		r.Header.Del("If-Range")
	}
	if !v.noETag || r.Header.Get("Range") == "bytes=0-0" {
		w.Header().Set("ETag", tag)
	}
	http.ServeContent(w, r, "", noTime, strings.NewReader(string(v.content(now))))
}

// TestChanged has a file without a checksum that changes between two pulls, and
// in the middle of one: the result is the new file, never a mixture.
func TestChanged(t *testing.T) {
	for _, v := range []*versions{{}, {noIfRange: true}, {noETag: true}} {
		v.Server = httptest.NewServer(v)
		defer v.Close()
		p := newFakeHub(t, nil).puller(t)
		quiet := p.OnEvent
		ctx, cancel := context.WithCancel(context.Background())
		p.OnEvent = func(e Event) {
			if at, ok := e.(Progress); ok && at.Done > at.Total/2 {
				cancel()
			}
		}
		if _, err := p.Pull(ctx, v.URL+"/tiny.gguf", ""); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		v.now.Add(1)
		p.OnEvent = quiet
		got := mustPull(t, p, v.URL+"/tiny.gguf")
		holds(t, got.Path, v.content(1))
		if got.Fetched != got.Size {
			t.Errorf("fetched %d of %d: some of the old file was kept", got.Fetched, got.Size)
		}
		for i := range int64(3) { // of the ten requests that the file takes
			if _, err := p.Store.Remove("127.0.0.1/tiny"); err != nil {
				t.Fatal(err)
			}
			v.change.Store(v.asked.Load() + 3 + 2*i)
			holds(t, mustPull(t, p, v.URL+"/tiny.gguf").Path, v.content(2+i))
		}
	}
}
