package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// tuning is how hard to try; tests try less.
type tuning struct {
	connections int           // at once, per file
	partSize    int64         // bytes per request, 0: by the file's size
	attempts    int           // in a row that bring nothing
	backoff     time.Duration // before the second attempt; doubles, up to 30 s
	stall       time.Duration // without an answer, or with less than trickle of it
	patience    time.Duration // the longest that a server may tell us to wait
	save        time.Duration // between two notes of what has arrived
}

var usual = tuning{
	connections: 8, attempts: 8, backoff: time.Second / 2, stall: 30 * time.Second,
	patience: 5 * time.Minute, save: 3 * time.Second,
}

// trickle is what has to arrive between two looks at the clock: slower than
// this many bytes per tuning.stall is a connection to give up.
const trickle = 16 << 10

// client asks one server, and those that it redirects to.
type client struct {
	tuning
	http *http.Client
	base *url.URL
	mu   sync.Mutex
	hold time.Time // nothing may be asked before: the server said so

	answered atomic.Bool // somebody did, so the network works
	note     func(format string, args ...any)
}

// newClient makes a client for the server at base. token, which may be empty,
// goes to that server only.
func newClient(base, token string, t tuning, note func(string, ...any)) (*client, error) {
	u, err := url.Parse(strings.TrimRight(base, "/"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return nil, fmt.Errorf("%q is not the address of a server: http(s)://HOST", base)
	}
	g := &guard{host: u.Hostname()}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // HTTP/2 would put all parts of a file on one connection
	transport := &http.Transport{
		Proxy: g.proxy, DialContext: g.dial, TLSHandshakeTimeout: t.stall, ResponseHeaderTimeout: t.stall,
		MaxIdleConnsPerHost: t.connections, IdleConnTimeout: time.Minute, Protocols: protocols,
		DisableCompression: true, // sizes and ranges are those of the file
	}
	return &client{
		tuning: t, base: u, note: note,
		http: &http.Client{Transport: &bearer{transport, u, token}, CheckRedirect: checkRedirect},
	}, nil
}

// close gives idle connections back.
func (c *client) close() { c.http.CloseIdleConnections() }

// address is that of a path on the server, given in pieces; a slash within a
// piece is escaped.
func (c *client) address(path ...string) string {
	s := c.base.String()
	for _, piece := range path {
		s += "/" + url.PathEscape(piece)
	}
	return s
}

// get makes one request. The answer's status is 200 or 206; its body fails with
// errStalled when it stops coming. The caller closes it.
func (c *client) get(ctx context.Context, address string, header http.Header) (*http.Response, error) {
	if err := c.wait(ctx); err != nil {
		return nil, err
	}
	watched, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(watched, http.MethodGet, address, nil)
	if err != nil {
		cancel(nil)
		return nil, final(err)
	}
	for key, values := range header {
		req.Header[key] = values
	}
	req.Header.Set("User-Agent", "weft")
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := c.http.Do(req)
	if err != nil {
		cancel(nil)
		return nil, clean(ctx, err)
	}
	c.answered.Store(true)
	resp.Body = watch(watched, resp.Body, c.stall, cancel)
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPartialContent {
		defer resp.Body.Close()
		return nil, c.refused(resp)
	}
	return resp, nil
}

// refused makes an error of an answer, and remembers when to ask again.
func (c *client) refused(resp *http.Response) error {
	err := statusError(resp)
	if err.Wait > 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		if until := time.Now().Add(min(err.Wait, c.patience)); until.After(c.hold) {
			c.hold = until
		}
	}
	return err
}

// wait waits until the server wants to be asked again.
func (c *client) wait(ctx context.Context) error {
	c.mu.Lock()
	left := time.Until(c.hold)
	c.mu.Unlock()
	return sleep(ctx, left)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// maxJSON bounds what a server may say about a model; the largest repositories
// list some ten thousand files.
const maxJSON = 32 << 20

// json asks for a document.
func (c *client) json(ctx context.Context, address string, header http.Header, into any) error {
	return c.retry(ctx, func() (bool, error) {
		resp, err := c.get(ctx, address, header)
		if err != nil {
			return false, err
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxJSON+1))
		switch {
		case err != nil:
			return false, clean(ctx, err)
		case len(data) > maxJSON:
			return false, final(fmt.Errorf("%s: the answer is longer than %d MiB", where(resp.Request.URL), maxJSON>>20))
		}
		if err := json.Unmarshal(data, into); err != nil {
			return false, final(fmt.Errorf("%s: the answer is not what we expected: %w", where(resp.Request.URL), err))
		}
		return true, nil
	})
}

// errStalled is a connection that is open and brings nothing.
var errStalled = errors.New("the connection stalled")

// watched is a body that gives up when too little of it comes.
type watched struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
	seen   int
}

func watch(ctx context.Context, body io.ReadCloser, stall time.Duration, cancel context.CancelCauseFunc) io.ReadCloser {
	return &watched{body, ctx, cancel, time.AfterFunc(stall, func() { cancel(errStalled) }), stall, 0}
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if w.seen += n; w.seen >= trickle {
		w.seen = 0
		w.timer.Reset(w.stall)
	}
	if err != nil && errors.Is(context.Cause(w.ctx), errStalled) {
		err = errStalled
	}
	return n, err
}

func (w *watched) Close() error {
	w.timer.Stop()
	w.cancel(nil)
	return w.ReadCloser.Close()
}
