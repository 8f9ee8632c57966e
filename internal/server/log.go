package server

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// watched is a response that remembers what was said, and gives its peer some time to
// take each part of it.
type watched struct {
	http.ResponseWriter
	connection *http.ResponseController
	patience   time.Duration
	status     int // 0: nothing yet
	bytes      int64
	notes      []any // for the log
}

func watch(w http.ResponseWriter, patience time.Duration) *watched {
	t := &watched{ResponseWriter: w, connection: http.NewResponseController(w), patience: patience}
	t.hurry()
	return t
}

// hurry gives the peer time for what is written next.
func (w *watched) hurry() {
	w.connection.SetWriteDeadline(time.Now().Add(w.patience)) // fails only where there is no connection, in tests
}

func (w *watched) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.hurry()
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Flush sends what was written.
func (w *watched) Flush() { w.FlushError() }

// FlushError is for http.ResponseController, as Unwrap is.
func (w *watched) FlushError() error {
	w.hurry()
	return w.connection.Flush()
}

// Unwrap is the response itself.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type noteKey struct{}

// note adds to what the log says of a request.
func note(r *http.Request, pairs ...any) {
	if w, ok := r.Context().Value(noteKey{}).(*watched); ok {
		w.notes = append(w.notes, pairs...)
	}
}

// logged writes a line for each request: nothing of what was said in it.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		start, w := time.Now(), watch(out, s.patience.write)
		defer func() {
			level := slog.LevelInfo
			switch api := strings.HasPrefix(r.URL.Path, "/v1/"); {
			case w.status >= 500 && w.status != http.StatusServiceUnavailable:
				level = slog.LevelError
			case !api && w.status < 400: // the page's files, and who looks whether we are well
				level = slog.LevelDebug
			}
			pairs := append([]any{"method", short(r.Method), "path", short(r.URL.Path), "status", w.status, "bytes", w.bytes,
				"ms", time.Since(start).Milliseconds(), "from", r.RemoteAddr}, w.notes...)
			s.o.Log.Log(context.Background(), level, "request", pairs...)
		}()
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), noteKey{}, w)))
	})
}

func short(s string) string { return s[:min(len(s), 200)] }
