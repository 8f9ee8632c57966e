package server

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// names are what requests may call the server by, and which pages may ask it. A page
// of a stranger must not reach a server that listens on loopback: neither by its own
// requests, which carry an Origin, nor after making its own host name point here (DNS
// rebinding), which the Host gives away. An address cannot be made to point anywhere.
type names struct {
	hosts   []string
	anyIP   bool // it listens where other machines come from: any address may be its own
	origins []string
}

func newNames(addr string, hosts, origins []string) names {
	n := names{hosts: []string{"localhost"}, anyIP: Exposed(addr)}
	for _, h := range append([]string{addr}, hosts...) {
		if h = hostOf(h); h != "" {
			n.hosts = append(n.hosts, h)
		}
	}
	for _, o := range origins {
		n.origins = append(n.origins, strings.TrimSuffix(strings.ToLower(o), "/"))
	}
	return n
}

// hostOf is the host of HOST or HOST:PORT, as names are compared.
func hostOf(s string) string {
	if h, _, err := net.SplitHostPort(s); err == nil {
		s = h
	}
	s = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	return strings.ToLower(strings.TrimSuffix(s, "."))
}

// Exposed says whether a listener at HOST:PORT can be reached from other machines;
// of a name other than localhost that is taken to be so.
func Exposed(addr string) bool {
	if addr == "" {
		return false
	}
	host := hostOf(addr)
	ip, err := netip.ParseAddr(host)
	return host != "localhost" && (err != nil || !ip.Unmap().IsLoopback())
}

// exposed is Exposed of where a listener has come to stand.
func exposed(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}

// knows says whether a request may call the server so.
func (n names) knows(hostport string) bool {
	host := hostOf(hostport)
	if ip, err := netip.ParseAddr(host); err == nil {
		return n.anyIP || ip.Unmap().IsLoopback() || slices.Contains(n.hosts, host)
	}
	return slices.Contains(n.hosts, host)
}

// lets says whether the page that a request comes from may ask: our own, or one that
// was named. Requests that no page made have neither header.
func (n names) lets(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		return n.foreign(origin) || own(origin, r.Host)
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	// A link to our page may stand anywhere; what it embeds may not.
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" &&
		(r.Method == http.MethodGet || r.Method == http.MethodHead) && !guarded(r.URL.Path)
}

// foreign says whether an origin is another that was named.
func (n names) foreign(origin string) bool {
	return slices.Contains(n.origins, strings.ToLower(origin))
}

func own(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && strings.EqualFold(u.Host, host)
}

// guard refuses requests under a wrong name or from a stranger's page, and answers
// the preflights of those that were named.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.names.knows(r.Host) {
			fail(w, forbidden("this server does not go by the name %.100q; call it localhost or by its address, or start it with --allow-host", r.Host))
			return
		}
		if r.Method == http.MethodConnect { // the one whose path nobody cleans
			fail(w, newError(http.StatusMethodNotAllowed, invalidRequest, "method_not_allowed", "this server is no proxy"))
			return
		}
		if !s.names.lets(r) {
			fail(w, forbidden("pages of other origins may not ask this server (%.100s); --allow-origin lets one", originOf(r)))
			return
		}
		if origin := r.Header.Get("Origin"); s.names.foreign(origin) {
			h := w.Header()
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Cross-Origin-Resource-Policy", "cross-origin")
			h.Add("Vary", "Origin")
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				h.Set("Access-Control-Allow-Methods", "GET, POST")
				h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
				h.Set("Access-Control-Max-Age", "600")
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func originOf(r *http.Request) string {
	if o := r.Header.Get("Origin"); o != "" {
		return o
	}
	return r.Header.Get("Sec-Fetch-Site")
}
