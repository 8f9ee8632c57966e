//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serving is a weft that serves.
type serving struct {
	*exec.Cmd
	url    string
	first  string // line of its stdout
	stderr bytes.Buffer
}

// serve starts weft and waits until it says where it is.
func serve(t *testing.T, env []string, args ...string) *serving {
	t.Helper()
	s := &serving{Cmd: exec.Command("weft", args...)}
	s.Stderr, s.Env = &s.stderr, append(os.Environ(), env...)
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Process.Kill() })
	scan := bufio.NewScanner(out)
	if !scan.Scan() {
		t.Fatalf("it ended: %v, %s", s.Wait(), &s.stderr)
	}
	s.first, s.url = scan.Text(), scan.Text()
	return s
}

// end sends a signal and returns the exit code.
func (s *serving) end(signal os.Signal) int {
	s.Process.Signal(signal)
	return exitCode(s.Wait())
}

func get(t *testing.T, url string, header ...string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(data)
}

// TestServe: models answer by their names until Ctrl-C, which lets an answer end.
func TestServe(t *testing.T) {
	_, model := tiny(t)
	s := serve(t, nil, "serve", "", model, "--addr", "127.0.0.1:0")
	if !strings.HasPrefix(s.url, "http://127.0.0.1:") {
		t.Fatalf("it is at %q", s.url)
	}
	if _, body := get(t, s.url+"/v1/models"); !strings.Contains(body, `"id":"weft-books"`) || !strings.Contains(body, `"id":"tiny"`) {
		t.Errorf("models: %s", body)
	}
	ask := `{"model": "weft-books", "messages": [{"role": "user", "content": "To be, or"}], "seed": 3, "max_tokens": 300, "stream": true}`
	res, err := http.Post(s.url+"/v1/chat/completions", "application/json", strings.NewReader(ask))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	s.Process.Signal(os.Interrupt)
	var text strings.Builder
	scan, done := bufio.NewScanner(res.Body), false
	for scan.Scan() {
		data, _ := strings.CutPrefix(scan.Text(), "data: ")
		var chunk struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if done = data == "[DONE]"; data != "" && !done {
			if err := json.Unmarshal([]byte(data), &chunk); err != nil {
				t.Fatalf("%q: %v", data, err)
			}
			text.WriteString(chunk.Choices[0].Delta.Content)
		}
		if done {
			break
		}
	}
	if want := weftOutput(t, "chat", "-p", "To be, or", "--seed", "3", "--max-tokens", "300"); !done || text.String() != strings.TrimSuffix(want, "\n") {
		t.Errorf("it answered %q, weft chat %q", text.String(), want)
	}
	if code := exitCode(s.Wait()); code != exitInterrupted {
		t.Errorf("exit code %d, want %d: %s", code, exitInterrupted, &s.stderr)
	}
	if said := s.stderr.String(); !strings.Contains(said, "serving weft-books, tiny") || !strings.Contains(said, "tokens=300") {
		t.Errorf("it said %s", said)
	}
}

// TestServePolitely: SIGTERM is how a server is told that it is done.
func TestServePolitely(t *testing.T) {
	s := serve(t, nil, "serve", "--addr", "localhost:0", "--quiet")
	if status, _ := get(t, s.url+"/health"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if code := s.end(syscall.SIGTERM); code != exitDone || s.stderr.Len() > 0 {
		t.Errorf("exit code %d: %s", code, &s.stderr)
	}
}

// TestServeJSON: with --json all that happens is on stdout, a document a line.
func TestServeJSON(t *testing.T) {
	s := serve(t, nil, "serve", "--addr", "127.0.0.1:0", "--json")
	var doc struct {
		Msg, URL string
		Models   []string
	}
	if err := json.Unmarshal([]byte(s.first), &doc); err != nil || doc.Msg != "listening" || len(doc.Models) != 1 {
		t.Fatalf("%s: %v", s.first, err)
	}
	get(t, doc.URL+"/v1/models")
	if code := s.end(os.Interrupt); code != exitInterrupted || s.stderr.Len() > 0 {
		t.Errorf("exit code %d: %s", code, &s.stderr)
	}
}

// TestServeKeys: with a file of keys, other machines may come.
func TestServeKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	write(t, path, "# mine\n\n  secret  \nother\n")
	s := serve(t, nil, "serve", "--addr", "0.0.0.0:0", "--api-key-file", path)
	if !strings.HasPrefix(s.url, "http://127.0.0.1:") {
		t.Fatalf("it is at %q", s.url)
	}
	for auth, want := range map[string]int{"": 401, "Bearer mine": 401, "Bearer secret": 200, "Bearer other": 200} {
		if status, body := get(t, s.url+"/v1/models", "Authorization", auth); status != want {
			t.Errorf("%q: %d, want %d: %s", auth, status, want, body)
		}
	}
	if code := s.end(os.Interrupt); code != exitInterrupted || !strings.Contains(s.stderr.String(), "unencrypted") ||
		!strings.Contains(s.stderr.String(), "append /#key=YOURKEY") {
		t.Errorf("exit code %d: %s", code, &s.stderr)
	}
}

// TestStudioKeys: the page's address brings the key along, and is started nowhere, since
// arguments are seen; with --json, which is a log, it has none.
func TestStudioKeys(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys")
	write(t, path, "a+b &c/d\nother\n")
	opened := filepath.Join(dir, "opened")
	for _, name := range []string{"xdg-open", "open"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n: > "+opened+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH"), "DISPLAY=:0"}
	s := serve(t, env, "studio", "--addr", "127.0.0.1:0", "--api-key-file", path)
	at, ok := strings.CutSuffix(s.url, "/#key=a%2Bb%20%26c%2Fd")
	if !ok {
		t.Fatalf("it is at %q", s.url)
	}
	if status, body := get(t, at+"/api/state", "Authorization", "Bearer a+b &c/d"); status != http.StatusOK {
		t.Errorf("%d: %s", status, body)
	}
	if code := s.end(os.Interrupt); code != exitInterrupted || !strings.Contains(s.stderr.String(), "open this address in a browser") {
		t.Errorf("exit code %d: %s", code, &s.stderr)
	}
	s = serve(t, env, "studio", "--addr", "127.0.0.1:0", "--api-key-file", path, "--json")
	if strings.Contains(s.first, "key") {
		t.Errorf("a log with a key: %s", s.first)
	}
	s.end(os.Interrupt)
	if _, err := os.Stat(opened); err == nil {
		t.Error("a browser was started with the key")
	}
}

// TestBusyPort: a port that is taken is an error that says what to do.
func TestBusyPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, command := range []string{"serve", "studio"} {
		out, err := exec.Command("weft", command, "--addr", l.Addr().String()).CombinedOutput()
		if exitCode(err) != exitFailed || !strings.Contains(string(out), "--addr 127.0.0.1:0 takes a free port") {
			t.Errorf("weft %s: %v, %s", command, err, out)
		}
	}
}

// TestStudio: the page opens in the browser, at the next port if the usual is taken;
// where nothing opens it, its address is said.
func TestStudio(t *testing.T) {
	if l, err := net.Listen("tcp", defaultAddr); err == nil {
		defer l.Close() // else somebody has it, which does as well
	}
	dir := t.TempDir()
	opened := filepath.Join(dir, "opened")
	script := "#!/bin/sh\necho \"$1\" > " + opened + ".new && mv " + opened + ".new " + opened + "\n"
	for _, name := range []string{"xdg-open", "open"} { // Linux, macOS
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path := "PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH")
	s := serve(t, []string{path, "DISPLAY=:0"}, "studio")
	var url []byte
	for end := time.Now().Add(20 * time.Second); len(url) == 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		url, _ = os.ReadFile(opened)
	}
	if string(url) != s.url+"\n" {
		t.Errorf("it opened %q, and is at %s", url, s.url)
	}
	if status, _ := get(t, s.url+"/"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if code := s.end(os.Interrupt); code != exitInterrupted || !strings.Contains(s.stderr.String(), "port 8080 is taken; this is port ") {
		t.Errorf("exit code %d: %s", code, &s.stderr)
	}

	nowhere := [][]string{{"DISPLAY=:0", "PATH=" + filepath.Dir(weftPath(t))}}
	if runtime.GOOS != "darwin" { // which has a display always
		nowhere = append(nowhere, []string{"DISPLAY=", "WAYLAND_DISPLAY="})
	}
	for _, env := range nowhere {
		s := serve(t, env, "studio", "--addr", "127.0.0.1:0")
		get(t, s.url+"/health")
		if code := s.end(os.Interrupt); code != exitInterrupted || !strings.Contains(s.stderr.String(), fmt.Sprintf("open %s in", s.url)) {
			t.Errorf("%q: exit code %d: %s", env, code, &s.stderr)
		}
	}
}

func weftPath(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("weft")
	if err != nil {
		t.Fatal(err)
	}
	return path
}
