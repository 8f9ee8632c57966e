package hub

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestPublic(t *testing.T) {
	for addr, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1::1": true,
		"127.0.0.1": false, "::1": false, "::ffff:127.0.0.1": false, "0.0.0.0": false, "::": false, "10.1.2.3": false,
		"192.168.1.1": false, "172.16.0.1": false, "169.254.169.254": false, "fe80::1": false, "fd00::1": false,
		"100.100.100.200": false, "224.0.0.1": false,
	} {
		if got := public(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
}

func TestGuard(t *testing.T) {
	out := guard{host: "hub.example"}
	for _, c := range []struct {
		host, addr string
		ok         bool
	}{
		{"hub.example", "93.184.216.34:443", true}, {"cdn.example", "93.184.216.35:443", true},
		{"cdn.example", "127.0.0.1:80", false}, {"metadata", "169.254.169.254:80", false}, {"x", "nonsense", false},
	} {
		if err := out.check(c.host, c.addr); (err == nil) != c.ok {
			t.Errorf("from outside to %s: %v", c.addr, err)
		}
	}
	in := guard{host: "mirror"}
	for _, addr := range []string{"10.0.0.1:80", "93.184.216.35:443", "10.0.0.2:80"} {
		if err := in.check(map[bool]string{true: "mirror", false: "store"}[addr == "10.0.0.1:80"], addr); err != nil {
			t.Errorf("from a mirror inside to %s: %v", addr, err)
		}
	}
}

func TestRedirects(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"https://a/x", "https://b/y", true}, {"http://a/x", "https://b/y", true}, {"http://a/x", "http://b/y", true},
		{"https://a/x", "http://a/x", false}, {"https://a/x", "file:///etc/passwd", false}, {"https://a/x", "https://u:p@b/y", false},
	} {
		from, to := httptest.NewRequest("GET", c.from, nil), &http.Request{}
		to.URL, _ = url.Parse(c.to)
		if err := checkRedirect(to, []*http.Request{from}); (err == nil) != c.ok {
			t.Errorf("%s to %s: %v", c.from, c.to, err)
		}
	}
	f := newFakeHub(t, map[string][]byte{"tiny.gguf": model(100, 1)})
	f.front = func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
		return true
	}
	if _, err := f.puller(t).Pull(context.Background(), "hf:acme/tiny", ""); err == nil || !strings.Contains(err.Error(), "more than 10 times") {
		t.Errorf("a loop: %v", err)
	}
}

// seenBy records what a transport is asked to send.
type seenBy struct{ got []string }

func (s *seenBy) RoundTrip(r *http.Request) (*http.Response, error) {
	s.got = append(s.got, r.URL.String()+" "+r.Header.Get("Authorization"))
	return nil, fmt.Errorf("no network")
}

// TestToken: the token goes to the server it is meant for, over an encrypted
// connection, and nowhere else; not to its subdomains either.
func TestToken(t *testing.T) {
	for base, asked := range map[string]map[string]bool{
		"https://hub.example": {
			"https://hub.example/x": true, "https://hub.example:443/x": true, "https://HUB.example/x": true,
			"https://cdn.hub.example/x": false, "https://hub.example:8443/x": false, "http://hub.example/x": false, "https://other/x": false,
		},
		"http://hub.example":     {"http://hub.example/x": false},
		"http://127.0.0.1:8080":  {"http://127.0.0.1:8080/x": true, "http://127.0.0.1:8081/x": false},
		"http://localhost:8080/": {"http://localhost:8080/x": true},
	} {
		u, _ := url.Parse(base)
		for address, want := range asked {
			s := &seenBy{}
			b := &bearer{s, u, "secret"}
			b.RoundTrip(httptest.NewRequest("GET", address, nil))
			if got := strings.Contains(s.got[0], "secret"); got != want {
				t.Errorf("%s, for %s: given %v", address, base, got)
			}
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for s, want := range map[string]time.Duration{
		"7": 7 * time.Second, "0": 0, "": 0, "-3": 0, "soon": 0, "99999999999999": 0,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2026 03:00:00 GMT": 0,
	} {
		if got := retryAfter(s, now); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

func TestServers(t *testing.T) {
	for _, base := range []string{"", "hub.example", "ftp://hub.example", "https://", "https://user:password@hub.example"} {
		if _, err := newClient(base, "", quick, nil); err == nil {
			t.Errorf("%q was taken for a server", base)
		}
	}
	c, err := newClient("https://mirror.example/hf/", "", quick, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.address("a b", "refs/pr/1", "100%?.gguf"); got != "https://mirror.example/hf/a%20b/refs%2Fpr%2F1/100%25%3F.gguf" {
		t.Error(got)
	}
}
