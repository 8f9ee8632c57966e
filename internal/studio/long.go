package studio

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// progress tells how far long work has come.
type progress func(stage string, done, total int)

// progressJSON is a progress event.
type progressJSON struct {
	Stage string `json:"stage"`
	Done  int    `json:"done"`
	Total int    `json:"total"` // 0: unknown
}

// events is a stream of server-sent events. Its methods may be called by several
// goroutines.
type events struct {
	mu sync.Mutex
	w  http.ResponseWriter
	c  *http.ResponseController
}

// streams says whether the request wants events.
func streams(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

func newEvents(w http.ResponseWriter) *events {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	e := &events{w: w, c: http.NewResponseController(w)}
	w.WriteHeader(http.StatusOK)
	e.c.Flush() // so that the page knows that it is heard
	return e
}

// send writes one event at once.
func (e *events) send(event string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return e.write(fmt.Sprintf("event: %s\ndata: %s\n\n", event, data))
}

// beat keeps a connection open on which nothing happens.
func (e *events) beat() error { return e.write(": \n\n") }

func (e *events) write(text string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := e.w.Write([]byte(text)); err != nil {
		return err
	}
	return e.c.Flush()
}

// beatEvery is how often a silent stream shows that the server is there.
const beatEvery = 10 * time.Second

// keep beats until the returned function returns: who answers a request may not write
// after that.
func (e *events) keep(every time.Duration) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				e.beat()
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// progressEvery bounds how often progress is told.
const progressEvery = 50 * time.Millisecond

// progress tells of progress, not too often; the first and last word of a stage
// always.
func (e *events) progress() progress {
	var mu sync.Mutex
	var last time.Time
	stage := ""
	return func(name string, done, total int) {
		mu.Lock()
		skip := name == stage && done != total && time.Since(last) < progressEvery
		if !skip {
			stage, last = name, time.Now()
		}
		mu.Unlock()
		if !skip {
			e.send("progress", progressJSON{name, done, total})
		}
	}
}

// long answers with what work makes: as events, if the request wants them, else as
// JSON. Closing the request ends ctx.
func (s *Studio) long(w http.ResponseWriter, r *http.Request, work func(ctx context.Context, tell progress) (any, error)) error {
	if !streams(r) {
		v, err := work(r.Context(), func(string, int, int) {})
		if err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, v)
	}
	e := newEvents(w)
	defer e.keep(beatEvery)()
	v, err := work(r.Context(), e.progress())
	if err == nil {
		err = e.send("result", v)
	}
	s.ended(e, r, err)
	return nil
}

// ended tells a stream why it ends early, unless who asked is gone.
func (s *Studio) ended(e *events, r *http.Request, err error) {
	if err == nil || r.Context().Err() != nil {
		return
	}
	told := refusal(err)
	if told.Status >= http.StatusInternalServerError {
		s.o.Log.Error("studio", "path", r.URL.Path, "error", err)
	}
	e.send("error", map[string]any{"error": told})
}

// turn waits for a place among the long works. Reading what is there already needs
// none, so that it does not wait behind them.
func (s *Studio) turn(ctx context.Context, tell progress) (done func(), err error) {
	select {
	case s.heavy <- struct{}{}:
	default:
		tell("waiting", 0, 0)
		select {
		case s.heavy <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return func() { <-s.heavy }, nil
}
