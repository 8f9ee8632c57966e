package server

import (
	"io"
	"net/http"
	"runtime/debug"
	"time"
)

// maxBody is how large a request's body may be: a conversation of a million tokens, or
// a text to train on.
const maxBody = 8 << 20

// headers are what every answer says to browsers; a page may say more.
var headers = map[string]string{
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
	"Cache-Control":                "no-store",
}

// safe sets the headers, and turns a bug into an answer and a line in the log.
func (s *Server) safe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w)
		defer func() {
			bug := recover()
			if bug == nil || bug == http.ErrAbortHandler {
				return
			}
			s.o.Log.Error("a bug", "path", r.URL.Path, "bug", bug, "stack", string(debug.Stack()))
			if w.(*watched).status != 0 {
				panic(http.ErrAbortHandler) // part of an answer is out: only a broken connection says that it is not whole
			}
			clear(w.Header()) // what the answer would have been is not what comes
			setHeaders(w)
			fail(w, newError(http.StatusInternalServerError, "server_error", "internal_error", "this is a bug in weft; the server's log has more"))
		}()
		next.ServeHTTP(w, r)
	})
}

func setHeaders(w http.ResponseWriter) {
	for name, value := range headers {
		w.Header().Set(name, value)
	}
}

// limited bounds a request's body, in bytes and in time.
func (s *Server) limited(w http.ResponseWriter, r *http.Request, most int64) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	c := http.NewResponseController(w)
	c.SetReadDeadline(time.Now().Add(s.patience.body)) // fails only where there is no connection, in tests
	r.Body = &body{http.MaxBytesReader(w, r.Body, most), c}
	return r
}

// body is a request's body. Once it has come there is no hurry any more: the server
// goes on reading to see whether the peer leaves, for as long as an answer takes.
type body struct {
	io.ReadCloser
	connection *http.ResponseController
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.connection.SetReadDeadline(time.Time{})
	}
	return n, err
}
