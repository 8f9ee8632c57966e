package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// patience is how slow a peer may be.
type patience struct {
	header time.Duration // to send a request's header
	body   time.Duration // to send its body
	write  time.Duration // to take what is written, each time
	idle   time.Duration // between requests
}

// usual is what peers get.
var usual = patience{header: 10 * time.Second, body: time.Minute, write: 30 * time.Second, idle: 2 * time.Minute}

const maxHeader = 64 << 10 // bytes of a request's header

// Serve answers requests on a listener until ctx ends. Then it drains: new requests
// are refused with 503, the page's end, and answers have Options.Drain to end by
// themselves. Those that have not are cut. It closes the listener. An end by ctx is
// no error.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if exposed(l.Addr()) && len(s.o.Keys) == 0 && !s.o.Insecure {
		l.Close()
		return fmt.Errorf("%w: %s lets other machines in, and there is no key", ErrOptions, l.Addr())
	}
	h := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.patience.header,
		IdleTimeout:       s.patience.idle,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.drain()
	return s.close(h)
}

// drain waits for the answers that are being given, but not for ever. Meanwhile the
// listener stays open, so that new requests are told why they get nothing.
func (s *Server) drain() {
	s.draining.begin(errShutdown)
	s.pages.close()
	idle, busy := s.gate.close()
	if busy > 0 {
		s.o.Log.Info("draining", "requests", busy, "at_most", s.o.Drain.String())
	}
	enough := time.NewTimer(s.o.Drain)
	defer enough.Stop()
	select {
	case <-idle:
	case <-enough.C:
		s.o.Log.Warn("answers are cut", "after", s.o.Drain.String())
	}
	s.ending.begin(errShutdown)
}

// closeTime is how long the last bytes have to leave.
const closeTime = 5 * time.Second

func (s *Server) close(h *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	err := h.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = h.Close()
	}
	if err != nil {
		return fmt.Errorf("end serving: %w", err)
	}
	return nil
}

// until is a context that also ends when a phase begins.
func until(ctx context.Context, p phase) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(p, func() { cancel(errShutdown) })
	return ctx, func() { stop(); cancel(nil) }
}
