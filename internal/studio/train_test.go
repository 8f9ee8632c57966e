package studio

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weft/train"
)

// verse is a text with something to learn in it.
var verse = strings.Repeat("the cat sat on the mat; the dog lay on the log.\n", 40)

// small is a run of the nano preset that takes a second or two.
func small(name, steps string) string {
	text, _ := json.Marshal(verse)
	return `{"name":"` + name + `","text":` + string(text) + `,"preset":"nano","steps":` + steps + `,"seq":16,"batch":2,"vocab":270,"attached":false}`
}

// follow reads a run's events until it ends, or seen says enough.
func follow(t testing.TB, server *httptest.Server, run string, from string, seen func(heard) bool) []heard {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", server.URL+"/api/train/"+run+"/events?from="+from, nil)
	res, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var list []heard
	var text bytes.Buffer
	part := make([]byte, 1<<12)
	for {
		n, err := res.Body.Read(part)
		text.Write(part[:n])
		for {
			whole, rest, ok := strings.Cut(text.String(), "\n\n")
			if !ok {
				break
			}
			text.Reset()
			text.WriteString(rest)
			for _, e := range hear(t, whole+"\n\n") {
				if list = append(list, e); seen != nil && seen(e) {
					return list
				}
			}
		}
		if err != nil {
			return list
		}
	}
}

func names(list []heard, name string) (n int) {
	for _, e := range list {
		if e.name == name {
			n++
		}
	}
	return n
}

func allRuns(t *testing.T, server *httptest.Server) trainListJSON {
	t.Helper()
	var list trainListJSON
	ask(t, server, "GET", "/api/train", "", 200, &list)
	return list
}

func one(t *testing.T, server *httptest.Server, run string) (r oneJSON) {
	t.Helper()
	ask(t, server, "GET", "/api/train/"+run, "", 200, &r)
	return r
}

// TestTrainToTheEnd: a run is followed, by two at once, and its checkpoints are models
// for every endpoint; a server that starts later finds it.
func TestTrainToTheEnd(t *testing.T) {
	dir := t.TempDir()
	_, server := serve(t, Options{TrainDir: dir, Threads: 1})
	var begun trainJSON
	ask(t, server, "POST", "/api/train", small("first", "8"), 200, &begun)
	if begun.Run != "first" || begun.Steps != 8 || begun.Attached || begun.Text.Name != "your text" || begun.Text.Bytes != len(verse) {
		t.Errorf("%+v", begun)
	}
	other := make(chan []heard)
	go func() { other <- follow(t, server, "first", "0", nil) }()
	events := follow(t, server, "first", "0", nil)
	if second := <-other; !slices.Equal(second, events) {
		t.Errorf("one listener heard %d events, the other %d", len(events), len(second))
	}
	if names(events, "plan") != 1 || names(events, "line") != 8 || names(events, "checkpoint") != 9 || names(events, "sample") != 8 || names(events, "done") != 1 {
		t.Errorf("%+v", events)
	}
	done := unmarshal[doneJSON](t, events[len(events)-1].data)
	if done.State != stateDone || done.Step != 8 || done.ValBPB <= 0 || done.Kept == 0 {
		t.Errorf("%+v", done)
	}
	got := one(t, server, "first")
	if got.State != stateDone || !slices.Equal(got.Checkpoints, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}) || len(got.Lines) != 8 || len(got.Samples) != 8 || got.ValBPB != done.ValBPB || got.Recipe.Seq != 16 {
		t.Errorf("%+v", got)
	}
	line := unmarshal[train.Line](t, string(got.Lines[7]))
	if line.Step != 8 || line.ValBPB == nil || line.FlopsShare == nil || line.TokensPerS <= 0 {
		t.Errorf("%+v", line)
	}
	if len(got.Expected.Low) > 0 || !strings.Contains(got.Expected.Why, "your text is another") {
		t.Errorf("%+v", got.Expected)
	}
	var said [3]string
	for i, step := range []string{"0", "8", "last"} {
		c := spoken(t, server, `{"model":"train:first@`+step+`","messages":[{"role":"user","content":"the cat"}],"max_tokens":5,"sampling":{"temp":0}}`)
		said[i] = c.Result.Text
	}
	if said[1] != said[2] || said[0] == said[1] {
		t.Errorf("the checkpoints say %q", said)
	}
	var models struct{ Models []listed }
	ask(t, server, "GET", "/api/models", "", 200, &models)
	if !slices.ContainsFunc(models.Models, func(l listed) bool {
		return l.Name == "train:first@8" && l.Kind == kindTrain && l.Open && l.Bytes > 0
	}) || models.Models[len(models.Models)-1].Name != "train:first@best" {
		t.Errorf("%+v", models)
	}
	req, _ := http.NewRequest("GET", server.URL+"/api/train/first/events", nil)
	req.Header.Set("Last-Event-ID", events[len(events)-1].id)
	if res, err := server.Client().Do(req); err != nil || res.StatusCode != http.StatusNoContent {
		t.Errorf("who has heard all gets %v, %v", res, err)
	}
	ask(t, server, "POST", "/api/train/first/resume", "", 400, nil)

	_, later := serve(t, Options{TrainDir: dir, Threads: 1})
	found := one(t, later, "first")
	if found.State != stateDone || found.Step != 8 || len(found.Lines) != 8 || len(found.Samples) != 8 || found.ValBPB != done.ValBPB {
		t.Errorf("after a restart: %+v", found)
	}
	again := follow(t, later, "first", "0", nil)
	for _, name := range []string{"plan", "line", "checkpoint", "sample", "done"} {
		if names(again, name) != names(events, name) {
			t.Errorf("after a restart there are %d events %s, were %d", names(again, name), name, names(events, name))
		}
	}
	ask(t, server, "POST", "/api/train/first/remove", "", 200, nil)
	if _, err := os.Stat(filepath.Join(dir, "first")); err == nil || len(allRuns(t, server).Runs) != 0 {
		t.Error("the run is still there")
	}
	ask(t, server, "GET", "/api/train/first", "", 404, nil)
}

// TestStopAndResume: a stopped run goes on where it was, also on another server, and
// ends as an unbroken one.
func TestStopAndResume(t *testing.T) {
	dir := t.TempDir()
	s, server := serve(t, Options{TrainDir: dir, Threads: 1})
	ask(t, server, "POST", "/api/train", small("whole", "40"), 200, nil)
	follow(t, server, "whole", "0", nil)
	ask(t, server, "POST", "/api/train", small("parts", "40"), 200, nil)
	follow(t, server, "parts", "0", func(e heard) bool { return e.name == "line" })
	var stopped trainJSON
	ask(t, server, "POST", "/api/train/parts/stop", "", 200, &stopped)
	if stopped.State != stateStopped || stopped.Step == 0 || stopped.Step == 40 {
		t.Fatalf("%+v", stopped)
	}
	if got := one(t, server, "parts"); got.Why != errAskedToStop.Error() || unmarshal[planJSON](t, string(got.Plan)).Params == 0 {
		t.Errorf("stopped: %q, plan %s", got.Why, got.Plan)
	}
	ask(t, server, "POST", "/api/train/parts/stop", "", 200, nil) // again
	ask(t, server, "POST", "/api/train/parts/resume?attached=false", "", 200, nil)
	follow(t, server, "parts", "0", func(e heard) bool {
		return e.name == "line" && unmarshal[train.Line](t, e.data).Step > stopped.Step
	})
	s.Close() // the server stops: the run saves
	if r, _ := s.train.find("parts"); r.what().State != stateStopped {
		t.Fatalf("state %s", r.what().State)
	}
	if err := s.train.start(s.train.runs["parts"], false, false); err == nil {
		t.Error("a run starts while the server stops")
	}

	_, later := serve(t, Options{TrainDir: dir, Threads: 1})
	found := one(t, later, "parts")
	if found.Why != errServerStops.Error() || unmarshal[planJSON](t, string(found.Plan)).Params == 0 {
		t.Errorf("after a restart: %q, plan %s", found.Why, found.Plan)
	}
	if found.State != stateStopped || found.Step <= stopped.Step || len(found.Lines) != found.Step {
		t.Errorf("after a restart: %+v", found)
	}
	ask(t, later, "POST", "/api/train/parts/resume?attached=false", "", 200, nil)
	events := follow(t, later, "parts", "0", nil)
	if names(events, "line") != 40 {
		t.Errorf("%d lines", names(events, "line"))
	}
	a, b := one(t, later, "whole"), one(t, later, "parts")
	if a.ValBPB != b.ValBPB || !slices.Equal(a.Checkpoints, b.Checkpoints) || b.State != stateDone {
		t.Errorf("%v bits per byte, unbroken %v; %v", b.ValBPB, a.ValBPB, b.Checkpoints)
	}
}

// TestClosingThePageStops an attached run, after a while in which a page that loads
// again comes back; and nobody's run waits for ever.
func TestClosingThePageStops(t *testing.T) {
	s, server := serve(t, Options{TrainDir: t.TempDir(), Threads: 1})
	s.train.soon, s.train.first = 300*time.Millisecond, time.Minute
	long := strings.Replace(small("mine", "100000"), `"attached":false`, `"attached":true`, 1)
	ask(t, server, "POST", "/api/train", long, 200, nil)
	line := func(e heard) bool { return e.name == "line" }
	for range 2 { // loaded again
		follow(t, server, "mine", "0", line)
	}
	if got := one(t, server, "mine"); got.State != stateTraining || !got.Attached {
		t.Fatalf("%+v", got)
	}
	ask(t, server, "POST", "/api/train", small("queued", "8"), 200, nil)
	if got := one(t, server, "queued"); got.State != stateWaiting {
		t.Errorf("a second run is %s", got.State)
	}
	events := follow(t, server, "queued", "0", nil) // trains when the first has stopped
	if names(events, "done") != 1 || one(t, server, "queued").State != stateDone {
		t.Errorf("%+v", events)
	}
	got := one(t, server, "mine")
	if got.State != stateStopped || got.Attached || got.Step == 0 {
		t.Errorf("%+v", got)
	}
	last := follow(t, server, "mine", "0", nil)
	if why := unmarshal[doneJSON](t, last[len(last)-1].data).Why; why != errAllLeft.Error() {
		t.Errorf("stopped: %q", why)
	}
	s.train.first = time.Millisecond
	ask(t, server, "POST", "/api/train/mine/resume", "", 200, nil)
	<-waitFor(func() bool { return one(t, server, "mine").State == stateStopped })
}

func waitFor(ok func() bool) <-chan bool {
	done := make(chan bool)
	go func() {
		for range 600 {
			if ok() {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		close(done)
	}()
	return done
}

func TestWrongRuns(t *testing.T) {
	dir := t.TempDir()
	_, none := serve(t, Options{})
	ask(t, none, "POST", "/api/train", small("x", "8"), 404, nil)
	if list := allRuns(t, none); list.Enabled || len(list.Presets) == 0 {
		t.Errorf("%+v", list)
	}
	_, server := serve(t, Options{TrainDir: filepath.Join(dir, "runs")})
	for _, c := range []struct {
		body, want string
		status     int
	}{
		{`{"name":"x"}`, "no text to learn from", 400},
		{`{"text":"  \n"}`, "no text to learn from", 400},
		{`{"text":"a","sample":"stories"}`, "not both", 400},
		{`{"sample":"bob"}`, "no sample text", 400},
		{`{"text":"a","preset":"huge"}`, "no preset", 400},
		{`{"text":"a","steps":-1}`, "steps is -1", 400},
		{`{"text":"a","steps":2000000}`, "steps is 2e+06", 400},
		{`{"text":"a","seq":1000000,"batch":200}`, "seq is 1e+06", 400},
		{`{"text":"a","seq":4096,"batch":200}`, "a step of 819200 tokens", 400},
		{`{"text":"a","preset":"gpt2"}`, "weft train", 400},
		{`{"text":"a","steps":3,"minutes":2}`, "horizon", 400},
		{`{"text":"a","batch":-3}`, "batch is -3", 400},
		{`{"text":"a","paths":["/etc/passwd"]}`, "paths", 400},
		{`{"text":"` + strings.Repeat("a", maxBody) + `"}`, "longer than", 413},
	} {
		var e struct{ Error apiError }
		ask(t, server, "POST", "/api/train", c.body, c.status, &e)
		if !strings.Contains(e.Error.Message, c.want) {
			t.Errorf("%.60s: %q, want %q", c.body, e.Error.Message, c.want)
		}
	}
	for _, name := range []string{"..", "../x", "a/b", `a\\b`, ".hidden", "a b", "a@1", "-rf", "ä", strings.Repeat("n", 41), "a\\u0000", "con."} {
		ask(t, server, "POST", "/api/train", small(name, "8"), 400, nil)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("what was refused left %v", entries)
	}
	for _, path := range []string{"/api/train/nobody", "/api/train/nobody/events", "/api/train/..%2f..%2fetc"} {
		ask(t, server, "GET", path, "", 404, nil)
	}
	ask(t, server, "POST", "/api/train/nobody/stop", "", 404, nil)
	ask(t, server, "POST", "/api/train", small("same", "8"), 200, nil)
	ask(t, server, "POST", "/api/train", small("same", "8"), 409, nil)
	ask(t, server, "POST", "/api/train/same/remove", "", 409, nil)
	ask(t, server, "POST", "/api/train/same/resume", "", 409, nil)
	follow(t, server, "same", "0", nil)
	ask(t, server, "GET", "/api/train/same/events?from=x", "", 400, nil)
	ask(t, server, "POST", "/api/tokenize", `{"model":"train:same@5000","text":"a"}`, 404, nil)
	ask(t, server, "POST", "/api/train", `{"text":"a","attached":false}`, 200, nil)
	var e oneJSON
	<-waitFor(func() bool { e = one(t, server, "nano-1"); return e.State != stateWaiting && e.State != stateTraining })
	if e.State != stateFailed || !strings.Contains(e.Error, "too little text") {
		t.Errorf("%+v", e)
	}
}

// TestDamagedFolders: what is no run is not listed, and a run whose files are damaged
// says so.
func TestDamagedFolders(t *testing.T) {
	dir := t.TempDir()
	_, server := serve(t, Options{TrainDir: dir, Threads: 1})
	ask(t, server, "POST", "/api/train", small("good", "8"), 200, nil)
	follow(t, server, "good", "0", nil)
	put := func(name, text string) {
		os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	about, err := os.ReadFile(filepath.Join(dir, "good", "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	put("file", "no folder")
	put("empty/x", "8")
	put("broken/run.json", "{")
	put("stranger/run.json", string(about)) // says that it is another
	put("good/events.jsonl", "{\n\x00\n"+`{"event":"sample","step":99999,"data":{}}`+"\n")
	_, later := serve(t, Options{TrainDir: dir, Threads: 1})
	list := allRuns(t, later)
	if len(list.Runs) != 1 || list.Runs[0].Run != "good" || list.Runs[0].State != stateDone {
		t.Errorf("%+v", list)
	}
	if got := one(t, later, "good"); len(got.Lines) != 8 || len(got.Samples) != 0 {
		t.Errorf("%+v", got)
	}
	found, _ := filepath.Glob(filepath.Join(dir, "good", "model", "train", "checkpoint-*"))
	for _, path := range found {
		os.WriteFile(path, []byte("damaged"), 0o644)
	}
	_, last := serve(t, Options{TrainDir: dir, Threads: 1})
	if got := one(t, last, "good"); got.State != stateFailed || got.Error == "" {
		t.Errorf("%+v", got.trainJSON)
	}
}

// TestTooManyRuns: what is refused leaves nothing on the disk.
func TestTooManyRuns(t *testing.T) {
	dir := t.TempDir()
	s, server := serve(t, Options{TrainDir: dir, Threads: 1})
	for i := range maxActive {
		ask(t, server, "POST", "/api/train", small(fmt.Sprint("run-", i), "100000"), 200, nil)
	}
	refused := func(want string) {
		t.Helper()
		var e struct{ Error apiError }
		ask(t, server, "POST", "/api/train", small("", "8"), 409, &e)
		if !strings.Contains(e.Error.Message, want) {
			t.Errorf("%q, want %q", e.Error.Message, want)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != maxActive {
			t.Errorf("%d folders", len(entries))
		}
	}
	refused("3 runs train or wait already, which is the most; stop one first")
	extra, err := s.train.make(about{Name: "extra"}, []byte(verse)) // as if two asked at once
	if err != nil || s.train.start(extra, true, false) == nil || len(s.train.list()) != maxActive {
		t.Errorf("%v, %d runs", err, len(s.train.list()))
	}
	os.RemoveAll(extra.dir)
	for i := range maxActive {
		ask(t, server, "POST", fmt.Sprintf("/api/train/run-%d/stop", i), "", 200, nil)
	}
	s.train.mu.Lock()
	for i := len(s.train.runs); i < maxRuns; i++ {
		s.train.runs[fmt.Sprint("old-", i)] = newRun(filepath.Join(dir, "old"), about{})
	}
	s.train.mu.Unlock()
	refused("50 training runs are kept, which is the most; remove one first")
}

// TestRemoveFails: a run whose folder cannot be deleted is still there.
func TestRemoveFails(t *testing.T) {
	s, server := serve(t, Options{TrainDir: t.TempDir(), Threads: 1})
	ask(t, server, "POST", "/api/train", small("kept", "8"), 200, nil)
	follow(t, server, "kept", "0", nil)
	r, err := s.train.find("kept")
	if err != nil {
		t.Fatal(err)
	}
	dir := r.dir
	r.dir = dir + "/." // which os.RemoveAll refuses
	ask(t, server, "POST", "/api/train/kept/remove", "", 500, nil)
	r.dir = dir
	if one(t, server, "kept").State != stateDone {
		t.Error("it is forgotten")
	}
	ask(t, server, "POST", "/api/train/kept/remove", "", 200, nil)
	ask(t, server, "POST", "/api/train/kept/remove", "", 404, nil)
	if err := s.train.start(r, false, false); err == nil {
		t.Error("a removed run starts")
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("its folder is still there")
	}
}
