package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
)

// TestHosts: a page whose name its owner pointed here (DNS rebinding) gets nothing.
func TestHosts(t *testing.T) {
	loopback := start(t, Options{})
	open := start(t, Options{Addr: "0.0.0.0:80", Insecure: true})
	named := start(t, Options{Addr: "box.lan:80", Insecure: true, Hosts: []string{"Weft.Example:443"}})
	for _, c := range []struct {
		host             string
		loop, open, name bool
	}{
		{"localhost", true, true, true}, {"LOCALHOST:9999", true, true, true}, {"localhost.:80", true, true, true},
		{"127.0.0.1:1", true, true, true}, {"127.8.8.8", true, true, true}, {"[::1]:80", true, true, true}, {"[::ffff:127.0.0.1]", true, true, true},
		{"192.168.1.5:80", false, true, true}, {"[2001:db8::1]", false, true, true}, {"0.0.0.0", false, true, true},
		{"box.lan", false, false, true}, {"weft.example", false, false, true}, {"box.lan.evil.example", false, false, false},
		{"evil.example", false, false, false}, {"localhost.evil.example", false, false, false}, {"127.0.0.1.evil.example", false, false, false},
		{"2130706433", false, false, false}, {"0x7f.1", false, false, false}, {"localhost@evil.example", false, false, false},
	} {
		for _, s := range []struct {
			*running
			may bool
		}{{loopback, c.loop}, {open, c.open}, {named, c.name}} {
			for _, path := range []string{"/", "/health", "/v1/models"} {
				res := s.do(t, "GET", path, "", "Host", c.host)
				if may := res.status == http.StatusOK; may != s.may {
					t.Errorf("%s%s at %q: status %d", c.host, path, s.o.Addr, res.status)
				}
				if !s.may && (res.status != http.StatusForbidden || !strings.Contains(res.wrong(t).Message, "--allow-host")) {
					t.Errorf("%s%s: %+v", c.host, path, res)
				}
			}
		}
	}
}

// TestOrigins: the pages of strangers get nothing.
func TestOrigins(t *testing.T) {
	own := start(t, Options{})
	lets := start(t, Options{Origins: []string{"https://Friend.example/"}})
	self := strings.TrimPrefix(own.url, "http://")
	for _, c := range []struct {
		header    []string
		own, lets bool
	}{
		{nil, true, true},
		{[]string{"Origin", "http://" + self, "Host", self}, true, true},
		{[]string{"Origin", "https://" + self, "Host", self}, true, true}, // behind a proxy with TLS
		{[]string{"Origin", "http://localhost:1", "Host", self}, false, false},
		{[]string{"Origin", "null"}, false, false},
		{[]string{"Origin", "http://evil.example"}, false, false},
		{[]string{"Origin", "http://" + self + ".evil.example", "Host", self}, false, false},
		{[]string{"Origin", "https://friend.example"}, false, true},
		{[]string{"Origin", "http://friend.example"}, false, false},
		{[]string{"Sec-Fetch-Site", "same-origin"}, true, true},
		{[]string{"Sec-Fetch-Site", "none"}, true, true},
		{[]string{"Sec-Fetch-Site", "cross-site"}, false, false},
		{[]string{"Sec-Fetch-Site", "same-site"}, false, false},
		{[]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, false, false}, // a link to the API
		{[]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, false, false},
	} {
		for _, s := range []struct {
			*running
			may bool
		}{{own, c.own}, {lets, c.lets}} {
			res := s.do(t, "GET", "/v1/models", "", c.header...)
			if may := res.status == http.StatusOK; may != s.may || !may && res.status != http.StatusForbidden {
				t.Errorf("%q: status %d, want it let in: %v", c.header, res.status, s.may)
			}
			if allowed := res.header.Get("Access-Control-Allow-Origin"); (allowed != "") != (s.may && s.running == lets && len(c.header) == 2 && c.header[1] == "https://friend.example") {
				t.Errorf("%q: Access-Control-Allow-Origin is %q", c.header, allowed)
			}
		}
	}
	link := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	if res := own.do(t, "GET", "/", "", link...); res.status != http.StatusOK {
		t.Errorf("a link to the page: %+v", res)
	}
	if res := own.do(t, "POST", "/", "", link...); res.status != http.StatusForbidden {
		t.Errorf("a form sent to the page: %+v", res)
	}
	ask := []string{"Origin", "https://friend.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type"}
	if res := lets.do(t, "OPTIONS", "/v1/chat/completions", "", ask...); res.status != http.StatusNoContent || res.header.Get("Access-Control-Allow-Headers") != "authorization,content-type" {
		t.Errorf("a friend's preflight: %+v", res)
	}
	if res := own.do(t, "OPTIONS", "/v1/chat/completions", "", ask...); res.status != http.StatusForbidden {
		t.Errorf("a stranger's preflight: %+v", res)
	}
}

// TestConnect: a path that nobody cleans does not pass by the guard.
func TestConnect(t *testing.T) {
	r := start(t, Options{Keys: []string{"k"}, Page: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "in") })})
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "CONNECT //api/x HTTP/1.1\r\nHost: localhost\r\n\r\n")
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || !strings.Contains(line, "405") {
		t.Errorf("%q, %v", line, err)
	}
}

// TestKeys: with keys, all that reaches a model needs one; whether the server is up,
// and the page's own files, do not.
func TestKeys(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) })
	r := start(t, Options{Keys: []string{"first", "secret"}, Page: page})
	for _, c := range []struct {
		path, auth string
		status     int
	}{
		{"/health", "", 200}, {"/", "", 200}, {"/assets/x.js", "", 200},
		{"/v1/models", "", 401}, {"/api/state", "", 401}, {"/v1/nothing", "", 401}, {"/%76%31/models", "", 401}, {"/api/../api/x", "", 401},
		{"/v1/models", "Bearer first", 200}, {"/v1/models", "bearer secret", 200}, {"/api/state", "Bearer secret", 200},
		{"/v1/models", "Bearer second", 401}, {"/v1/models", "Bearer ", 401}, {"/v1/models", "Basic secret", 401}, {"/v1/models", "secret", 401}, {"/v1/models", "Bearer secretsecret", 401},
	} {
		res := r.do(t, "GET", c.path, "", "Authorization", c.auth)
		if res.status != c.status {
			t.Errorf("%s with %q: %d, want %d", c.path, c.auth, res.status, c.status)
		}
		if c.status == 401 && (res.wrong(t).Code != "invalid_api_key" || res.header.Get("WWW-Authenticate") != "Bearer") {
			t.Errorf("%s: %+v", c.path, res)
		}
	}
	if _, err := r.client.Models.List(t.Context()); err != nil {
		t.Errorf("OpenAI's client with the key: %v", err)
	}
	_, err := r.client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: "other", Messages: says("x")})
	if e, ok := err.(*openai.Error); !ok || e.StatusCode != 404 || e.Code != "model_not_found" || e.Param != "model" {
		t.Errorf("OpenAI's client reads the error as %#v", err)
	}
	if strings.Contains(r.log.String(), "secret") {
		t.Error("a key is in the log")
	}
}

// TestLargeBody: what is too large is refused before it is read.
func TestLargeBody(t *testing.T) {
	r := start(t, Options{})
	res := r.do(t, "POST", "/v1/chat/completions", `{"messages": "`+strings.Repeat("x", maxBody)+`"}`)
	if e := res.wrong(t); res.status != http.StatusRequestEntityTooLarge || e.Code != "request_too_large" {
		t.Errorf("%+v", res)
	}
}

// TestSlowPeers: who sends or takes one byte after the other does not hold a
// connection for ever.
func TestSlowPeers(t *testing.T) {
	const short = 300 * time.Millisecond
	wrote := make(chan error, 1)
	s, err := New(Options{Models: []Model{{"m", builtIn()}}, Page: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				wrote <- err
				return
			}
		}
	})})
	if err != nil {
		t.Fatal(err)
	}
	s.patience = patience{short, short, short, short}
	addr := serve(t, s)
	for name, sent := range map[string]string{
		"a header":   "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-Slow:",
		"a body":     "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
		"chunks":     "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
		"no request": "",
	} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, sent)
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadAll(c); err != nil {
			t.Errorf("%s that does not come: %v", name, err)
		}
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") // and reads nothing
	select {
	case <-wrote:
	case <-time.After(10 * time.Second):
		t.Error("the server still waits for a peer that reads nothing")
	}
}

// TestLongAnswer: the time that a request may take to come does not end its answer.
func TestLongAnswer(t *testing.T) {
	s, err := New(Options{Models: []Model{{"m", endless(t)}}})
	if err != nil {
		t.Fatal(err)
	}
	s.patience = patience{time.Second, 50 * time.Millisecond, 50 * time.Millisecond, time.Second}
	api := client("http://" + serve(t, s))
	for range 2 { // the second on the same connection
		start := time.Now()
		stream := api.Chat.Completions.NewStreaming(t.Context(), openai.ChatCompletionNewParams{Model: "m", Messages: says("x")})
		for stream.Next() && time.Since(start) < 300*time.Millisecond {
		}
		if err := stream.Err(); err != nil {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		stream.Close()
	}
}

// TestBug: a panic is an answer with status 500 and a line in the log; if the answer
// has begun, a broken connection.
func TestBug(t *testing.T) {
	r := start(t, Options{Page: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
		}
		w.Header().Set("Content-Length", "3")
		panic("oh no")
	})})
	res := r.do(t, "GET", "/", "")
	if e := res.wrong(t); res.status != http.StatusInternalServerError || e.Code != "internal_error" || strings.Contains(res.body, "oh no") {
		t.Errorf("%+v", res)
	}
	if log := r.log.String(); !strings.Contains(log, "oh no") || !strings.Contains(log, "guard_test.go") {
		t.Errorf("the log has no stack: %s", log)
	}
	late, err := http.Get(r.url + "/late")
	if err != nil {
		t.Fatal(err)
	}
	defer late.Body.Close()
	if data, err := io.ReadAll(late.Body); err == nil {
		t.Errorf("half an answer looks whole: %q", data)
	}
}

// TestLog: a line has what happened, and nothing of what was said.
func TestLog(t *testing.T) {
	r := start(t, Options{})
	r.do(t, "POST", "/v1/chat/completions", `{"messages": [{"role": "user", "content": "swordfish"}], "max_tokens": 2}`)
	log := r.log.String()
	for _, want := range []string{`"method":"POST"`, `"path":"/v1/chat/completions"`, `"status":200`, `"model":"built-in"`, `"tokens":2`, `"finish":"length"`} {
		if !strings.Contains(log, want) {
			t.Errorf("no %s in %s", want, log)
		}
	}
	if strings.Contains(log, "swordfish") || strings.Count(log, "\n") != 1 {
		t.Errorf("the log is %s", log)
	}
}
