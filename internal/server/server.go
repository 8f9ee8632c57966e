// Package server answers models' requests over HTTP, as OpenAI's API has them, so
// that its clients work unchanged.
//
//   - [New] makes a [Server] of models, which is an http.Handler; [Server.Serve]
//     runs it on a listener, and drains when its context ends.
//   - guard.go lets requests in: the names a browser may call us by, the pages that
//     may ask, keys, and how large and slow a request may be.
//   - engine.go is a model with its batch and its queue.
//   - routes.go says which path is whose. Each endpoint has a file (models.go,
//     chat.go) and its documents are types in a wire_*.go.
//
// Everything else goes to a page, an http.Handler that the server knows nothing of.
// docs/server.md is what users read.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"weft"
)

// Model is a model and the name that requests call it by.
type Model struct {
	Name string
	*weft.Model
}

// Options of a server. Zero values are the defaults.
type Options struct {
	Models   []Model // the first answers requests that name none; at least one
	Parallel int     // requests that a model answers at once; 0: 4
	Context  int     // most tokens of prompt and answer; 0: what the model was made for
	Queue    int     // requests of a model that may wait, beside those being answered; 0: 64

	Addr     string   // where it will listen, HOST:PORT: requests may call it HOST; empty: loopback
	Insecure bool     // let other machines in although there are no keys
	Keys     []string // one of them must come with a request; none: no key is asked for
	Hosts    []string // more names that requests may call it by
	Origins  []string // other pages' origins that may ask, such as https://example.org

	Page    http.Handler  // answers what is not the API's; nil: a list of endpoints
	Drain   time.Duration // how long answers may go on once the server ends; 0: 10 s
	Version string        // of the program, for clients
	Log     *slog.Logger  // nil: no log
}

// What is used where Options say nothing.
const (
	DefaultParallel = 4
	defaultQueue    = 64
	defaultDrain    = 10 * time.Second
)

// ErrOptions is wrapped when a server cannot be made as asked.
var ErrOptions = errors.New("cannot serve")

// Server is a server. It does not own the models.
type Server struct {
	o       Options
	engines []*engine
	keys    keys
	names   names
	handler http.Handler
	started time.Time
	patience

	gate     gate  // to the API
	pages    gate  // to the page
	draining phase // no new requests; the page's end
	ending   phase // answers end too
}

// phase is a time of a server's life that begins once.
type phase struct {
	context.Context
	begin context.CancelCauseFunc
}

func newPhase() phase {
	ctx, cancel := context.WithCancelCause(context.Background())
	return phase{ctx, cancel}
}

// errShutdown is why requests are cancelled when the server ends.
var errShutdown = errors.New("the server is shutting down")

// New makes a server, or says which option is wrong.
func New(o Options) (*Server, error) {
	o.Parallel, o.Queue, o.Drain = orElse(o.Parallel, DefaultParallel), orElse(o.Queue, defaultQueue), orElse(o.Drain, defaultDrain)
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	switch {
	case len(o.Models) == 0:
		return nil, fmt.Errorf("%w: there is no model to serve", ErrOptions)
	case o.Queue < 0 || o.Drain < 0:
		return nil, fmt.Errorf("%w: a queue of %d, %s to drain", ErrOptions, o.Queue, o.Drain)
	case Exposed(o.Addr) && len(o.Keys) == 0 && !o.Insecure:
		return nil, fmt.Errorf("%w: %s lets other machines in, and there is no key", ErrOptions, o.Addr)
	}
	s := &Server{o: o, keys: newKeys(o.Keys), names: newNames(o.Addr, o.Hosts, o.Origins), started: time.Now(), patience: usual}
	s.draining, s.ending = newPhase(), newPhase()
	for _, m := range o.Models {
		if err := s.add(m); err != nil {
			return nil, err
		}
	}
	s.handler = s.routes()
	return s, nil
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func (s *Server) add(m Model) error {
	if m.Name == "" {
		return fmt.Errorf("%w: a model has no name", ErrOptions)
	}
	if _, err := s.engine(m.Name); err == nil {
		return fmt.Errorf("%w: two models are called %s", ErrOptions, m.Name)
	}
	e, err := newEngine(m, s.o.Parallel, s.o.Context, s.o.Queue)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrOptions, m.Name, err)
	}
	s.engines = append(s.engines, e)
	return nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }
