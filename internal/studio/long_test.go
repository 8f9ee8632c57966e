package studio

import (
	"net/http"
	"testing"
	"time"
)

// lines counts what is written; without a lock, so that the race detector sees who
// writes when the answer is over.
type lines struct{ n int }

func (w *lines) Header() http.Header { return http.Header{} }
func (w *lines) WriteHeader(int)     {}
func (w *lines) Write(p []byte) (int, error) {
	w.n++
	return len(p), nil
}

// TestBeatsEnd: when an answer is over nothing is written to it any more.
func TestBeatsEnd(t *testing.T) {
	w := &lines{}
	e := newEvents(w)
	for range 20 {
		stop := e.keep(time.Microsecond)
		time.Sleep(time.Millisecond)
		stop()
		n := w.n
		if time.Sleep(time.Millisecond); w.n != n {
			t.Fatal("a beat after the end")
		}
	}
	if w.n == 0 {
		t.Error("no beat")
	}
}
