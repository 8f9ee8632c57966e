package studio

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"weft"
)

// builtInModel is open once for all tests.
var builtInModel = sync.OnceValues(func() (*weft.Model, error) { return weft.Open("") })

// serve starts a studio of the built-in model.
func serve(t *testing.T, o Options) (*Studio, *httptest.Server) {
	t.Helper()
	if o.Default == nil {
		m, err := builtInModel()
		if err != nil {
			t.Fatal(err)
		}
		o.Default = m
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.Close()
		s.Close()
	})
	return s, server
}

// ask sends a request, and reads an answer of that status into out, if that is not nil.
func ask(t *testing.T, server *httptest.Server, method, path, body string, status int, out any) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != status {
		t.Fatalf("%s %s: status %d, want %d: %.300s", method, path, res.StatusCode, status, data)
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = data
	} else if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			t.Fatalf("%s %s: %v: %.300s", method, path, err, data)
		}
	}
	return res
}

func TestFirstRequests(t *testing.T) {
	_, server := serve(t, Options{Version: "v1"})
	var state stateJSON
	ask(t, server, "GET", "/api/state", "", 200, &state)
	if state.Version != "v1" || state.Boot == "" || state.Default == "" || state.Threads < 1 {
		t.Errorf("state %+v", state)
	}
	var list struct{ Models []listed }
	ask(t, server, "GET", "/api/models", "", 200, &list)
	if len(list.Models) != 1 || !list.Models[0].Default || !list.Models[0].Open || list.Models[0].Bytes == 0 {
		t.Errorf("models %+v", list)
	}
	var tokens tokenizeJSON
	ask(t, server, "POST", "/api/tokenize", `{"text":"To be, or not"}`, 200, &tokens)
	if len(tokens.IDs) == 0 || len(tokens.Pieces) != len(tokens.IDs) || len(tokens.Offsets) != len(tokens.IDs) {
		t.Errorf("tokens %+v", tokens)
	}
	ask(t, server, "POST", "/api/tokenize", `{"messages":[{"role":"user","content":"To be"}]}`, 200, &tokens)
	var run runJSON
	ask(t, server, "POST", "/api/run", `{"prompt":"To be, or not"}`, 200, &run)
	if run.Run == "" || len(run.Prediction) != 10 || len(run.Points) == 0 {
		t.Errorf("run %+v", run)
	}
	for _, c := range run.Checks {
		if !c.OK {
			t.Errorf("check %+v", c)
		}
	}
	ask(t, server, "GET", "/api/nothing", "", 404, nil)
	ask(t, server, "GET", "/", "", 200, nil)
}
