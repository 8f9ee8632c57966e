package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// StatusError is a server's refusal.
type StatusError struct {
	Code  int           // HTTP status
	Where string        // host and path
	Why   string        // what the server says, if anything
	Kind  string        // Hugging Face's word for it, as in GatedRepo
	Wait  time.Duration // after which to ask again; 0: it does not say
	host  string        // that answered
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("%s answers %d %s", e.Where, e.Code, http.StatusText(e.Code))
	if e.Why != "" {
		s += " (" + e.Why + ")"
	}
	return s
}

func statusError(resp *http.Response) *StatusError {
	e := &StatusError{
		Code: resp.StatusCode, Where: where(resp.Request.URL), host: resp.Request.URL.Host,
		Kind: resp.Header.Get("X-Error-Code"), Why: printable(resp.Header.Get("X-Error-Message")),
	}
	if e.Code == http.StatusTooManyRequests || e.Code == http.StatusServiceUnavailable {
		e.Wait = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
	return e
}

// retryAfter reads the header: seconds, or a date.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// where is an address for people. The query stays out: a redirect's holds a key
// to the file.
func where(u *url.URL) string { return u.Host + u.Path }

// printable makes what a server says fit for a line of text.
func printable(s string) string {
	const most = 200
	s = strings.ToValidUTF8(s[:min(len(s), most)], "")
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
}

// finalError is one that trying again does not help.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

func final(err error) error { return finalError{err} }

// clean takes what http.Client puts around errors away, which holds the whole
// address, and says when the cause is that the user stopped or that nobody is there.
func clean(ctx context.Context, err error) error {
	var u *url.Error
	host := ""
	if errors.As(err, &u) {
		err = u.Err
		if a, e := url.Parse(u.URL); e == nil && a.Host != "" {
			host = a.Host + ": "
		}
	}
	var end finalError
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &end):
		return err
	case errors.As(err, &dns), errors.As(err, &op) && op.Op == "dial":
		return fmt.Errorf("%w: %w", ErrOffline, err) // which names the host
	case errors.Is(err, io.EOF): // before an answer
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%s%w", host, err)
}

// again says whether another attempt may help.
func (c *client) again(ctx context.Context, err error) bool {
	var end finalError
	var status *StatusError
	switch {
	case ctx.Err() != nil, errors.As(err, &end):
		return false
	case !errors.As(err, &status):
		return true // dropped, stalled, cut off
	case status.Wait > c.patience:
		return false
	case status.Code == http.StatusForbidden:
		return status.host != c.base.Host // a redirect's key that ran out; the next redirect brings a new one
	}
	switch status.Code {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// retry calls try until it is done, fails for good, or brings nothing for so
// many attempts in a row. try says whether it brought something.
func (c *client) retry(ctx context.Context, try func() (bool, error)) error {
	for failures := 0; ; {
		some, err := try()
		if err == nil || !c.again(ctx, err) {
			return err
		}
		if failures++; some {
			failures = 1
		}
		limit := c.attempts
		if errors.Is(err, ErrOffline) && !c.answered.Load() {
			limit = min(limit, 2) // nothing has worked yet: more likely the network than a moment of it
		}
		if failures >= limit {
			return fmt.Errorf("tried %d times: %w", failures, err)
		}
		pause := min(c.backoff<<(failures-1), 30*time.Second)
		pause += rand.N(pause/2 + 1) // so that parts do not all come back at once
		if pause > 2*time.Second {
			c.note("%v; trying again in %d s", err, int(pause.Seconds()))
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}
