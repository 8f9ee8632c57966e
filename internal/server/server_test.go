package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"weft"
	"weft/chat"
	"weft/model"
	"weft/sample"
	"weft/tokenizer"
)

// builtIn is the built-in model, which the tests share.
var builtIn = sync.OnceValue(func() *weft.Model {
	m, err := weft.Opener{Threads: 2}.Open("")
	if err != nil {
		panic(err)
	}
	return m
})

const begins, ends = "<|go|>", "<|end|>"

// scripted is a model that says what it is told to, a token for each text, and calls
// tools if that is a call: every token makes the next of the row the likely one.
func scripted(t testing.TB, says ...string) *weft.Model {
	t.Helper()
	return chained(t, says, append(append([]string{begins}, says...), ends))
}

// endless is a model that does not stop before its context is full, which takes long.
func endless(t testing.TB) *weft.Model {
	t.Helper()
	return chained(t, []string{"on "}, []string{begins, "on ", "on "})
}

func chained(t testing.TB, says, row []string) *weft.Model {
	t.Helper()
	tok := tokenizer.Bytes(append([]string{ends, begins}, says...)...)
	w := model.Init(model.Config{
		Arch: "llama", Vocab: tok.Size(), Context: 1 << 17, Layers: 1, Dim: 512, Heads: 1, KVHeads: 1, HeadDim: 8,
		Hidden: 8, NormEps: 1e-5, Rope: model.Rope{Theta: 1e4}, Gated: true,
	}, 1)
	id := func(text string) int {
		id, ok := tok.SpecialID(text)
		if !ok {
			t.Fatalf("no token %q", text)
		}
		return int(id)
	}
	for _, p := range w.Params() {
		switch {
		case p.Kind == model.Matrix || p.Kind == model.Head:
			clear(p.Data)
		case p.Kind == model.Embedding:
			clear(p.Data)
			for i := range p.Rows {
				p.Data[i*p.Cols+i] = 1
			}
		}
		if p.Kind == model.Head {
			for i := range len(row) - 1 {
				p.Data[id(row[i+1])*p.Cols+id(row[i])] = 2
			}
		}
	}
	core, err := model.New(w, nil)
	if err != nil {
		t.Fatal(err)
	}
	template, err := chat.Jinja(`{% for t in tools or [] %}{{ t | tojson }}{% endfor %}{% for m in messages %}{{ m.role }}: `+
		`{% if m.content %}{{ m.content }}{% endif %}{% for c in m.tool_calls or [] %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}{{ "\n" }}{% endfor %}{# <think></think> #}{{ loudness }}<|go|>`, chat.JinjaOptions{End: []string{ends}})
	if err != nil {
		t.Fatal(err)
	}
	return &weft.Model{Name: "scripted", Core: core, Tokenizer: tok, Template: template, Sampling: sample.Greedy(), End: []int32{int32(id(ends))}}
}

// running is a server that tests can ask.
type running struct {
	*Server
	url    string
	client openai.Client
	log    *lockedBuffer
}

// lockedBuffer is a log that may be read meanwhile.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start starts a server of the built-in model, unless o has others.
func start(t *testing.T, o Options) *running {
	t.Helper()
	log := &lockedBuffer{}
	o.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if o.Models == nil {
		o.Models = []Model{{"built-in", builtIn()}}
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return &running{s, h.URL, client(h.URL), log}
}

// client is OpenAI's own.
func client(url string, more ...option.RequestOption) openai.Client {
	return openai.NewClient(append([]option.RequestOption{option.WithBaseURL(url + "/v1/"), option.WithAPIKey("secret"), option.WithMaxRetries(0)}, more...)...)
}

// says is a conversation of one message.
func says(text string) []openai.ChatCompletionMessageParamUnion {
	return []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)}
}

// response is what the tests look at.
type response struct {
	status int
	header http.Header
	body   string
}

// do makes a request as no client would: header is pairs.
func (r *running) do(t *testing.T, method, path, body string, header ...string) response {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
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
	return response{res.StatusCode, res.Header, string(data)}
}

// wrong is the error in a response.
func (r response) wrong(t *testing.T) (e struct{ Message, Type, Param, Code string }) {
	t.Helper()
	doc := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(r.body), &doc); err != nil || doc["error"] == nil {
		t.Fatalf("no error document: %v, %q", err, r.body)
	}
	if err := json.Unmarshal(doc["error"], &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// soon waits for something that is about to become so.
func soon(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
	}
}
