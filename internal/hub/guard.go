package hub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// bearer adds the token to requests for the server it is meant for. It is a
// transport, so that no redirect can carry the token on: http.Client would send
// a header along to every subdomain.
type bearer struct {
	http.RoundTripper
	base  *url.URL
	token string
}

func (b *bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	if b.token != "" && sameServer(req.URL, b.base) && confidential(b.base) {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer "+b.token)
	}
	return b.RoundTripper.RoundTrip(req)
}

// sameServer compares scheme, host and port.
func sameServer(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	}
	return "443"
}

// confidential says whether nobody on the way reads what is sent.
func confidential(u *url.URL) bool {
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

// checkRedirect follows redirects within reason.
func checkRedirect(req *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL
	switch {
	case len(via) > 10:
		return final(errors.New("redirected more than 10 times"))
	case req.URL.Scheme != "https" && req.URL.Scheme != "http":
		return final(fmt.Errorf("%s redirects to %s, which is not a web address", from.Host, req.URL.Scheme+":"))
	case req.URL.Scheme == "http" && from.Scheme == "https":
		return final(fmt.Errorf("%s redirects to unencrypted http, on %s", from.Host, req.URL.Host))
	case req.URL.User != nil:
		return final(fmt.Errorf("%s redirects to an address with a password in it", from.Host))
	}
	return nil
}

// guard opens connections. A server out in the world must not make us ask the
// user's own machine and network: only if the host that the user named is
// inside itself, others inside may be asked too. The address is looked at after
// the name is resolved, so that a name cannot point elsewhere the second time.
// Behind a proxy it is the proxy that connects, and this says nothing.
type guard struct {
	host    string // that the user named
	inside  atomic.Bool
	proxies sync.Map // host names
}

func (g *guard) proxy(req *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(req)
	if u != nil {
		g.proxies.Store(u.Hostname(), true)
	}
	return u, err
}

func (g *guard) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: 15 * time.Second}
	if _, ok := g.proxies.Load(host); !ok {
		d.Control = func(_, address string, _ syscall.RawConn) error { return g.check(host, address) }
	}
	return d.DialContext(ctx, network, addr)
}

// check is asked before a connection to host at an address.
func (g *guard) check(host, address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return final(fmt.Errorf("%s has the address %q", host, address))
	}
	if public(ap.Addr()) {
		return nil
	}
	if strings.EqualFold(host, g.host) {
		g.inside.Store(true)
	}
	if !g.inside.Load() {
		return final(fmt.Errorf("%s redirects into the local network, to %s", g.host, host))
	}
	return nil
}

var carrier = netip.MustParsePrefix("100.64.0.0/10") // shared address space, RFC 6598; some clouds' metadata

func public(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !carrier.Contains(ip)
}
