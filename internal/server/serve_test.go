package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
)

// serve runs a server until the test ends, and returns its address.
func serve(t *testing.T, s *Server) string {
	t.Helper()
	addr, stop, ended := serveUntil(t, s)
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return addr
}

func serveUntil(t *testing.T, s *Server) (addr string, stop func(), ended <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	return l.Addr().String(), cancel, done
}

// TestDrain: a server that ends refuses new requests, finishes what it has begun, and
// ends the page's.
func TestDrain(t *testing.T) {
	pageEnded := make(chan error, 1)
	s, err := New(Options{Models: []Model{{"m", builtIn()}}, Page: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		pageEnded <- context.Cause(r.Context())
	})})
	if err != nil {
		t.Fatal(err)
	}
	addr, stop, ended := serveUntil(t, s)
	defer stop()
	r := &running{Server: s, url: "http://" + addr}
	page, err := http.Get(r.url)
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()

	api := client(r.url)
	p := openai.ChatCompletionNewParams{Model: "m", Messages: says("Once"), MaxCompletionTokens: openai.Int(400), StreamOptions: openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}}
	stream := api.Chat.Completions.NewStreaming(t.Context(), p)
	stream.Next()
	stop()
	soon(t, "it drains", func() bool { return s.draining.Err() != nil })
	if err := <-pageEnded; err != errShutdown {
		t.Errorf("the page ended with %v", err)
	}
	whole := openai.ChatCompletionAccumulator{}
	for stream.Next() {
		whole.AddChunk(stream.Current())
	}
	if err := stream.Err(); err != nil || whole.Usage.CompletionTokens != 400 {
		t.Errorf("the answer was cut: %v, %+v", err, whole.Usage)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(r.url); err == nil {
		t.Error("it still listens")
	}
}

// TestDraining: what new requests hear meanwhile.
func TestDraining(t *testing.T) {
	s, err := New(Options{Models: []Model{{"m", endless(t)}}, Drain: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	addr, stop, ended := serveUntil(t, s)
	defer stop()
	r := &running{Server: s, url: "http://" + addr}
	api := client(r.url)
	stream := api.Chat.Completions.NewStreaming(t.Context(), openai.ChatCompletionNewParams{Model: "m", Messages: says("x")})
	stream.Next()
	one := make(chan error, 1)
	go func() {
		_, err := api.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: "m", Messages: says("x")})
		one <- err
	}()
	soon(t, "both are being answered", func() bool { n, _ := s.engines[0].batch.Load(); return n == 2 })
	stop()
	soon(t, "it drains", func() bool { return s.draining.Err() != nil })
	for path, code := range map[string]string{"/v1/models": "shutting_down", "/": "shutting_down"} {
		res := r.do(t, "GET", path, "")
		if res.status != http.StatusServiceUnavailable || res.wrong(t).Code != code || res.header.Get("Retry-After") == "" {
			t.Errorf("%s: %+v", path, res)
		}
	}
	if res := r.do(t, "GET", "/health", ""); res.status != http.StatusServiceUnavailable || !strings.Contains(res.body, "draining") {
		t.Errorf("%+v", res)
	}
	for stream.Next() {
	}
	if err := stream.Err(); err == nil || !strings.Contains(err.Error(), errShutdown.Error()) {
		t.Errorf("an answer that was cut ends with %v", err)
	}
	if err, ok := (<-one).(*openai.Error); !ok || err.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("an answer that was cut is %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestExposedListener: what the address did not say, the listener does.
func TestExposedListener(t *testing.T) {
	s, err := New(Options{Models: []Model{{"m", builtIn()}}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(t.Context(), l); err == nil || !strings.Contains(err.Error(), "other machines") {
		t.Error(err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("it still listens")
	}
}

// TestBrokenListener: a server that cannot listen ends.
func TestBrokenListener(t *testing.T) {
	s, err := New(Options{Models: []Model{{"m", builtIn()}}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := s.Serve(t.Context(), l); err == nil {
		t.Error("it served")
	}
}

// TestCrowd: there is a limit to how many requests are looked at together.
func TestCrowd(t *testing.T) {
	r := start(t, Options{})
	for range maxRequests {
		if r.gate.enter() != passed {
			t.Fatal("it is full already")
		}
	}
	if res := r.do(t, "GET", "/v1/models", ""); res.status != http.StatusTooManyRequests {
		t.Errorf("%+v", res)
	}
	if res := r.do(t, "GET", "/health", ""); res.status != http.StatusOK {
		t.Errorf("%+v", res)
	}
	r.gate.leave()
	if res := r.do(t, "GET", "/v1/models", ""); res.status != http.StatusOK {
		t.Errorf("%+v", res)
	}
}

// TestPageBody: the page reads bodies, up to the same limit.
func TestPageBody(t *testing.T) {
	r := start(t, Options{Page: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		} else if n != maxBody {
			t.Errorf("%d bytes", n)
		}
	})})
	for n, status := range map[int]int{maxBody: 200, maxBody + 1: 413} {
		if res := r.do(t, "POST", "/api/x", strings.Repeat("x", n)); res.status != status {
			t.Errorf("%d bytes: %d, want %d", n, res.status, status)
		}
	}
}
